"""Layers of binary units that depend on each other."""

import dataclasses
from abc import abstractmethod

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from equinox import AbstractVar
from jax import Array
from jaxtyping import Float

from beliefnet._errors import ArgumentError
from beliefnet.conditionals._base import AbstractConditional
from beliefnet.conditionals._networks import AbstractNetwork
from beliefnet.distributions import (
    AbstractFamily,
    Autoregressive,
    LinearAutoregressive,
    NADELayer,
    UnitKind,
    bernoulli,
)


class AbstractAutoregressiveLayer(AbstractConditional):
    """A layer of binary units, each of which may depend on all before it, and on the parent layer.

    Raises:
        ValueError: If the base is not a `Feedforward` or a `Prior` of binary units.
    """

    base: AbstractVar[AbstractConditional]
    """The layer as it would be without: its logits are what the parent says."""

    def __check_init__(self):
        if self.base.kind is not UnitKind.BINARY:
            raise ArgumentError(
                f"expected a Feedforward or Prior of binary units as the base of an autoregressive layer, got "
                f"{type(self.base).__name__} of {self.base.kind.value} units",
                "distributions.bernoulli",
            )

    @property
    def centre(self) -> Float[Array, "*#parents"] | None:
        """That of the base."""
        return self.base.centre

    def seen(self, parent: Float[Array, "*lead parents"]) -> Float[Array, "*lead parents"]:
        """Return what the base sees of the parent."""
        return self.base.seen(parent)

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

    def parameters_given(self, parent: Float[Array, "*lead parents"] | None) -> Float[Array, "*#lead parameters"]:
        """Return the logit of each unit where those before it are at their probabilities."""
        layer = self(parent)
        return layer.logits_given(layer.fed_means)

    def mean_given(self, parent: Float[Array, "*lead parents"] | None) -> Float[Array, "*#lead units"]:
        """Return the probability of each unit where those before it are at theirs: a guess at the mean."""
        return self(parent).fed_means

    def unit_means(self, layer: dist.Distribution, drawn: Float[Array, "*lead units"]) -> Float[Array, "*#lead units"]:
        """Return the probability of each unit given those drawn before it."""
        return jax.nn.sigmoid(layer.logits_given(drawn))  # pyright: ignore[reportAttributeAccessIssue]

    def unit_parameters(
        self, parent: Float[Array, "*lead parents"] | None, drawn: Float[Array, "*#lead units"]
    ) -> Float[Array, "*#lead parameters"]:
        """Return the logit of each unit given those drawn before it."""
        return self(parent).logits_given(drawn)

    def offset_by(self, offset: Float[Array, "*#lead parameters"]) -> AbstractConditional:
        """Return the layer with something added to what the parent says."""
        return dataclasses.replace(self, base=self.base.offset_by(offset))

    def expected_log_prob(
        self, parent: Float[Array, "*#lead parents"] | None, q: dist.Distribution, drawn: Float[Array, "*#lead units"]
    ) -> Float[Array, "*#lead"]:
        """Return log p(h | parent) at the draw, in nats: there is no closed form."""
        return jnp.asarray(self(parent).log_prob(drawn))

    @abstractmethod
    def __call__(self, parent: Float[Array, "*lead parents"] | None) -> Autoregressive:
        """Return the layer's distribution."""


class LogisticAutoregression(AbstractAutoregressiveLayer):
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

    base: AbstractConditional
    weight: Float[Array, "_ _"]

    def __check_init__(self):
        _check_shape("weight", self.weight, (self.num_units, self.num_units))

    def __call__(self, parent: Float[Array, "*lead parents"] | None) -> LinearAutoregressive:
        """Return the layer's distribution."""
        return LinearAutoregressive(self.base.parameters_given(parent), jnp.asarray(self.weight))


class NADE(AbstractAutoregressiveLayer):
    """A layer whose logits depend on the units before through sigmoid hidden units, which see the parent too.

    Args:
        base: The layer as it would be without: its logits are what the parent says.
        inputs: From each unit to the hidden units, `[units, hidden]`.
        outputs: From the hidden units to each logit, `[units, hidden]`.
        bias: Biases of the hidden units, `[hidden]`.
        hidden: What the parent, as the base sees it, says to the hidden units; None where there is no parent.

    Raises:
        ValueError: If the base does not have binary units, or a shape does not fit.

    Reference:
        Larochelle & Murray 2011, *The neural autoregressive distribution estimator*; with a parent, Bornschein & Bengio
        2015, *Reweighted wake-sleep*.
    """

    base: AbstractConditional
    inputs: Float[Array, "_ _"]
    outputs: Float[Array, "_ _"]
    bias: Float[Array, " hidden"]
    hidden: AbstractNetwork | None = None

    def __check_init__(self):
        num_parents = None if self.hidden is None else self.hidden.num_inputs
        if num_parents != self.num_parents:
            raise ArgumentError(
                f"expected hidden units of a NADE that see {self.num_parents} parents, as its base does, got "
                f"{num_parents}",
                "a network of the parent, or none where there is no parent",
            )
        if self.hidden is not None and self.hidden.num_outputs != len(self.bias):
            raise ArgumentError(
                f"expected a network with {len(self.bias)} outputs, one per hidden unit, got {self.hidden.num_outputs}",
                "as many biases",
            )
        for name in ("inputs", "outputs"):
            _check_shape(name, getattr(self, name), (self.num_units, len(self.bias)))

    def __call__(self, parent: Float[Array, "*lead parents"] | None) -> NADELayer:
        """Return the layer's distribution."""
        hidden = jnp.asarray(self.bias)
        if self.hidden is not None:
            assert parent is not None
            hidden += self.hidden(self.seen(parent))
        base = self.base.parameters_given(parent)
        return NADELayer(base, hidden, jnp.asarray(self.inputs), jnp.asarray(self.outputs))


def _check_shape(name: str, array: Array, shape: tuple[int, int]) -> None:
    if array.shape != shape:
        raise ArgumentError(f"expected {name} of shape {shape}, got {array.shape}", "zeros of that shape")
