"""Families of latent and of visible layers: their parameters and moments can be turned into each other."""

from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jax import Array
from jaxtyping import Float

from beliefnet._numerics import softplus, stable_logit, unsoftplus
from beliefnet.distributions._bernoulli import Bernoulli, BernoulliLayer
from beliefnet.distributions._family import RefinableFamily
from beliefnet.distributions._one_hot import OneHot

_SMALLEST_PROBABILITY = 1e-6
_SMALLEST_STARTING_PROBABILITY = 0.01


@dataclass(frozen=True)
class BernoulliFamily(RefinableFamily):
    """Independent binary units; one parameter each, the logit."""

    values = "binary"
    bounds: ClassVar[tuple[float, float]] = (0, 1)

    def __call__(self, parameters: Float[Array, "*lead parameters"]) -> dist.Distribution:
        """Return units with the parameters as logits."""
        return BernoulliLayer(Bernoulli(parameters), 1)

    def num_units(self, num_parameters: int) -> int:
        """Return the number of parameters."""
        return num_parameters

    def num_parameters(self, size: int) -> int:
        """Return `size`."""
        return size

    def starting(self, mean: Float[Array, " units"]) -> Float[Array, " parameters"]:
        """Return the logits of the mean, moved into [0.01, 0.99]."""
        return stable_logit(mean, floor=_SMALLEST_STARTING_PROBABILITY)

    def statistics(self, values: Float[Array, "*lead units"]) -> Float[Array, "*lead parameters"]:
        """Return the values."""
        return values

    def to_moments(self, parameters: Float[Array, "*lead parameters"]) -> Float[Array, "*lead parameters"]:
        """Return the probabilities."""
        return jax.nn.sigmoid(parameters)

    def from_moments(self, moments: Float[Array, "*lead parameters"]) -> Float[Array, "*lead parameters"]:
        """Return the logits of the probabilities."""
        return stable_logit(moments, floor=_SMALLEST_PROBABILITY)


@dataclass(frozen=True)
class NormalFamily(RefinableFamily):
    """Independent normal units; the means come first, then one number per unit that a softplus makes the scale.

    Attributes:
        smallest_scale: Scales are kept above it: a unit that never varies would drive its density to infinity.
    """

    smallest_scale: float = 1e-3

    def __post_init__(self):
        if not 0 < self.smallest_scale < float("inf"):
            raise ValueError(f"expected a positive smallest scale, got {self.smallest_scale}; try 0.001")

    def __call__(self, parameters: Float[Array, "*lead parameters"]) -> dist.Distribution:
        """Return units with the two halves of the parameters as means and unscaled scales."""
        mean, scale = jnp.split(parameters, 2, axis=-1)
        return dist.Normal(mean, self.smallest_scale + softplus(scale)).to_event(1)

    def num_units(self, num_parameters: int) -> int:
        """Return half the number of parameters."""
        if num_parameters % 2:
            raise ValueError(f"expected an even number of parameters for normal units, got {num_parameters}")
        return num_parameters // 2

    def num_parameters(self, size: int) -> int:
        """Return twice `size`."""
        return 2 * size

    def neutral(self, size: int) -> Float[Array, " parameters"]:
        """Return the parameters of `size` units of mean 0 and standard deviation 1."""
        return self.starting(jnp.zeros(size))

    def starting(self, mean: Float[Array, " units"]) -> Float[Array, " parameters"]:
        """Return the parameters of units of this mean and standard deviation 1."""
        return jnp.concatenate([mean, self._unscaled(jnp.ones_like(mean))])

    def statistics(self, values: Float[Array, "*lead units"]) -> Float[Array, "*lead parameters"]:
        """Return the values and their squares."""
        return jnp.concatenate([values, values**2], axis=-1)

    def to_moments(self, parameters: Float[Array, "*lead parameters"]) -> Float[Array, "*lead parameters"]:
        """Return the means and second moments."""
        mean, scale = jnp.split(parameters, 2, axis=-1)
        return jnp.concatenate([mean, mean**2 + (self.smallest_scale + softplus(scale)) ** 2], axis=-1)

    def from_moments(self, moments: Float[Array, "*lead parameters"]) -> Float[Array, "*lead parameters"]:
        """Return the means and unscaled scales of units with these means and second moments."""
        mean, square = jnp.split(moments, 2, axis=-1)
        variance = jnp.maximum(square - mean**2, (2 * self.smallest_scale) ** 2)
        return jnp.concatenate([mean, self._unscaled(jnp.sqrt(variance))], axis=-1)

    def _unscaled(self, scale: Float[Array, "..."]) -> Float[Array, "..."]:
        """Return what the softplus turns into a scale."""
        return unsoftplus(scale - self.smallest_scale)


@dataclass(frozen=True)
class CategoricalFamily(RefinableFamily):
    """Independent categorical variables in one-hot form; one parameter per category, the logit."""

    values = "binary"
    bounds: ClassVar[tuple[float, float]] = (0, 1)
    num_categories: int

    def __post_init__(self):
        if self.num_categories < 2:
            raise ValueError(f"expected at least 2 categories, got {self.num_categories}; try 10")

    def __call__(self, parameters: Float[Array, "*lead parameters"]) -> dist.Distribution:
        """Return variables with consecutive parameters as the logits of each."""
        return OneHot(parameters.reshape(*parameters.shape[:-1], -1, self.num_categories))

    def num_units(self, num_parameters: int) -> int:
        """Return the number of parameters: every category is a unit."""
        if num_parameters % self.num_categories:
            raise ValueError(
                f"expected a multiple of the {self.num_categories} categories as the number of parameters, got "
                f"{num_parameters}"
            )
        return num_parameters

    def num_parameters(self, size: int) -> int:
        """Return `size` times the number of categories."""
        return size * self.num_categories

    def starting(self, mean: Float[Array, " units"]) -> Float[Array, " parameters"]:
        """Return the logs of the mean, moved above 0.01."""
        return jnp.log(jnp.maximum(mean, _SMALLEST_STARTING_PROBABILITY))

    def statistics(self, values: Float[Array, "*lead units"]) -> Float[Array, "*lead parameters"]:
        """Return the values."""
        return values

    def to_moments(self, parameters: Float[Array, "*lead parameters"]) -> Float[Array, "*lead parameters"]:
        """Return the probabilities."""
        logits = parameters.reshape(*parameters.shape[:-1], -1, self.num_categories)
        return jax.nn.softmax(logits, axis=-1).reshape(parameters.shape)

    def from_moments(self, moments: Float[Array, "*lead parameters"]) -> Float[Array, "*lead parameters"]:
        """Return the logs of the probabilities."""
        return jnp.log(jnp.maximum(moments, _SMALLEST_PROBABILITY))


bernoulli = BernoulliFamily()
normal = NormalFamily()
grey_normal = NormalFamily(smallest_scale=0.02)
"""Normal units for grey values between 0 and 1, with a floor of five of 256 levels under the scale."""


def categorical(num_categories: int) -> CategoricalFamily:
    """Return the family of categorical variables with so many categories each, in one-hot form."""
    return CategoricalFamily(num_categories)
