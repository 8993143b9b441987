"""MuProp."""

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp

from beliefnet._naming import named
from beliefnet._net import BeliefNet
from beliefnet._types import Key
from beliefnet.distributions import Kind
from beliefnet.estimators._credit import SurrogateTerm
from beliefnet.estimators._units import Layer, LayerCredit, UnitEstimator, check_units
from beliefnet.samplers import MeanPassing


@named("muprop")
class MuProp(UnitEstimator):
    """The score function with a first-order expansion of the mean-field net as its control variate.

        score = F(h) - F(m) - F'(m) (h - m),    and F'(m) pays the layer's mean

    with m the layer means of a deterministic pass that feeds means upward, and F the local signal. Unbiased for the
    ELBO, for layers of any kind that have a differentiable mean. Costs, beside K passes, one mean-field pass per layer
    and datum. `NVIL`'s baselines are not included.

    Reference:
        Gu, Levine, Sutskever & Mnih 2016, *MuProp: unbiased backpropagation for stochastic neural networks*.
    """

    kinds: ClassVar[frozenset[Kind]] = frozenset({Kind.BINARY, Kind.ONE_HOT, Kind.CONTINUOUS})
    num_particles: int = eqx.field(static=True)

    def __init__(self, net: BeliefNet, num_particles: int = 1):
        check_units(self, net, num_particles)
        self.num_particles = num_particles

    @property
    def bound_particles(self) -> int:
        """1: it climbs the ELBO."""
        return 1

    def pay(self, layer: Layer, *, key: Key) -> LayerCredit:
        """Pay what the expansion leaves to the score, and the expansion to the mean."""
        x = layer.trace.values[0]
        means = (x, *layer.net.encode(x))
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
