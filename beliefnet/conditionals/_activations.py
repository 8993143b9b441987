"""Activations in the form that takes the least time."""

from collections.abc import Callable

import jax
from jax import Array

from beliefnet._numerics import softplus


def as_fast(activation: Callable[[Array], Array]) -> Callable[[Array], Array]:
    """Return an activation, or what gives its values faster: JAX's softplus takes a `log1p` and three selections."""
    return softplus if activation is jax.nn.softplus else activation
