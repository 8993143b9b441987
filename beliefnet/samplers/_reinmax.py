"""Discrete draws with a derivative of second order."""

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jax import Array, lax
from jaxtyping import Float

from beliefnet._types import Key
from beliefnet.distributions import UnitKind, units
from beliefnet.samplers._base import AbstractSampler
from beliefnet.samplers._slope import check_temperature, with_slope


class ReinMax(AbstractSampler):
    """Exact draws of discrete units with the derivative of second order, 2 J((p_t + h) / 2) - J(p) / 2.

    J(p) = diag(p) - p p^T is the derivative of the softmax where it gives p, p_t the softmax at the temperature. At
    temperature 1 it has no bias where the objective is quadratic in each unit, and for binary units it is `Half`.
    Higher temperatures trade bias for variance. Continuous units are reparameterised.

    Args:
        temperature: Of the softmax in the first term, positive.

    Raises:
        ValueError: If the temperature is not positive and finite.

    Reference:
        Liu, Dong, Liu, Yu & Gao 2023, *Bridging discrete and backpropagation: straight-through and beyond*.
    """

    temperature: float = eqx.field(static=True, default=1.0)
    kinds: ClassVar[frozenset[UnitKind]] = frozenset({UnitKind.BINARY, UnitKind.ONE_HOT, UnitKind.CONTINUOUS})
    has_derivative: ClassVar[bool] = True

    def __check_init__(self):
        check_temperature(self.temperature)

    def _draw(
        self, distribution: dist.Distribution, shape: tuple[int, ...], *, key: Key
    ) -> Float[Array, "*lead units"]:
        drawn = jnp.asarray(distribution.sample(key, shape))
        kind = UnitKind.of(distribution)
        if kind is UnitKind.CONTINUOUS:
            return drawn
        logits = jnp.asarray(units(distribution).logits)  # pyright: ignore[reportAttributeAccessIssue]
        mean, linear = (
            (jax.nn.sigmoid, _linear_sigmoid) if kind is UnitKind.BINARY else (jax.nn.softmax, _linear_softmax)
        )
        middle = (mean(logits / self.temperature) + drawn.reshape(shape + logits.shape)) / 2
        like = 2 * linear(middle, logits) - linear(mean(logits), logits) / 2
        return with_slope(drawn, like.reshape(drawn.shape))


def _linear_sigmoid(mean: Float[Array, "..."], logits: Float[Array, "..."]) -> Float[Array, "..."]:
    """Return what has the derivative of a sigmoid of this value."""
    return lax.stop_gradient(mean * (1 - mean)) * logits


def _linear_softmax(mean: Float[Array, "..."], logits: Float[Array, "..."]) -> Float[Array, "..."]:
    """Return what has the derivative of a softmax of this value."""
    mean = lax.stop_gradient(mean)
    return mean * (logits - jnp.sum(mean * logits, axis=-1, keepdims=True))
