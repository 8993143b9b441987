"""How many particles of a datum a step holds at a time."""

from beliefnet._errors import OptionError
from beliefnet._net import BeliefNet
from beliefnet.estimators import AbstractEstimator
from beliefnet.training._options import FitOptions

_MOST_NUMBERS, _CHUNK_NUMBERS = 2**25, 2**23
"""Values of units that a step holds by default before it takes chunks, and in a chunk. With all that the gradient needs
they take half a gigabyte or so, and an eighth; of chunks, smaller ones take less time on a CPU."""


def chunk_for(net: BeliefNet, *, estimator: AbstractEstimator, options: FitOptions) -> int | None:
    """Return how many particles of a datum are held at a time; None for all of them.

    Args:
        net: The net that is trained.
        estimator: Where gradients come from.
        options: How it is trained, once they are decided.

    Raises:
        OptionError: If a chunk was asked for, and the estimator takes all particles at once.
    """
    chunk = options.particle_chunk
    if chunk is None:
        per_particle = (options.batch_size or 1) * (net.num_visible + sum(net.layer_sizes))
        most, chunk = (max(1, numbers // per_particle) for numbers in (_MOST_NUMBERS, _CHUNK_NUMBERS))
        whole = estimator.in_chunks(most)
        return None if whole is None or whole is estimator else chunk
    found = estimator.in_chunks(chunk)
    if found is None:
        raise OptionError(
            f"expected an estimator that weighs particles by a rule for particle-chunk {chunk}, got one that takes "
            f"all of its particles at once, {type(estimator).__name__}",
            "vimco, iwae, dreg, tvo, ovis, rws, reinforce or nvil",
            "leaving it out",
        )
    return None if found is estimator else chunk
