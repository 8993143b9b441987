"""What a trained net says of rows, a block of one size at a time: each row by random numbers of its own."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Int
from scipy import sparse

from beliefnet._net import BeliefNet
from beliefnet._numerics import broadcasting
from beliefnet._types import Key
from beliefnet.data import Observations, rounded_up
from beliefnet.evaluation import impute
from beliefnet.evaluation._bounds import bounds_of_batch, log_mean_error, rows_per_pass
from beliefnet.evaluation._complete import completed_rows
from beliefnet.evaluation._surprise import surprises_of_rows
from beliefnet.evaluation._two_sided import two_sided_of_rows
from beliefnet.nets import incomplete
from beliefnet.proposals import Annealed, Recognition
from beliefnet.sklearn._rows import Visible, row_numbers

_BLOCK, _LARGE_BLOCK = 64, 1024


def in_blocks(
    visible: Visible,
    x: Any,
    program: Callable[[Float[np.ndarray, "block features"], Int[np.ndarray, " block"]], Any],
    *,
    size: int = _BLOCK,
) -> Any:
    """Run a program over the rows of a matrix, in blocks that are filled up, so that it is compiled once.

    Args:
        visible: How the matrix is read.
        x: The rows, dense or sparse.
        program: From rows as a net sees them and their numbers to a tree of arrays `[block, ...]`.
        size: Rows of a block.
    """
    parts = []
    for rows, count in _blocks(visible, x, size):
        found = program(rows, row_numbers(rows))
        parts.append(jax.tree.map(lambda leaf, count=count: np.asarray(leaf)[:count], found))
    return jax.tree.map(lambda *leaves: np.concatenate(leaves), *parts)


def _blocks(visible: Visible, x: Any, size: int) -> Iterator[tuple[np.ndarray, int]]:
    seen, count = visible.seen(x), x.shape[0]
    for start in range(0, count, size):
        block = seen[start : start + size]
        rows = block.toarray() if sparse.issparse(block) else block
        yield np.pad(rows, ((0, size - len(rows)), (0, 0)), mode="edge"), len(rows)


def codes(net: BeliefNet, visible: Visible, x: Any, layer: int) -> np.ndarray:
    """Return the means of a latent layer under the recognition net, layer means fed upward, `[rows, units]`.

    Where an entry is missing, the net sees the mean of the data.
    """
    size = _BLOCK if x.shape[0] <= _BLOCK else _LARGE_BLOCK
    return in_blocks(visible, x, lambda rows, _: _codes(incomplete(net), rows, layer=layer), size=size)


def drawn_codes(net: BeliefNet, visible: Visible, x: Any, layer: int, *, key: Key) -> np.ndarray:
    """Return a draw of a latent layer from the recognition net, `[rows, units]`: each row by numbers of its own."""
    return in_blocks(
        visible, x, lambda rows, numbers: _drawn_codes(incomplete(net), _keys(key, numbers), rows, layer=layer)
    )


def decoded(net: BeliefNet, latents: np.ndarray, layer: int) -> np.ndarray:
    """Return the mean of the observation given values of a latent layer, means fed downward, `[rows, visible]`."""
    size = _BLOCK if len(latents) <= _BLOCK else _LARGE_BLOCK
    parts = []
    for start in range(0, len(latents), size):
        rows = np.asarray(latents[start : start + size], np.float32)
        padded = np.pad(rows, ((0, size - len(rows)), (0, 0)), mode="edge")
        parts.append(np.asarray(_decoded(net, padded, layer=layer))[: len(rows)])
    return np.concatenate(parts)


def sampled(net: BeliefNet, count: int, *, key: Key) -> np.ndarray:
    """Return observations that the net draws, `[count, visible]`."""
    size = _BLOCK if count <= _BLOCK else _LARGE_BLOCK
    starts = range(0, count, size)
    parts = [np.asarray(_sampled(net, jax.random.fold_in(key, start), size)) for start in starts]
    return np.concatenate(parts)[:count]


def bounds(
    net: BeliefNet, visible: Visible, x: Any, num_particles: int, *, key: Key
) -> tuple[Float[np.ndarray, " rows"], Float[np.ndarray, " rows"]]:
    """Return the K-particle bound of log p of what was observed of each row, in nats, and its standard error."""
    chunk = min(num_particles, max(1, rows_per_pass(net) // _BLOCK))

    def program(rows: np.ndarray, numbers: np.ndarray) -> Any:
        seeing = incomplete(net) if np.isnan(rows).any() else net
        keys = _keys(key, numbers)
        x = _bits(rows, keys) if visible.is_dynamic else rows
        found = _bounds(seeing, x, keys, num_particles=num_particles, chunk=chunk)
        return *found, _volumes(visible, rows)

    bound, ess, volumes = in_blocks(visible, x, program)
    return bound.astype(np.float64) - volumes, log_mean_error(ess, num_particles)


def both_bounds(
    net: BeliefNet, visible: Visible, x: Any, num_particles: int, num_temperatures: int, *, key: Key
) -> tuple[Float[np.ndarray, " rows"], Float[np.ndarray, " rows"]]:
    """Return estimates of log p of each row from below and from above, in nats (see `evaluation.two_sided`)."""
    annealed = Annealed(num_temperatures)

    def program(rows: np.ndarray, numbers: np.ndarray) -> Any:
        keys = _keys(key, numbers)
        x = _bits(rows, keys) if visible.is_dynamic else rows
        seeing = incomplete(net) if np.isnan(rows).any() else net
        return *_both_bounds(seeing, x, keys, annealed, num_particles=num_particles), _volumes(visible, rows)

    lower, upper, volumes = in_blocks(visible, x, program)
    return lower.astype(np.float64) - volumes, upper.astype(np.float64) - volumes


def completions(
    net: BeliefNet, visible: Visible, x: np.ndarray, num_particles: int, num_draws: int, *, key: Key
) -> tuple[np.ndarray, np.ndarray]:
    """Fill in rows by weighted particles that the recognition net draws, missing entries at the mean of the data.

    Quick, and good where the net was trained on rows with as much missing.

    Returns:
        Expectations `[rows, features]`, and draws `[rows, draws, features]`; what was observed is to be put back.
    """

    def program(rows: np.ndarray, numbers: np.ndarray) -> Any:
        keys = _keys(key, numbers)
        x = _bits(rows, keys) if visible.is_dynamic else rows
        found = completed_rows(net, x, keys, num_particles=num_particles, num_draws=num_draws)
        return found.means, found.draws

    return _restored(visible, *in_blocks(visible, x, program))


def searched_completions(
    net: BeliefNet, visible: Visible, x: np.ndarray, num_draws: int, *, key: Key
) -> tuple[np.ndarray, np.ndarray]:
    """Do the same by `evaluation.impute`, which refines the posterior of each row: slow, and good for any net."""
    rows, count = visible.seen(x), len(x)
    rows = np.pad(rows, ((0, rounded_up(count, least=8) - count), (0, 0)), mode="edge")
    numbers = row_numbers(rows)
    if visible.is_dynamic:
        rows = np.asarray(_bits(rows, _keys(key, numbers)))
    data = Observations(rows, visible.values, label="X", numbers=numbers)
    found = impute(net, data, key=key, num_draws=num_draws)
    return _restored(visible, np.asarray(found.means)[:count], np.asarray(found.draws)[:count])


def _restored(visible: Visible, means: np.ndarray, draws: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return visible.restored(means), visible.restored(draws)


def surprises(net: BeliefNet, visible: Visible, x: Any, num_particles: int, *, key: Key) -> np.ndarray:
    """Return -log p(x_i | the rest of x) of each entry, in nats, `[rows, features]`; NaN where it is missing."""
    entries = np.eye(net.num_visible, dtype=bool)

    def program(rows: np.ndarray, numbers: np.ndarray) -> Any:
        keys = _keys(key, numbers)
        x = _bits(rows, keys) if visible.is_dynamic else rows
        return surprises_of_rows(net, x, keys, entries, num_particles=num_particles)

    return in_blocks(visible, x, program).astype(np.float64) + visible.log_volumes(x.shape[1])


def _volumes(visible: Visible, rows: Float[np.ndarray, "block visible"]) -> Float[np.ndarray, " block"]:
    """Return what is to be subtracted from log p of what was observed, for the units of the matrix."""
    return np.where(np.isnan(rows), 0.0, visible.log_volumes(rows.shape[1])).sum(axis=1)


def _keys(key: Key, numbers: Int[np.ndarray, " block"]) -> Array:
    return jax.vmap(jax.random.fold_in, (None, 0))(key, jnp.asarray(numbers))


@jax.jit
def _bits(means: Float[Array, "block visible"], keys: Array) -> Float[Array, "block visible"]:
    """Draw the bits of means, each row by its key."""
    own = jax.vmap(jax.random.fold_in, (0, None))(keys, 2**31 - 1)
    uniform = jax.vmap(lambda key: jax.random.uniform(key, means.shape[1:]))(own)
    return jnp.where(jnp.isnan(means), means, (uniform < means).astype(means.dtype))


@partial(jax.jit, static_argnames="layer")
@broadcasting
def _codes(net: BeliefNet, x: Float[Array, "block visible"], *, layer: int) -> Float[Array, "block units"]:
    return net.recognition.means(x)[layer]


@partial(jax.jit, static_argnames="layer")
@broadcasting
def _drawn_codes(
    net: BeliefNet, keys: Array, x: Float[Array, "block visible"], *, layer: int
) -> Float[Array, "block units"]:
    return jax.vmap(lambda row, key: net.infer(row[None], 1, key=key).values[layer][0, 0])(x, keys)


@partial(jax.jit, static_argnames="layer")
@broadcasting
def _decoded(net: BeliefNet, latents: Float[Array, "block units"], *, layer: int) -> Float[Array, "block visible"]:
    for conditional in net.generative.conditionals[len(net.layer_sizes) - layer :]:
        latents = conditional.mean_given(latents)
    return latents


@partial(jax.jit, static_argnames="count")
def _sampled(net: BeliefNet, key: Key, count: int) -> Float[Array, "count visible"]:
    return net.dream((count,), key=key)[0]


@partial(jax.jit, static_argnames=("num_particles", "chunk"))
def _bounds(
    net: BeliefNet, x: Float[Array, "block visible"], keys: Array, *, num_particles: int, chunk: int
) -> tuple[Float[Array, " block"], Float[Array, " block"]]:
    def of_row(row: Array, key: Key) -> tuple[Array, Array]:
        found = bounds_of_batch(net, row[None], Recognition(), num_particles=num_particles, chunk=chunk, key=key)
        return found.bound[0], found.ess[0]

    return jax.vmap(of_row)(x, keys)


@partial(jax.jit, static_argnames="num_particles")
def _both_bounds(
    net: BeliefNet, x: Float[Array, "block visible"], keys: Array, annealed: Annealed, *, num_particles: int
) -> tuple[Float[Array, " block"], Float[Array, " block"]]:
    def of_row(row: Array, key: Key) -> tuple[Array, Array]:
        lower, upper = two_sided_of_rows(net, row[None], annealed, num_particles=num_particles, key=key)
        return lower[0], upper[0]

    return jax.vmap(of_row)(x, keys)
