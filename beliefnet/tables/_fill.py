"""Tables of which missing cells are filled in, and how well hidden ones were."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from beliefnet.tables._frame import Frame
from beliefnet.tables._schema import Schema


def filled(frame: Frame, values: Mapping[str, np.ndarray]) -> Frame:
    """Return a table with values in the place of what is missing in the columns that a net is a model of.

    Args:
        frame: The table; what is there stays as it is, in all columns.
        values: What goes into missing cells, for each of these columns, `[rows]`.
    """
    columns = dict(frame.columns)
    for name, given in values.items():
        if name in columns:
            cells = columns[name]
            is_missing = missing(cells)
            if is_missing.any():
                columns[name] = _joined(cells, given, is_missing)
    return replace(frame, columns=columns)


def missing(cells: np.ndarray) -> np.ndarray:
    """Return which cells of a column are missing, `[rows]`."""
    if cells.dtype == object:
        return np.array([cell is None for cell in cells], bool)
    return np.isnan(cells)


def _joined(cells: np.ndarray, given: np.ndarray, is_missing: np.ndarray) -> np.ndarray:
    if cells.dtype != object and given.dtype != object:
        return np.where(is_missing, given, cells)
    joined = cells.astype(object)
    joined[is_missing] = given[is_missing]
    try:
        # Categories may be numbers.
        return joined.astype(np.float64) if cells.dtype != object else joined
    except (TypeError, ValueError):
        return joined


@dataclass(frozen=True)
class CellError:
    """How far values of hidden cells are from the true ones.

    Attributes:
        num_cells: How many cells were hidden.
        error: Of binary and categorical columns the share of wrong values; of others the root-mean-square error, in
            standard deviations of the column.
    """

    num_cells: int
    error: float


def cell_errors(
    schema: Schema, truth: Frame, values: Mapping[str, np.ndarray], hidden: Mapping[str, np.ndarray]
) -> dict[str, CellError]:
    """Return how well hidden cells of each column were filled in.

    Args:
        schema: What each column is taken for.
        truth: The table.
        values: What was put into each cell, by the names of the columns, `[rows]`.
        hidden: Which cells were hidden, likewise.
    """
    errors = {}
    for column in schema.modelled:
        where = hidden[column.name] & ~missing(truth.columns[column.name])
        if not where.any():
            continue
        part = Frame({column.name: truth.columns[column.name][where]})
        guess = Frame({column.name: values[column.name][where]})
        units, guessed = column.encode(part), column.encode(guess)
        if column.kind in ("binary", "category"):
            error = float((units != guessed).any(axis=1).mean())
        else:
            spread = np.nanstd(column.encode(truth, is_strict=False)) or 1.0
            error = float(np.sqrt(np.mean((units - guessed) ** 2)) / spread)
        errors[column.name] = CellError(int(where.sum()), error)
    return errors
