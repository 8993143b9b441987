"""Families: how a layer's distribution is made from the numbers that a network gives."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import jax.numpy as jnp
import numpyro.distributions as dist
from jax import Array
from jaxtyping import Float

from beliefnet._numerics import softplus
from beliefnet.distributions._bernoulli import Bernoulli, BernoulliLayer
from beliefnet.distributions._one_hot import OneHot

_SMALLEST_SCALE = 1e-3


class Family(ABC):
    """Makes the distribution of a layer from its parameters; hashable, and the same for the same settings."""

    @abstractmethod
    def __call__(self, parameters: Float[Array, "*lead parameters"]) -> dist.Distribution:
        """Return a distribution of batch shape `lead` and event shape `(units,)`."""

    @abstractmethod
    def num_units(self, num_parameters: int) -> int:
        """Return the width of a layer with so many parameters.

        Raises:
            ValueError: If no layer has that many.
        """

    @abstractmethod
    def num_parameters(self, size: int) -> int:
        """Return how many parameters `size` variables have."""

    def neutral(self, size: int) -> Float[Array, " parameters"]:
        """Return the parameters that a prior over `size` variables starts from, zeros if nothing else is said."""
        return jnp.zeros(self.num_parameters(size))


@dataclass(frozen=True)
class BernoulliFamily(Family):
    """Independent binary units; one parameter each, the logit."""

    def __call__(self, parameters: Float[Array, "*lead parameters"]) -> dist.Distribution:
        """Return units with the parameters as logits."""
        return BernoulliLayer(Bernoulli(parameters), 1)

    def num_units(self, num_parameters: int) -> int:
        """Return the number of parameters."""
        return num_parameters

    def num_parameters(self, size: int) -> int:
        """Return `size`."""
        return size


@dataclass(frozen=True)
class NormalFamily(Family):
    """Independent normal units; the means come first, then one number per unit that a softplus makes the scale.

    Scales are kept above 0.001: an unbounded log-scale overflows.
    """

    def __call__(self, parameters: Float[Array, "*lead parameters"]) -> dist.Distribution:
        """Return units with the two halves of the parameters as means and unscaled scales."""
        mean, scale = jnp.split(parameters, 2, axis=-1)
        return dist.Normal(mean, _SMALLEST_SCALE + softplus(scale)).to_event(1)

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
        unscaled = jnp.log(jnp.expm1(1 - _SMALLEST_SCALE))
        return jnp.concatenate([jnp.zeros(size), jnp.full(size, unscaled)])


@dataclass(frozen=True)
class CategoricalFamily(Family):
    """Independent categorical variables in one-hot form; one parameter per category, the logit."""

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


bernoulli = BernoulliFamily()
normal = NormalFamily()


def categorical(num_categories: int) -> CategoricalFamily:
    """Return the family of categorical variables with so many categories each, in one-hot form."""
    return CategoricalFamily(num_categories)
