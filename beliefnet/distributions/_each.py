"""A layer seen unit by unit, for what counts some of its units only."""

from typing import Any, Protocol

import numpyro.distributions as dist
from jax import Array
from jaxtyping import Float

from beliefnet._errors import ArgumentError
from beliefnet._types import Key


class ByUnit(Protocol):
    """A layer whose log-probability is a sum over its units, of which it knows each term."""

    def unit_log_probs(self, value: Float[Array, "*lead units"]) -> Float[Array, "*lead units"]:
        """Return the terms of the log-probability, one for each unit, in nats."""
        ...


class Units(dist.Distribution):
    """The units of a layer as a batch of them: log-probabilities are `[*lead, units]`, draws are of the whole layer.

    Args:
        layer: The layer; it knows the term of each unit.
    """

    pytree_data_fields = ("layer",)

    def __init__(self, layer: dist.Distribution, *, validate_args: bool | None = None):
        self.layer = layer
        super().__init__((*layer.batch_shape, *layer.event_shape), validate_args=validate_args)

    @property
    def support(self) -> Any:
        """That of the layer."""
        return self.layer.support

    def sample(self, key: Key | None, sample_shape: tuple[int, ...] = ()) -> Float[Array, "..."]:
        """Draw layers."""
        return self.layer.sample(key, sample_shape)  # pyright: ignore[reportReturnType, reportArgumentType]

    def log_prob(self, value: Any, intermediates: Any = None) -> Float[Array, "..."]:
        """Return the term of each unit, in nats."""
        return self.layer.unit_log_probs(value)  # pyright: ignore[reportAttributeAccessIssue]

    @property
    def mean(self) -> Float[Array, "*lead units"]:
        """Mean of each unit."""
        return self.layer.mean  # pyright: ignore[reportReturnType]

    @property
    def variance(self) -> Float[Array, "*lead units"]:
        """Variance of each unit."""
        return self.layer.variance  # pyright: ignore[reportReturnType]


def each_unit(layer: dist.Distribution) -> dist.Distribution:
    """Return a layer as distributions of each of its units, `[*lead, units]`.

    Raises:
        ValueError: If the units do not have a term of the log-probability each.
    """
    if hasattr(layer, "unit_log_probs"):
        return Units(layer)
    if not isinstance(layer, dist.Independent):
        raise ArgumentError(
            f"expected a layer of units that have a log-probability each, got {type(layer).__name__}",
            "a net whose visible units are independent given the latents, such as an sbn, fdarn or vae",
        )
    return layer.base_dist
