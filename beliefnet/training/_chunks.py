"""How many particles of a datum a step holds at a time."""

from beliefnet._errors import OptionError
from beliefnet._net import BeliefNet
from beliefnet.estimators import AbstractEstimator
from beliefnet.training._options import FitOptions

_NUMBERS = 2**25
"""Values of units that a step holds by default; with all that its gradient needs they take half a gigabyte or so."""


def chunk_for(estimator: AbstractEstimator, net: BeliefNet, options: FitOptions) -> int | None:
    """Return how many particles of a datum are held at a time; None for all of them.

    Args:
        estimator: Where gradients come from.
        net: The net that is trained.
        options: How it is trained, once they are decided.

    Raises:
        OptionError: If a chunk was asked for, and the estimator takes all particles at once.
    """
    chunk, is_asked_for = options.particle_chunk, options.particle_chunk is not None
    if chunk is None:
        chunk = max(1, _NUMBERS // ((options.batch_size or 1) * (net.num_visible + sum(net.layer_sizes))))
    found = estimator.in_chunks(chunk)
    if is_asked_for and found is None:
        raise OptionError(
            f"expected an estimator that weighs particles by a rule for particle-chunk {chunk}, got one that takes "
            f"all of its particles at once, {type(estimator).__name__}",
            "vimco, iwae, dreg, tvo, ovis, rws, reinforce or nvil",
            "leaving it out",
        )
    return None if found is None or found is estimator else chunk
