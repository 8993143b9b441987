"""Grey values, and the grids of levels that they lie on."""

from collections.abc import Sequence

import numpy as np

from beliefnet._errors import DataError, Use
from beliefnet.data._record import Record
from beliefnet.data._values import FEW_LEVELS, are_whole, check_finite, check_values, first_of

MOST_LEVELS = 256
_TOLERANCE = 6e-5
"""Room for values that were written with four decimals."""
_LOOK = 100_000


def grey_scale(rows: np.ndarray, label: str, levels: int | None = None) -> int:
    """Return what a one is stored as, as far as rows `[n, num_features]` tell.

    Whole numbers are taken for levels of 8 bits if they are bytes, or if the largest is 255: others may be of another
    scale, which `levels` says.

    Args:
        rows: Rows that passed `check_numbers`.
        label: What to call them in an error.
        levels: Number of levels of whole numbers that start from 0.

    Raises:
        DataError: With the position of the first value that is not finite.
    """
    check_finite(rows, label)
    low, high, whole = rows.min(), rows.max(), are_whole(rows)
    if levels is not None and levels > 2 and whole and high > 1:
        return levels - 1
    is_bytes = (rows.dtype == np.uint8 and high >= FEW_LEVELS) or (high == 255 and low >= 0 and whole)
    return 255 if is_bytes else 1


def check_grey_values(rows: np.ndarray, label: str, scale: int) -> np.ndarray:
    """Check that rows `[n, num_features]` are within [0, 1], or grey levels, whole numbers from 0 to a scale.

    Args:
        rows: Rows that passed `check_numbers`.
        label: What to call them in an error.
        scale: What a one is stored as; rows of 1 are any values within [0, 1].

    Returns:
        float32 in [0, 1].

    Raises:
        DataError: With the position of the first value that is not finite, not whole, or out of range.
    """
    if scale == 1:
        return check_values(rows, label).astype(np.float32)
    check_finite(rows, label)
    low, high, expected = rows.min(), rows.max(), f"expected whole numbers from 0 to {scale} in {label}"
    if not are_whole(rows):
        raise DataError(
            f"{expected}, as in the other rows of the data, got {first_of(rows, rows != np.rint(rows), label)}",
            f"np.rint({scale} * x) if these are values between 0 and 1",
        )
    if not 0 <= low <= high <= scale:
        raise DataError(
            f"{expected}, as levels={scale + 1} says, got values from "
            f"{low:g} to {high:g}, the first outside being {first_of(rows, (rows < 0) | (rows > scale), label)}",
            *([f"x - {low:g}, which starts from 0"] if low > 0 and high - low <= scale else []),
            Use("levels", int(high) + 1) if high > 1 else "values from 0 on",
        )
    return rows.astype(np.float32) / np.float32(scale)


def check_floats(rows: np.ndarray, label: str) -> None:
    """Check that rows are not whole numbers by their dtype, which may be of another scale than floats in [0, 1]."""
    if rows.dtype.kind in "iu":
        raise DataError(
            f"expected floats between 0 and 1 in {label}, as in the other rows of the data, got {rows.dtype}",
            "x / 255 if these are 8-bit grey levels",
            "x.astype('float32') if they are black and white",
        )


def scale_of(rows: np.ndarray, record: Record, label: str) -> int:
    """Return what a one is in rows that may be of another scale than the data of the record: they tell, or it does.

    Raises:
        DataError: If they can be of both.
    """
    scale = record.scale or 1
    if scale == 1:
        return grey_scale(rows, label, record.levels or record.largest + 1)
    check_finite(rows, label)
    if rows.min() < 0 or not are_whole(rows):
        return 1
    if rows.dtype.kind == "f" and rows.max() == 1:
        raise DataError(
            f"expected values that show their scale in {label}, got only zeros and ones, which can be levels from 0 to "
            f"{scale}, or black and white",
            f"x / {scale} if these are levels",
            f"{scale} * x if they are black and white",
        )
    return scale


def levels_of(arrays: Sequence[np.ndarray]) -> int | None:
    """Return the fewest levels that values in [0, 1] lie on, at most 256; None where they lie on no such grid.

    Args:
        arrays: Float values, of any shapes.

    Examples:
        >>> [levels_of([np.array(values)]) for values in ([0.0, 0.2, 1.0], [0.0625, 0.5], [0.1, 0.01, 0.001])]
        [6, 17, None]
    """
    found = np.unique(np.concatenate([array.reshape(-1)[:_LOOK] for array in arrays]))
    if len(found) > MOST_LEVELS:
        return None
    found = np.unique(np.concatenate([np.unique(array) for array in arrays])).astype(np.float64)
    for steps in range(1, MOST_LEVELS):
        if np.abs(found - np.rint(found * steps) / steps).max() < _TOLERANCE:
            return steps + 1
    return None


def to_levels(rows: np.ndarray, levels: int) -> np.ndarray:
    """Return values on a grid of at most 256 levels as the index of each level, uint8."""
    return np.rint(rows * np.float32(levels - 1)).astype(np.uint8)


def check_levels(record: Record, levels: int, label: str) -> None:
    """Check that grey data lie on the levels that a model was made for.

    Args:
        record: The record of the data.
        levels: Number of levels of the model.
        label: What to call the data in an error.

    Raises:
        DataError: If they lie on no grid of levels, or on another one.
    """
    if record.levels is None:
        raise DataError(
            f"expected values on a grid of {levels} grey levels, k / {levels - 1}, for logistic visible units, got "
            f"{label} with values between the levels",
            f"np.rint({levels - 1} * x) / {levels - 1}, or --visible grey-normal",
        )
    if (levels - 1) % (record.levels - 1):
        raise DataError(
            f"expected values on a grid of {levels} grey levels, k / {levels - 1}, for logistic visible units, got "
            f"{label} with {record.levels} levels",
            f"{record.levels} levels, or other data",
        )
