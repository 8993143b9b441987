"""Cutting validation and test rows off, reproducibly."""

from collections.abc import Sequence

import numpy as np

from beliefnet.datasets._errors import DataError

DEFAULT_FRACTION = 0.1


def split_sizes(num_rows: int, fractions: Sequence[float], label: str) -> list[int]:
    """Turn fractions into numbers of rows, each at least one, leaving at least one row over.

    Args:
        num_rows: Number of rows to share out.
        fractions: The fraction of each part to cut off, each between 0 and 1.
        label: What to call the data in an error.

    Returns:
        The number of rows of each part.

    Raises:
        DataError: If a fraction is not between 0 and 1, or there are too few rows.
    """
    for fraction in fractions:
        if not 0 < fraction < 1:
            raise DataError(f"expected a fraction between 0 and 1, got {fraction}; try {DEFAULT_FRACTION}")
    needed = 1 + len(fractions)
    if num_rows < needed:
        raise DataError(
            f"expected at least {needed} rows in {label} (one for each of the training, validation and test rows "
            f"that it has to supply), got {num_rows}; try a file with more rows"
        )
    sizes = [max(1, round(fraction * num_rows)) for fraction in fractions]
    if sum(sizes) >= num_rows:
        raise DataError(
            f"expected fractions that leave training rows, got {' and '.join(map(str, fractions))} "
            f"of the {num_rows} rows in {label}; try smaller ones"
        )
    return sizes


def cut(rows: np.ndarray, sizes: Sequence[int], seed: int) -> list[np.ndarray]:
    """Cut parts of the given sizes off rows `[n, num_features]` at random, keeping the order inside each part.

    Args:
        rows: The rows to share out.
        sizes: Number of rows of each part to cut off.
        seed: Seed of the permutation.

    Returns:
        The parts, in the order of `sizes`, followed by the rest.
    """
    order = np.random.default_rng(seed).permutation(len(rows))
    return [rows[np.sort(part)] for part in np.split(order, np.cumsum(sizes))]
