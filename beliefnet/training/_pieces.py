"""What a step holds at a time."""

from typing import NamedTuple

import jax

from beliefnet._errors import OptionError
from beliefnet._net import BeliefNet
from beliefnet.devices import ONE_DEVICE, Layout
from beliefnet.estimators import AbstractEstimator
from beliefnet.training._options import FitOptions

_MOST_NUMBERS, _CHUNK_NUMBERS = 2**25, 2**23
"""Values of units that a step holds by default before it takes pieces, and in a chunk of particles. With all that the
gradient needs they take half a gigabyte or so, and an eighth."""
_CACHED_NUMBERS = 2**21
"""Numbers of the widest layer in a block of rows that suits a CPU's cache: 8 MB."""


class Pieces(NamedTuple):
    """What a step holds at a time.

    Attributes:
        rows: Rows of the batch, a number that divides it; None for all.
        particles: Particles of each of them; None for all.
    """

    rows: int | None = None
    particles: int | None = None


WHOLE = Pieces()
"""Everything at once."""


def pieces_for(
    net: BeliefNet, *, estimator: AbstractEstimator, options: FitOptions, layout: Layout = ONE_DEVICE
) -> Pieces:
    """Return what a step holds at a time.

    Args:
        net: The net that is trained.
        estimator: Where gradients come from.
        options: How it is trained, once they are decided.
        layout: Where arrays are on a mesh of devices; rows of a batch that is divided over devices stay together.

    Raises:
        OptionError: If a chunk of particles was asked for, and the estimator takes all particles at once.
    """
    if options.particle_chunk is not None:
        return Pieces(particles=_asked_for(estimator, options.particle_chunk))
    batch, units = options.batch_size or 1, net.num_visible + sum(net.layer_sizes)
    rows = None
    if estimator.draws_apart is not None and layout == ONE_DEVICE:
        rows = _block(batch, _fitting_rows(net, units, estimator.draws_apart))
    per_particle = (rows or batch) * units
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


def _block(batch: int, fitting: int) -> int | None:
    """Return the largest number of rows that fits and divides the batch; None for all of them.

    A batch with no such divisor, such as a prime number, is taken whole: a row at a time would leave a CPU idle.
    """
    if batch <= fitting:
        return None
    found = max(size for size in range(1, max(fitting, 1) + 1) if batch % size == 0)
    return found if 4 * found > fitting else None
