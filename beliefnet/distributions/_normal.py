"""Normal units by their means and scales."""

from dataclasses import dataclass
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jax import Array
from jaxtyping import Float

from beliefnet._errors import ArgumentError
from beliefnet._numerics import softplus, spread, unsoftplus
from beliefnet._random import normal as draw_normal
from beliefnet._types import Key, ValueKind
from beliefnet.distributions._check import Range, Support
from beliefnet.distributions._family import AbstractRefinableFamily, check_closed_form, hermite_nodes
from beliefnet.distributions._kind import UnitKind, units


class Normal(dist.Normal):
    """A NumPyro `Normal` whose derivatives by the parameters are summed over particles by matrix products."""

    def sample(self, key: Key | None, sample_shape: tuple[int, ...] = ()) -> Float[Array, "..."]:
        """Draw numbers of shape `sample_shape + batch_shape`."""
        assert key is not None
        noise = draw_normal(key, sample_shape + self.batch_shape, jnp.result_type(self.loc, float))
        return spread(jnp.asarray(self.loc), noise.shape) + noise * spread(jnp.asarray(self.scale), noise.shape)

    def log_prob(self, value: Any, intermediates: Any = None) -> Float[Array, "..."]:
        """Return the log-density of each unit, in nats."""
        loc, scale = jnp.asarray(self.loc), jnp.asarray(self.scale)
        # Not by `batch_shape`, which `jax.vmap` over a distribution leaves as it was.
        shape = jnp.broadcast_shapes(jnp.shape(value), loc.shape, scale.shape)
        loc, scale = spread(loc, shape), spread(scale, shape)
        return jnp.asarray(dist.Normal(loc, scale).log_prob(value))


class _Normal(AbstractRefinableFamily):
    """Independent normal units; the means come first, then one number per unit that a softplus makes the scale."""

    kind: ClassVar[UnitKind] = UnitKind.CONTINUOUS
    smallest_scale: float

    def __post_init__(self):
        if not 0 < self.smallest_scale < float("inf"):
            raise ArgumentError(f"expected a positive smallest scale, got {self.smallest_scale}", "0.001")

    def __call__(self, parameters: Float[Array, "*lead parameters"]) -> dist.Distribution:
        """Return units with the two halves of the parameters as means and unscaled scales."""
        mean, scale = jnp.split(parameters, 2, axis=-1)
        return Normal(mean, self.smallest_scale + softplus(scale)).to_event(1)

    def num_units(self, num_parameters: int) -> int:
        """Return half the number of parameters."""
        if num_parameters % 2:
            raise ArgumentError(
                f"expected an even number of parameters for normal units, got {num_parameters}", f"{num_parameters + 1}"
            )
        return num_parameters // 2

    def num_parameters(self, size: int) -> int:
        """Return twice `size`."""
        return 2 * size

    def neutral(self, size: int) -> Float[Array, " parameters"]:
        """Return the parameters of `size` units of mean 0 and standard deviation 1."""
        return self.starting(jnp.zeros(size))

    def starting(self, mean: Float[Array, " units"], num_rows: int | None = None) -> Float[Array, " parameters"]:
        """Return the parameters of units of this mean and standard deviation 1."""
        return jnp.concatenate([mean, self._unscaled(jnp.ones_like(mean))])

    def statistics(self, values: Float[Array, "*lead units"]) -> Float[Array, "*lead parameters"]:
        """Return the values and their squares."""
        return jnp.concatenate([values, values**2], axis=-1)

    def to_moments(self, parameters: Float[Array, "*lead parameters"]) -> Float[Array, "*lead parameters"]:
        """Return the means and second moments."""
        mean, scale = jnp.split(parameters, 2, axis=-1)
        return jnp.concatenate([mean, mean**2 + (self.smallest_scale + softplus(scale)) ** 2], axis=-1)

    def statistic_variances(self, parameters: Float[Array, "*lead parameters"]) -> Float[Array, "*lead parameters"]:
        """Return the variances of the values and of their squares."""
        mean, scale = jnp.split(parameters, 2, axis=-1)
        variance = (self.smallest_scale + softplus(scale)) ** 2
        return jnp.concatenate([variance, 2 * variance**2 + 4 * mean**2 * variance], axis=-1)

    def from_moments(self, moments: Float[Array, "*lead parameters"]) -> Float[Array, "*lead parameters"]:
        """Return the means and unscaled scales of units with these means and second moments."""
        mean, square = jnp.split(moments, 2, axis=-1)
        variance = jnp.maximum(square - mean**2, (2 * self.smallest_scale) ** 2)
        return jnp.concatenate([mean, self._unscaled(jnp.sqrt(variance))], axis=-1)

    def _unscaled(self, scale: Float[Array, "..."]) -> Float[Array, "..."]:
        """Return what the softplus turns into a scale."""
        return unsoftplus(scale - self.smallest_scale)

    def expected_log_prob(self, q: dist.Distribution, p: dist.Distribution) -> Float[Array, "*lead"]:
        """Return E_q[log p(h)] in closed form, in nats, of two layers of normal units."""
        check_closed_form(self, p)
        spread = jnp.sum((_scale(q) / _scale(p)) ** 2, axis=-1)
        return jnp.asarray(p.log_prob(jnp.asarray(q.mean))) - 0.5 * spread

    def points_under(
        self, layer: dist.Distribution
    ) -> tuple[Float[Array, "points *#lead units"], Float[Array, "points *#lead"]]:
        """Return the nodes of a quadrature under a layer's distribution, and the logs of their weights."""
        table, log_weights = self.points(layer.event_shape[0])
        lead = [1] * len(layer.batch_shape)
        nodes = jnp.asarray(table).reshape(len(table), *lead, -1)
        return jnp.asarray(layer.mean) + _scale(layer) * nodes, jnp.asarray(log_weights).reshape(-1, *lead)

    def _variable_points(self) -> tuple[np.ndarray, np.ndarray]:
        return hermite_nodes()


@dataclass(frozen=True)
class NormalFamily(_Normal):
    """Independent normal units; the means come first, then one number per unit that a softplus makes the scale.

    Attributes:
        smallest_scale: Scales are kept above it: a unit that never varies would drive its density to infinity.
    """

    name: ClassVar[str] = "normal"
    smallest_scale: float = 1e-3


@dataclass(frozen=True)
class GreyNormalFamily(_Normal):
    """Normal units for grey values between 0 and 1, with a floor of five of 256 levels under the scale.

    Attributes:
        smallest_scale: Scales are kept above it: a pixel that never varies would drive its density to infinity.
    """

    name: ClassVar[str] = "grey-normal"
    values: ClassVar[ValueKind | None] = "grey"
    bounds: ClassVar[tuple[float, float]] = (0, 1)
    smallest_scale: float = 0.02

    @property
    def support(self) -> Support:
        """Numbers from 0 to 1."""
        return Support("values between 0 and 1, which grey units are a model of,", is_no_grey, advice_for_grey)


def is_no_grey(values: np.ndarray) -> np.ndarray:
    """Return which values are not between 0 and 1."""
    return (values < 0) | (values > 1)


def advice_for_grey(found: Range) -> str:
    """Return what brings values into [0, 1]."""
    return found.to_unit


def _scale(layer: dist.Distribution) -> Float[Array, "*lead units"]:
    return jnp.asarray(units(layer).scale)  # pyright: ignore[reportAttributeAccessIssue]


normal = NormalFamily()
grey_normal = GreyNormalFamily()
