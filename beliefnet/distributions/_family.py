"""Families: how a layer's distribution is made from the numbers that a network gives."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jax import Array
from jaxtyping import Float

from beliefnet._numerics import softplus, stable_logit
from beliefnet.distributions._bag_of_words import BagOfWords
from beliefnet.distributions._bernoulli import Bernoulli, BernoulliLayer
from beliefnet.distributions._one_hot import OneHot

_SMALLEST_SCALE = 1e-3
_SMALLEST_PROBABILITY = 1e-6


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

    @abstractmethod
    def statistics(self, values: Float[Array, "*lead units"]) -> Float[Array, "*lead parameters"]:
        """Return the sufficient statistics of values, as many as there are parameters."""

    @abstractmethod
    def to_moments(self, parameters: Float[Array, "*lead parameters"]) -> Float[Array, "*lead parameters"]:
        """Return the expected statistics of the distribution with these parameters."""

    @abstractmethod
    def from_moments(self, moments: Float[Array, "*lead parameters"]) -> Float[Array, "*lead parameters"]:
        """Return the parameters whose expected statistics are these.

        Of all members of the family, that one maximises the expected log-probability of whatever had these moments.
        Moments on the edge, such as a probability of 0, are first moved inside by what single precision can tell.
        """


class LogitFamily(Family):
    """Units with one parameter each, a logit."""

    def num_units(self, num_parameters: int) -> int:
        """Return the number of parameters."""
        return num_parameters

    def num_parameters(self, size: int) -> int:
        """Return `size`."""
        return size

    def statistics(self, values: Float[Array, "*lead units"]) -> Float[Array, "*lead parameters"]:
        """Return the values."""
        return values


@dataclass(frozen=True)
class BernoulliFamily(LogitFamily):
    """Independent binary units; one parameter each, the logit."""

    def __call__(self, parameters: Float[Array, "*lead parameters"]) -> dist.Distribution:
        """Return units with the parameters as logits."""
        return BernoulliLayer(Bernoulli(parameters), 1)

    def to_moments(self, parameters: Float[Array, "*lead parameters"]) -> Float[Array, "*lead parameters"]:
        """Return the probabilities."""
        return jax.nn.sigmoid(parameters)

    def from_moments(self, moments: Float[Array, "*lead parameters"]) -> Float[Array, "*lead parameters"]:
        """Return the logits of the probabilities."""
        return stable_logit(moments, floor=_SMALLEST_PROBABILITY)


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
        return jnp.concatenate([jnp.zeros(size), _unscaled(jnp.ones(size))])

    def statistics(self, values: Float[Array, "*lead units"]) -> Float[Array, "*lead parameters"]:
        """Return the values and their squares."""
        return jnp.concatenate([values, values**2], axis=-1)

    def to_moments(self, parameters: Float[Array, "*lead parameters"]) -> Float[Array, "*lead parameters"]:
        """Return the means and second moments."""
        mean, scale = jnp.split(parameters, 2, axis=-1)
        return jnp.concatenate([mean, mean**2 + (_SMALLEST_SCALE + softplus(scale)) ** 2], axis=-1)

    def from_moments(self, moments: Float[Array, "*lead parameters"]) -> Float[Array, "*lead parameters"]:
        """Return the means and unscaled scales of units with these means and second moments."""
        mean, square = jnp.split(moments, 2, axis=-1)
        variance = jnp.maximum(square - mean**2, (2 * _SMALLEST_SCALE) ** 2)
        return jnp.concatenate([mean, _unscaled(jnp.sqrt(variance))], axis=-1)


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


@dataclass(frozen=True)
class BagOfWordsFamily(LogitFamily):
    """Word counts of documents; one parameter per word, the logit.

    Attributes:
        length: Mean number of words of documents that are drawn; that of documents that are scored is their own.
    """

    length: float

    def __post_init__(self):
        if not 0 < self.length < float("inf"):
            raise ValueError(f"expected documents of a positive mean length, got {self.length}; try 100")

    def __call__(self, parameters: Float[Array, "*lead parameters"]) -> dist.Distribution:
        """Return documents with the parameters as logits of the words."""
        return BagOfWords(parameters, self.length)

    def to_moments(self, parameters: Float[Array, "*lead parameters"]) -> Float[Array, "*lead parameters"]:
        """Return the mean counts."""
        return self.length * jax.nn.softmax(parameters, axis=-1)

    def from_moments(self, moments: Float[Array, "*lead parameters"]) -> Float[Array, "*lead parameters"]:
        """Return the logs of the words' shares of the counts, however long the documents are."""
        total = moments.sum(axis=-1, keepdims=True)
        return jnp.log(jnp.maximum(moments / total, _SMALLEST_PROBABILITY))


def _unscaled(scale: Float[Array, "..."]) -> Float[Array, "..."]:
    """Return what the softplus turns into a scale."""
    above = scale - _SMALLEST_SCALE
    return above + jnp.log(-jnp.expm1(-above))


bernoulli = BernoulliFamily()
normal = NormalFamily()


def categorical(num_categories: int) -> CategoricalFamily:
    """Return the family of categorical variables with so many categories each, in one-hot form."""
    return CategoricalFamily(num_categories)


def bag_of_words(length: float) -> BagOfWordsFamily:
    """Return the family of documents; those that are drawn have so many words on average."""
    return BagOfWordsFamily(length)
