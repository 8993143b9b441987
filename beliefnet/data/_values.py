"""What values mean: checks of bits, means and grey levels, the grids that levels lie on, and bits of means."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from beliefnet._errors import DataError, Use, listed, shown, suggestion
from beliefnet._types import ValueKind
from beliefnet.data._files import place_in
from beliefnet.data._record import Record
from beliefnet.data._sparse import CSR, canonical, first_entry, to_rows

BINARIZATIONS = ("none", "static", "dynamic", "threshold")
MOST_LEVELS = 256
FEW_LEVELS = 16
_TOLERANCE = 6e-5
"""Room for values that were written with four decimals."""
_LOOK = 100_000


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
    _check_finite(rows, label)
    low, high = float(rows.min()), float(rows.max())
    if low < 0 or high > 1:
        raise DataError(
            f"expected values between 0 and 1 in {label}, got values from {low:g} to {high:g}, "
            f"the first outside being {_first(rows, (rows < 0) | (rows > 1), label)}",
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
    _check_finite(rows, label)
    wrong = (rows != 0) & (rows != 1)
    if wrong.any():
        low, high = float(rows.min()), float(rows.max())
        hints: list[str | Use] = [Use("binarization", mode) for mode in ("threshold", "static", "dynamic")]
        if low < 0 or high > 1:
            is_bytes = low >= 0 and FEW_LEVELS <= high <= 255 and _are_whole(rows)
            hints = ["x >= 128 if these are 8-bit grey levels"] if is_bytes else _rescaling(rows, low, high)
        raise DataError(
            f"expected zeros and ones in {label}, such as the model was trained on, got {_first(rows, wrong, label)}",
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


def check_grey_values(rows: np.ndarray, label: str, levels: int | None = None) -> np.ndarray:
    """Check that rows `[n, num_features]` are within [0, 1], or grey levels.

    Whole numbers are taken for levels of 8 bits if they are bytes, or if the largest is 255: others may be of another
    scale, which `levels` says.

    Args:
        rows: Rows that passed `check_numbers`.
        label: What to call them in an error.
        levels: Number of levels of whole numbers that start from 0.

    Returns:
        float32 in [0, 1].

    Raises:
        DataError: With the position of the first value that is not finite, or out of range.
    """
    _check_finite(rows, label)
    low, high, whole = rows.min(), rows.max(), _are_whole(rows)
    if levels is not None and levels > 2 and whole and high > 1:
        if not 0 <= low <= high < levels:
            raise DataError(
                f"expected whole numbers from 0 to {levels - 1} in {label}, as levels={levels} says, got values from "
                f"{low:g} to {high:g}, the first outside being {_first(rows, (rows < 0) | (rows >= levels), label)}",
                *([f"x - {low:g}, which starts from 0"] if low > 0 and high - low < levels else []),
                Use("levels", int(high) + 1),
            )
        return rows.astype(np.float32) / np.float32(levels - 1)
    is_bytes = (rows.dtype == np.uint8 and high >= FEW_LEVELS) or (high == 255 and low >= 0 and whole)
    if is_bytes:
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


def levels_of(arrays: Sequence[np.ndarray]) -> int | None:
    """Return the fewest levels that values in [0, 1] lie on, at most 256; None where they lie on no such grid.

    Args:
        arrays: Float values, of any shapes.

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


def check_binarization(requested: str | None, values: ValueKind | None) -> None:
    """Check that what was asked for is a way to make bits, and that the model is one of bits.

    Raises:
        DataError: If not.
    """
    if requested is None:
        return
    if values != "binary":
        raise DataError(
            f"expected no {{option}} for a model of {values}, got {shown(requested)}",
            "leaving the option out",
            option="binarization",
        )
    if requested not in BINARIZATIONS:
        meant = suggestion(str(requested), BINARIZATIONS)
        raise DataError(
            f"expected {{option}} {listed(BINARIZATIONS)}, got {shown(requested)}{meant}",
            *([] if meant else ["leaving the option out"]),
            option="binarization",
        )


def choose_binarization(is_bits: bool, requested: str | None, default: str, label: str) -> str:
    """Decide how data is binarised, and refuse requests that make no sense for it.

    Args:
        is_bits: Whether all values are 0 or 1.
        requested: What the user asked for, or None.
        default: What intensities get when nothing was asked for.
        label: What to call the data in an error.

    Returns:
        One of `BINARIZATIONS`; `"none"` exactly when the data is already binary.

    Raises:
        DataError: If the request is unknown or does not fit the data.
    """
    check_binarization(requested, "binary")
    if is_bits:
        if requested not in (None, "none"):
            raise DataError(
                f"expected no binarization for {label}, whose values are already 0 or 1, got {requested!r}",
                "leaving the option out",
            )
        return "none"
    if requested == "none":
        raise DataError(
            f"expected binarization {listed(BINARIZATIONS[1:])} for {label}, whose values lie between 0 and 1, "
            f"got 'none'",
            f"{default!r}, its default",
        )
    return requested or default


def binarize_rows(rows: np.ndarray, largest: int, binarization: str, rng: np.random.Generator) -> np.ndarray:
    """Apply one binarisation to rows `[n, num_features]`.

    Args:
        rows: Rows as they are stored.
        largest: What a one is stored as.
        binarization: One of `BINARIZATIONS`.
        rng: Source of the one Bernoulli sample that `"static"` draws.

    Returns:
        uint8 in {0, 1} for `"static"` (one sample) and `"threshold"` (1 where the mean is at least 0.5); the rows
        themselves for `"none"` and `"dynamic"`.
    """
    if binarization == "static":
        return (rng.random(rows.shape, dtype=np.float32) < to_unit(rows, largest)).astype(np.uint8)
    if binarization == "threshold":
        return (to_unit(rows, largest) >= 0.5).astype(np.uint8)
    return rows


def to_unit(rows: np.ndarray, largest: int) -> np.ndarray:
    """Return rows `[..., num_features]` as float32, divided by what a one is stored as."""
    values = rows.astype(np.float32)
    return values if largest == 1 else values / np.float32(largest)


def _check_finite(rows: np.ndarray, label: str) -> None:
    if rows.dtype.kind != "f":
        return
    finite = np.isfinite(rows)
    if not finite.all():
        raise DataError(
            f"expected finite values in {label}, got {_first(rows, ~finite, label)}",
            "dropping these rows, or filling them in with a net that is trained on others (beliefnet impute)",
        )


def _rescaling(rows: np.ndarray, low: float, high: float) -> list[str | Use]:
    """Say what to try for values beyond [0, 1]."""
    if not _are_whole(rows) or low < -1:
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


def _are_whole(rows: np.ndarray) -> bool:
    return rows.dtype.kind != "f" or np.array_equal(rows, np.rint(rows))


def _first(rows: np.ndarray, bad: np.ndarray, label: str) -> str:
    row, column = np.unravel_index(np.argmax(bad), bad.shape)
    return f"{rows[row, column]:g} at {place_in(label, int(row), int(column))}"
