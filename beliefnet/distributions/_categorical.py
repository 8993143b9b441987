"""Categorical variables as groups of one-hot units, by their logits."""

from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jax import Array
from jaxtyping import Float
from numpy.typing import NDArray
from numpyro.distributions import constraints

from beliefnet._errors import ArgumentError, DataError, entry
from beliefnet._types import Key, ValueKind
from beliefnet.distributions._bernoulli import is_no_bit
from beliefnet.distributions._check import Range, Support, refusal
from beliefnet.distributions._family import AbstractRefinableFamily, smallest_mean
from beliefnet.distributions._kind import UnitKind

_SMALLEST_PROBABILITY = 1e-6
_USUAL_SMALLEST_START = 1e-4


class OneHot(dist.Distribution):
    """Independent categorical variables, each written as one unit per category of which exactly one is on.

    The event is flat, `(variables * categories,)`, so that the next layer takes it like any other. The log-probability
    is linear in the value, which lets relaxed and averaged values through.

    Args:
        logits: Unnormalised log-probabilities, `[*lead, variables, categories]`.
    """

    unit_kind: ClassVar[UnitKind] = UnitKind.ONE_HOT
    arg_constraints: ClassVar[dict[str, Any]] = {"logits": constraints.real_matrix}  # pyright: ignore
    support = constraints.independent(constraints.boolean, 1)  # pyright: ignore

    def __init__(self, logits: Float[Array, "*lead variables categories"], *, validate_args: bool | None = None):
        self.logits = logits
        *lead, variables, categories = jnp.shape(logits)
        super().__init__(tuple(lead), (variables * categories,), validate_args=validate_args)

    @property
    def num_categories(self) -> int:
        """Number of units of each variable."""
        return self.logits.shape[-1]

    def sample(self, key: Key | None, sample_shape: tuple[int, ...] = ()) -> Float[Array, "..."]:
        """Draw one unit per variable, as floats of shape `sample_shape + batch_shape + event_shape`."""
        assert key is not None
        chosen = jax.random.categorical(key, self.logits, shape=sample_shape + self.logits.shape[:-1])
        return self.flat(jax.nn.one_hot(chosen, self.num_categories, dtype=self.logits.dtype))

    def log_prob(self, value: Any, intermediates: Any = None) -> Float[Array, "..."]:
        """Return the log-probability of all variables together, in nats."""
        return jnp.sum(self.grouped(jnp.asarray(value)) * jax.nn.log_softmax(self.logits), axis=(-2, -1))

    def unit_log_probs(self, value: Float[Array, "*lead units"]) -> Float[Array, "*lead units"]:
        """Return the terms of the log-probability, one for each unit, in nats: zeros for categories that are off."""
        return value * self.flat(jax.nn.log_softmax(self.logits))

    def grouped(self, value: Float[Array, "*lead units"]) -> Float[Array, "*lead variables categories"]:
        """Give each variable an axis of its own."""
        return value.reshape(*value.shape[:-1], *self.logits.shape[-2:])

    def flat(self, value: Float[Array, "*lead variables categories"]) -> Float[Array, "*lead units"]:
        """Put all variables on one axis."""
        return value.reshape(*value.shape[:-2], value.shape[-2] * value.shape[-1])

    @property
    def mean(self) -> Float[Array, "*lead units"]:
        """Probability of each unit."""
        return self.flat(jax.nn.softmax(self.logits))

    @property
    def variance(self) -> Float[Array, "*lead units"]:
        """Variance of each unit."""
        return self.mean * (1 - self.mean)


