"""A user's own file, as three splits or as plain rows."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from beliefnet._errors import DataError
from beliefnet._types import ValueKind
from beliefnet.data._binarize import binarize_rows, choose_binarization
from beliefnet.data._raw import RawData, Scale, to_means
from beliefnet.data._splits import cut_missing
from beliefnet.data._tables import Check, Table, read_named_table, read_tables
from beliefnet.data._values import check_grey_values, check_known, check_values, check_width


def read_file(
    path: Path, *, seed: int, fractions: Mapping[str, float | None], check: Check = check_values
) -> tuple[RawData, tuple[int, int] | None]:
    """Read a user's file into three splits, cutting off at random those that it does not hold.

    Args:
        path: A `.npy`, `.npz` or `.csv` file.
        seed: Seed of the cut.
        fractions: For `"valid"` and `"test"` the fraction of the training rows to cut off, None for the default.
        check: What the values must pass.

    Returns:
        The splits, and the image shape or None.

    Raises:
        DataError: If the file, its values or the fractions cannot be used.
    """
    tables = read_tables(path, check)
    scale = _common_scale(tables, path)
    rows = {split: _on_scale(table.rows, scale) for split, table in tables.items()}
    rows = cut_missing(rows, fractions, seed, str(path))
    return RawData(rows["train"], rows["valid"], rows["test"], scale), tables["train"].image_shape


def read_binary_rows(
    path: Path, *, num_features: int, array: str | None, binarization: str | None, seed: int
) -> np.ndarray:
    """Read one array of bits, or of means of bits; see `read_rows`."""
    table = _read_table(path, array, check_values)
    check_width(table.rows, num_features, str(path))
    if table.scale == "bits":
        return table.rows
    mode = choose_binarization(table.scale, binarization, "dynamic", str(path))
    rows = binarize_rows(table.rows, table.scale, mode, np.random.default_rng(seed))
    return to_means(rows, table.scale) if mode == "dynamic" else rows


def read_grey_rows(path: Path, *, num_features: int, array: str | None) -> np.ndarray:
    """Read one array of grey values as float32 in [0, 1]; see `read_rows`."""
    table = _read_table(path, array, check_grey_values)
    check_width(table.rows, num_features, str(path))
    return to_means(table.rows, table.scale)


def read_incomplete_rows(
    path: str | Path, *, num_features: int, values: ValueKind = "binary", array: str | None = None
) -> np.ndarray:
    """Read one array of rows in which NaN stands for a missing entry, for a model that takes `num_features` columns.

    Args:
        path: A `.npy`, `.npz` or `.csv` file.
        num_features: The width the model takes.
        values: What the model takes: `"binary"` or `"grey"`.
        array: Which array of an `.npz` file to read; None for its training rows or its only array.

    Returns:
        Rows `[n, num_features]`: float32 means or grey values in [0, 1], or NaN.

    Raises:
        DataError: If the file, its values or its width cannot be used.
    """
    if values == "counts":
        raise DataError(f"expected a model of bits or grey values to read missing entries of {path} for, got counts")
    given = Path(path).expanduser()
    table = _read_table(given, array, check_known(check_grey_values if values == "grey" else check_values))
    check_width(table.rows, num_features, str(given))
    return to_means(table.rows, table.scale)


def _read_table(path: Path, array: str | None, check: Check) -> Table:
    return read_tables(path, check)["train"] if array is None else read_named_table(path, array, check)


def _common_scale(tables: Mapping[str, Table], path: Path) -> Scale:
    """Return the scale that suits all splits, after checking that they agree."""
    widths = {split: table.rows.shape[1] for split, table in tables.items()}
    if len(set(widths.values())) > 1:
        raise DataError(
            f"expected splits with the same number of columns in {path}, got {widths}; try writing them alike"
        )
    scales: set[Scale] = {table.scale for table in tables.values()}
    if "bytes" in scales and len(scales) > 1:
        found = {split: table.scale for split, table in tables.items()}
        raise DataError(f"expected splits on the same scale in {path}, got {found}; try writing them alike")
    return "unit" if "unit" in scales else scales.pop()


def _on_scale(rows: np.ndarray, scale: Scale) -> np.ndarray:
    return rows.astype(np.float32) if scale == "unit" else rows
