"""Cutting validation and test rows off, reproducibly."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from beliefnet._errors import DataError

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


def cut(rows: Any, sizes: Sequence[int], seed: int) -> list[Any]:
    """Cut parts of the given sizes off rows `[n, ...]` at random, keeping the order inside each part.

    Args:
        rows: The rows to share out: an array or a sparse matrix.
        sizes: Number of rows of each part to cut off.
        seed: Seed of the permutation.

    Returns:
        The parts, in the order of `sizes`, followed by the rest.
    """
    order = np.random.default_rng(seed).permutation(rows.shape[0])
    return [rows[np.sort(part)] for part in np.split(order, np.cumsum(sizes))]


def cut_missing(
    present: Mapping[str, Any], fractions: Mapping[str, float | None], seed: int, label: str
) -> dict[str, Any]:
    """Cut off the training rows, at random, the splits that a file does not hold.

    Args:
        present: The rows of `"train"`, and of the other splits that the file holds.
        fractions: For `"valid"` and `"test"` the fraction of the training rows to cut off, None for the default.
        seed: Seed of the permutation.
        label: What to call the file in an error.

    Returns:
        The rows of all three splits.

    Raises:
        DataError: If a fraction makes no sense, or is given for a split that the file holds.
    """
    for split, fraction in fractions.items():
        if fraction is not None and split in present:
            raise DataError(
                f"expected no {split}_fraction, because {label} holds {split} rows of its own, got {fraction}; "
                "try leaving the option out"
            )
    missing = {split: fraction for split, fraction in fractions.items() if split not in present}
    shares = [DEFAULT_FRACTION if fraction is None else fraction for fraction in missing.values()]
    sizes = split_sizes(present["train"].shape[0], shares, label)
    *parts, train = cut(present["train"], sizes, seed)
    return {**present, "train": train, **dict(zip(missing, parts, strict=True))}