@dataclass(frozen=True)
class CategoricalFamily(AbstractRefinableFamily):
    """Independent categorical variables in one-hot form; one parameter per category, the logit."""

    name: ClassVar[str] = "categorical"
    kind: ClassVar[UnitKind] = UnitKind.ONE_HOT
    values: ClassVar[ValueKind | None] = "binary"
    bounds: ClassVar[tuple[float, float]] = (0, 1)
    num_categories: int

    def __post_init__(self):
        if self.num_categories < 2:
            raise ArgumentError(f"expected at least 2 categories, got {self.num_categories}", "10")

    def __call__(self, parameters: Float[Array, "*lead parameters"]) -> dist.Distribution:
        """Return variables with consecutive parameters as the logits of each."""
        return OneHot(self._grouped(parameters))

    def _grouped(self, parameters: Float[Array, "*lead parameters"]) -> Float[Array, "*lead variables categories"]:
        """Give each variable an axis of its own; there may be no rows at all."""
        variables = parameters.shape[-1] // self.num_categories
        return parameters.reshape(*parameters.shape[:-1], variables, self.num_categories)

    def num_units(self, num_parameters: int) -> int:
        """Return the number of parameters: every category is a unit."""
        if num_parameters % self.num_categories:
            raise ArgumentError(
                f"expected a multiple of the {self.num_categories} categories as the number of parameters, got "
                f"{num_parameters}",
                f"{self.num_categories}",
            )
        return num_parameters

    def num_parameters(self, size: int) -> int:
        """Return `size` times the number of categories."""
        return size * self.num_categories

    def starting(self, mean: Float[Array, " units"], num_rows: int | None = None) -> Float[Array, " parameters"]:
        """Return the logs of the mean; a category that never occurred is taken to occur once in `num_rows`.

        Where their number is not known, in 10,000 rows, or as rarely as the rarest category that did occur.
        """
        return jnp.log(jnp.maximum(mean, smallest_mean(mean, num_rows, _USUAL_SMALLEST_START)))

    @property
    def support(self) -> Support:
        """Zeros and ones, of which exactly one per variable is a one."""
        return Support("zeros and ones, which one-hot units are a model of,", is_no_bit, _advice_for_categories)

    def check(self, rows: Any, label: str = "data", *, observed: NDArray[np.bool_] | None = None) -> None:
        """Check that data are one-hot: zeros and ones, a single one for each variable that was observed.

        Raises:
            DataError: Naming the first value that does not fit, its row and column, and what to try; or a variable of
                which some units were observed and others not.
        """
        self.support.check(rows, label, observed)
        known = None if observed is None else self._known_variables(observed, label)
        rows = rows if observed is None else np.where(observed, rows, 0)
        starts = range(0, rows.shape[1], self.num_categories)
        sums = np.stack(
            [np.asarray(rows[:, start : start + self.num_categories].sum(axis=1)).reshape(-1) for start in starts], -1
        )
        wrong = sums != 1 if known is None else (sums != 1) & known
        if wrong.any():
            row, variable = np.argwhere(wrong)[0]
            raise refusal(
                rows,
                sums[row, variable],
                (int(row), int(variable) * self.num_categories),
                f"a single one among the {self.num_categories} units of each categorical variable",
                label,
                _advice_for_categories,
            )

    def _known_variables(self, observed: NDArray[np.bool_], label: str) -> NDArray[np.bool_]:
        """Return which variables were observed, `[rows, variables]`: each of them whole, or not at all."""
        counts = observed.reshape(len(observed), -1, self.num_categories).sum(axis=-1)
        partly = (counts > 0) & (counts < self.num_categories)
        if partly.any():
            row, variable = np.argwhere(partly)[0]
            raise DataError(
                f"expected all or none of the {self.num_categories} units of a categorical variable to be observed in "
                f"{label}, got {counts[row, variable]} at {entry(int(row), int(variable) * self.num_categories)}",
                "NaN for all of them",
            )
        return counts > 0

    def _variable_points(self) -> tuple[np.ndarray, np.ndarray]:
        return np.eye(self.num_categories), np.zeros(self.num_categories)

    def statistics(self, values: Float[Array, "*lead units"]) -> Float[Array, "*lead parameters"]:
        """Return the values."""
        return values

    def to_moments(self, parameters: Float[Array, "*lead parameters"]) -> Float[Array, "*lead parameters"]:
        """Return the probabilities."""
        return jax.nn.softmax(self._grouped(parameters), axis=-1).reshape(parameters.shape)

    def statistic_variances(self, parameters: Float[Array, "*lead parameters"]) -> Float[Array, "*lead parameters"]:
        """Return p (1 - p) of each unit."""
        means = self.to_moments(parameters)
        return means * (1 - means)

    def from_moments(self, moments: Float[Array, "*lead parameters"]) -> Float[Array, "*lead parameters"]:
        """Return the logs of the probabilities."""
        return jnp.log(jnp.maximum(moments, _SMALLEST_PROBABILITY))


def _advice_for_categories(found: Range) -> str:
    return "np.eye(num_categories)[labels].reshape(num_rows, -1) for labels [rows, variables] from 0"


def categorical(num_categories: int) -> CategoricalFamily:
    """Return the family of categorical variables with so many categories each, in one-hot form."""
    return CategoricalFamily(num_categories)
