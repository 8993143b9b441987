"""Conditionals whose parameters are a deterministic function of the parent layer."""

from abc import abstractmethod

import equinox as eqx
import jax.numpy as jnp
import numpyro.distributions as dist
from jax import Array
from jaxtyping import Float

from beliefnet.conditionals._networks import Network
from beliefnet.distributions import AbstractFamily, UnitKind


class Conditional(eqx.Module):
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

    @abstractmethod
    def parameters_given(self, parent: Float[Array, "*lead parents"] | None) -> Float[Array, "*lead parameters"]:
        """Return the parameters of the family, from which a factorial posterior starts."""

    @abstractmethod
    def __call__(self, parent: Float[Array, "*lead parents"] | None) -> dist.Distribution:
        """Return the layer's distribution: batch shape `lead`, event shape `(num_units,)`."""

    def mean_given(self, parent: Float[Array, "*lead parents"] | None) -> Float[Array, "*lead units"]:
        """Return the means of the units; where units depend on each other, a guess: means are fed to later ones."""
        return jnp.asarray(self(parent).mean)

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


class Feedforward(Conditional):
    """A layer whose units are independent given its parent: a network computes the parameters of a family.

    Raises:
        ValueError: If the family has no layer with as many parameters as the network gives.
        TypeError: If the family is none.
    """

    network: Network
    family: AbstractFamily = eqx.field(static=True)

    def __check_init__(self):
        _check_family(self.family)
        self.family.num_units(self.network.num_outputs)

    @property
    def num_parents(self) -> int:
        """Width of the parent layer."""
        return self.network.num_inputs

    @property
    def num_units(self) -> int:
        """Width of this layer."""
        return self.family.num_units(self.network.num_outputs)

    @property
    def units(self) -> AbstractFamily:
        """The family."""
        return self.family

    def parameters_given(self, parent: Float[Array, "*lead parents"] | None) -> Float[Array, "*lead parameters"]:
        """Return the network's output."""
        assert parent is not None
        return self.network(parent)

    def __call__(self, parent: Float[Array, "*lead parents"] | None) -> dist.Distribution:
        """Return the family at the network's output."""
        return self.family(self.parameters_given(parent))


class Prior(Conditional):
    """A layer of independent units without a parent: the top of a generative chain.

    Args:
        parameters: The family's parameters, `[parameters]`; they are learnt.
        family: The family of the layer's units.

    Raises:
        ValueError: If the family has no layer with so many parameters.
        TypeError: If the family is none.
    """

    parameters: Float[Array, " parameters"]
    family: AbstractFamily = eqx.field(static=True)

    def __check_init__(self):
        _check_family(self.family)
        self.family.num_units(self.parameters.shape[-1])

    @property
    def num_parents(self) -> None:
        """None: a prior has no parent."""
        return None

    @property
    def num_units(self) -> int:
        """Width of this layer."""
        return self.family.num_units(self.parameters.shape[-1])

    @property
    def units(self) -> AbstractFamily:
        """The family."""
        return self.family

    def parameters_given(self, parent: Float[Array, "*lead parents"] | None = None) -> Float[Array, " parameters"]:
        """Return the prior's parameters; the absent parent is ignored."""
        return jnp.asarray(self.parameters)

    def __call__(self, parent: Float[Array, "*lead parents"] | None = None) -> dist.Distribution:
        """Return the prior; the absent parent is ignored."""
        return self.family(self.parameters_given(parent))


def _check_family(family: AbstractFamily) -> None:
    if not isinstance(family, AbstractFamily):
        raise TypeError(f"expected a family, got {family!r}; try distributions.bernoulli, normal or categorical(10)")
