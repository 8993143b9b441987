"""Metropolis-Hastings on discrete layers, with proposals that gradients guide."""

from abc import abstractmethod
from typing import Any

import jax
import jax.numpy as jnp
from equinox import AbstractVar, Module
from jax import Array, lax
from jaxtyping import Float

from beliefnet._streams import split_key
from beliefnet._types import Key, Values
from beliefnet.moves._base import AbstractMove, LogDensity, accepted, replaced


class Place(Module):
    """Where particles are, and what a proposal asks there.

    Attributes:
        values: Of the discrete layers, `[particles, batch, variables, categories]` each, one-hot; the categories of a
            binary unit are 0 and 1.
        log_density: What is left invariant, `[particles, batch]`.
        slopes: Its gradient by the values, shaped like them.
    """

    values: Values
    log_density: Float[Array, "particles batch"]
    slopes: Values

    @property
    def gains(self) -> Values:
        """What a change of one variable to each category adds to the log-density, to first order; 0 for its own."""
        pairs = zip(self.values, self.slopes, strict=True)
        return tuple(slope - jnp.sum(value * slope, axis=-1, keepdims=True) for value, slope in pairs)


class AbstractDiscreteMove(AbstractMove):
    """Proposals of other values, each accepted by the exact ratio of densities and proposals.

    What a proposal gets wrong costs speed and nothing else: with any of them the move is in detailed balance. Every
    proposal costs one gradient of the log-density, and the first one another.

    Attributes:
        layers: Which latent layers it moves, 0 being the bottom one.
        num_categories: Categories of each of their variables; None for binary units.
    """

    layers: AbstractVar[tuple[int, ...]]
    num_categories: AbstractVar[tuple[int | None, ...]]

    @property
    @abstractmethod
    def num_proposals(self) -> int:
        """How many proposals are made, one after another."""

    @abstractmethod
    def propose(self, here: Place, *, key: Key) -> tuple[Values, Any]:
        """Draw other values, and the way to them, where there is more than one: a tree of arrays."""

    @abstractmethod
    def log_prob(self, here: Place, values: Values, way: Any) -> Float[Array, "particles batch"]:
        """Return the log-probability of proposing values, and the way to them, in nats."""

    def backwards(self, way: Any) -> Any:
        """Return the way from proposed values to where they were proposed: the same, if nothing else is said."""
        return way

    def log_ratio(self, here: Place, there: Place, way: Any) -> Float[Array, "particles batch"]:
        """Return the log of the Metropolis-Hastings ratio, by which a proposal is accepted."""
        forth = self.log_prob(here, there.values, way)
        back = self.log_prob(there, here.values, self.backwards(way))
        return there.log_density - here.log_density + back - forth

    def look(self, log_density: LogDensity, latents: Values, values: Values) -> Place:
        """Return what there is at some values of the discrete layers."""

        def total(values: Values) -> tuple[Array, Array]:
            scores = log_density(self.put(latents, values))
            return scores.sum(), scores

        slopes, scores = jax.grad(total, has_aux=True)(values)
        return Place(values, scores, slopes)

    def __call__(self, log_density: LogDensity, latents: Values, *, key: Key) -> Values:
        """Make the proposals, and go where they are accepted."""

        def change(here: Place, change_key: Key) -> tuple[Place, None]:
            propose_key, accept_key = jax.random.split(change_key)
            values, way = self.propose(here, key=propose_key)
            there = self.look(log_density, latents, values)
            return accepted(self.log_ratio(here, there, way), there, here, key=accept_key), None

        start = self.look(log_density, latents, self.take(latents))
        end, _ = lax.scan(change, start, split_key(key, self.num_proposals))
        return self.put(latents, end.values)

    @property
    def reversal(self) -> "AbstractDiscreteMove":
        """Itself: every power of a move in detailed balance is in detailed balance."""
        return self

    def take(self, latents: Values) -> Values:
        """Return the layers' variables, `[*lead, variables, categories]`, one-hot."""
        values = zip([latents[layer] for layer in self.layers], self.num_categories, strict=True)
        return tuple(
            jnp.stack([1 - value, value], axis=-1) if num is None else value.reshape(*value.shape[:-1], -1, num)
            for value, num in values
        )

    def put(self, latents: Values, values: Values) -> Values:
        """Return the latents with the layers' variables replaced."""
        flat = (
            value[..., 1] if num is None else value.reshape(*value.shape[:-2], -1)
            for value, num in zip(values, self.num_categories, strict=True)
        )
        return replaced(latents, self.layers, flat)


def drawn(log_probs: Float[Array, "*lead categories"], key: Key) -> Float[Array, "*lead categories"]:
    """Draw one-hot values."""
    return jax.nn.one_hot(jax.random.categorical(key, log_probs), log_probs.shape[-1], dtype=log_probs.dtype)
