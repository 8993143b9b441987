"""Independent random streams from one seed: every purpose has its own."""

from enum import IntEnum

import jax

from beliefnet._types import Key


class Stream(IntEnum):
    """What random numbers are for; the numbers are part of what makes a run repeatable."""

    STEPS = 0
    PARAMETERS = 1
    VALIDATION = 2
    EVALUATION = 3
    SAMPLES = 4
    PLOTS = 5


def stream(seed: int, purpose: Stream) -> Key:
    """Return the key of one purpose; no two purposes of a seed share random numbers."""
    return jax.random.fold_in(jax.random.key(seed), int(purpose))
