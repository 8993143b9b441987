"""Statistics that the laws share."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import numpy as np

MAX_Z = 4.5
"""With the seeds fixed a law passes or fails for good; 4.5 leaves room for a thousand coordinates."""


def draws(function: Callable[[Any], Any], num: int, seed: int = 0) -> Any:
    """Call a function of a key many times, compiled, and stack the results along a first axis."""
    keys = jax.random.split(jax.random.key(seed), num)
    run = eqx.filter_jit(lambda keys: jax.lax.map(function, keys, batch_size=min(num, 2000)))
    return jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), run(keys))


def z_scores(samples: np.ndarray, exact: np.ndarray) -> np.ndarray:
    """Return how many standard errors the mean of the samples is away from the exact value, per coordinate.

    A coordinate that does not vary must equal the exact value to rounding: its standard error is floored there.
    """
    error = samples.mean(axis=0) - exact
    stderr = samples.std(axis=0, ddof=1) / np.sqrt(len(samples))
    return error / np.maximum(stderr, 2e-6 * (1 + np.abs(exact)))


def assert_mean(samples: Any, exact: Any) -> None:
    """Check every coordinate of every leaf by z-score, and name the worst leaf."""
    paths = jax.tree_util.tree_flatten_with_path(samples)[0]
    for (path, leaf), value in zip(paths, jax.tree.leaves(exact), strict=True):
        worst = np.abs(z_scores(leaf, np.asarray(value, np.float64))).max()
        assert worst < MAX_Z, f"{jax.tree_util.keystr(path)}: |z| = {worst:.1f}"


def assert_frequencies(hits: np.ndarray, probabilities: Any) -> None:
    """Check how often each state was drawn, with the exact variance: a rare state may not be drawn at all."""
    p = np.asarray(probabilities, np.float64)
    z = (hits.mean(axis=0) - p) / np.sqrt(p * (1 - p) / len(hits) + (2 / len(hits)) ** 2)
    assert np.abs(z).max() < MAX_Z, f"|z| = {np.abs(z).max():.1f}"
