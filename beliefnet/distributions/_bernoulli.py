"""Independent Bernoulli units by their logits."""

from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jax import Array
from jaxtyping import Float

from beliefnet._numerics import bernoulli_log_prob, joint_bernoulli_log_prob, stable_logit
from beliefnet._random import bernoulli as draw_bernoulli
from beliefnet._types import Key, ValueKind
from beliefnet.distributions._check import Range, Support
from beliefnet.distributions._family import AbstractRefinableFamily, smallest_mean
from beliefnet.distributions._kind import UnitKind

_SMALLEST_PROBABILITY = 1e-6
_USUAL_SMALLEST_START = 1e-4


class Bernoulli(dist.BernoulliLogits):
    """A NumPyro `BernoulliLogits` whose samples are floats and whose log-probability is one fused pass.

    The library keeps discrete values as floats (they are multiplied by weights at once). NumPyro's own formula takes
    a `log1p` and an unsimplified derivative; here the derivative by the logits is `value - sigmoid(logits)`.
    """

    unit_kind: ClassVar[UnitKind] = UnitKind.BINARY

    def sample(self, key: Key | None, sample_shape: tuple[int, ...] = ()) -> Float[Array, "..."]:
        """Draw zeros and ones, as floats of the logits' type, of shape `sample_shape + batch_shape`."""
        assert key is not None
        logits = jnp.asarray(self.logits)
        return draw_bernoulli(key, jax.nn.sigmoid(logits), sample_shape + self.batch_shape)

    def log_prob(self, value: Any, intermediates: Any = None) -> Float[Array, "..."]:
        """Return the log-probability of each unit, in nats."""
        return bernoulli_log_prob(jnp.asarray(self.logits), value)


class BernoulliLayer(dist.Independent):
    """Independent Bernoulli units as one event, whose log-probability is one fused pass."""

    def log_prob(self, value: Any, intermediates: Any = None) -> Float[Array, "..."]:
        """Return the log-probability of all units together, in nats."""
        return joint_bernoulli_log_prob(jnp.asarray(self.base_dist.logits), jnp.asarray(value, float))  # pyright: ignore


def is_no_bit(values: np.ndarray) -> np.ndarray:
    """Return which values are neither 0 nor 1."""
    return (values != 0) & (values != 1)


def advice_for_bits(found: Range) -> str:
    """Return what makes bits, or what else to take, for data with values in a range."""
    if found.is_unit:
        return (
            "x > 0.5, or data.Observations(x, is_dynamic=True), which draws bits with these means at every use, or "
            "grey visible units (beliefnet train --visible logistic or --visible grey-normal)"
        )
    if found.is_signs and found.is_whole:
        return "(x + 1) / 2"
    if found.is_bytes:
        grey = f"x / {255 if found.largest > 16 else found.largest:g}"
        return (
            f"x > {found.largest // 2:g}, or {grey} with grey visible units (beliefnet train --visible logistic), or "
            "poisson units for counts"
        )
    return "x > x.mean(), or normal visible units"


@dataclass(frozen=True)
class BernoulliFamily(AbstractRefinableFamily):
    """Independent binary units; one parameter each, the logit."""

    name: ClassVar[str] = "bernoulli"
    kind: ClassVar[UnitKind] = UnitKind.BINARY
    values: ClassVar[ValueKind | None] = "binary"
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

    def starting(self, mean: Float[Array, " units"], num_rows: int | None = None) -> Float[Array, " parameters"]:
        """Return the logits of the mean; a bit that never changed is taken to change once in `num_rows`.

        Where their number is not known, in 10,000 rows, or as rarely as the rarest bit that did change.
        """
        rarer = jnp.minimum(mean, 1 - mean)
        return stable_logit(mean, floor=smallest_mean(rarer, num_rows, _USUAL_SMALLEST_START))

    @property
    def support(self) -> Support:
        """Zeros and ones."""
        return Support("zeros and ones, which binary units are a model of,", is_no_bit, advice_for_bits)

    def _variable_points(self) -> tuple[np.ndarray, np.ndarray]:
        return np.array([[0.0], [1.0]]), np.zeros(2)

    def statistics(self, values: Float[Array, "*lead units"]) -> Float[Array, "*lead parameters"]:
        """Return the values."""
        return values

    def to_moments(self, parameters: Float[Array, "*lead parameters"]) -> Float[Array, "*lead parameters"]:
        """Return the probabilities."""
        return jax.nn.sigmoid(parameters)

    def statistic_variances(self, parameters: Float[Array, "*lead parameters"]) -> Float[Array, "*lead parameters"]:
        """Return p (1 - p) of each unit."""
        means = self.to_moments(parameters)
        return means * (1 - means)

    def from_moments(self, moments: Float[Array, "*lead parameters"]) -> Float[Array, "*lead parameters"]:
        """Return the logits of the probabilities."""
        return stable_logit(moments, floor=_SMALLEST_PROBABILITY)


bernoulli = BernoulliFamily()
