"""Path-auxiliary moves: several discrete variables changed along a path."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Float, Int

from beliefnet._streams import split_key
from beliefnet._types import Key, Values
from beliefnet.moves._base import split_units
from beliefnet.moves._discrete import AbstractDiscreteMove, Place, drawn


class Path(eqx.Module):
    """In which order variables change.

    Attributes:
        order: Variables, counted through all layers, `[particles, batch, steps]`; what follows the length is not used.
        length: How many change, `[particles, batch]`.
    """

    order: Int[Array, "particles batch steps"]
    length: Int[Array, "particles batch"]

    @property
    def is_step(self) -> Array:
        """Which entries of the order are of the path, `[particles, batch, steps]`."""
        return jnp.arange(self.order.shape[-1]) < self.length[..., None]

    def mask(self, num_variables: int) -> Array:
        """Which variables change, `[particles, batch, variables]`."""
        nothing = jnp.zeros((*self.length.shape, num_variables), bool)
        return jnp.put_along_axis(nothing, self.order, self.is_step, axis=-1, inplace=False)


class PathAuxiliary(AbstractDiscreteMove):
    """Several changes along a path, accepted or refused together by the exact ratio.

    The length U is uniform on 1, ..., 2 num_changes - 1. The u-th change is drawn among those of the variables that
    have not changed yet,

        q(change | h, changes before) = softmax(gain / 2)

    with gains to first order at the start, so that a path costs one gradient, however long it is. The path itself is
    part of what is proposed: the ratio compares it with the same path backwards, with the gains at its end. Length 1 is
    Gibbs with gradients.

    Args:
        layers: Which latent layers it moves, 0 being the bottom one.
        num_categories: Categories of each of their variables; None for binary units.
        num_changes: Changes along a path, on average.

    Reference:
        Sun, Dai, Xia & Ramamurthy 2022, *Path auxiliary proposal for MCMC in discrete space* (its fast version).
    """

    layers: tuple[int, ...] = eqx.field(static=True)
    num_categories: tuple[int | None, ...] = eqx.field(static=True)
    num_changes: int = eqx.field(static=True, default=5)

    @property
    def num_proposals(self) -> int:
        """One."""
        return 1

    def propose(self, here: Place, *, key: Key) -> tuple[Values, Path]:
        """Draw a path: variables without replacement by their largest perturbed weights, and a value of each."""
        length_key, order_key, value_key = split_key(key, 3)
        weights = _log_weights(here)
        num_steps = min(2 * self.num_changes - 1, weights.shape[-1])
        noise = jax.random.gumbel(order_key, weights.shape, weights.dtype)
        _, order = lax.top_k(weights + noise, num_steps)
        path = Path(order, jax.random.randint(length_key, weights.shape[:-1], 1, num_steps + 1))
        masks = split_units(path.mask(weights.shape[-1]), [value.shape[-2] for value in here.values])
        keys = split_key(value_key, len(masks))
        layers = zip(masks, here.values, _log_changes(here), keys, strict=True)
        return tuple(jnp.where(mask[..., None], drawn(logits, k), old) for mask, old, logits, k in layers), path

    def log_prob(self, here: Place, values: Values, way: Path) -> Float[Array, "particles batch"]:
        """Return the log-probability of a path and of the values at its end."""
        weights = _log_weights(here)
        others = jnp.where(way.mask(weights.shape[-1]), -jnp.inf, weights)
        on_path = jnp.where(way.is_step, jnp.take_along_axis(weights, way.order, axis=-1), -jnp.inf)
        tail = jax.nn.logsumexp(others, axis=-1, keepdims=True)
        left = lax.cumlogsumexp(jnp.concatenate([on_path, tail], axis=-1), axis=weights.ndim - 1, reverse=True)
        pairs = zip(values, here.gains, strict=True)
        chosen = sum((jnp.sum(value * gain, axis=(-2, -1)) / 2 for value, gain in pairs), jnp.zeros(()))
        return chosen - jnp.sum(jnp.where(way.is_step, left[..., :-1], 0), axis=-1) - jnp.log(way.order.shape[-1])

    def backwards(self, way: Path) -> Path:
        """Return the path in the opposite order."""
        steps = jnp.arange(way.order.shape[-1])
        places = jnp.where(way.is_step, way.length[..., None] - 1 - steps, steps)
        return Path(jnp.take_along_axis(way.order, places, axis=-1), way.length)


def _log_changes(here: Place) -> Values:
    """Half the gain of every change, `[particles, batch, variables, categories]`; -inf for no change."""
    return jax.tree.map(lambda value, gain: jnp.where(value > 0, -jnp.inf, gain / 2), here.values, here.gains)


def _log_weights(here: Place) -> Float[Array, "particles batch variables"]:
    """The weight of each variable: that of all of its changes together."""
    return jnp.concatenate([jax.nn.logsumexp(changes, axis=-1) for changes in _log_changes(here)], axis=-1)
