"""Grey levels: a logistic distribution cut into bins."""

from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jax import Array, lax
from jaxtyping import Float
from numpyro.distributions import constraints

from beliefnet._errors import ArgumentError
from beliefnet._numerics import softplus, unsoftplus
from beliefnet._types import Key, ValueKind
from beliefnet.distributions._check import Range, Support
from beliefnet.distributions._family import AbstractFamily, ReportUnit
from beliefnet.distributions._kind import UnitKind
from beliefnet.distributions._normal import is_no_grey

_STARTING_SCALE = 0.1
_TOLERANCE = 6e-5
"""Room for values that were written with four decimals."""


class DiscretisedLogistic(dist.Distribution):
    """Values k / (levels - 1) in [0, 1]: what a logistic variable is rounded to; the outermost levels take its tails.

        p(v) = sigmoid(b) - sigmoid(a),  b = (v + half - loc) / scale,  a = (v - half - loc) / scale

    with half a step between levels, `half = 1 / (2 (levels - 1))`. The difference is computed as the product
    `sigmoid(b) sigmoid(-a) (1 - exp(a - b))`, whose factors do not cancel: the logarithm and its derivatives are
    accurate in single precision at any distance from the location, for bins much narrower or wider than the scale.

    Args:
        loc: Location of the logistic variable, `[*lead]`; it may lie outside [0, 1].
        scale: Its scale, `[*lead]`, positive; the standard deviation is 1.81 times as large.
        levels: Number of levels, from 2 on.

    Reference:
        Kingma, Salimans, Jozefowicz, Chen, Sutskever & Welling 2016, *Improving variational inference with inverse
        autoregressive flow*; Salimans, Karpathy, Chen & Kingma 2017, *PixelCNN++*.

    Examples:
        >>> import jax.numpy as jnp
        >>> grey = DiscretisedLogistic(jnp.array(0.4), jnp.array(0.1), levels=5)
        >>> [round(float(p), 3) for p in jnp.exp(grey.log_prob(jnp.linspace(0, 1, 5)))]
        [0.06, 0.378, 0.467, 0.087, 0.009]
    """

    unit_kind: ClassVar[UnitKind] = UnitKind.OTHER
    arg_constraints: ClassVar[dict[str, Any]] = {  # pyright: ignore
        "loc": constraints.real,
        "scale": constraints.positive,
    }
    support = constraints.unit_interval  # pyright: ignore
    pytree_aux_fields = ("levels",)

    def __init__(
        self,
        loc: Float[Array, "*lead"],
        scale: Float[Array, "*lead"],
        levels: int,
        *,
        validate_args: bool | None = None,
    ):
        self.loc, self.scale, self.levels = loc, scale, levels
        super().__init__(jnp.broadcast_shapes(jnp.shape(loc), jnp.shape(scale)), validate_args=validate_args)

    def sample(self, key: Key | None, sample_shape: tuple[int, ...] = ()) -> Float[Array, "..."]:
        """Draw values on the grid, floats of shape `sample_shape + batch_shape`."""
        assert key is not None
        noise = jax.random.logistic(key, sample_shape + self.batch_shape, jnp.result_type(float))
        steps = self.levels - 1
        return jnp.rint(steps * jnp.clip(self.loc + self.scale * noise, 0, 1)) / steps

    def log_prob(self, value: Any, intermediates: Any = None) -> Float[Array, "..."]:
        """Return the log-probability of each value on the grid, in nats."""
        value, half = jnp.asarray(value, float), 0.5 / (self.levels - 1)
        distance = value - self.loc
        above, below = (distance + half) / self.scale, (distance - half) / self.scale
        is_lowest, is_highest = value < half, value > 1 - half
        inside = jnp.log(-jnp.expm1(-2 * half / self.scale))
        return (
            jnp.where(is_lowest | is_highest, 0, inside)
            - jnp.where(is_highest, 0, softplus(-above))
            - jnp.where(is_lowest, 0, softplus(below))
        )

    @property
    def mean(self) -> Float[Array, "*lead"]:
        """Mean of each unit, exactly: the sum of the probabilities of reaching each level, one level at a time."""
        return self._sum_over_levels(jnp.ones(self.levels - 1)) / (self.levels - 1)

    @property
    def variance(self) -> Float[Array, "*lead"]:
        """Variance of each unit, to the rounding of the difference of two such sums."""
        square = self._sum_over_levels(2 * jnp.arange(1.0, self.levels) - 1) / (self.levels - 1) ** 2
        return square - self.mean**2

    def _sum_over_levels(self, weights: Float[Array, " steps"]) -> Float[Array, "*lead"]:
        """Return the sum over the levels but the lowest of their weight times the probability of reaching them."""

        def add(total: Array, step: tuple[Array, Array]) -> tuple[Array, None]:
            edge, weight = step
            return total + weight * jax.nn.sigmoid((self.loc - edge) / self.scale), None

        edges = (jnp.arange(self.levels - 1) + 0.5) / (self.levels - 1)
        return lax.scan(add, jnp.zeros(self.batch_shape), (edges, weights))[0]


@dataclass(frozen=True)
class DiscretisedLogisticFamily(AbstractFamily):
    """Independent grey values k / (levels - 1); locations come first, then a number per unit that becomes the scale.

    A softplus makes it the scale, which is kept above a tenth of the step between levels: a level in the middle of
    which the location lies then has a probability of 0.99.

    Attributes:
        levels: Number of levels.
    """

    name: ClassVar[str] = "logistic"
    kind: ClassVar[UnitKind] = UnitKind.OTHER
    values: ClassVar[ValueKind | None] = "grey"
    report: ClassVar[ReportUnit] = "bits per dimension"
    bounds: ClassVar[tuple[float, float]] = (0, 1)
    levels: int = 256

    def __post_init__(self):
        if self.levels < 2:
            raise ArgumentError(f"expected at least 2 grey levels, got {self.levels}", "256")

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
            raise ArgumentError(
                f"expected an even number of parameters for logistic units, got {num_parameters}",
                f"{num_parameters + 1}",
            )
        return num_parameters // 2

    def num_parameters(self, size: int) -> int:
        """Return twice `size`."""
        return 2 * size

    def neutral(self, size: int) -> Float[Array, " parameters"]:
        """Return the parameters of `size` units in the midst of the levels."""
        return self.starting(jnp.full(size, 0.5))

    def starting(self, mean: Float[Array, " units"], num_rows: int | None = None) -> Float[Array, " parameters"]:
        """Return the parameters of units with the mean as location, and a tenth of the range as scale."""
        return jnp.concatenate([mean, unsoftplus(jnp.full_like(mean, _STARTING_SCALE))])

    @property
    def support(self) -> Support:
        """Values on the grid of levels."""
        steps = self.levels - 1

        def is_wrong(values: np.ndarray) -> np.ndarray:
            near = np.abs(values - np.rint(values * np.float32(steps)) / np.float32(steps)) < _TOLERANCE
            return ~near | is_no_grey(values)

        def advice(found: Range) -> str:
            x = "x" if found.is_unit else f"x / {steps}" if found.is_whole and found.largest == steps else found.to_unit
            grey_normal = "grey_normal visible units (beliefnet train --visible grey-normal)"
            return f"np.rint({steps} * {x}) / {steps}, or {grey_normal}"

        expected = f"grey values k / {steps}, on the {self.levels} levels that logistic units are a model of,"
        return Support(expected, is_wrong, advice)


def discretised_logistic(levels: int = 256) -> DiscretisedLogisticFamily:
    """Return the family of grey values with so many levels from 0 to 1."""
    return DiscretisedLogisticFamily(levels)
