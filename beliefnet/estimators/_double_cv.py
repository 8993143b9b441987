"""REINFORCE with two control variates."""

import math
from typing import ClassVar

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from beliefnet._errors import ArgumentError
from beliefnet._naming import named
from beliefnet._net import BeliefNet
from beliefnet._numerics import leave_one_out_sum
from beliefnet._types import Key
from beliefnet.distributions import UnitKind
from beliefnet.estimators._driver_units import AbstractUnitEstimator, Layer, LayerCredit
from beliefnet.estimators.rules import SurrogateTerm


@named("double-cv")
class DoubleCV(AbstractUnitEstimator):
    """Leave-one-out REINFORCE with first-order expansions at the other draws as a second control variate.

        c_k = slope_k (h_k - m_k),    d_k = F(h_k) - s c_k
        score of particle k = (d_k - mean over j != k of d_j) / K,    s slope_k / K weighs grad of the layer's mean m_k

    with F the local signal, and slope_k the mean over the other draws j != k of F'(h_j), the layers above being as they
    were drawn. What an expansion explains goes through the mean, which has a derivative; and it takes noise from the
    baseline of the others. Unbiased for the ELBO, for layers of any kind that have a differentiable mean, whatever the
    scale s of each layer is; it is learnt by descending the squared weight of the score (`estimator_learning_rate` in
    training). Costs K passes down and up, differentiated by the draws as well; nothing more is drawn.

    Args:
        net: The net to be trained.
        num_particles: Draws per datum, K, at least 2.
        scale: At the start; 0 leaves `Reinforce`.

    Raises:
        ValueError: If there are fewer than two particles, `scale` is not finite, or a layer has no differentiable mean.

    Reference:
        Titsias & Shi 2022, *Double control variates for gradient estimation in discrete latent variable models*.
    """

    kinds: ClassVar[frozenset[UnitKind]] = frozenset({UnitKind.BINARY, UnitKind.ONE_HOT, UnitKind.CONTINUOUS})
    least_particles: ClassVar[int] = 2
    scale: Float[Array, " layers"]

    def __init__(self, net: BeliefNet, num_particles: int = 4, *, scale: float = 0.5):
        if not math.isfinite(scale):
            raise ArgumentError(f"expected DoubleCV to have a finite {{option}}, got {scale}", "0.5", option="scale")
        self.scale = jnp.full(len(net.layer_sizes), scale)
        AbstractUnitEstimator.__init__(self, net, num_particles)

    @property
    def num_layers(self) -> int:
        """Those that it was made for."""
        return len(self.scale)

    def layer_credit(self, layer: Layer, *, key: Key) -> LayerCredit:
        """Credit the score with what the expansions leave, and the mean with the expansions."""
        num_others = self.num_particles - 1
        mean = jnp.asarray(layer.distribution.mean)
        slope = leave_one_out_sum(layer.slope) / num_others
        expansion = jnp.sum(slope * (layer.value - jax.lax.stop_gradient(mean)), axis=-1)
        left = layer.signal - self.scale[layer.index] * expansion
        rest = left - leave_one_out_sum(left) / num_others
        score = SurrogateTerm(rest / self.num_particles, jnp.asarray(layer.distribution.log_prob(layer.value)))
        explained = SurrogateTerm(self.scale[layer.index] * slope / self.num_particles, mean)
        return LayerCredit((score, explained), -0.5 * jnp.mean(rest**2))
