"""Checks on the shape and the values of arrays that a user brings."""

import math
from collections.abc import Callable, Sequence

import numpy as np

from beliefnet._errors import DataError
from beliefnet.data._raw import Rows


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
            f"expected an array of numbers in {label}, got dtype {array.dtype}; "
            "try array.astype('float32') before saving"
        )
    if array.ndim not in (2, 3):
        raise DataError(
            f"expected shape [rows, features] or [rows, height, width] in {label}, got {list(array.shape)}; "
            "try array.reshape(num_rows, -1) before saving"
        )
    if array.size == 0:
        raise DataError(
            f"expected at least one row and one feature in {label}, got shape {list(array.shape)}; "
            "try a file that holds data"
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
    finite = np.isfinite(rows)
    if not finite.all():
        raise DataError(
            f"expected finite values in {label}, got {_first(rows, ~finite)}; "
            "try dropping these rows or filling them in before loading"
        )
    low, high = rows.min(), rows.max()
    if low < 0 or high > 1:
        whole = rows.dtype.kind != "f" or np.array_equal(rows, np.rint(rows))
        hint = (
            "try dividing by 255 if these are 8-bit grey levels"
            if whole and low >= 0 and high <= 255
            else "try rescaling to [0, 1]"
        )
        raise DataError(
            f"expected values between 0 and 1 in {label}, got values from {low:g} to {high:g}, "
            f"the first outside being {_first(rows, (rows < 0) | (rows > 1))}; {hint}"
        )
    return rows.astype(np.uint8 if np.all((rows == 0) | (rows == 1)) else np.float32)


def check_grey_values(rows: np.ndarray, label: str) -> np.ndarray:
    """Check that rows `[n, num_features]` are within [0, 1], or grey levels of 8 bits.

    Whole numbers are taken for such levels if they are bytes, or if the largest is 255: others may be of another scale.

    Args:
        rows: Rows that passed `check_numbers`.
        label: What to call them in an error.

    Returns:
        float32 in [0, 1].

    Raises:
        DataError: With the position of the first value that is not finite, or out of range.
    """
    is_bytes = rows.dtype == np.uint8 and rows.max() > 1
    if is_bytes or (rows.max() == 255 and rows.min() >= 0 and np.array_equal(rows, np.rint(rows))):
        return rows.astype(np.float32) / np.float32(255)
    return check_values(rows, label).astype(np.float32)


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


def check_width(rows: Rows, num_features: int, label: str) -> None:
    """Check that rows have the number of columns that a model was trained on.

    Args:
        rows: Rows `[n, width]`.
        num_features: The width the model takes.
        label: What to call the rows in an error, for example the path they came from.

    Raises:
        DataError: If the widths differ.
    """
    if rows.shape[1] != num_features:
        raise DataError(
            f"expected {num_features} columns (what the model was trained on), got {rows.shape[1]} in {label}; "
            "try the data the model was trained on, or train a model on this data"
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


def _first(rows: np.ndarray, bad: np.ndarray) -> str:
    row, column = np.unravel_index(np.argmax(bad), bad.shape)
    return f"{rows[row, column]:g} at row {row + 1}, column {column + 1} (data rows and columns counted from 1)"
