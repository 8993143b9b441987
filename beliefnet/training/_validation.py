"""The validation bound."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from beliefnet._types import Key
from beliefnet.data import Observations
from beliefnet.evaluation._bounds import bounds_of_rows
from beliefnet.optimizers import Learnable

_VALIDATION_ROWS = 2000


def make_validator(data: Observations, *, on_host: bool = False) -> Callable[[Learnable, Key], Array]:
    """Return a function that gives the mean validation bound of a net; a key makes the same draws every time.

    Rows that stay on the host are put on the device a block at a time.

    The bound is the one that the estimator climbs, with the proposal that it is measured with.
    """
    valid, num_rows = None if on_host else data.on_device(), len(data)
    room = num_rows if valid is None else valid.shape[0]

    def validate(params: Learnable, key: Key) -> Array:
        data_key, draw_key = jax.random.split(key)
        total, estimator = jnp.zeros(()), params.estimator
        for index, start in enumerate(range(0, num_rows, _VALIDATION_ROWS)):
            rows = jnp.arange(start, min(start + _VALIDATION_ROWS, room))
            x = data.take(np.asarray(rows), key=data_key) if valid is None else valid.take(rows, key=data_key)
            block_key, bound = jax.random.fold_in(draw_key, index), estimator.bound
            found = bounds_of_rows(
                params.net, x, num_particles=bound.num_particles, key=block_key, proposal=bound.proposal
            )
            total += jnp.where(rows < num_rows, found.bound, 0).sum()
        return total / num_rows

    return validate
