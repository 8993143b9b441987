"""Exact values and gradients of small nets, from every joint state of the latent layers.

This is the judge of the library: every estimator and proposal is tested against it, and it is public so that users
can do the same on their own small nets.
"""

import itertools
import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.special import logsumexp
from jaxtyping import Float

from beliefnet._net import BeliefNet
from beliefnet._numerics import broadcasting, log_mean_exp
from beliefnet.distributions import UnitKind
from beliefnet.evaluation._enumerate import enumerate_latents

_MAX_SETS = 2_000_000
_MAX_NUMBERS = 2**27


@eqx.filter_jit
@broadcasting
def exact_log_likelihood(net: BeliefNet, x: Float[Array, "batch visible"]) -> Float[Array, " batch"]:
    """Return log p(x) of each datum, in nats.

    Raises:
        ValueError: If a latent layer is not discrete, or there are too many states.
    """
    _check_discrete(net)
    return logsumexp(enumerate_latents(net, x).log_p, axis=0)


@eqx.filter_jit
@broadcasting
def exact_posterior(net: BeliefNet, x: Float[Array, "batch visible"]) -> Float[Array, "states batch"]:
    """Return p(h | x) of every joint state, in the order of `enumerate_latents`.

    Raises:
        ValueError: If a latent layer is not discrete, or there are too many states.
    """
    _check_discrete(net)
    return jax.nn.softmax(enumerate_latents(net, x).log_p, axis=0)


@eqx.filter_jit
@broadcasting
def exact_elbo(net: BeliefNet, x: Float[Array, "batch visible"]) -> Float[Array, " batch"]:
    """Return E_q[log p(x, h) - log q(h | x)] of each datum, in nats."""
    states = enumerate_latents(net, x)
    return jnp.sum(jnp.exp(states.log_mass) * states.log_weight, axis=0)


@eqx.filter_jit
@broadcasting
def exact_bound(net: BeliefNet, x: Float[Array, "batch visible"], num_particles: int) -> Float[Array, " batch"]:
    """Return the K-particle bound L_K = E[log-mean-exp_k (log p(x, h_k) - log q(h_k | x))] of each datum, in nats.

    Every multiset of K states is visited once, weighed by the number of its orderings.

    Raises:
        ValueError: If there are too many multisets (the number grows like states to the power K).
    """
    states = enumerate_latents(net, x)
    num_states = states.log_p.shape[0]
    num_sets = math.comb(num_states + num_particles - 1, num_particles)
    if num_sets > _MAX_SETS or num_sets * num_particles * x.shape[0] > _MAX_NUMBERS:
        raise ValueError(
            f"expected at most {_MAX_SETS} multisets of {num_particles} particles over {num_states} states that fit in "
            f"memory, got {num_sets} for {x.shape[0]} data; try fewer particles, data or latent units"
        )
    members = np.array(list(itertools.combinations_with_replacement(range(num_states), num_particles)))
    log_orderings = np.array([_log_orderings(row) for row in members])[:, None]
    log_mass = states.log_mass[members].sum(axis=1) + log_orderings
    bounds = log_mean_exp(states.log_weight[members], axis=1)
    return jnp.sum(jnp.exp(log_mass) * bounds, axis=0)


@eqx.filter_jit
@broadcasting
def exact_gradient(net: BeliefNet, x: Float[Array, "batch visible"], num_particles: int | None = None) -> BeliefNet:
    """Return the exact gradient of the batch mean of the ELBO, or of L_K where `num_particles` is given.

    Returns:
        The gradient, shaped like the net.
    """

    def objective(net: BeliefNet) -> Float[Array, ""]:
        value = exact_elbo(net, x) if num_particles is None else exact_bound(net, x, num_particles)
        return value.mean()

    return eqx.filter_grad(objective)(net)


def _check_discrete(net: BeliefNet) -> None:
    """Quadrature under q says nothing where the posterior is elsewhere."""
    if UnitKind.CONTINUOUS in net.latent_kinds:
        layer = net.latent_kinds.index(UnitKind.CONTINUOUS) + 1
        raise ValueError(
            f"expected discrete latents, got continuous units in latent layer {layer}; try particle_bounds with many "
            "particles"
        )


def _log_orderings(members: np.ndarray) -> float:
    """Log of the number of orderings of a multiset given as a sorted row."""
    counts = np.unique(members, return_counts=True)[1]
    return math.lgamma(len(members) + 1) - sum(math.lgamma(count + 1) for count in counts)
