"""Whether importance weights can be trusted: the shape of their tail."""

import math

import numpy as np
from jaxtyping import Float

LEAST_PARTICLES = 100
"""With fewer, the tail has too few weights to say anything."""


def trusted_k(num_particles: int) -> float:
    """Return the largest k-hat at which an estimate from so many particles is to be trusted: at most 0.7."""
    return min(1 - 1 / math.log10(num_particles), 0.7)


def pareto_k(tail: Float[np.ndarray, "batch tail"]) -> Float[np.ndarray, " batch"]:
    """Return k-hat of each datum: the shape of a generalised Pareto distribution fitted to its largest weights.

    Weights have 1 / k finite moments. The fit is Zhang and Stephens' (2009), an average over a grid of candidate
    scales, drawn a little towards 1/2 as in Pareto-smoothed importance sampling.

    Args:
        tail: The largest log-weights, largest first; the last one is the threshold that the others exceed.

    Reference:
        Vehtari, Simpson, Gelman, Yao & Gabry 2024, *Pareto smoothed importance sampling*.
    """
    ratios = np.exp(tail.astype(np.float64) - tail[:, :1])
    # A weight that equals the threshold would have no place in the tail.
    excess = np.maximum(ratios[:, -2::-1] - ratios[:, -1:], 1e-300)
    count = excess.shape[1]
    num_candidates = 30 + int(count**0.5)
    grid = 1 - np.sqrt(num_candidates / (np.arange(1, num_candidates + 1) - 0.5))
    quartile = excess[:, int(count / 4 + 0.5) - 1]
    inverse_scale = 1 / excess[:, -1:] + grid / (3 * quartile[:, None])
    shape = np.log1p(-inverse_scale[:, :, None] * excess[:, None, :]).mean(axis=2)
    profile = count * (np.log(-inverse_scale / shape) - shape - 1)
    weights = np.exp(profile - profile.max(axis=1, keepdims=True))
    best = (inverse_scale * weights).sum(axis=1) / weights.sum(axis=1)
    fitted = np.log1p(-best[:, None] * excess).mean(axis=1)
    return (count * fitted + 10 * 0.5) / (count + 10)
