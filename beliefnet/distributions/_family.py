"""Families: all that is known of a kind of units, from the distribution they make to the data they are a model of."""

import itertools
import math
from abc import ABC, abstractmethod
from typing import Any, ClassVar, Literal, TypeAlias

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jax import Array
from jaxtyping import Float
from numpy.typing import NDArray

from beliefnet._errors import ArgumentError
from beliefnet._types import ValueKind
from beliefnet.distributions._check import Range, Support
from beliefnet.distributions._kind import UnitKind

ReportUnit: TypeAlias = Literal["nats", "perplexity", "bits per dimension"]
"""How likelihoods are reported: in nats always, and per word or per unit where the field does."""


def _any_number(values: np.ndarray) -> np.ndarray:
    return np.zeros(values.shape, bool)


def _no_advice(found: Range) -> str:
    return "numbers"


class AbstractFamily(ABC):
    """Makes the distribution of a layer from its parameters; hashable, and the same for the same settings.

    Attributes:
        name: What it is called on the command line and in tables.
        kind: What kind of units it makes.
        values: What data units are a model of; None for numbers of any kind. Networks see log(1 + count) of counts, or
            else large ones would drown others.
        bounds: Least and largest value of a unit.
        takes_empty_rows: Whether a row of zeros is data like any other. A document without a word is not: it has the
            same probability under every net.
        report: How a likelihood over such units is reported, beside nats.
        is_refinable: Whether parameters and moments can be turned into each other.
    """

    name: ClassVar[str]
    kind: ClassVar[UnitKind]
    values: ClassVar[ValueKind | None] = None
    bounds: ClassVar[tuple[float, float]] = (-float("inf"), float("inf"))
    takes_empty_rows: ClassVar[bool] = True
    report: ClassVar[ReportUnit] = "nats"
    is_refinable: ClassVar[bool] = False

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

    @property
    def units_per_variable(self) -> int:
        """How many units one variable takes: 1, or the number of categories."""
        return self.num_units(self.num_parameters(1))

    def side_by_side(self, size: int) -> "tuple[tuple[AbstractFamily, int], ...]":
        """Return the families that a layer of `size` variables has, each with its number of them: itself alone."""
        return ((self, size),)

    def neutral(self, size: int) -> Float[Array, " parameters"]:
        """Return the parameters that a layer of `size` variables starts from, zeros if nothing else is said."""
        return jnp.zeros(self.num_parameters(size))

    @abstractmethod
    def starting(self, mean: Float[Array, " units"], num_rows: int | None = None) -> Float[Array, " parameters"]:
        """Return the parameters that a visible layer starts from where the data have this mean.

        What never occurred in training may occur at test: its cost stays bounded.

        Args:
            mean: Mean of the data, `[units]`.
            num_rows: Of how many rows, if it is known: what never occurred in so many is then taken to occur once.
        """

    def expected_log_prob(self, q: dist.Distribution, p: dist.Distribution) -> Float[Array, "*lead"]:
        """Return E_q[log p(h)] in closed form, in nats.

        Args:
            q: What the expectation is over: a layer of independent units of this family.
            p: Whose log-probability is averaged: a layer of independent units.

        Raises:
            ValueError: If there is no closed form, or the second layer has units of another kind.
        """
        raise ArgumentError(f"expected units with a closed form, got {self.name} units", "an average over draws")

    @property
    def support(self) -> Support:
        """The values of data that units are a model of: any finite number, if nothing else is said."""
        return Support("finite values", _any_number, _no_advice)

    def check(self, rows: Any, label: str = "data", *, observed: NDArray[np.bool_] | None = None) -> None:
        """Check that the units are a model of data, on the host.

        Args:
            rows: Values as the net sees them, `[rows, units]`: an array of numbers, or a SciPy sparse matrix, of which
                only what is stored is looked at.
            label: What to call the data in an error.
            observed: Which entries are to be looked at, `[rows, units]`; by default all.

        Raises:
            DataError: Naming the first value that does not fit, its row and column, and what to try.
        """
        self.support.check(rows, label, observed)

    def num_points(self, num_units: int) -> int:
        """Return how many points a layer is enumerated at, or integrated by.

        Raises:
            ValueError: If units take more values than can be enumerated.
        """
        values, _ = self._variable_points()
        return len(values) ** (num_units // self.units_per_variable)

    def points(self, num_units: int) -> tuple[Float[np.ndarray, "points units"], Float[np.ndarray, " points"]]:
        """Return every joint value of a layer's units, and the log of what each counts for beside its probability.

        Raises:
            ValueError: If units take more values than can be enumerated.
        """
        values, log_weights = self._variable_points()
        size = num_units // self.units_per_variable
        chosen = np.array(list(itertools.product(range(len(values)), repeat=size)), int).reshape(-1, size)
        table = values[chosen].reshape(len(chosen), num_units)
        return table.astype(np.float32), log_weights[chosen].sum(axis=1).astype(np.float32)

    def points_under(
        self, layer: dist.Distribution
    ) -> tuple[Float[Array, "points *#lead units"], Float[Array, "points *#lead"]]:
        """Return the points for expectations under a layer's distribution, and the log of what each counts for.

        Raises:
            ValueError: If units take more values than can be enumerated.
        """
        table, log_counts = self.points(layer.event_shape[0])
        lead = [1] * len(layer.batch_shape)
        points = jnp.asarray(table).reshape(len(table), *lead, -1)
        return points, jnp.asarray(layer.log_prob(points)) + jnp.asarray(log_counts).reshape(-1, *lead)

    def _variable_points(self) -> tuple[np.ndarray, np.ndarray]:
        """Values of one variable, `[points, units of it]`, and their log-weights, `[points]`."""
        raise ArgumentError(
            f"expected discrete or normal latents to enumerate, got {self.name} units", "an average over draws"
        )


class AbstractRefinableFamily(AbstractFamily):
    """A family whose parameters and moments can be turned into each other: posteriors of such layers can be refined."""

    is_refinable = True

    @abstractmethod
    def statistics(self, values: Float[Array, "*lead units"]) -> Float[Array, "*lead parameters"]:
        """Return the sufficient statistics of values, as many as there are parameters."""

    @abstractmethod
    def to_moments(self, parameters: Float[Array, "*lead parameters"]) -> Float[Array, "*lead parameters"]:
        """Return the expected statistics of the distribution with these parameters."""

    @abstractmethod
    def statistic_variances(self, parameters: Float[Array, "*lead parameters"]) -> Float[Array, "*lead parameters"]:
        """Return the variance of each statistic under the distribution with these parameters."""

    @abstractmethod
    def from_moments(self, moments: Float[Array, "*lead parameters"]) -> Float[Array, "*lead parameters"]:
        """Return the parameters whose expected statistics are these.

        Of all members of the family, that one maximises the expected log-probability of whatever had these moments.
        Moments on the edge, such as a probability of 0, are first moved inside by what single precision can tell.
        """

    def expected_log_prob(self, q: dist.Distribution, p: dist.Distribution) -> Float[Array, "*lead"]:
        """Return E_q[log p(h)], in nats: where log p is linear in every unit, as of discrete ones, log p at the means.

        Raises:
            ValueError: If the second layer has units of another kind.
        """
        check_closed_form(self, p)
        return jnp.asarray(p.log_prob(jnp.asarray(q.mean)))

    def entropy(self, layer: dist.Distribution) -> Float[Array, "*lead"]:
        """Return the entropy of a layer of this family, in nats; of a continuous one, the differential entropy."""
        return -self.expected_log_prob(layer, layer)


def check_closed_form(family: AbstractFamily, p: dist.Distribution) -> None:
    """Check that a layer has units of a family's kind.

    Raises:
        ValueError: If it has others.
    """
    kind = UnitKind.of(p)
    if kind is not family.kind:
        raise ArgumentError(
            f"expected two layers of {family.kind.value} units for a closed form, got {kind.value} units in the second",
            "an average over draws",
        )


def smallest_mean(mean: Float[Array, " units"], num_rows: int | None, usual: float) -> Float[Array, ""]:
    """Return where the means of rare events are cut off: below what was seen, above what has a cost without bound.

    Args:
        mean: Means of the data, from 0 up.
        num_rows: Of how many rows, if known.
        usual: The largest cut-off where that is not known; means that are smaller and not zero lower it.
    """
    if num_rows is not None:
        return jnp.asarray(max(1 / (num_rows + 2), _LEAST_MEAN), jnp.float32)
    seen = jnp.where(mean > 0, mean, 1)
    return jnp.clip(seen.min(), _LEAST_MEAN, usual)


_LEAST_MEAN = 1e-7
_NUM_NODES = 32


def hermite_nodes() -> tuple[np.ndarray, np.ndarray]:
    """Return nodes and log-weights of Gauss-Hermite quadrature under the standard normal distribution."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(_NUM_NODES)
    return nodes[:, None], np.log(weights / math.sqrt(2 * math.pi))
