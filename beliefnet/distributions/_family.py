"""Families: how a layer's distribution is made from the numbers that a network gives."""

from abc import ABC, abstractmethod
from typing import ClassVar, Literal

import jax.numpy as jnp
import numpyro.distributions as dist
from jax import Array
from jaxtyping import Float


class Family(ABC):
    """Makes the distribution of a layer from its parameters; hashable, and the same for the same settings.

    Attributes:
        bounds: Least and largest value of a unit.
        values: What data units are a model of: bits, grey values or counts; None for numbers of any kind. Networks see
            log(1 + count) of counts, or else large ones would drown others.
    """

    bounds: ClassVar[tuple[float, float]] = (-float("inf"), float("inf"))
    values: ClassVar[Literal["binary", "grey", "counts"] | None] = None

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
        """Return the parameters that a layer of `size` variables starts from, zeros if nothing else is said."""
        return jnp.zeros(self.num_parameters(size))

    @abstractmethod
    def starting(self, mean: Float[Array, " units"]) -> Float[Array, " parameters"]:
        """Return the parameters that a visible layer starts from where the data have this mean.

        What never occurred in training may occur at test: its price is kept at a few nats.
        """


class RefinableFamily(Family):
    """A family whose parameters and moments can be turned into each other: posteriors of such layers can be refined."""

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
