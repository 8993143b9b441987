"""Estimators from antithetic pairs of draws."""

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from beliefnet._naming import named
from beliefnet._net import BeliefNet
from beliefnet._numerics import leave_one_out_log_sum_exp
from beliefnet._types import Key
from beliefnet.distributions import UnitKind
from beliefnet.estimators._driver_units import AbstractUnitEstimator, Layer, LayerCredit
from beliefnet.estimators.rules import EXCESS, SurrogateTerm
from beliefnet.samplers import Plain


class _Pair(eqx.Module):
    """A layer's draw and its antithetic partner, which comes from the mirrored uniform numbers.

    Attributes:
        uniforms: The numbers u with h = 1[u < p], drawn given h.
        partner: 1[1 - u < p].
        gain: What the partner brings beyond the draw, in nats.
    """

    uniforms: Float[Array, "particles batch units"]
    partner: Float[Array, "particles batch units"]
    gain: Float[Array, "particles batch"]

    @classmethod
    def draw(cls, layer: Layer, *, key: Key) -> "_Pair":
        """Draw the partner of a layer's value, and the layers above it."""
        uniform_key, above_key = jax.random.split(key)
        p = jax.nn.sigmoid(layer.held_logits)
        v = jax.random.uniform(uniform_key, p.shape)
        u = jnp.where(layer.value > 0.5, v * p, p + v * (1 - p))
        partner = (1 - u < p).astype(p.dtype)
        return cls(u, partner, layer.signal_of(partner, key=above_key, sampler=Plain()) - layer.signal)

    def differing(self, layer: Layer) -> Float[Array, "particles batch units"]:
        """The slope that DisARM gives each unit: sigmoid(|logit|) / 2 where the two differ, towards the partner."""
        return 0.5 * (self.partner - layer.value) * jax.nn.sigmoid(jnp.abs(layer.held_logits))


@named("arm")
class ARM(AbstractUnitEstimator):
    """Augment-REINFORCE-merge: each layer's logits are credited by an antithetic pair of draws.

        (F(1[u > 1 - p]) - F(1[u < p])) (u - 1/2)

    with F the local signal. Unbiased for the ELBO, for binary layers. Costs, beside K passes, one pass through the rest
    of the net per layer and particle.

    Reference:
        Yin & Zhou 2019, *ARM: augment-REINFORCE-merge gradient for stochastic binary networks*.
    """

    kinds: ClassVar[frozenset[UnitKind]] = frozenset({UnitKind.BINARY})

    def __init__(self, net: BeliefNet, num_particles: int = 1):
        AbstractUnitEstimator.__init__(self, net, num_particles)

    def layer_credit(self, layer: Layer, *, key: Key) -> LayerCredit:
        """Credit logits with the difference that the pair makes."""
        pair = _Pair.draw(layer, key=key)
        amount = pair.gain[..., None] * (pair.uniforms - 0.5)
        return LayerCredit((SurrogateTerm(amount / self.num_particles, layer.logits),))


@named("disarm")
class DisARM(AbstractUnitEstimator):
    """DisARM, also known as U2G: ARM with the uniform numbers integrated out.

        (F(h') - F(h)) (h' - h) sigmoid(|logit|) / 2

    with h' the antithetic partner of the draw h. It is the expectation of `ARM` given both draws, so unbiased for the
    ELBO and never of larger variance, at the same cost. For binary layers.

    Reference:
        Dong, Mnih & Tucker 2020, *DisARM: an antithetic gradient estimator for binary latent variables*; Yin, Ho, Yan,
        Qian & Zhou 2020, *Probabilistic best subset selection via gradient-based optimization* (U2G).
    """

    kinds: ClassVar[frozenset[UnitKind]] = frozenset({UnitKind.BINARY})

    def __init__(self, net: BeliefNet, num_particles: int = 1):
        AbstractUnitEstimator.__init__(self, net, num_particles)

    def layer_credit(self, layer: Layer, *, key: Key) -> LayerCredit:
        """Credit the logits of units that differ between the two."""
        pair = _Pair.draw(layer, key=key)
        amount = pair.gain[..., None] * pair.differing(layer)
        return LayerCredit((SurrogateTerm(amount / self.num_particles, layer.logits),))


@named("multi-sample-disarm")
class MultiSampleDisARM(AbstractUnitEstimator):
    """DisARM for the K-particle bound: each particle's pair, with the other particles as they are.

    The gain of particle k is the change of L_K when its draw gives way to the partner, averaged over two surroundings:
    the draws of the others, and their partners. What L_K depends on through log q itself has the weight 1/K - w~, the
    1/K being a constant that takes noise away and no mean.
    Unbiased for L_K, for binary layers; with one particle it is `DisARM`. Costs as `DisARM`.

    Reference:
        Dong, Mnih & Tucker 2020, *DisARM: an antithetic gradient estimator for binary latent variables*, section 3.2.
    """

    kinds: ClassVar[frozenset[UnitKind]] = frozenset({UnitKind.BINARY})
    rule = EXCESS

    def __init__(self, net: BeliefNet, num_particles: int = 5):
        AbstractUnitEstimator.__init__(self, net, num_particles)

    def layer_credit(self, layer: Layer, *, key: Key) -> LayerCredit:
        """Credit logits with what the bound gains from the partner."""
        pair = _Pair.draw(layer, key=key)
        drawn = layer.trace.log_weight
        swapped = drawn + pair.gain
        surroundings = jnp.stack([leave_one_out_log_sum_exp(drawn), leave_one_out_log_sum_exp(swapped)])
        gain = jnp.mean(jnp.logaddexp(surroundings, swapped) - jnp.logaddexp(surroundings, drawn), axis=0)
        return LayerCredit((SurrogateTerm(gain[..., None] * pair.differing(layer), layer.logits),))
