"""A layer of which only some units were observed."""

from typing import Any

import jax.numpy as jnp
import numpyro.distributions as dist
from jax import Array, lax
from jaxtyping import Bool, Float
from numpy.typing import ArrayLike

from beliefnet._errors import ArgumentError
from beliefnet.conditionals._base import AbstractConditional, AbstractWrapper
from beliefnet.distributions import each_unit


class ObservedUnits(dist.Independent):
    """Independent units as one event, of which the log-probability counts the observed ones only.

    Summing over the others leaves exactly that: given the layer's parent, units do not depend on each other. Mean and
    draws are of all units. What a value says of units that were not observed is never looked at, be it NaN.

    Args:
        base: The units: their log-probabilities are `[*lead, units]`.
        observed: Which units were observed, `[batch, units]`; leading axes broadcast.
    """

    pytree_data_fields = ("observed",)

    def __init__(self, base: dist.Distribution, observed: Bool[Array, "batch units"]):
        self.observed = observed
        super().__init__(base, 1)

    def log_prob(self, value: Any, intermediates: Any = None) -> Float[Array, "..."]:
        """Return the log-probability of the observed units together, in nats."""
        terms = jnp.asarray(self.base_dist.log_prob(jnp.where(self.observed, value, 0)))
        # A product with ones, not a sum: see BernoulliLayer.
        return jnp.matmul(
            terms * self.observed.astype(terms.dtype),
            jnp.ones(terms.shape[-1], terms.dtype),
            precision=lax.Precision.HIGHEST,
        )


class Observed(AbstractWrapper):
    """A conditional whose log-probability counts the observed units of each datum only.

    At the bottom of a generative chain it turns log p(x, h) into log p(observed part of x, h).

    Args:
        conditional: The layer, of independent units.
        observed: Which units of each datum were observed, `[batch, units]`: data, not a parameter.

    Raises:
        ValueError: If `observed` is not as wide as the layer, or, when called, if the layer's units do not have a
            log-probability each.
    """

    conditional: AbstractConditional
    observed: Bool[Array, "batch units"]

    def __init__(self, conditional: AbstractConditional, observed: ArrayLike):
        self.conditional, self.observed = conditional, jnp.asarray(observed, bool)
        if self.observed.shape[-1:] != (conditional.num_units,):
            raise ArgumentError(
                f"expected observed of shape [batch, {conditional.num_units}], got {list(self.observed.shape)}",
                "one column per unit",
            )

    @property
    def whole(self) -> AbstractConditional:
        """The layer with all of its units."""
        return self.conditional

    def parameters_given(self, parent: Float[Array, "*lead parents"] | None) -> Float[Array, "*#lead parameters"]:
        """Return the parameters of all units."""
        return self.conditional.parameters_given(parent)

    def __call__(self, parent: Float[Array, "*lead parents"] | None) -> dist.Distribution:
        """Return the layer's distribution; its log-probability counts the observed units."""
        return ObservedUnits(each_unit(self.conditional(parent)), self.observed)
