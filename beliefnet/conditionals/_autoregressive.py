"""Layers of binary units that depend on each other."""

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from beliefnet.conditionals._feedforward import Conditional
from beliefnet.distributions import Family, LinearAutoregressive, bernoulli


class Autoregressive(Conditional):
    """A layer of binary units, each of which may depend on all before it, and on the parent layer.

    Args:
        base: The layer as it would be without: its logits are what the parent says.
        weight: What each unit adds to the logits of those after it, `[units, units]`, of which only what is above the
            diagonal counts.

    Raises:
        ValueError: If the base does not have binary units, or the weight is not square and as wide as it.

    Reference:
        Gregor, Danihelka, Mnih, Blundell & Wierstra 2014, *Deep autoregressive networks*.
    """

    base: Conditional
    weight: Float[Array, "_ _"]

    def __check_init__(self):
        if self.base.units != bernoulli:
            raise ValueError(
                f"expected a base of binary units for an autoregressive layer, got {type(self.base.units).__name__}; "
                "try distributions.bernoulli"
            )
        if self.weight.shape != (self.num_units, self.num_units):
            raise ValueError(
                f"expected a weight of shape ({self.num_units}, {self.num_units}), got {self.weight.shape}; try "
                "zeros of that shape"
            )

    @property
    def num_parents(self) -> int | None:
        """Width of the parent layer; None where there is no parent."""
        return self.base.num_parents

    @property
    def num_units(self) -> int:
        """Width of this layer."""
        return self.base.num_units

    @property
    def units(self) -> Family:
        """Binary units."""
        return bernoulli

    def parameters_given(self, parent: Float[Array, "*lead parents"] | None) -> Float[Array, "*lead parameters"]:
        """Return the logit of each unit where those before it are at their probabilities."""
        layer = self(parent)
        return layer.logits_given(layer.fed_means)

    def __call__(self, parent: Float[Array, "*lead parents"] | None) -> LinearAutoregressive:
        """Return the layer's distribution."""
        return LinearAutoregressive(self.base.parameters_given(parent), jnp.asarray(self.weight))
