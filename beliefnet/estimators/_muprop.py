"""MuProp."""

from typing import ClassVar

import jax
import jax.numpy as jnp

from beliefnet._naming import named
from beliefnet._net import BeliefNet
from beliefnet._types import Key
from beliefnet.distributions import UnitKind
from beliefnet.estimators._driver_units import AbstractUnitEstimator, Layer, LayerCredit
from beliefnet.estimators.rules import SurrogateTerm
from beliefnet.samplers import MeanPassing


@named("muprop")
class MuProp(AbstractUnitEstimator):
    """The score function with a first-order expansion of the mean-field net as its control variate.

        score = F(h) - F(m) - F'(m) (h - m),    F'(m) weighs grad of the layer's mean

    with m the layer means of a deterministic pass that feeds means upward, and F the local signal. Unbiased for the
    ELBO, for layers of any kind that have a differentiable mean. Costs, beside K passes, one mean-field pass per layer
    and datum. `NVIL`'s baselines are not included.

    Reference:
        Gu, Levine, Sutskever & Mnih 2016, *MuProp: unbiased backpropagation for stochastic neural networks*.
    """

    kinds: ClassVar[frozenset[UnitKind]] = frozenset({UnitKind.BINARY, UnitKind.ONE_HOT, UnitKind.CONTINUOUS})

    def __init__(self, net: BeliefNet, num_particles: int = 1):
        AbstractUnitEstimator.__init__(self, net, num_particles)

    def layer_credit(self, layer: Layer, *, key: Key) -> LayerCredit:
        """Credit the score with what the expansion leaves, and the mean with the expansion."""
        x = layer.trace.values[0]
        means = (x, *layer.net.recognition.means(x))
        below, mean = means[layer.index : layer.index + 2]

        def mean_field(value):
            return layer.signal_of(value, below=below, sampler=MeanPassing(), key=key)

        constant, pull_back = jax.vjp(mean_field, mean)
        (slope,) = pull_back(jnp.ones_like(constant))
        rest = layer.signal - constant - ((layer.value - mean) * slope).sum(axis=-1)
        score = SurrogateTerm(rest / self.num_particles, jnp.asarray(layer.distribution.log_prob(layer.value)))
        share = jnp.broadcast_to(slope / self.num_particles, layer.value.shape)
        expansion = SurrogateTerm(share, jnp.asarray(layer.distribution.mean))
        return LayerCredit((score, expansion))
