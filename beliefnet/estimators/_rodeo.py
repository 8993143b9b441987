"""REINFORCE with control variates from a discrete Stein operator."""

import math
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from beliefnet._errors import ArgumentError
from beliefnet._naming import named
from beliefnet._net import BeliefNet
from beliefnet._numerics import leave_one_out_sum
from beliefnet._streams import split_key
from beliefnet._types import Key
from beliefnet.conditionals import MLP
from beliefnet.distributions import UnitKind
from beliefnet.estimators._driver_units import AbstractUnitEstimator, Layer, LayerCredit
from beliefnet.estimators.rules import SurrogateTerm


@named("rodeo")
class RODEO(AbstractUnitEstimator):
    """Leave-one-out REINFORCE with control variates from the Stein operator of Gibbs sampling.

        (A g)(h) = sum over units i of q(other value of i) (g(h with unit i flipped) - g(h)),    E[A g] = 0
        score of particle k = F(h_k) - mean over j != k of (F + s A g_j)(h_j), and t A(g_k grad log q)(h_k) is added

    with F the local signal. The surrogates g_k are functions of two numbers that the other draws give: an expansion of
    F at them, and the mean of their F. They start as the expansion itself and learn a network's addition to it; scales
    s and t are learnt with it, by descending the second moment of the estimate by the layer's logits. Unbiased for the
    ELBO, for binary layers, whatever is learnt. Costs K passes down and up, differentiated by the draws as well, and
    the network once for each unit; nothing more is drawn.

    Args:
        net: The net to be trained.
        num_particles: Draws per datum, K, at least 2.
        key: Random key for the networks' weights.
        scale: Multiple of both control variates at the start; 0 leaves `Reinforce`.
        num_units: Leaky rectified units in the hidden layer of each network; its output starts at zero.

    Raises:
        ValueError: If there are fewer than two particles, `num_units` is not positive, `scale` is not finite, or a
            layer is not binary.

    Reference:
        Shi, Zhou, Hwang, Titsias & Mackey 2022, *Gradient estimation with discrete Stein operators*.
    """

    kinds: ClassVar[frozenset[UnitKind]] = frozenset({UnitKind.BINARY})
    least_particles: ClassVar[int] = 2
    scale: Float[Array, "layers 2"]
    networks: tuple[MLP, ...]

    def __init__(self, net: BeliefNet, num_particles: int = 4, *, key: Key, scale: float = 0.25, num_units: int = 100):
        if not math.isfinite(scale):
            raise ArgumentError(f"expected RODEO to have a finite {{option}}, got {scale}", "0.25", option="scale")
        if num_units < 1:
            raise ArgumentError(f"expected {{option}} of at least 1, got {num_units}", "100", option="num_units")
        # The operator doubles what is of second order, which most of the noise of the score is.
        self.scale = jnp.tile(jnp.array([scale, scale / 2]), (len(net.layer_sizes), 1))
        networks = (MLP((2, num_units, 2), jax.nn.leaky_relu, key=k) for k in split_key(key, len(net.layer_sizes)))
        self.networks = tuple(
            eqx.tree_at(lambda n: n.layers[-1].weight, network, replace_fn=jnp.zeros_like) for network in networks
        )
        AbstractUnitEstimator.__init__(self, net, num_particles)

    @property
    def num_layers(self) -> int:
        """Those that it was made for."""
        return len(self.scale)

    def layer_credit(self, layer: Layer, *, key: Key) -> LayerCredit:
        """Credit logits, and let the control variates descend the second moment of that credit."""
        scale, value = self.scale[layer.index], layer.value
        score = value - jax.nn.sigmoid(layer.held_logits)
        flipped, surrogate = self._surrogates(layer)
        rate = jnp.abs(score)[..., None]  # the probability of the other value
        change = jnp.sum(rate * (flipped - surrogate[..., None, :]), axis=-2)
        calm = layer.signal + scale[0] * change[..., 0]
        rest = layer.signal - leave_one_out_sum(calm) / (self.num_particles - 1)
        # A flip changes the score of its own unit by 1 or -1.
        stein = change[..., 1:] * score + rate[..., 0] * flipped[..., 1] * (1 - 2 * value)
        amount = rest[..., None] * score + scale[1] * stein
        ascent = -jnp.mean(jnp.sum(amount.mean(axis=0) ** 2, axis=-1))
        return LayerCredit((SurrogateTerm(amount / self.num_particles, layer.logits),), ascent)

    def _surrogates(
        self, layer: Layer
    ) -> tuple[Float[Array, "particles batch units 2"], Float[Array, "particles batch 2"]]:
        """Both surrogates of each particle with each unit flipped, and as it was drawn."""
        slope, num_others = layer.slope, self.num_particles - 1
        own_slope = leave_one_out_sum(slope) / num_others
        constant = leave_one_out_sum(jnp.sum(slope * layer.value, axis=-1)) / num_others
        level = leave_one_out_sum(layer.signal) / num_others

        def surrogate(expansion: Array, level: Array) -> Array:
            inputs = jnp.stack([expansion, jnp.broadcast_to(level, expansion.shape)], axis=-1)
            return expansion[..., None] + self.networks[layer.index](inputs)

        expansion = jnp.sum(own_slope * layer.value, axis=-1) - constant
        steps = expansion[..., None] + own_slope * (1 - 2 * layer.value)
        return surrogate(steps, level[..., None]), surrogate(expansion, level)
