"""Grids of grey levels: which one values lie on."""

from collections.abc import Sequence

import numpy as np

from beliefnet._errors import DataError
from beliefnet.data._record import Record

MOST_LEVELS = 256
_TOLERANCE = 6e-5
"""Room for values that were written with four decimals."""
_LOOK = 100_000


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
        if _is_on_grid(found, steps):
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
            f"{label} with values between the levels; try np.rint({levels - 1} * x) / {levels - 1}, or --visible normal"
        )
    if (levels - 1) % (record.levels - 1):
        raise DataError(
            f"expected values on a grid of {levels} grey levels, k / {levels - 1}, for logistic visible units, got "
            f"{label} with {record.levels} levels; try {record.levels} levels, or other data"
        )


def _is_on_grid(values: np.ndarray, steps: int) -> bool:
    return bool(np.abs(values - np.rint(values * steps) / steps).max() < _TOLERANCE)
