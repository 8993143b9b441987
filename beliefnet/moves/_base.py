"""What a Markov move is: it leaves a density as it is, for every particle of every datum on its own."""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from beliefnet._streams import split_key
from beliefnet._types import Key, Values

T = TypeVar("T")

LogDensity = Callable[[Values], Float[Array, "particles batch"]]
"""Takes latents `[particles, batch, units]`, bottom first; gives a log-density up to a constant per datum, in nats."""


class AbstractMove(eqx.Module):
    """A random transition that leaves exp(log_density) invariant, whichever log-density it is given."""

    @abstractmethod
    def __call__(self, log_density: LogDensity, latents: Values, *, key: Key) -> Values:
        """Move every particle of every datum.

        Args:
            log_density: What is left invariant.
            latents: Where the particles are, `[particles, batch, units]` per latent layer, bottom first.
            key: Random key.
        """

    @property
    @abstractmethod
    def reversal(self) -> "AbstractMove":
        """What runs it backwards in time in equilibrium: itself, where it is in detailed balance."""


class InTurn(AbstractMove):
    """Moves one after another: even where each is in detailed balance, their composition is not."""

    moves: tuple[AbstractMove, ...]

    def __call__(self, log_density: LogDensity, latents: Values, *, key: Key) -> Values:
        """Make the moves, the first one first."""
        for move, move_key in zip(self.moves, split_key(key, len(self.moves)), strict=True):
            latents = move(log_density, latents, key=move_key)
        return latents

    @property
    def reversal(self) -> "InTurn":
        """The reversals, the last one first."""
        return InTurn(tuple(move.reversal for move in self.moves[::-1]))


def split_units(flat: Float[Array, "*lead units"], widths: Sequence[int]) -> Values:
    """Cut the last axis into parts of these widths."""
    return tuple(jnp.split(flat, [sum(widths[: index + 1]) for index in range(len(widths) - 1)], axis=-1))


def replaced(latents: Values, layers: Sequence[int], values: Iterable[Array]) -> Values:
    """Return the latents with some layers replaced."""
    new = dict(zip(layers, values, strict=True))
    return tuple(new.get(layer, held) for layer, held in enumerate(latents))


def accepted(log_ratio: Float[Array, "particles batch"], proposed: T, current: T, *, key: Key) -> T:
    """Choose between two trees of arrays by the Metropolis-Hastings rule; a ratio that is not a number refuses."""
    is_accepted = jnp.log(jax.random.uniform(key, log_ratio.shape)) < log_ratio

    def choose(new: Array, old: Array) -> Array:
        return jnp.where(is_accepted.reshape(*is_accepted.shape, *[1] * (new.ndim - is_accepted.ndim)), new, old)

    return jax.tree.map(choose, proposed, current)
