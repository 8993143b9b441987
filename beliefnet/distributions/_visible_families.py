"""Families of visible layers only: counts and grey levels."""

from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp
import numpyro.distributions as dist
from jax import Array
from jaxtyping import Float

from beliefnet._numerics import softplus, unsoftplus
from beliefnet.distributions._bag_of_words import BagOfWords
from beliefnet.distributions._discretised_logistic import DiscretisedLogistic
from beliefnet.distributions._family import Family
from beliefnet.distributions._poisson import Poisson

_SMALLEST_SHARE = 1e-6
_SMALLEST_RATE = 1e-4
_LARGEST_LOG_RATE = 20.0
_STARTING_SCALE = 0.1


class _OneEach(Family):
    """Units with one parameter each."""

    def num_units(self, num_parameters: int) -> int:
        """Return the number of parameters."""
        return num_parameters

    def num_parameters(self, size: int) -> int:
        """Return `size`."""
        return size


@dataclass(frozen=True)
class BagOfWordsFamily(_OneEach):
    """Word counts of documents; one parameter per word, the logit.

    Attributes:
        length: Mean number of words of documents that are drawn; that of documents that are scored is their own.
    """

    bounds: ClassVar[tuple[float, float]] = (0, float("inf"))
    values = "counts"
    length: float

    def __post_init__(self):
        if not 0 < self.length < float("inf"):
            raise ValueError(f"expected documents of a positive mean length, got {self.length}; try 100")

    def __call__(self, parameters: Float[Array, "*lead parameters"]) -> dist.Distribution:
        """Return documents with the parameters as logits of the words."""
        return BagOfWords(parameters, self.length)

    def starting(self, mean: Float[Array, " units"]) -> Float[Array, " parameters"]:
        """Return the logs of the words' shares of the counts, however long the documents are."""
        return jnp.log(jnp.maximum(mean / mean.sum(), _SMALLEST_SHARE))


@dataclass(frozen=True)
class PoissonFamily(_OneEach):
    """Independent counts; one parameter each, the logarithm of the rate.

    Rates are kept below e^20, some 5e8, smoothly: an unbounded log-rate overflows. Up to a rate of a million that
    changes the log-rate by less than 0.003.
    """

    bounds: ClassVar[tuple[float, float]] = (0, float("inf"))
    values = "counts"

    def __call__(self, parameters: Float[Array, "*lead parameters"]) -> dist.Distribution:
        """Return counts with the parameters as log-rates."""
        return Poisson(_LARGEST_LOG_RATE - softplus(_LARGEST_LOG_RATE - parameters)).to_event(1)

    def starting(self, mean: Float[Array, " units"]) -> Float[Array, " parameters"]:
        """Return the logs of the mean counts, moved above 0.0001."""
        return jnp.log(jnp.maximum(mean, _SMALLEST_RATE))


@dataclass(frozen=True)
class DiscretisedLogisticFamily(Family):
    """Independent grey values k / (levels - 1); locations come first, then a number per unit that becomes the scale.

    A softplus makes it the scale, which is kept above a tenth of the step between levels: a level in the middle of
    which the location lies then has a probability of 0.99.

    Attributes:
        levels: Number of levels.
    """

    values = "grey"
    bounds: ClassVar[tuple[float, float]] = (0, 1)
    levels: int = 256

    def __post_init__(self):
        if self.levels < 2:
            raise ValueError(f"expected at least 2 grey levels, got {self.levels}; try 256")

    @property
    def smallest_scale(self) -> float:
        """The floor under the scale."""
        return 0.1 / (self.levels - 1)

    def __call__(self, parameters: Float[Array, "*lead parameters"]) -> dist.Distribution:
        """Return units with the two halves of the parameters as locations and unscaled scales."""
        loc, scale = jnp.split(parameters, 2, axis=-1)
        return DiscretisedLogistic(loc, self.smallest_scale + softplus(scale), self.levels).to_event(1)

    def num_units(self, num_parameters: int) -> int:
        """Return half the number of parameters."""
        if num_parameters % 2:
            raise ValueError(f"expected an even number of parameters for logistic units, got {num_parameters}")
        return num_parameters // 2

    def num_parameters(self, size: int) -> int:
        """Return twice `size`."""
        return 2 * size

    def neutral(self, size: int) -> Float[Array, " parameters"]:
        """Return the parameters of `size` units in the midst of the levels."""
        return self.starting(jnp.full(size, 0.5))

    def starting(self, mean: Float[Array, " units"]) -> Float[Array, " parameters"]:
        """Return the parameters of units with the mean as location, and a tenth of the range as scale."""
        return jnp.concatenate([mean, unsoftplus(jnp.full_like(mean, _STARTING_SCALE))])


poisson = PoissonFamily()


def bag_of_words(length: float) -> BagOfWordsFamily:
    """Return the family of documents; those that are drawn have so many words on average."""
    return BagOfWordsFamily(length)


def discretised_logistic(levels: int = 256) -> DiscretisedLogisticFamily:
    """Return the family of grey values with so many levels from 0 to 1."""
    return DiscretisedLogisticFamily(levels)
