"""What an estimate holds at a time: blocks of the rows of a batch, chunks of the particles of a row."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Float

from beliefnet._errors import ArgumentError, OptionError
from beliefnet._net import BeliefNet
from beliefnet._streams import split_key
from beliefnet._types import Key
from beliefnet.estimators._base import AbstractEstimator, Estimate

_MOST_NUMBERS, _CHUNK_NUMBERS = 2**25, 2**23
"""Values of units that are held by default before pieces are taken, and in a chunk of particles. With all that the
gradient needs they take half a gigabyte or so, and an eighth."""
_CACHED_NUMBERS = 2**21
"""Numbers of the widest layer in a block of rows that suits a CPU's cache: 8 MB."""
_LEAST_PARTICLES = 500
"""Of all rows of a block together: each block takes the gradient of all weights through memory once more."""


class Pieces(NamedTuple):
    """What is held at a time.

    Attributes:
        rows: Rows of the batch, at the most; None for all.
        particles: Particles of each of them, at the most; None for all.
    """

    rows: int | None = None
    particles: int | None = None


WHOLE = Pieces()
"""Everything at once."""


def pieces_for(
    net: BeliefNet,
    estimator: AbstractEstimator,
    batch_size: int,
    *,
    particle_chunk: int | None = None,
    is_on_mesh: bool = False,
) -> Pieces:
    """Return what a training step holds at a time.

    Args:
        net: The net that is trained.
        estimator: Where gradients come from.
        batch_size: Rows of a step.
        particle_chunk: Particles of each that are held at the most, if that was asked for; if there are no more, all
            rows are held, too.
        is_on_mesh: Whether the batch is divided over devices: its rows then stay together.

    Raises:
        OptionError: If a chunk of particles was asked for, and the estimator takes all particles at once.
    """
    if particle_chunk is not None and _in_chunks(estimator, particle_chunk) is estimator:
        return WHOLE
    rows, units = None, net.num_visible + sum(net.layer_sizes)
    if estimator.draws_apart is not None and not is_on_mesh:
        rows = _rows(net, units, batch_size, estimator.draws_apart)
    if particle_chunk is not None:
        return Pieces(rows, particle_chunk)
    per_particle = (rows or batch_size) * units
    most, chunk = (max(1, numbers // per_particle) for numbers in (_MOST_NUMBERS, _CHUNK_NUMBERS))
    chunked = estimator.in_chunks(most)
    return Pieces(rows, None if chunked is None or chunked is estimator else chunk)


def _in_chunks(estimator: AbstractEstimator, chunk: int) -> AbstractEstimator:
    found = estimator.in_chunks(chunk)
    if found is None:
        raise OptionError(
            f"expected an estimator that weighs particles by a rule for particle-chunk {chunk}, got one that takes "
            f"all of its particles at once, {type(estimator).__name__}",
            "vimco, iwae, dreg, tvo, ovis, rws, reinforce or nvil",
            "leaving it out",
        )
    return found


def _rows(net: BeliefNet, units: int, batch_size: int, particles: int) -> int | None:
    """Return how many rows suit a CPU's cache, or an accelerator's memory, which large arrays keep busy; None for all.

    None, too, where a block would have too few particles: the weights next to a very wide layer are themselves more
    than a block has of it.
    """
    if jax.default_backend() == "cpu":
        fitting = _CACHED_NUMBERS // (max(net.num_visible, *net.layer_sizes, 1) * particles)
    else:
        fitting = _MOST_NUMBERS // (units * particles)
    rows = max(fitting, 1)
    return rows if rows < batch_size and rows * particles >= _LEAST_PARTICLES else None


def row_blocks(
    estimate: Callable[[Array, Key], Estimate], x: Float[Array, "batch visible"], size: int | None, *, key: Key
) -> Estimate:
    """Return the mean of the estimates on blocks of rows, one of which is held at a time.

    Of an estimator that takes rows apart (`draws_apart`) this is an estimate on the batch: the same distribution, by
    other draws. Memory is that of a block, and nothing is computed twice.

    Args:
        estimate: Estimates the gradient on some rows with a key.
        x: Observations, `[batch, visible]`.
        size: The most rows of a block; blocks are made equal, but for the last. None for all rows, which any
            estimator takes.
        key: Random key for the draws.

    Raises:
        ValueError: If there are blocks, and the estimator carries a state from batch to batch.
    """
    if size is None or size >= len(x):
        return estimate(x, key)
    x, size = jnp.asarray(x), _equal(len(x), size)
    count, rest = divmod(len(x), size)
    keys = split_key(key, count + 1)
    numbers = jnp.arange(count * size).reshape(count, size)

    def add(total: Estimate, block: tuple[Array, Key]) -> tuple[Estimate, None]:
        # Rows are gathered: XLA would fuse a slice at a place that varies into what reads it, element by element.
        return jax.tree.map(jnp.add, total, estimate(x[block[0]], block[1])), None

    shapes = jax.eval_shape(estimate, x[:size], keys[0])
    if jax.tree.leaves(shapes.state):
        raise ArgumentError("expected an estimator without state for blocks of rows, got one with", "size=None")
    none = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
    total, _ = lax.scan(add, none, (numbers, keys[:count]))
    mean = jax.tree.map(lambda leaf: leaf / count, total)
    if not rest:
        return mean
    share = rest / len(x)
    last = estimate(x[count * size :], keys[count])
    return jax.tree.map(lambda all_before, own: (1 - share) * all_before + share * own, mean, last)


def _equal(total: int, size: int) -> int:
    """Return the rows of a block, at most `size`: a number that divides them all, if there is one above half of it."""
    divisor = max(each for each in range(1, size + 1) if total % each == 0)
    return divisor if 2 * divisor > size else -(-total // -(-total // size))
