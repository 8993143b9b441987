"""The validation bound."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Float, Int

from beliefnet._types import Key
from beliefnet.data import DeviceRows, Observations
from beliefnet.devices import ONE_DEVICE, Layout
from beliefnet.evaluation._bounds import bounds_of_rows
from beliefnet.optimizers import Learnable

_VALIDATION_ROWS = 2000


def make_validator(
    data: Observations, *, on_host: bool = False, layout: Layout = ONE_DEVICE
) -> Callable[[Learnable, Key], Array]:
    """Return a function that gives the mean validation bound of a net; a key makes the same draws every time.

    Rows that stay on the host are put on the device a block at a time.

    The bound is the one that the estimator climbs, with the proposal that it is measured with.
    """
    valid, num_rows = None if on_host else layout.everywhere(data.on_device()), len(data)
    room = num_rows if valid is None else valid.shape[0]

    def validate(params: Learnable, key: Key) -> Array:
        data_key, draw_key = jax.random.split(key)
        total, estimator = jnp.zeros(()), params.estimator
        for index, start in enumerate(range(0, num_rows, _VALIDATION_ROWS)):
            rows = np.arange(start, min(start + _VALIDATION_ROWS, room))
            if valid is None:
                x = layout.everywhere(data.take(rows, key=data_key))
            else:
                x = _taken(valid, rows, data_key, layout)
            block_key, bound = jax.random.fold_in(draw_key, index), estimator.bound
            with layout.within():
                found = bounds_of_rows(
                    params.net, x, num_particles=bound.num_particles, key=block_key, proposal=bound.proposal
                )
            total = _added(total, found.bound, num_rows - start)
        return total / num_rows

    return validate


@eqx.filter_jit
def _taken(
    data: DeviceRows, rows: Int[np.ndarray, " batch"], key: Key, layout: Layout
) -> Float[Array, "batch visible"]:
    return layout.rows(data.take(jnp.asarray(rows), key=key))


@jax.jit
def _added(total: Float[Array, ""], bounds: Float[Array, " batch"], num_rows: Int[ArrayLike, ""]) -> Float[Array, ""]:
    """Add the first so many bounds."""
    return total + jnp.where(jnp.arange(len(bounds)) < num_rows, bounds, 0).sum()
