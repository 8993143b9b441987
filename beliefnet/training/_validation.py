"""The validation bound."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array

from beliefnet._types import Key
from beliefnet.data import Dataset
from beliefnet.evaluation import Prepare, on_device, particle_bounds
from beliefnet.training._optimizers import Learnable

_VALIDATION_ROWS = 2000


def make_validator(dataset: Dataset, prepare: Prepare, *, key: Key) -> Callable[[Learnable], Array]:
    """Return a function that gives the mean validation bound of a net; the same draws are made every time.

    The bound is the one that the estimator climbs, with the proposal that it is measured with.
    """
    valid = on_device(dataset.valid)
    num_rows = valid.shape[0]

    def validate(params: Learnable) -> Array:
        total, estimator = jnp.zeros(()), params.estimator
        for index, start in enumerate(range(0, num_rows, _VALIDATION_ROWS)):
            data_key, draw_key = jax.random.split(jax.random.fold_in(key, index))
            rows = valid[jnp.arange(start, min(start + _VALIDATION_ROWS, num_rows))]
            x = prepare(rows, data_key)
            total += particle_bounds(
                params.net, x, estimator.bound.num_particles, key=draw_key, proposal=estimator.bound.proposal
            ).bound.sum()
        return total / num_rows

    return validate
