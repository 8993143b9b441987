"""Units of several families side by side, as the columns of a table are."""

from collections.abc import Sequence
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

from beliefnet._errors import ArgumentError
from beliefnet._types import Key, ValueKind
from beliefnet.distributions._each import each_unit
from beliefnet.distributions._family import AbstractFamily
from beliefnet.distributions._kind import UnitKind


class Mixed(dist.Distribution):
    """Layers side by side as one event: `(units of all of them,)`.

    Args:
        layers: Layers of independent units, each of event shape `(units,)`, all of one batch shape.

    Examples:
        >>> import jax.numpy as jnp
        >>> from beliefnet.distributions import bernoulli, normal
        >>> layer = Mixed((bernoulli(jnp.zeros(2)), normal(normal.neutral(1))))
        >>> layer.event_shape, [round(float(term), 3) for term in layer.unit_log_probs(jnp.array([1.0, 0.0, 0.0]))]
        ((3,), [-0.693, -0.693, -0.919])
    """

    unit_kind: ClassVar[UnitKind] = UnitKind.OTHER
    support = constraints.real_vector  # pyright: ignore
    pytree_data_fields = ("layers",)

    def __init__(self, layers: Sequence[dist.Distribution], *, validate_args: bool | None = None):
        self.layers = tuple(layers)
        width = sum(layer.event_shape[0] for layer in self.layers)
        super().__init__(self.layers[0].batch_shape, (width,), validate_args=validate_args)

    def sample(self, key: Key | None, sample_shape: tuple[int, ...] = ()) -> Float[Array, "..."]:
        """Draw all layers, as floats of shape `sample_shape + batch_shape + event_shape`."""
        assert key is not None
        keys = jax.random.split(key, len(self.layers))
        drawn = [layer.sample(own, sample_shape) for layer, own in zip(self.layers, keys, strict=True)]
        return jnp.concatenate(drawn, axis=-1)  # pyright: ignore[reportArgumentType, reportCallIssue]

    def log_prob(self, value: Any, intermediates: Any = None) -> Float[Array, "..."]:
        """Return the log-probability of all units together, in nats; of continuous ones, its density."""
        terms = [layer.log_prob(part) for layer, part in self._parts(value)]
        return jnp.sum(jnp.stack(jnp.broadcast_arrays(*terms)), axis=0)

    def unit_log_probs(self, value: Float[Array, "*lead units"]) -> Float[Array, "*lead units"]:
        """Return the terms of the log-probability, one for each unit, in nats."""
        terms = [jnp.asarray(each_unit(layer).log_prob(part)) for layer, part in self._parts(value)]
        lead = jnp.broadcast_shapes(*(term.shape[:-1] for term in terms))
        return jnp.concatenate([jnp.broadcast_to(term, (*lead, term.shape[-1])) for term in terms], axis=-1)

    @property
    def mean(self) -> Float[Array, "*lead units"]:
        """Mean of each unit."""
        return jnp.concatenate([jnp.asarray(layer.mean) for layer in self.layers], axis=-1)

    @property
    def variance(self) -> Float[Array, "*lead units"]:
        """Variance of each unit."""
        return jnp.concatenate([jnp.asarray(layer.variance) for layer in self.layers], axis=-1)

    def _parts(self, value: Any) -> list[tuple[dist.Distribution, Array]]:
        parts = _cut(jnp.asarray(value, float), [layer.event_shape[0] for layer in self.layers])
        return list(zip(self.layers, parts, strict=True))


@dataclass(frozen=True)
class MixedFamily(AbstractFamily):
    """Units of several families side by side: so many variables of one, then so many of the next.

    The parameters are those of the first family, then those of the next. What a layer of it takes is one number of
    variables, that of all parts together.

    Attributes:
        parts: Families, each with its number of variables.

    Raises:
        ValueError: If there is no part, or one without a variable.

    Examples:
        >>> from beliefnet.distributions import bernoulli, categorical, normal
        >>> survey = MixedFamily(((bernoulli, 2), (categorical(3), 1), (normal, 1)))
        >>> survey.num_variables, survey.num_parameters(4), survey.num_units(7)
        (4, 7, 6)
    """

    name: ClassVar[str] = "mixed"
    kind: ClassVar[UnitKind] = UnitKind.OTHER
    values: ClassVar[ValueKind | None] = "mixed"
    parts: tuple[tuple[AbstractFamily, int], ...]

    def __post_init__(self):
        if not self.parts or any(size < 1 for _, size in self.parts):
            raise ArgumentError(
                f"expected families with a variable or more each, got {list(self.parts)}", "((bernoulli, 2),)"
            )

    @property
    def num_variables(self) -> int:
        """Number of variables of all parts together."""
        return sum(size for _, size in self.parts)

    def __call__(self, parameters: Float[Array, "*lead parameters"]) -> dist.Distribution:
        """Return the layers of all parts, side by side."""
        parts = _cut(parameters, [family.num_parameters(size) for family, size in self.parts])
        return Mixed([family(part) for (family, _), part in zip(self.parts, parts, strict=True)])

    def num_units(self, num_parameters: int) -> int:
        """Return the number of units, if that is how many parameters there are."""
        expected = self.num_parameters(self.num_variables)
        if num_parameters != expected:
            raise ArgumentError(
                f"expected the {expected} parameters of {self.num_variables} mixed variables, got {num_parameters}",
                f"{expected}",
            )
        return sum(self.widths)

    def num_parameters(self, size: int) -> int:
        """Return how many parameters all variables have; `ValueError` for any other number of variables."""
        if size != self.num_variables:
            raise ArgumentError(
                f"expected the {self.num_variables} variables that the parts have, got {size}", f"{self.num_variables}"
            )
        return sum(family.num_parameters(count) for family, count in self.parts)

    @property
    def widths(self) -> tuple[int, ...]:
        """Number of units of each part."""
        return tuple(family.num_units(family.num_parameters(size)) for family, size in self.parts)

    @property
    def units_per_variable(self) -> int:
        """The most units that a variable takes."""
        return max(family.units_per_variable for family, _ in self.parts)

    def side_by_side(self, size: int) -> tuple[tuple[AbstractFamily, int], ...]:
        """Return the parts."""
        return self.parts

    def neutral(self, size: int) -> Float[Array, " parameters"]:
        """Return the neutral parameters of each part."""
        return jnp.concatenate([family.neutral(count) for family, count in self.parts])

    def starting(self, mean: Float[Array, " units"], num_rows: int | None = None) -> Float[Array, " parameters"]:
        """Return the starting parameters of each part."""
        means = _cut(mean, self.widths)
        parts = zip(self.parts, means, strict=True)
        return jnp.concatenate([family.starting(part, num_rows) for (family, _), part in parts])

    def check(self, rows: Any, label: str = "data", *, observed: NDArray[np.bool_] | None = None) -> None:
        """Check the units of each part as its family does.

        Raises:
            DataError: Naming the first value that does not fit, its row and its column among those of the part.
        """
        start = 0
        for (family, _), width in zip(self.parts, self.widths, strict=True):
            columns = slice(start, start + width)
            known = None if observed is None else observed[:, columns]
            own = f"columns {start + 1} to {start + width} of {label} ({family.name})"
            family.check(rows[:, columns], own, observed=known)
            start += width


def _cut(values: Float[Array, "*lead units"], widths: Sequence[int]) -> list[Float[Array, "*lead _"]]:
    """Cut the last axis into parts of the given widths."""
    return jnp.split(values, np.cumsum(np.asarray(widths, int))[:-1], axis=-1)
