"""How well hidden entries were filled in."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from beliefnet._errors import ArgumentError
from beliefnet.evaluation._evaluate import Mean

_FLOOR = 1e-3


@dataclass(frozen=True)
class ImputationScore:
    """How well hidden entries were filled in.

    Attributes:
        log_likelihood: Mean log-probability of what was hidden, in nats per hidden entry, each entry by its own mean.
        accuracy: Share of the hidden entries that are on the side of one half that their mean is on.
        num_hidden: Number of hidden entries.
    """

    log_likelihood: Mean
    accuracy: Mean
    num_hidden: int


def imputation_score(truth: ArrayLike, means: ArrayLike, *, where: ArrayLike) -> ImputationScore:
    """Score what was filled in for binary entries that were hidden; standard errors are over the rows.

    Args:
        truth: Zeros and ones, `[rows, visible]`; looked at there.
        means: What was filled in, `[rows, visible]`, first moved into [0.001, 0.999].
        where: Which entries to score, those that were hidden, `[rows, visible]`.

    Raises:
        ValueError: If nothing was hidden, shapes differ, or a value that is looked at is not finite or not in [0, 1].
    """
    truth, means, hidden = _entries(truth, means, where)
    for name, values, fits in (("bits", truth, np.isin(truth, (0, 1))), ("means", means, (means >= 0) & (means <= 1))):
        if not fits[hidden].all():
            wrong = values[hidden & ~fits][0]
            raise ArgumentError(
                f"expected {name} between 0 and 1 where entries are hidden, got {wrong:g}", "grey_imputation_score"
            )
    truth, inside = truth == 1, np.clip(means, _FLOOR, 1 - _FLOOR)
    log_probability = np.where(truth, np.log(inside), np.log1p(-inside))
    right = (inside > 0.5) == truth
    return ImputationScore(_per_entry(log_probability, hidden), _per_entry(right, hidden), int(hidden.sum()))


@dataclass(frozen=True)
class GreyImputationScore:
    """How well hidden grey values were filled in.

    Attributes:
        squared_error: Mean squared distance of what was filled in from what was hidden, per hidden entry.
        rmse: Its square root, with the standard error to first order.
        num_hidden: Number of hidden entries.
    """

    squared_error: Mean
    rmse: Mean
    num_hidden: int


def grey_imputation_score(truth: ArrayLike, means: ArrayLike, *, where: ArrayLike) -> GreyImputationScore:
    """Score what was filled in for grey values, or counts, that were hidden; standard errors are over the rows.

    Args:
        truth: The values, `[rows, visible]`; looked at there.
        means: What was filled in, `[rows, visible]`.
        where: Which entries to score, those that were hidden, `[rows, visible]`.

    Raises:
        ValueError: If nothing was hidden, shapes differ, or a value that is looked at is not finite.
    """
    truth, means, hidden = _entries(truth, means, where)
    error = _per_entry((truth - means) ** 2, hidden)
    root = math.sqrt(error.mean)
    return GreyImputationScore(error, Mean(root, error.stderr / (2 * root) if root else 0.0), int(hidden.sum()))


def _entries(truth: ArrayLike, means: ArrayLike, where: ArrayLike) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what is compared, as arrays of one shape, and finite where it is looked at."""
    truth, means, hidden = np.asarray(truth, np.float64), np.asarray(means, np.float64), np.asarray(where, bool)
    if not truth.shape == means.shape == hidden.shape or truth.ndim != 2:
        shapes = f"{list(truth.shape)}, {list(means.shape)} and {list(hidden.shape)}"
        raise ArgumentError(
            f"expected truth, means and where of one shape [rows, visible], got {shapes}", "numpy.broadcast_to"
        )
    if not hidden.any():
        raise ArgumentError("expected hidden entries to score, got none", "hiding some")
    for name, values in (("truth", truth), ("means", means)):
        if not np.isfinite(values[hidden]).all():
            raise ArgumentError(f"expected finite {name} where entries are hidden, got others", "hiding known entries")
    return truth, means, hidden


def _per_entry(values: np.ndarray, hidden: np.ndarray) -> Mean:
    """Average over entries; rows, which may have different numbers of them, are what varies independently."""
    sums, counts = np.where(hidden, values, 0).sum(axis=1, dtype=np.float64), hidden.sum(axis=1)
    mean = sums.sum() / counts.sum()
    rows = len(sums)
    spread = math.sqrt(rows / (rows - 1) * ((sums - mean * counts) ** 2).sum()) if rows > 1 else math.nan
    return Mean(float(mean), float(spread / counts.sum()))
