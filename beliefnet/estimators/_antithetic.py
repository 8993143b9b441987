"""Draws that repel each other: a Dirichlet copula couples uniform numbers, and the numbers make bits or categories."""

from typing import ClassVar

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jax import Array, lax
from jaxtyping import Float

from beliefnet._streams import split_key
from beliefnet._types import Key
from beliefnet.distributions import UnitKind, units
from beliefnet.samplers import AbstractSampler, Plain


class Bits:
    """Binary units. The rarer of the two values comes below its probability: rare ones repel each other most.

    Args:
        logits: Of the layer; constants.
        num_draws: How many draws are coupled, N.
    """

    def __init__(self, logits: Float[Array, "*lead units"], num_draws: int):
        self.logits, self.count = logits, num_draws - 1

    def uniforms_given(self, value: Float[Array, "*lead units"], *, key: Key) -> Array:
        """Draw one number per unit."""
        p = jax.nn.sigmoid(self.logits)
        v = jax.random.uniform(key, p.shape)
        u = jnp.where(value > 0.5, v * p, p + v * (1 - p))
        return jnp.where(self.logits > 0, 1 - u, u)

    def fresh(self, shape: tuple[int, ...], *, key: Key) -> Array:
        """Draw one number per unit."""
        return jax.random.uniform(key, (*shape, *self.logits.shape))

    def values(self, uniforms: Array) -> Float[Array, "*lead units"]:
        """Return bits."""
        is_rare = uniforms < jax.nn.sigmoid(-jnp.abs(self.logits))
        return jnp.where(self.logits > 0, ~is_rare, is_rare).astype(uniforms.dtype)

    @property
    def weight(self) -> Float[Array, "*lead units"]:
        """1 / (1 - rho), rho being the correlation of two of the draws: r of two bits that differ."""
        distance = jnp.abs(self.logits)
        both_given_one = _both_given_one(jax.nn.log_sigmoid(-distance), self.count)
        return jax.nn.sigmoid(distance) / (1 - both_given_one)

    def amount(
        self, values: Float[Array, "draws *lead units"], signals: Float[Array, "draws *lead"]
    ) -> Float[Array, "*lead units"]:
        """Return the gradient of the mean signal by the logits, without the bias of the coupling.

        The sum over pairs (n, m) of r_nm (F_n - F_m) (h_n - h_m) / (N (N - 1)), with r the probability of the two
        values in independent draws over that in coupled ones: the same for all pairs of bits that differ.
        """
        gain = (signals - signals.mean(axis=0))[..., None]
        return jnp.sum(gain * (values - values.mean(axis=0)), axis=0) * self.weight / self.count


