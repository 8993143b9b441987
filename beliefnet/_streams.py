"""Independent random streams from one seed: every purpose has its own."""

from enum import IntEnum

import jax
import jax.numpy as jnp
from jax import Array

from beliefnet._errors import ArgumentTypeError, shown
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
    """Return the key of one purpose; no two purposes of a seed share random numbers.

    It is one of the keys that `jax.random.split(jax.random.key(seed))` gives. What is made beside a run of the same
    seed, such as a net, takes `stream(seed, Stream.PARAMETERS)`, as `beliefnet train` does, or a key of another seed.
    """
    return jax.random.fold_in(jax.random.key(seed), int(purpose))


def split_key(key: Key, num: int = 2) -> Array:
    """Return keys `[num]` that are independent of each other, from one that is a key.

    Raises:
        TypeError: As for `check_key`.
    """
    check_key(key)
    return jax.random.split(key, num)


def check_key(key: object) -> None:
    """Check that a random key is one: not a seed, nor several.

    Raises:
        TypeError: If it is something else.

    Examples:
        >>> check_key(3)
        Traceback (most recent call last):
        ...
        beliefnet._errors.ArgumentTypeError: expected key to be one JAX random key, got 3; try jax.random.key(3)
    """
    dtype, num_axes = getattr(key, "dtype", None), getattr(key, "ndim", None)
    is_typed = dtype is not None and jnp.issubdtype(dtype, jax.dtypes.prng_key)
    if not (is_typed and num_axes == 0) and not (dtype == jnp.uint32 and num_axes == 1):
        seed = key if type(key) is int else 0
        raise ArgumentTypeError(f"expected key to be one JAX random key, got {shown(key)}", f"jax.random.key({seed})")
