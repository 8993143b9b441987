"""Every member of every family, by name: what the laws run over.

Adding an estimator, a net or a proposal means adding a line here; the line states its claim.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from beliefnet import BeliefNet
from beliefnet.baselines import InputBaseline, Moments, NoBaseline, Order, RunningMoments
from beliefnet.conditionals import MLP, Centred, Conditional, Dense, Feedforward, Prior
from beliefnet.distributions import bernoulli
from beliefnet.estimators import NVIL, Estimator, Signal
from beliefnet.nets import sigmoid_belief_net
from beliefnet.proposals import Proposal, Recognition

MEAN = jnp.array([0.3, 0.6, 0.5])
OBSERVATIONS = jnp.array([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0], [1.0, 1.0, 0.0]])


def randomise(tree: Any, scale: float = 0.7) -> Any:
    """Move every parameter by a normal step, so that no symmetry of an initialisation hides a mistake."""
    leaves, structure = jax.tree.flatten(tree)
    keys = jax.random.split(jax.random.key(3), len(leaves))
    moved = [leaf + scale * jax.random.normal(key, leaf.shape) for leaf, key in zip(leaves, keys, strict=True)]
    return structure.unflatten(moved)


def small_net(*hidden: int) -> BeliefNet:
    return randomise(sigmoid_belief_net(3, hidden, key=jax.random.key(0), input_mean=MEAN, visible_mean=MEAN))


NETS: dict[str, Callable[[], BeliefNet]] = {
    "one layer": lambda: small_net(3),
    "two layers": lambda: small_net(2, 3),
    "three layers": lambda: small_net(2, 2, 2),
}

CONDITIONALS: dict[str, Callable[[], Conditional]] = {
    "dense": lambda: randomise(Feedforward(Dense(2, 3, key=jax.random.key(0)), bernoulli)),
    "centred": lambda: randomise(Feedforward(Centred(Dense(2, 3, key=jax.random.key(0)), MEAN[:2]), bernoulli)),
    "mlp": lambda: randomise(Feedforward(MLP((2, 4, 3), jnp.tanh, key=jax.random.key(0)), bernoulli)),
    "prior": lambda: randomise(Prior(jnp.zeros(3), bernoulli)),
}

PROPOSALS: dict[str, Callable[[], Proposal]] = {"recognition": Recognition}


@dataclass(frozen=True)
class EstimatorCase:
    """An estimator and what it claims to estimate.

    Attributes:
        make: Builds it for a net.
        state: The state at which the claim holds; statistics are frozen there.
        num_particles: K of the bound L_K whose gradient is claimed; None for the ELBO.
        phi_scale: What the recognition gradient of each layer is multiplied by, as a function of the state and of the
            number of draws in the batch; 1 where the claim is unbiasedness.
    """

    make: Callable[[BeliefNet], Estimator]
    state: Callable[[BeliefNet], Any]
    num_particles: int | None = None
    phi_scale: Callable[[Any, int], Any] = lambda state, num_draws: jnp.ones(1)


def frozen_moments(net: BeliefNet) -> Moments:
    """Means near the size of the signal and variances that make the scale differ between layers."""
    layers = jnp.arange(1.0, 1 + len(net.layer_sizes))
    return Moments(-3.0 + 0.5 * layers, 1.5 * layers)


def one_pair(net: BeliefNet) -> Moments:
    return Moments(jnp.array([-2.5]), jnp.array([2.5]))


def nvil(net: BeliefNet, **changes: Any) -> NVIL:
    estimator = NVIL(net, key=jax.random.key(1), **changes)
    return randomise(estimator, scale=0.3)


def first(**changes: Any) -> RunningMoments:
    return RunningMoments(order=Order.STATISTICS_FIRST, **changes)


def inverse_deviation(state: Moments, num_draws: int) -> Any:
    return 1 / jnp.maximum(1, jnp.sqrt(state.variance))


def shrinkage(state: Moments, num_draws: int) -> float:
    return 1 - (1 - 0.8) / num_draws


ESTIMATORS: dict[str, EstimatorCase] = {
    "nvil, not normalised": EstimatorCase(lambda net: nvil(net, moments=first(normalise=False)), frozen_moments),
    "nvil, two draws": EstimatorCase(
        lambda net: nvil(net, num_particles=2, moments=first(normalise=False)), frozen_moments
    ),
    "nvil, not centred": EstimatorCase(
        lambda net: nvil(net, moments=first(centre=False, normalise=False)), frozen_moments
    ),
    "nvil, no baseline": EstimatorCase(
        lambda net: nvil(net, baseline=NoBaseline(), moments=first(normalise=False)), frozen_moments
    ),
    "nvil, one baseline": EstimatorCase(
        lambda net: nvil(
            net, baseline=InputBaseline(net, key=jax.random.key(2)), moments=first(normalise=False, per_layer=False)
        ),
        one_pair,
    ),
    "nvil, whole signal": EstimatorCase(
        lambda net: nvil(net, signal=Signal.WHOLE, moments=first(normalise=False)), frozen_moments
    ),
    "nvil, normalised": EstimatorCase(
        lambda net: nvil(net, moments=first()), frozen_moments, phi_scale=inverse_deviation
    ),
    "nvil, paper order": EstimatorCase(
        lambda net: nvil(net, moments=RunningMoments(normalise=False)), frozen_moments, phi_scale=shrinkage
    ),
}
