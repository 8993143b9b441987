"""What an estimate holds at a time: blocks of the rows of a batch, chunks of the particles of a row."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Float

from beliefnet._errors import OptionError
from beliefnet._net import BeliefNet
from beliefnet._streams import split_key
from beliefnet._types import Key
from beliefnet.estimators._base import AbstractEstimator, Estimate

_MOST_NUMBERS, _CHUNK_NUMBERS = 2**25, 2**23
"""Values of units that are held by default before pieces are taken, and in a chunk of particles. With all that the
gradient needs they take half a gigabyte or so, and an eighth."""
_CACHED_NUMBERS = 2**21
"""Numbers of the widest layer in a block of rows that suits a CPU's cache: 8 MB."""


class Pieces(NamedTuple):
    """What is held at a time.

    Attributes:
        rows: Rows of the batch; None for all.
        particles: Particles of each of them; None for all.
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
    is_divided: bool = False,
) -> Pieces:
    """Return what a training step holds at a time.

    Args:
        net: The net that is trained.
        estimator: Where gradients come from.
        batch_size: Rows of a step.
        particle_chunk: Particles of each that are held, if that was asked for; then rows stay together.
        is_divided: Whether the batch is divided over devices; its rows stay together, too.

    Raises:
        OptionError: If a chunk of particles was asked for, and the estimator takes all particles at once.
    """
    if particle_chunk is not None:
        return Pieces(particles=_asked_for(estimator, particle_chunk))
    rows, units = None, net.num_visible + sum(net.layer_sizes)
    if estimator.draws_apart is not None and not is_divided:
        rows = _block(batch_size, _fitting_rows(net, units, estimator.draws_apart))
    per_particle = (rows or batch_size) * units
    most, chunk = (max(1, numbers // per_particle) for numbers in (_MOST_NUMBERS, _CHUNK_NUMBERS))
    chunked = estimator.in_chunks(most)
    return Pieces(rows, None if chunked is None or chunked is estimator else chunk)


def _asked_for(estimator: AbstractEstimator, chunk: int) -> int | None:
    found = estimator.in_chunks(chunk)
    if found is None:
        raise OptionError(
            f"expected an estimator that weighs particles by a rule for particle-chunk {chunk}, got one that takes "
            f"all of its particles at once, {type(estimator).__name__}",
            "vimco, iwae, dreg, tvo, ovis, rws, reinforce or nvil",
            "leaving it out",
        )
    return None if found is estimator else chunk


def _fitting_rows(net: BeliefNet, units: int, particles: int) -> int:
    """Return how many rows suit a CPU's cache, or the memory of an accelerator, which large arrays keep busy."""
    if jax.default_backend() == "cpu":
        return _CACHED_NUMBERS // (max(net.num_visible, *net.layer_sizes, 1) * particles)
    return _MOST_NUMBERS // (units * particles)


def _block(batch_size: int, fitting: int) -> int | None:
    """Return the largest number of rows that fits and divides the batch; None for all of them.

    A batch with no such divisor, such as a prime number, is taken whole: a row at a time would leave a CPU idle.
    """
    if batch_size <= fitting:
        return None
    found = max(size for size in range(1, max(fitting, 1) + 1) if batch_size % size == 0)
    return found if 4 * found > fitting else None


def row_blocks(
    estimate: Callable[[Array, Key], Estimate], x: Float[Array, "batch visible"], size: int | None, *, key: Key
) -> Estimate:
    """Return the mean of the estimates on blocks of rows, one of which is held at a time.

    Of an estimator that takes rows apart (`draws_apart`) this is an estimate on the batch: the same distribution, by
    other draws. Memory is that of a block, nothing is computed twice, and on a CPU what belongs to a block stays in the
    cache.

    Args:
        estimate: Estimates the gradient on some rows with a key.
        x: Observations, `[batch, visible]`.
        size: The most rows of a block, which are the largest number that divides the batch; None for all rows, which
            any estimator takes. Where no number near it divides the batch, all are taken as well.
        key: Random key for the draws.
    """
    size = None if size is None else _block(len(x), size)
    if size is None:
        return estimate(x, key)
    count = len(x) // size
    blocks, keys = x.reshape(count, size, *x.shape[1:]), split_key(key, count)

    def add(total: Estimate, block: tuple[Array, Key]) -> tuple[Estimate, None]:
        return jax.tree.map(jnp.add, total, estimate(*block)), None

    shapes = jax.eval_shape(estimate, blocks[0], keys[0])
    none = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
    total, _ = lax.scan(add, none, (blocks, keys))
    return jax.tree.map(lambda leaf: leaf / count, total)
