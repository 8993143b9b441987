"""Activations in the form that takes the least time."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from beliefnet._numerics import softplus


def as_fast(activation: Callable[[Array], Array]) -> Callable[[Array], Array]:
    """Return an activation, or what gives its values faster, to single precision of 1: JAX's softplus takes a `log1p`.

    Other precisions are left to JAX.
    """
    return _softplus if activation is jax.nn.softplus else activation


def _softplus(values: Float[Array, "..."]) -> Float[Array, "..."]:
    return softplus(values) if values.dtype == jnp.float32 else jax.nn.softplus(values)
