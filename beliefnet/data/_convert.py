"""Data that somebody has in memory, in whatever form, as observations."""

from typing import Any

import numpy as np
from scipy import sparse

from beliefnet._errors import DataError
from beliefnet._text import printable
from beliefnet._types import ValueKind
from beliefnet.data._observations import Observations
from beliefnet.data._raw import Rows

_HOLES = "evaluation.impute, which fills in what is missing"


def observations_of(data: Any, values: ValueKind = "binary", *, label: str = "data") -> Observations:
    """Return data in memory as observations, without a look at the values.

    Args:
        data: Rows: an array of NumPy, JAX or anything like it, of any order of bytes; a list of lists; a data frame,
            whose names are kept; or a SciPy matrix of any sparse format. Images `[rows, height, width]` are flattened.
        values: What they hold.
        label: What to call them in an error.

    Raises:
        DataError: If they are no numbers, not rows of one length, or none.
    """
    if isinstance(data, Observations):
        return data
    rows = _sparse_rows(data, label) if sparse.issparse(data) else _dense_rows(data, label)
    columns = getattr(data, "columns", None)
    if columns is not None and len(columns) == rows.shape[1]:
        columns = tuple(printable(name, 80) for name in columns)
    return Observations(rows, values, columns=columns, label=label)


def masked_entries(data: Any) -> np.ndarray | None:
    """Return which entries of a masked array are missing, None for other data."""
    return np.ma.getmaskarray(data) if np.ma.is_masked(data) else None


def _sparse_rows(data: Any, label: str) -> Rows:
    _check(data.dtype, data.shape, label)
    rows = sparse.csr_matrix(data, dtype=_stored(data.dtype), copy=True)
    rows.sum_duplicates()
    return rows


def _dense_rows(data: Any, label: str) -> np.ndarray:
    if np.ma.is_masked(data):
        row, *column = (int(place) for place in np.argwhere(np.ma.getmaskarray(data))[0])
        raise DataError(f"expected complete rows in {label}, got a masked entry at {[row, *column]}; try {_HOLES}")
    try:
        rows = np.asarray(data)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"expected rows of one length in {label}, got {type(data).__name__}: {printable(error, 80)}; try "
            "numpy.array(rows, float)"
        ) from error
    if rows.dtype.kind == "O":
        held = type(rows.flat[0]).__name__ if rows.ndim else type(data).__name__
        raise DataError(f"expected numbers in {label}, got {held}; try array.astype('float32'), or dataset.test")
    _check(rows.dtype, rows.shape, label)
    return rows.reshape(len(rows), -1).astype(_stored(rows.dtype), copy=False)


def _check(dtype: np.dtype, shape: tuple[int, ...], label: str) -> None:
    if dtype.kind not in "biuf":
        raise DataError(f"expected numbers in {label}, got an array of dtype {dtype}; try array.astype('float32')")
    if len(shape) not in (2, 3):
        hint = "array[None] for a single row" if len(shape) == 1 else "array.reshape(num_rows, -1)"
        raise DataError(f"expected {label} of shape [examples, features], got {list(shape)}; try {hint}")
    if 0 in shape:
        raise DataError(f"expected at least one row and one column in {label}, got shape {list(shape)}; try other data")


def _stored(dtype: np.dtype) -> np.dtype:
    """The type, of this machine's order of bytes, that values are kept in: bytes as they are, all else as floats."""
    return np.dtype(np.uint8 if dtype.kind == "b" or dtype == np.uint8 else np.float32)