class Categories:
    """Categorical variables, broken off a stick from the rarest category on: coupled bits say where it breaks.

    Args:
        logits: Of the layer; constants.
        num_draws: How many draws are coupled, N.
    """

    def __init__(self, logits: Float[Array, "*lead variables categories"], num_draws: int):
        self.count = num_draws - 1
        self.order = jnp.argsort(logits, axis=-1)
        self.rank = jnp.argsort(self.order, axis=-1)
        probs = jnp.take_along_axis(jax.nn.softmax(logits), self.order, axis=-1)
        left = jnp.flip(jnp.cumsum(jnp.flip(probs, axis=-1), axis=-1), axis=-1)
        self.breaks = (probs / left).at[..., -1].set(1.0)

    def uniforms_given(self, value: Float[Array, "*lead units"], *, key: Key) -> Array:
        """Draw one number per category: above the breaks before the one that is on, below its own, then any."""
        chosen = self._rank_of(value)[..., None]
        position = jnp.arange(self.breaks.shape[-1])
        v = jax.random.uniform(key, self.breaks.shape)
        not_yet, here = self.breaks + v * (1 - self.breaks), v * self.breaks
        return jnp.where(position < chosen, not_yet, jnp.where(position == chosen, here, v))

    def fresh(self, shape: tuple[int, ...], *, key: Key) -> Array:
        """Draw one number per category."""
        return jax.random.uniform(key, (*shape, *self.breaks.shape))

    def values(self, uniforms: Array) -> Float[Array, "*lead units"]:
        """Return units in one-hot form, all variables on one axis."""
        last = self.breaks.shape[-1] - 1
        chosen = jnp.argmax((uniforms < self.breaks).at[..., last].set(True), axis=-1, keepdims=True)
        one_hot = (self.rank == chosen).astype(uniforms.dtype)
        return one_hot.reshape(*one_hot.shape[:-2], -1)

    def amount(
        self, values: Float[Array, "draws *lead units"], signals: Float[Array, "draws *lead"]
    ) -> Float[Array, "*lead variables categories"]:
        """Return the gradient of the mean signal by the logits, as `Bits` does; r depends on the first break."""
        chosen = self._rank_of(values)
        first_break = jnp.minimum(chosen[:, None], chosen)
        table = jnp.broadcast_to(self._weights(), (*first_break.shape[2:], self.breaks.shape[-1]))
        weight = jnp.take_along_axis(table[None, None], first_break[..., None], axis=-1)[..., 0]
        gain = jnp.sum(weight * (signals[:, None] - signals)[..., None], axis=1)
        grouped = values.reshape(*values.shape[:-1], *self.breaks.shape[-2:])
        return jnp.sum(gain[..., None] * grouped, axis=0) / (self.count * (self.count + 1))

    def _weights(self) -> Float[Array, "*lead variables categories"]:
        """R of two draws that differ, by the first break of the two, which is before the last category.

        Up to there neither breaks, there one of them does: both are events of two coupled bits.
        """
        breaks = self.breaks[..., :-1]
        rest, both_given_one = 1 - breaks, _both_given_one(jnp.log(breaks), self.count)
        neither = rest[..., :-1] - breaks[..., :-1] * (1 - both_given_one[..., :-1])
        skipped = jnp.cumprod(rest[..., :-1] ** 2 / neither, axis=-1)
        first = jnp.ones_like(breaks[..., :1])
        weight = jnp.concatenate([first, skipped], axis=-1) * rest / (1 - both_given_one)
        return jnp.concatenate([weight, 0 * first], axis=-1)

    def _rank_of(self, value: Float[Array, "*lead units"]) -> Array:
        """The place in the order, from the rarest category on, of the one that is on."""
        grouped = value.reshape(*value.shape[:-1], *self.breaks.shape[-2:])
        return jnp.sum(grouped * self.rank, axis=-1).astype(int)


Coupling = Bits | Categories


def coupling(distribution: dist.Distribution, num_draws: int) -> Coupling:
    """Return how `num_draws` draws of a binary or categorical layer are coupled; its logits are constants."""
    base = units(distribution)
    logits = lax.stop_gradient(base.logits)  # pyright: ignore[reportAttributeAccessIssue]
    return (Categories if UnitKind.of(base) is UnitKind.ONE_HOT else Bits)(logits, num_draws)


class Coupled(AbstractSampler):
    """Exact draws of bits or categories that are antithetic along the first axis of the shape that is asked for."""

    kinds: ClassVar[frozenset[UnitKind]] = frozenset({UnitKind.BINARY, UnitKind.ONE_HOT})
    has_derivative: ClassVar[bool] = False

    def _draw(
        self, distribution: dist.Distribution, shape: tuple[int, ...], *, key: Key
    ) -> Float[Array, "*lead units"]:
        if not shape:
            return Plain()(distribution, key=key)
        first_key, others_key = split_key(key)
        coupled = coupling(distribution, shape[0])
        first = coupled.fresh(shape[1:], key=first_key)
        others = antithetic_to(first, shape[0] - 1, key=others_key)
        return coupled.values(jnp.concatenate([first[None], others]))


def antithetic_to(first: Float[Array, "*lead"], count: int, *, key: Key) -> Float[Array, "count *lead"]:
    """Draw further uniform numbers of the Dirichlet copula, given the first.

    Shares of a whole that are uniform on the simplex repel each other; (1 - share) ** count is uniform.
    """
    share = 1 - first ** (1 / count)
    noise = jax.random.exponential(key, (count, *first.shape))
    rest = (1 - share) * noise / noise.sum(axis=0)
    return (1 - rest) ** count


def _both_given_one(log_p: Float[Array, "*lead"], count: int) -> Float[Array, "*lead"]:
    """The probability that a second of 1 + `count` coupled numbers is below p, given that a first one is.

    Both are with probability (2 p ** (1 / count) - 1) ** count, or 0.
    """
    return jnp.maximum(0, 2 - jnp.exp(-log_p / count)) ** count
