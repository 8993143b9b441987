"""Arrays of a net that are saved with it and never trained."""

from typing import TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array, lax
from jax.typing import ArrayLike
from jaxtyping import Float

T = TypeVar("T")


class Frozen(eqx.Module):
    """An array that is data, not a parameter: it has no gradient, and no optimiser moves it.

    Args:
        array: The array.
    """

    array: Float[Array, "..."]

    def __init__(self, array: ArrayLike):
        self.array = jnp.asarray(array, float)

    @property
    def value(self) -> Float[Array, "..."]:
        """The array, without a derivative."""
        return lax.stop_gradient(self.array)


def hold_frozen(updates: T) -> T:
    """Return updates of a tree with zeros in the place of those of frozen arrays."""

    def held(node: object) -> object:
        return jax.tree.map(jnp.zeros_like, node) if _is_frozen(node) else node

    return jax.tree.map(held, updates, is_leaf=_is_frozen)


def _is_frozen(node: object) -> bool:
    return isinstance(node, Frozen)
