"""Whether importance weights can be trusted: the shape of their tail."""

import math

import numpy as np
from jaxtyping import Float

LEAST_PARTICLES = 100
"""With fewer, the tail has too few weights to say anything."""
_LEAST_TAIL = 5
_KNOWN_SHARE = 0.05
"""What weights that were drawn once may hold of the tail, where the others count as all there is."""
_NUMBERS = 2**17
"""Numbers that the fit holds at a time: 1 MB stay in the cache."""


def trusted_k(num_particles: int) -> float:
    """Return the largest k-hat at which an estimate from so many particles is to be trusted: at most 0.7."""
    return min(1 - 1 / math.log10(num_particles), 0.7)


def tail_size(num_particles: int) -> int:
    """Return how many of the largest weights are the tail."""
    return math.ceil(min(0.2 * num_particles, 3 * num_particles**0.5))


def pareto_k(tail: Float[np.ndarray, "batch tail"]) -> Float[np.ndarray, " batch"]:
    """Return k-hat of each datum: the shape of a generalised Pareto distribution fitted to its largest weights.

    Weights have 1 / k finite moments. The fit is Zhang and Stephens' (2009), an average over a grid of candidate
    scales, drawn a little towards 1/2 as in Pareto-smoothed importance sampling; it is to the weights that exceed the
    threshold, and those that equal it are not among them. Fewer than five give infinity.

    Discrete latents draw the same weight again and again, and no density fits that. By Good's estimate, what was never
    drawn holds as much as what was drawn once: where that is below 5 % of the tail, the weights are known, and k-hat is
    NaN: there is no tail to be fitted.

    Args:
        tail: The largest log-weights, largest first; the last one is the threshold that the others exceed.

    Returns:
        k-hat, `[batch]`: NaN where weights are known, infinity where too few exceed the threshold to be fitted.

    Reference:
        Vehtari, Simpson, Gelman, Yao & Gabry 2024, *Pareto smoothed importance sampling*; Good 1953, *The population
        frequencies of species and the estimation of population parameters*.
    """
    top = np.where(np.isfinite(tail[:, :1]), tail[:, :1], 0)
    ratios = np.exp(tail.astype(np.float64) - top)
    counts = (ratios > ratios[:, -1:]).sum(axis=1)
    found = np.full(len(ratios), np.inf)
    is_known = _share_drawn_once(ratios) < _KNOWN_SHARE
    found[is_known] = np.nan
    for count in np.unique(counts[~is_known & (counts >= _LEAST_TAIL)]):
        rows = np.flatnonzero(~is_known & (counts == count))
        # The threshold comes off, and the excesses are in ascending order.
        size = max(1, _NUMBERS // (int(count) * _num_candidates(int(count))))
        for start in range(0, len(rows), size):
            some = rows[start : start + size]
            found[some] = _fitted(ratios[some, :count][:, ::-1] - ratios[some, -1:])
    return found


def _share_drawn_once(ratios: Float[np.ndarray, "batch tail"]) -> Float[np.ndarray, " batch"]:
    """Return which share of the tail's weight lies in values that occur once; 1 where all weights are zero."""
    edge = np.ones((len(ratios), 1), bool)
    differs = ratios[:, 1:] != ratios[:, :-1]
    is_alone = np.concatenate([edge, differs], axis=1) & np.concatenate([differs, edge], axis=1)
    total = ratios.sum(axis=1)
    return np.where(total > 0, (ratios * is_alone).sum(axis=1) / np.where(total > 0, total, 1), 1.0)


def _num_candidates(count: int) -> int:
    return 30 + int(count**0.5)


def _fitted(excess: Float[np.ndarray, "batch tail"]) -> Float[np.ndarray, " batch"]:
    """Fit the shape to positive excesses in ascending order."""
    count = excess.shape[1]
    num_candidates = _num_candidates(count)
    grid = 1 - np.sqrt(num_candidates / (np.arange(1, num_candidates + 1) - 0.5))
    quartile = excess[:, int(count / 4 + 0.5) - 1]
    inverse_scale = 1 / excess[:, -1:] + grid / (3 * quartile[:, None])
    shape = np.log1p(-inverse_scale[:, :, None] * excess[:, None, :]).mean(axis=2)
    profile = count * (np.log(-inverse_scale / shape) - shape - 1)
    weights = np.exp(profile - profile.max(axis=1, keepdims=True))
    best = (inverse_scale * weights).sum(axis=1) / weights.sum(axis=1)
    fitted = np.log1p(-best[:, None] * excess).mean(axis=1)
    return (count * fitted + 10 * 0.5) / (count + 10)
