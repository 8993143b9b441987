"""Counts by the logarithms of their rates."""

from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jax import Array
from jax.scipy.special import gammaln
from jaxtyping import Float
from numpyro.distributions import constraints

from beliefnet._numerics import softplus
from beliefnet._types import Key, ValueKind
from beliefnet.distributions._check import Range, Support
from beliefnet.distributions._family import AbstractFamily, smallest_mean
from beliefnet.distributions._kind import UnitKind

_USUAL_SMALLEST_RATE = 1e-4
LARGEST_LOG_RATE = 20.0


class Poisson(dist.Distribution):
    """Poisson counts, as floats; by the logarithms of their rates, so that a tiny rate is not special.

        log p(n) = n log_rate - exp(log_rate) - log n!

    Args:
        log_rate: Logarithm of the mean count, `[*lead]`.

    Examples:
        >>> import jax.numpy as jnp
        >>> round(float(Poisson(jnp.array(0.0)).log_prob(2.0)), 4)
        -1.6931
    """

    unit_kind: ClassVar[UnitKind] = UnitKind.OTHER
    arg_constraints: ClassVar[dict[str, Any]] = {"log_rate": constraints.real}  # pyright: ignore
    support = constraints.nonnegative_integer  # pyright: ignore

    def __init__(self, log_rate: Float[Array, "*lead"], *, validate_args: bool | None = None):
        self.log_rate = log_rate
        super().__init__(jnp.shape(log_rate), validate_args=validate_args)

    def sample(self, key: Key | None, sample_shape: tuple[int, ...] = ()) -> Float[Array, "..."]:
        """Draw counts, as floats of shape `sample_shape + batch_shape`."""
        assert key is not None
        counts = jax.random.poisson(key, self.mean, sample_shape + self.batch_shape)
        return counts.astype(jnp.result_type(float))

    def log_prob(self, value: Any, intermediates: Any = None) -> Float[Array, "..."]:
        """Return the log-probability of each count, in nats."""
        value = jnp.asarray(value, float)
        return value * self.log_rate - jnp.exp(self.log_rate) - gammaln(value + 1)

    @property
    def mean(self) -> Float[Array, "*lead"]:
        """The rates."""
        return jnp.exp(self.log_rate)

    @property
    def variance(self) -> Float[Array, "*lead"]:
        """The rates, too."""
        return self.mean


def _is_no_count(values: np.ndarray) -> np.ndarray:
    return (values < 0) | (values != np.rint(values))


def _advice_for_counts(found: Range) -> str:
    if found.is_unit:
        return "grey visible units (beliefnet train --visible logistic or --visible grey-normal)"
    return "np.rint(np.maximum(x, 0)), or normal visible units"


counts_support = Support("whole numbers from 0 up, which counts are,", _is_no_count, _advice_for_counts)


@dataclass(frozen=True)
class PoissonFamily(AbstractFamily):
    """Independent counts; one parameter each, the logarithm of the rate.

    Rates are kept below e^20, some 5e8, smoothly: an unbounded log-rate overflows. Up to a rate of a million that
    changes the log-rate by less than 0.003.
    """

    name: ClassVar[str] = "poisson"
    kind: ClassVar[UnitKind] = UnitKind.OTHER
    values: ClassVar[ValueKind | None] = "counts"
    bounds: ClassVar[tuple[float, float]] = (0, float("inf"))

    def __call__(self, parameters: Float[Array, "*lead parameters"]) -> dist.Distribution:
        """Return counts with the parameters as log-rates."""
        return Poisson(LARGEST_LOG_RATE - softplus(LARGEST_LOG_RATE - parameters)).to_event(1)

    def starting(self, mean: Float[Array, " units"], num_rows: int | None = None) -> Float[Array, " parameters"]:
        """Return the logs of the mean counts; what never occurred is taken to occur once in `num_rows`.

        Where their number is not known, in 10,000 rows, or as rarely as the rarest that did occur.
        """
        return jnp.log(jnp.maximum(mean, smallest_mean(mean, num_rows, _USUAL_SMALLEST_RATE)))

    def num_units(self, num_parameters: int) -> int:
        """Return the number of parameters."""
        return num_parameters

    def num_parameters(self, size: int) -> int:
        """Return `size`."""
        return size

    @property
    def support(self) -> Support:
        """Whole numbers from 0 up."""
        return counts_support


poisson = PoissonFamily()
