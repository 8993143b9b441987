"""Conditionals whose parameters are a deterministic function of the parent layer."""

import equinox as eqx
import jax.numpy as jnp
import numpyro.distributions as dist
from jax import Array
from jaxtyping import Float

from beliefnet._errors import ArgumentError, check_type
from beliefnet._numerics import dense_bernoulli
from beliefnet.conditionals._base import AbstractConditional, AbstractWrapper
from beliefnet.conditionals._networks import AbstractNetwork, Dense
from beliefnet.conditionals._views import AbstractView, AsIs
from beliefnet.distributions import AbstractFamily, bernoulli
from beliefnet.native._scores import bernoulli_scores

_FAMILIES = "distributions.bernoulli, normal or categorical(10)"


class Feedforward(AbstractConditional):
    """A layer whose units are independent given its parent: a network computes the parameters of a family.

    parameters = network(view(parent)) + bias

    Args:
        network: From what is seen of the parent to the parameters.
        family: The family of the layer's units.
        view: How the parent is seen: `AsIs`, `Centred`, `Signs` or `LogCounts`.
        bias: Added to what the network gives, `[parameters]`; None where the network has biases of its own.

    Raises:
        ValueError: If the family has no layer with as many parameters as the network gives, or there is not one bias
            for each.
        TypeError: If the family is none.

    Examples:
        >>> import jax
        >>> from beliefnet.conditionals import Dense, Signs
        >>> from beliefnet.distributions import bernoulli
        >>> layer = Feedforward(Dense(5, 3, key=jax.random.key(0)), bernoulli, Signs())
        >>> layer(jax.numpy.ones((2, 5))).mean.shape
        (2, 3)
    """

    network: AbstractNetwork
    family: AbstractFamily = eqx.field(static=True)
    view: AbstractView = AsIs()
    bias: Float[Array, " parameters"] | None = None

    def __check_init__(self):
        check_type("family", self.family, AbstractFamily, good=_FAMILIES)
        self.family.num_units(self.network.num_outputs)
        if self.bias is not None and self.bias.shape != (self.network.num_outputs,):
            raise ArgumentError(
                f"expected {self.network.num_outputs} biases, one per output of the network, got shape "
                f"{self.bias.shape}",
                f"jax.numpy.zeros({self.network.num_outputs})",
            )

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

    @property
    def centre(self) -> Float[Array, "*#parents"] | None:
        """The centre of the view."""
        return self.view.centre

    @property
    def needs_every_unit(self) -> bool:
        """Whether the units are bits."""
        return type(self) is Feedforward and self.family == bernoulli

    @property
    def marks_missing(self) -> bool:
        """That of the network."""
        return self.network.marks_missing

    @property
    def whole(self) -> "AbstractConditional":
        """The layer with all of its units, where it is one that was observed in part."""
        return self

    def seen(self, parent: Float[Array, "*lead parents"]) -> Float[Array, "*lead parents"]:
        """Return what the view shows of the parent."""
        return self.view(parent)

    def parameters_given(self, parent: Float[Array, "*lead parents"] | None) -> Float[Array, "*#lead parameters"]:
        """Return what the network gives, plus the bias."""
        assert parent is not None
        network = self.network if self.view.may_show_bits else self.network.of_reals
        given = network(self.seen(parent))
        return given if self.bias is None else given + self.bias

    def log_prob_given(
        self, parent: Float[Array, "*#lead parents"] | None, value: Float[Array, "*#lead units"]
    ) -> Float[Array, "*lead"]:
        """Return log p(value | parent) of all units together, in nats; of many bits in C, where that can be."""
        assert parent is not None
        scores = None
        is_of_bits = self.family == bernoulli and self.view.may_show_bits
        if type(self) is Feedforward and type(self.network) is Dense and is_of_bits:
            weight = self.network.weight
            biases = [bias for bias in (self.network.bias, self.bias) if bias is not None]
            bias = sum(biases, jnp.zeros(weight.shape[1:], weight.dtype))
            operands = (self.seen(parent), weight, bias, jnp.asarray(value, float))
            scores = bernoulli_scores(*operands, by_xla=dense_bernoulli)
        return super().log_prob_given(parent, value) if scores is None else scores

    def __call__(self, parent: Float[Array, "*lead parents"] | None) -> dist.Distribution:
        """Return the family at these parameters."""
        return self.family(self.parameters_given(parent))


class Seen(AbstractWrapper):
    """A layer whose parent is known: what its network makes of that is computed once, however often it is asked for.

    Where a value is both drawn from the layer and scored under it, the weights' gradient is one product instead of two.

    Args:
        conditional: The layer, of units that are independent given its parent.
        parent: The value of its parent, `[batch, parents]`; any other is ignored.
    """

    conditional: AbstractConditional
    parameters: Float[Array, "batch parameters"]

    def __init__(self, conditional: AbstractConditional, parent: Float[Array, "batch parents"]):
        self.conditional, self.parameters = conditional, conditional.parameters_given(parent)

    def parameters_given(self, parent: Float[Array, "*lead parents"] | None) -> Float[Array, "batch parameters"]:
        """Return the parameters."""
        return self.parameters

    def __call__(self, parent: Float[Array, "*lead parents"] | None) -> dist.Distribution:
        """Return the family at the parameters."""
        return self.units(self.parameters)


class Prior(AbstractConditional):
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
        check_type("family", self.family, AbstractFamily, good=_FAMILIES)
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
