"""Arrays that somebody has in memory, as rows."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from beliefnet._errors import DataError, shown


@dataclass(frozen=True, eq=False)
class InMemory:
    """Rows in memory: `[n, ...]`, an array of NumPy or a sparse matrix, with the names that they came with."""

    rows: Any
    columns: tuple[str, ...] | None = None
    names: tuple[str, ...] | None = None


def as_rows(data: Any, label: str) -> InMemory:
    """Return rows that somebody has in memory as an array of NumPy, or as the sparse matrix that they are.

    Args:
        data: An array of NumPy, JAX or anything like it, masked or in the order of bytes of another machine, a list of
            lists, a sparse matrix, or a data frame.
        label: What to call it in an error.

    Raises:
        DataError: If it holds no numbers, or values are missing.
    """
    if sparse.issparse(data):
        _check_dtype(data.dtype, label)
        return InMemory(data)
    # Data frames have both; a list has an index that is something else.
    columns: Any = getattr(data, "columns", None)
    names: Any = None if columns is None else getattr(data, "index", None)
    if names is not None and np.array_equal(np.asarray(names), np.arange(len(data))):
        names = None
    if _are_paths(data):
        raise DataError(
            f"expected rows of numbers in {label}, got a list of paths, as {shown(str(data[0]))}",
            "data.load_shards(paths)",
            "the path of one file or folder",
        )
    if np.ma.is_masked(data):
        raise DataError(
            f"expected rows without missing values in {label}, got a masked array",
            "evaluation.impute, or data.filled(0)",
        )
    try:
        array = np.asarray(data)
        array = array.astype(np.float64) if array.dtype.kind == "O" else array
    except (ValueError, TypeError) as error:
        raise DataError(
            f"expected rows of numbers, all of the same length, in {label}, got {type(data).__name__} "
            f"({shown(str(error), 100)})",
            "numbers alone, and as many in every row",
        ) from error
    _check_dtype(array.dtype, label)
    return InMemory(
        array.astype(array.dtype.newbyteorder("="), copy=False),
        None if columns is None else tuple(str(column) for column in columns),
        None if names is None else tuple(str(name) for name in names),
    )


def _are_paths(data: Any) -> bool:
    if not issubclass(type(data), list | tuple) or not len(data):
        return False
    return all(issubclass(type(one), Path) or (type(one) is str and re.search(r"\.[A-Za-z]\w*$", one)) for one in data)


def _check_dtype(dtype: np.dtype, label: str) -> None:
    if dtype.kind not in "biuf":
        raise DataError(f"expected numbers in {label}, got an array of dtype {dtype}", "array.astype('float32')")
