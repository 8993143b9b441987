"""Layers of binary units that depend on each other."""

from abc import abstractmethod

import jax.numpy as jnp
import numpyro.distributions as dist
from equinox import AbstractVar
from jax import Array
from jaxtyping import Float

from beliefnet.conditionals._feedforward import Conditional, Feedforward, Prior
from beliefnet.conditionals._networks import Network
from beliefnet.distributions import (
    AbstractFamily,
    Autoregressive,
    LinearAutoregressive,
    NADELayer,
    UnitKind,
    bernoulli,
)


class AutoregressiveLayer(Conditional):
    """A layer of binary units, each of which may depend on all before it, and on the parent layer.

    Raises:
        ValueError: If the base is not a `Feedforward` or a `Prior` of binary units.
    """

    base: AbstractVar[Conditional]
    """The layer as it would be without: its logits are what the parent says."""

    def __check_init__(self):
        if not isinstance(self.base, Feedforward | Prior) or self.base.units != bernoulli:
            raise ValueError(
                f"expected a Feedforward or Prior of binary units as the base of an autoregressive layer, got "
                f"{type(self.base).__name__} of {type(self.base.units).__name__}; try distributions.bernoulli"
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
    def units(self) -> AbstractFamily:
        """Binary units."""
        return bernoulli

    @property
    def kind(self) -> UnitKind:
        """Units that depend on each other."""
        return UnitKind.AUTOREGRESSIVE

    def parameters_given(self, parent: Float[Array, "*lead parents"] | None) -> Float[Array, "*lead parameters"]:
        """Return the logit of each unit where those before it are at their probabilities."""
        layer = self(parent)
        return layer.logits_given(layer.fed_means)

    def mean_given(self, parent: Float[Array, "*lead parents"] | None) -> Float[Array, "*lead units"]:
        """Return the probability of each unit where those before it are at theirs: a guess at the mean."""
        return self(parent).fed_means

    def expected_log_prob(
        self, parent: Float[Array, "*#lead parents"] | None, q: dist.Distribution, drawn: Float[Array, "*#lead units"]
    ) -> Float[Array, "*#lead"]:
        """Return log p(h | parent) at the draw, in nats: there is no closed form."""
        return jnp.asarray(self(parent).log_prob(drawn))

    @abstractmethod
    def __call__(self, parent: Float[Array, "*lead parents"] | None) -> Autoregressive:
        """Return the layer's distribution."""


class LogisticAutoregression(AutoregressiveLayer):
    """A layer whose logits are linear in the units before, seen as -1 and 1.

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
        _check_shape("weight", self.weight, (self.num_units, self.num_units))

    def __call__(self, parent: Float[Array, "*lead parents"] | None) -> LinearAutoregressive:
        """Return the layer's distribution."""
        return LinearAutoregressive(self.base.parameters_given(parent), jnp.asarray(self.weight))


class NADE(AutoregressiveLayer):
    """A layer whose logits depend on the units before through sigmoid hidden units, which see the parent too.

    Args:
        base: The layer as it would be without: its logits are what the parent says.
        hidden: What the parent says to the hidden units: a network, or where there is no parent their biases,
            `[hidden]`.
        inputs: From each unit to the hidden units, `[units, hidden]`.
        outputs: From the hidden units to each logit, `[units, hidden]`.

    Raises:
        ValueError: If the base does not have binary units, or a shape does not fit.

    Reference:
        Larochelle & Murray 2011, *The neural autoregressive distribution estimator*; with a parent, Bornschein & Bengio
        2015, *Reweighted wake-sleep*.
    """

    base: Conditional
    hidden: Network | Float[Array, " hidden"]
    inputs: Float[Array, "_ _"]
    outputs: Float[Array, "_ _"]

    def __check_init__(self):
        if isinstance(self.hidden, Network):
            num_parents, num_hidden = self.hidden.num_inputs, self.hidden.num_outputs
        else:
            num_parents, num_hidden = None, len(self.hidden)
        if num_parents != self.num_parents:
            raise ValueError(
                f"expected hidden units of a NADE that see {self.num_parents} parents, as its base does, got "
                f"{num_parents}; try a network of the parent, or biases where there is none"
            )
        for name in ("inputs", "outputs"):
            _check_shape(name, getattr(self, name), (self.num_units, num_hidden))

    def __call__(self, parent: Float[Array, "*lead parents"] | None) -> NADELayer:
        """Return the layer's distribution."""
        if isinstance(self.hidden, Network):
            assert parent is not None
            hidden = self.hidden(parent)
        else:
            hidden = jnp.asarray(self.hidden)
        base = self.base.parameters_given(parent)
        return NADELayer(base, hidden, jnp.asarray(self.inputs), jnp.asarray(self.outputs))


def _check_shape(name: str, array: Array, shape: tuple[int, int]) -> None:
    if array.shape != shape:
        raise ValueError(f"expected {name} of shape {shape}, got {array.shape}; try zeros of that shape")
