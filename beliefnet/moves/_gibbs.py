"""Gibbs with gradients: one discrete variable at a time."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from beliefnet._types import Key, Values
from beliefnet.moves._base import split_units
from beliefnet.moves._discrete import AbstractDiscreteMove, Place


class GibbsWithGradients(AbstractDiscreteMove):
    """Metropolis-Hastings on discrete layers, one variable at a time, where the gradient says which.

        q(change | h) = softmax(gain / 2),  over every change of one variable of any of the layers

    with gains to first order. A change is accepted by the exact ratio of densities and proposals. Each change costs one
    gradient, and the first one another.

    Args:
        layers: Which latent layers it moves, 0 being the bottom one.
        num_categories: Categories of each of their variables; None for binary units.
        num_changes: Changes proposed one after another.

    Reference:
        Grathwohl et al. 2021, *Oops I took a gradient: scalable sampling for discrete distributions*.
    """

    layers: tuple[int, ...] = eqx.field(static=True)
    num_categories: tuple[int | None, ...] = eqx.field(static=True)
    num_changes: int = eqx.field(static=True, default=1)

    @property
    def num_proposals(self) -> int:
        """As many as changes."""
        return self.num_changes

    def propose(self, here: Place, *, key: Key) -> tuple[Values, None]:
        """Draw one change."""
        log_pick = _log_pick(here)
        picked = _like(here.values, jax.nn.one_hot(jax.random.categorical(key, log_pick), log_pick.shape[-1]))
        return jax.tree.map(lambda old, new: jnp.where(_is_touched(new), new, old), here.values, picked), None

    def log_prob(self, here: Place, values: Values, way: None) -> Float[Array, "particles batch"]:
        """Return the log-probability of the one change."""
        is_changed = _flat(values) > _flat(here.values)
        return jnp.sum(jnp.where(is_changed, _log_pick(here), 0), axis=-1)


def _log_pick(place: Place) -> Float[Array, "particles batch candidates"]:
    """The log-probability of proposing each category of each variable; -inf for those that are on."""
    gains = jax.tree.map(lambda value, gain: jnp.where(value > 0, -jnp.inf, gain), place.values, place.gains)
    return jax.nn.log_softmax(_flat(gains) / 2, axis=-1)


def _is_touched(picked: Float[Array, "*lead variables categories"]) -> Array:
    """Whether each variable has the picked candidate among its categories."""
    return picked.any(axis=-1, keepdims=True)


def _flat(values: Values) -> Float[Array, "particles batch candidates"]:
    """Put the categories of all variables of all layers side by side."""
    return jnp.concatenate([value.reshape(*value.shape[:-2], -1) for value in values], axis=-1)


def _like(values: Values, flat: Float[Array, "particles batch candidates"]) -> Values:
    """Undo `_flat`."""
    parts = split_units(flat, [value.shape[-2] * value.shape[-1] for value in values])
    return tuple(part.reshape(value.shape) for part, value in zip(parts, values, strict=True))
