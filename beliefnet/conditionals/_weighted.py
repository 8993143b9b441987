"""A layer whose log-probability counts more, or less."""

from typing import Any

import jax.numpy as jnp
import numpyro.distributions as dist
from jax import Array
from jaxtyping import Float

from beliefnet._types import Key
from beliefnet.conditionals._base import AbstractConditional, AbstractWrapper


class WeightedLayer(dist.Distribution):
    """A layer's distribution with its log-probability times a weight; mean and draws are those of the layer.

    Args:
        layer: The distribution, of event shape `(units,)`.
        weight: What its log-probability is multiplied by.
    """

    pytree_data_fields = ("layer", "weight")

    def __init__(self, layer: dist.Distribution, weight: Float[Array, ""]):
        self.layer, self.weight = layer, weight
        super().__init__(layer.batch_shape, layer.event_shape)

    @property
    def support(self) -> Any:
        """That of the layer."""
        return self.layer.support

    @property
    def mean(self) -> Any:
        """That of the layer."""
        return self.layer.mean

    def sample(self, key: Key | None, sample_shape: tuple[int, ...] = ()) -> Float[Array, "..."]:
        """Draw from the layer."""
        return jnp.asarray(self.layer.sample(key, sample_shape))

    def log_prob(self, value: Any, intermediates: Any = None) -> Float[Array, "..."]:
        """Return the weight times the log-probability of the layer, in nats."""
        return self.weight * jnp.asarray(self.layer.log_prob(value))


class Weighted(AbstractWrapper):
    """A conditional whose log-probability is multiplied by a weight: a power of its density.

    At the bottom of a generative chain it turns log p(x, h) into weight * log p(x | h) + log p(h).

    Args:
        conditional: The layer.
        weight: What its log-probability is multiplied by; a constant, not a parameter.
    """

    conditional: AbstractConditional
    weight: Float[Array, ""]

    @property
    def needs_every_unit(self) -> bool:
        """That of the layer."""
        return self.conditional.needs_every_unit

    def parameters_given(self, parent: Float[Array, "*lead parents"] | None) -> Float[Array, "*#lead parameters"]:
        """Return the parameters of the units."""
        return self.conditional.parameters_given(parent)

    def __call__(self, parent: Float[Array, "*lead parents"] | None) -> dist.Distribution:
        """Return the layer's distribution; its log-probability is weighted."""
        return WeightedLayer(self.conditional(parent), self.weight)

    def log_prob_given(
        self, parent: Float[Array, "*#lead parents"] | None, value: Float[Array, "*#lead units"]
    ) -> Float[Array, "*lead"]:
        """Return the weight times log p(value | parent), in nats."""
        return self.weight * self.conditional.log_prob_given(parent, value)
