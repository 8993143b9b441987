"""A weight on the KL divergence in the objective of any estimator, with a schedule."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Float, Int

from beliefnet._chain import Chain
from beliefnet._net import BeliefNet
from beliefnet._numerics import broadcasting
from beliefnet._types import Key
from beliefnet.conditionals import Weighted
from beliefnet.estimators._base import AbstractEstimator, Estimate

_LEAST_WEIGHT, _LEAST_SHARE = 1e-3, 1e-2
_CHANGE = 1.03
"""The factor by which one step changes the share that free nats leave of the weight."""
_TOLERANCE = 1.05


class KLSchedule(eqx.Module):
    """How much the KL divergence counts in the objective E_q[log p(x | h1)] - weight * KL(q(h | x) || p(h)).

    The weight rises from zero to one in the first steps, so that a decoder learns to use the latents before the prior
    pulls them away (Bowman et al. 2016; Sønderby et al. 2016). Free nats are a divergence that costs nothing: while it
    is smaller, the weight falls step by step, and rises again where it is larger ("soft free bits", Chen et al. 2017).

    Attributes:
        warm_up: Steps in which the weight rises to one.
        free_nats: Divergence of a datum that costs nothing, in nats; of all layers together.
        has_free_nats: Whether there are any.
    """

    warm_up: Float[Array, ""]
    free_nats: Float[Array, ""]
    has_free_nats: bool = eqx.field(static=True)

    def weight(self, step: Int[Array, ""], share: Float[Array, ""]) -> Float[Array, ""]:
        """Return the weight of a step, in (0, 1]; never quite zero.

        Args:
            step: Steps before it.
            share: What free nats have left of the weight so far.
        """
        rising = jnp.minimum((step + 1) / jnp.maximum(self.warm_up, 1), 1.0)
        return jnp.maximum(rising * share, _LEAST_WEIGHT)

    def next_share(
        self, net: BeliefNet, x: Float[Array, "batch visible"], share: Float[Array, ""], *, key: Key
    ) -> Float[Array, ""]:
        """Return what free nats leave of the weight after a batch, in (0, 1]; one draw per datum tells."""
        if not self.has_free_nats:
            return share
        divergence = kl_divergence(net, x, key=key).mean()
        moved = jnp.where(divergence > _TOLERANCE * self.free_nats, share * _CHANGE, share)
        moved = jnp.where(divergence < self.free_nats, share / _CHANGE, moved)
        return jnp.clip(moved, _LEAST_SHARE, 1.0)


@broadcasting
def kl_divergence(net: BeliefNet, x: Float[Array, "batch visible"], *, key: Key) -> Float[Array, " batch"]:
    """Return log q(h | x) - log p(h) of one draw per datum, whose mean is KL(q(h | x) || p(h)), in nats."""
    drawn = net.infer(x, 1, key=key)
    prior = Chain(net.generative.conditionals[:-1]).log_probs(net.split(x)[0], drawn.values[::-1])
    return (drawn.log_probs.sum(axis=-1) - prior.sum(axis=-1))[0]


def with_kl_weight(
    estimator: AbstractEstimator,
    net: BeliefNet,
    x: Float[Array, "batch visible"],
    state: Any,
    weight: Array,
    *,
    key: Key,
) -> Estimate:
    """Estimate the gradient of an objective in which the KL divergence counts by a weight.

    It is the weight times the estimator's own objective for a net whose log p(x | h1) is divided by the weight: for the
    ELBO that is E_q[log p(x | h1)] - weight * KL(q(h | x) || p(h)), so that every estimator, with its rules, baselines
    and proposals, has one; that of a K-particle bound is weight * log-mean-exp_k(f_k), with f_k in that net. What is
    learnt of dreams (the sleep phase) stays as it is, up to the factor.

    Args:
        estimator: Any.
        net: The net at which the gradient is taken.
        x: Observations, `[batch, visible]`.
        state: The estimator's state.
        weight: Of the KL divergence, above 0.
        key: Random key for the estimate.

    Returns:
        The estimate: gradient of the net, objective in nats per example. The gradient of the estimator's own parameters
        is not scaled.
    """
    weight = lax.stop_gradient(jnp.asarray(weight))
    bottom = net.generative.conditionals[-1]
    weighted = eqx.tree_at(_bottom, net, Weighted(bottom, 1 / weight))
    estimate = estimator.estimate(weighted, x, state, key=key)
    gradient = eqx.tree_at(_bottom, estimate.net, _bottom(estimate.net).conditional)
    scaled = jax.tree.map(lambda leaf: weight * leaf, gradient)
    return Estimate(scaled, estimate.estimator, estimate.state, weight * estimate.objective)


def _bottom(net: BeliefNet) -> Any:
    return net.generative.conditionals[-1]
