"""Data that somebody has in memory, in whatever form, as observations."""

from typing import Any

import numpy as np
from scipy import sparse

from beliefnet._errors import DataError
from beliefnet._types import ValueKind
from beliefnet.data._arrays import as_rows
from beliefnet.data._observations import Observations


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
    found = as_rows(data, label)
    rows = found.rows
    if rows.ndim not in (2, 3):
        hint = "array[None] for a single row" if rows.ndim == 1 else "array.reshape(num_rows, -1)"
        raise DataError(f"expected {label} of shape [examples, features], got {list(rows.shape)}; try {hint}")
    if 0 in rows.shape:
        shape = list(rows.shape)
        raise DataError(f"expected at least one row and one column in {label}, got shape {shape}; try other data")
    if sparse.issparse(rows):
        rows = sparse.csr_matrix(rows, dtype=_stored(rows.dtype), copy=True)
        rows.sum_duplicates()
    else:
        rows = rows.reshape(len(rows), -1).astype(_stored(rows.dtype), copy=False)
    return Observations(rows, values, columns=found.columns, names=found.names, label=label)


def masked_entries(data: Any) -> np.ndarray | None:
    """Return which entries of a masked array are missing, None for other data."""
    return np.ma.getmaskarray(data) if np.ma.is_masked(data) else None


def _stored(dtype: np.dtype) -> np.dtype:
    """The type, of this machine's order of bytes, that values are kept in: bytes as they are, all else as floats."""
    return np.dtype(np.uint8 if dtype.kind == "b" or dtype == np.uint8 else np.float32)
