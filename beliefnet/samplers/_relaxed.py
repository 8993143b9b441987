"""Samplers that give discrete units a derivative that their draws do not have: biased, and said to be."""

from typing import ClassVar, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jax import Array, lax
from jax.typing import ArrayLike
from jaxtyping import Float

from beliefnet._errors import ArgumentError
from beliefnet._types import Key
from beliefnet.distributions import UnitKind, units
from beliefnet.samplers._base import AbstractSampler
from beliefnet.samplers._slope import check_temperature, with_slope


class Concrete(AbstractSampler):
    """Discrete units relaxed into the inside of the simplex (Gumbel-softmax); continuous ones are reparameterised.

    A binary unit is sigmoid((logit + logistic noise) / temperature), a one-hot variable softmax((logits + Gumbel
    noise) / temperature). The values are not 0 and 1, yet are scored with the discrete log-probabilities: what an
    estimator climbs then is a relaxed objective, no bound of log p(x), which approaches the bound as the temperature
    approaches 0, while the variance grows without limit.

    Args:
        temperature: Positive and finite; at 0 draws would be discrete again. A JAX array is taken as it is.

    Raises:
        ValueError: If the temperature is not positive and finite.

    Reference:
        Maddison, Mnih & Teh 2017, *The concrete distribution*; Jang, Gu & Poole 2017, *Categorical reparameterization
        with Gumbel-softmax*.
    """

    temperature: ArrayLike
    kinds: ClassVar[frozenset[UnitKind]] = frozenset({UnitKind.BINARY, UnitKind.ONE_HOT, UnitKind.CONTINUOUS})
    has_derivative: ClassVar[bool] = True
    is_exact: ClassVar[bool] = False

    def __init__(self, temperature: ArrayLike = 0.5):
        # A temperature that is being learnt has no value yet.
        if not eqx.is_array(temperature):
            check_temperature(float(temperature))  # pyright: ignore[reportArgumentType]
        self.temperature = temperature

    def _draw(
        self, distribution: dist.Distribution, shape: tuple[int, ...], *, key: Key
    ) -> Float[Array, "*lead units"]:
        kind = UnitKind.of(distribution)
        if kind is UnitKind.CONTINUOUS:
            return jnp.asarray(distribution.sample(key, shape))
        logits = jnp.asarray(units(distribution).logits)  # pyright: ignore[reportAttributeAccessIssue]
        if kind is UnitKind.BINARY:
            noise = jax.random.logistic(key, shape + logits.shape)
            return jax.nn.sigmoid((logits + noise) / self.temperature)
        noise = jax.random.gumbel(key, shape + logits.shape)
        return jax.nn.softmax((logits + noise) / self.temperature).reshape(shape + distribution.shape())


class StraightThrough(AbstractSampler):
    """Exact draws of discrete units with the derivative of their mean; continuous ones are reparameterised.

    Biased, unless the objective is linear in each unit: the expected gradient uses the slope at the two ends in place
    of the difference between them. There is no setting that removes the bias. With the slope of the logits, the
    derivative of the sigmoid (or softmax) is left out as well.

    Args:
        slope: What the derivative is taken of: the mean, or the logits themselves.

    Raises:
        ValueError: If the slope is neither.

    Reference:
        Bengio, Léonard & Courville 2013, *Estimating or propagating gradients through stochastic neurons*.
    """

    slope: Literal["mean", "logits"] = eqx.field(static=True, default="mean")
    kinds: ClassVar[frozenset[UnitKind]] = frozenset({UnitKind.BINARY, UnitKind.ONE_HOT, UnitKind.CONTINUOUS})
    has_derivative: ClassVar[bool] = True

    def __check_init__(self):
        if self.slope not in ("mean", "logits"):
            raise ArgumentError(f"expected {{option}} to be mean or logits, got {self.slope!r}", "mean", option="slope")

    def _draw(
        self, distribution: dist.Distribution, shape: tuple[int, ...], *, key: Key
    ) -> Float[Array, "*lead units"]:
        drawn = jnp.asarray(distribution.sample(key, shape))
        if UnitKind.of(distribution) is UnitKind.CONTINUOUS:
            return drawn
        if self.slope == "mean":
            return with_slope(drawn, jnp.asarray(distribution.mean))
        logits = jnp.asarray(units(distribution).logits)  # pyright: ignore[reportAttributeAccessIssue]
        return with_slope(drawn, logits.reshape(distribution.shape()))


class Half(AbstractSampler):
    """Exact draws of binary units with the derivative (h - 1/2) (h - p) by the logit: the DARN papers' 1/2 estimator.

    It is the score-function estimator with a first-order expansion to h = 1/2 as its baseline. In expectation it
    takes the mean of the slopes at both ends where `StraightThrough` takes the slope at the one drawn: no bias where
    the objective is quadratic in each unit, biased otherwise. Continuous units are reparameterised.

    Reference:
        Gregor, Danihelka, Mnih, Blundell & Wierstra 2014, *Deep autoregressive networks*; the form is that of Gu,
        Levine, Sutskever & Mnih 2016, *MuProp*.
    """

    kinds: ClassVar[frozenset[UnitKind]] = frozenset({UnitKind.BINARY, UnitKind.CONTINUOUS})
    has_derivative: ClassVar[bool] = True

    def _draw(
        self, distribution: dist.Distribution, shape: tuple[int, ...], *, key: Key
    ) -> Float[Array, "*lead units"]:
        drawn = jnp.asarray(distribution.sample(key, shape))
        if UnitKind.of(distribution) is UnitKind.CONTINUOUS:
            return drawn
        logits = jnp.asarray(units(distribution).logits)  # pyright: ignore[reportAttributeAccessIssue]
        slope = lax.stop_gradient((drawn - 0.5) * (drawn - jax.nn.sigmoid(logits)))
        return with_slope(drawn, slope * logits)


class MeanPassing(AbstractSampler):
    """The mean in place of a draw, with its derivative: a deterministic, mean-field pass through the net."""

    kinds: ClassVar[frozenset[UnitKind]] = frozenset(UnitKind) - {UnitKind.AUTOREGRESSIVE}
    has_derivative: ClassVar[bool] = True
    is_exact: ClassVar[bool] = False

    def _draw(
        self, distribution: dist.Distribution, shape: tuple[int, ...], *, key: Key
    ) -> Float[Array, "*lead units"]:
        mean = jnp.asarray(distribution.mean)
        return jnp.broadcast_to(mean, shape + mean.shape)
