"""Checks of the numbers that rows hold: their type and shape, and their range."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from beliefnet._errors import DataError, Use
from beliefnet.data._files import place_in
from beliefnet.data._sparse import CSR, canonical, first_entry, to_rows

FEW_LEVELS = 16


def check_numbers(array: np.ndarray, label: str) -> np.ndarray:
    """Check that an array holds numbers in the shape of rows, and flatten images.

    Args:
        array: `[n, num_features]` or `[n, height, width]`.
        label: What to call the array in an error.

    Returns:
        The rows `[n, num_features]`, of the dtype they came with.

    Raises:
        DataError: If the dtype is not boolean, integer or real, or the shape is another one.
    """
    if array.dtype.kind not in "biuf":
        raise DataError(
            f"expected an array of numbers in {label}, got dtype {array.dtype}", "array.astype('float32') before saving"
        )
    if array.ndim not in (2, 3):
        raise DataError(
            f"expected shape [rows, features] or [rows, height, width] in {label}, got {list(array.shape)}",
            "array.reshape(num_rows, -1) before saving",
        )
    if array.size == 0:
        raise DataError(
            f"expected at least one row and one feature in {label}, got shape {list(array.shape)}",
            "a file that holds data",
        )
    return array.reshape(len(array), -1)


def check_values(rows: np.ndarray, label: str) -> np.ndarray:
    """Check that rows `[n, num_features]` are finite and within [0, 1].

    Args:
        rows: Rows that passed `check_numbers`.
        label: What to call them in an error.

    Returns:
        uint8 when every value is 0 or 1, else float32.

    Raises:
        DataError: With the position of the first value that is not finite, or not in [0, 1].
    """
    check_finite(rows, label)
    low, high = float(rows.min()), float(rows.max())
    if low < 0 or high > 1:
        raise DataError(
            f"expected values between 0 and 1 in {label}, got values from {low:g} to {high:g}, "
            f"the first outside being {first_of(rows, (rows < 0) | (rows > 1), label)}",
            *_rescaling(rows, low, high),
        )
    return rows.astype(np.uint8 if np.all((rows == 0) | (rows == 1)) else np.float32)


def check_bits(rows: np.ndarray, label: str) -> np.ndarray:
    """Check that rows `[n, num_features]` are the bits that a model was trained on.

    Args:
        rows: Rows that passed `check_numbers`.
        label: What to call them in an error.

    Returns:
        uint8.

    Raises:
        DataError: With the position of the first value that is no bit, and what makes bits of such values at once.
    """
    check_finite(rows, label)
    wrong = (rows != 0) & (rows != 1)
    if wrong.any():
        low, high = float(rows.min()), float(rows.max())
        hints: list[str | Use] = [Use("binarization", mode) for mode in ("threshold", "static", "dynamic")]
        if low < 0 or high > 1:
            is_bytes = low >= 0 and FEW_LEVELS <= high <= 255 and are_whole(rows)
            hints = ["x >= 128 if these are 8-bit grey levels"] if is_bytes else _rescaling(rows, low, high)
        raise DataError(
            f"expected zeros and ones in {label}, such as the model was trained on, got {first_of(rows, wrong, label)}",
            *hints,
        )
    return rows.astype(np.uint8)


def check_sparse_bits(rows: Any, label: str) -> CSR:
    """Check that every entry of a sparse matrix is 1.

    Returns:
        The matrix by rows, int32.

    Raises:
        DataError: With the position of the first entry that is not: means of bits are kept in dense arrays.
    """
    matrix = to_rows(rows, label)
    good = matrix.data == 1
    if not good.all():
        whole = np.array_equal(matrix.data, np.rint(matrix.data)) and matrix.data.min() >= 0
        counts = Use("values", "counts", "for counts", "--net document")
        hint = counts if whole else "matrix.toarray() for means of bits"
        raise DataError(
            f"expected values between 0 and 1, which are zeros and ones in a sparse matrix, in {label}, got "
            f"{first_entry(matrix, ~good, label)}",
            hint,
            "(matrix > 0) for bits",
        )
    return canonical(matrix)


def check_known(check: Callable[[np.ndarray, str], np.ndarray]) -> Callable[[np.ndarray, str], np.ndarray]:
    """Return a check of rows `[n, num_features]` of which some entries are NaN, because they are missing.

    Args:
        check: What the other entries must pass.

    Returns:
        A check that gives float32, NaN where there was NaN, or what the given check gives where there was none.
    """

    def check_present(rows: np.ndarray, label: str) -> np.ndarray:
        missing = np.isnan(rows)
        known = check(np.where(missing, 0, rows), label)
        return np.where(missing, np.float32(np.nan), known) if missing.any() else known

    return check_present


def check_width(rows: Any, num_features: int, label: str) -> None:
    """Check that rows have the number of columns that a model was trained on.

    Args:
        rows: Rows `[n, width]`: an array, a sparse matrix or observations.
        num_features: The width the model takes.
        label: What to call the rows in an error, for example the path they came from.

    Raises:
        DataError: If the widths differ.
    """
    num_rows, width = rows.shape
    if width != num_features:
        is_turned = num_rows == num_features
        turned = Use("transpose", True, "if its rows are the columns of the data")
        others = ("the data the model was trained on", "a model of these data")
        raise DataError(
            f"expected {num_features} columns (what the model was trained on), got {width} in {label}",
            *([turned] if is_turned else others),
        )


def image_shape_of(shape: Sequence[int]) -> tuple[int, int] | None:
    """Return height and width for an array of this shape.

    Args:
        shape: `[n, num_features]` or `[n, height, width]`.

    Returns:
        The shape that images came with; for flat rows the square they fill, or None when they fill none.
    """
    if len(shape) == 3:
        return int(shape[1]), int(shape[2])
    side = math.isqrt(shape[1])
    return (side, side) if side * side == shape[1] else None


def check_finite(rows: np.ndarray, label: str) -> None:
    if rows.dtype.kind != "f":
        return
    finite = np.isfinite(rows)
    if not finite.all():
        raise DataError(
            f"expected finite values in {label}, got {first_of(rows, ~finite, label)}",
            "dropping these rows, or filling them in with a net that is trained on others (beliefnet impute)",
        )


def _rescaling(rows: np.ndarray, low: float, high: float) -> list[str | Use]:
    """Say what to try for values beyond [0, 1]."""
    if not are_whole(rows) or low < -1:
        return ["rescaling to [0, 1]"]
    if low < 0:
        return ["(x + 1) / 2 if these are -1 and 1" if high <= 1 else "rescaling to [0, 1]"]
    if high < FEW_LEVELS:
        levels, first = int(high) + 1, int(low)
        shift = f" from 0 on; x - {first} has {levels - first}" if first else ""
        grey = Use("levels", levels)
        return [
            Use("values", "counts", "for counts", "--visible poisson"),
            Use("values", "grey", f"for {levels} levels{shift}", f"--visible logistic --levels {levels}", grey),
        ]
    counts = Use("values", "counts", "if these are counts", "--visible poisson")
    return ["x / 255 if these are 8-bit grey levels", counts] if high <= 255 else [counts, "rescaling to [0, 1]"]


def are_whole(rows: np.ndarray) -> bool:
    return rows.dtype.kind != "f" or np.array_equal(rows, np.rint(rows))


def first_of(rows: np.ndarray, bad: np.ndarray, label: str) -> str:
    row, column = np.unravel_index(np.argmax(bad), bad.shape)
    return f"{rows[row, column]:g} at {place_in(label, int(row), int(column))}"
