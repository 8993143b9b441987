"""The distribution of one layer given the layer that feeds it."""

from abc import abstractmethod

import equinox as eqx
import jax.numpy as jnp
import numpyro.distributions as dist
from equinox import AbstractVar
from jax import Array
from jaxtyping import Float

from beliefnet.distributions import AbstractFamily, UnitKind


class AbstractConditional(eqx.Module):
    """The distribution of one layer given the layer that feeds it."""

    @property
    @abstractmethod
    def num_parents(self) -> int | None:
        """Width of the parent layer; None where there is no parent."""

    @property
    @abstractmethod
    def num_units(self) -> int:
        """Width of this layer."""

    @property
    @abstractmethod
    def units(self) -> AbstractFamily:
        """The family of the layer's units."""

    @property
    def kind(self) -> UnitKind:
        """What kind of units the layer has: that of its family, unless they depend on each other."""
        return self.units.kind

    @property
    def centre(self) -> Float[Array, "*#parents"] | None:
        """The values of the parent that are seen as zeros, such as the mean of the data; None where none are chosen."""
        return None

    @property
    def whole(self) -> "AbstractConditional":
        """The layer with all of its units, where it is one that was observed in part."""
        return self

    @property
    def takes_missing(self) -> bool:
        """Whether values of its units may be missing, which NaN says."""
        return False

    @property
    def needs_every_unit(self) -> bool:
        """Whether log p is NaN wherever a value of its units is; what else reads these values need not look for it."""
        return False

    @property
    def marks_missing(self) -> bool:
        """Whether it is told which values of its parent are missing, which NaN says."""
        return False

    def seen(self, parent: Float[Array, "*lead parents"]) -> Float[Array, "*lead parents"]:
        """Return what the layer sees of its parent."""
        return parent

    @abstractmethod
    def parameters_given(self, parent: Float[Array, "*lead parents"] | None) -> Float[Array, "*#lead parameters"]:
        """Return the parameters of the family, where a mean-field posterior starts; without a parent, no `lead`."""

    def unit_parameters(
        self, parent: Float[Array, "*lead parents"] | None, drawn: Float[Array, "*#lead units"]
    ) -> Float[Array, "*#lead parameters"]:
        """Return the parameters of each unit given the parent and, where units depend on each other, a draw.

        Args:
            parent: Value of the parent layer.
            drawn: A draw from the layer: each unit's parameters are given those before it.
        """
        return self.parameters_given(parent)

    def offset_by(self, offset: Float[Array, "*#lead parameters"]) -> "AbstractConditional":
        """Return the layer with something added to its parameters; how units depend on each other stays as it is.

        Args:
            offset: What is added, for each datum: `[batch, parameters]`.
        """
        return Offset(self, offset)

    @abstractmethod
    def __call__(self, parent: Float[Array, "*lead parents"] | None) -> dist.Distribution:
        """Return the layer's distribution: batch shape `lead`, event shape `(num_units,)`."""

    def log_prob_given(
        self, parent: Float[Array, "*#lead parents"] | None, value: Float[Array, "*#lead units"]
    ) -> Float[Array, "*lead"]:
        """Return log p(value | parent) of all units together, in nats.

        It is asked of the layers of a model. Those of a recognition net are scored by the distributions that draw.

        Args:
            parent: Value of the parent layer.
            value: That of this layer.
        """
        return jnp.asarray(self(parent).log_prob(value))

    def mean_given(self, parent: Float[Array, "*lead parents"] | None) -> Float[Array, "*#lead units"]:
        """Return the means of the units; where units depend on each other, a guess: means are fed to later ones."""
        return jnp.asarray(self(parent).mean)

    def unit_means(self, layer: dist.Distribution, drawn: Float[Array, "*lead units"]) -> Float[Array, "*#lead units"]:
        """Return the mean of each unit of the layer's distribution, given a draw of those before it where they matter.

        Args:
            layer: The layer's distribution given a parent.
            drawn: A draw from it.
        """
        return jnp.asarray(layer.mean)

    def expected_log_prob(
        self, parent: Float[Array, "*#lead parents"] | None, q: dist.Distribution, drawn: Float[Array, "*#lead units"]
    ) -> Float[Array, "*#lead"]:
        """Return E_q[log p(h | parent)] in closed form; where units depend on each other, log p at a draw, in nats.

        Args:
            parent: Value of the parent layer.
            q: A distribution of independent units of this layer's family.
            drawn: A draw from it.

        Raises:
            ValueError: If there is no closed form.
        """
        return self.units.expected_log_prob(q, self(parent))


class AbstractWrapper(AbstractConditional):
    """A layer that is another one but for what it says itself."""

    conditional: AbstractVar[AbstractConditional]

    @property
    def num_parents(self) -> int | None:
        """Width of the parent layer."""
        return self.conditional.num_parents

    @property
    def num_units(self) -> int:
        """Width of the layer."""
        return self.conditional.num_units

    @property
    def units(self) -> AbstractFamily:
        """The family of the layer's units."""
        return self.conditional.units

    @property
    def kind(self) -> UnitKind:
        """What kind of units the layer has."""
        return self.conditional.kind

    @property
    def centre(self) -> Float[Array, "*#parents"] | None:
        """That of the layer."""
        return self.conditional.centre

    def seen(self, parent: Float[Array, "*lead parents"]) -> Float[Array, "*lead parents"]:
        """Return what the layer sees of its parent."""
        return self.conditional.seen(parent)


class Offset(AbstractWrapper):
    """A layer with something added to its parameters, datum by datum: `parameters_given(parent) + offset`.

    Args:
        conditional: The layer, of units that are independent given its parent.
        offset: What is added, `[batch, parameters]`; leading axes broadcast.
    """

    conditional: AbstractConditional
    offset: Float[Array, "... parameters"]

    def parameters_given(self, parent: Float[Array, "*lead parents"] | None) -> Float[Array, "*#lead parameters"]:
        """Return the layer's parameters plus the offset."""
        return self.conditional.parameters_given(parent) + self.offset

    def __call__(self, parent: Float[Array, "*lead parents"] | None) -> dist.Distribution:
        """Return the family at these parameters."""
        return self.units(self.parameters_given(parent))
