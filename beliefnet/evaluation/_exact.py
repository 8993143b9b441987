"""Exact values and gradients of small nets, by enumerating every state of the latent layers.

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
from numpyro.distributions import Independent
from numpyro.distributions.constraints import boolean

from beliefnet._net import BeliefNet
from beliefnet._numerics import log_mean_exp
from beliefnet._types import Values

_MAX_UNITS = 20
_MAX_SETS = 2_000_000


class Enumeration(eqx.Module):
    """Every joint state of the latents, scored for a batch of observations, in nats.

    Attributes:
        latents: One array `[states, 1, units]` per latent layer, bottom first.
        log_p: log p(x, h) of each state, `[states, batch]`.
        log_q: log q(h | x) of each state, `[states, batch]`.
    """

    latents: Values
    log_p: Float[Array, "states batch"]
    log_q: Float[Array, "states batch"]


def enumerate_latents(net: BeliefNet, x: Float[Array, "batch visible"]) -> Enumeration:
    """Score every joint state of a net's binary latents.

    Args:
        net: A net with at most 20 binary latent units in all layers together.
        x: Observations, `[batch, visible]`.

    Raises:
        ValueError: If the net has too many latent units to enumerate, or some that are not binary.
    """
    _check_binary(net, x)
    num_units = sum(net.layer_sizes)
    if num_units > _MAX_UNITS:
        raise ValueError(
            f"expected a net of at most {_MAX_UNITS} latent units to enumerate, got {num_units} in layers "
            f"{net.layer_sizes}; try importance sampling with evaluation.evaluate"
        )
    states = np.array(list(itertools.product((0.0, 1.0), repeat=num_units)), np.float32)[:, None, :]
    ends = np.cumsum(net.layer_sizes)[:-1]
    latents = tuple(jnp.asarray(part) for part in np.split(states, ends, axis=-1))
    log_p = net.log_joint(x, latents).sum(axis=-1)
    return Enumeration(latents, log_p, net.log_recognition(x, latents).sum(axis=-1))


@eqx.filter_jit
def exact_log_likelihood(net: BeliefNet, x: Float[Array, "batch visible"]) -> Float[Array, " batch"]:
    """Return log p(x) of each datum, in nats."""
    return logsumexp(enumerate_latents(net, x).log_p, axis=0)


@eqx.filter_jit
def exact_posterior(net: BeliefNet, x: Float[Array, "batch visible"]) -> Float[Array, "states batch"]:
    """Return p(h | x) of every joint state, in the order of `enumerate_latents`."""
    return jax.nn.softmax(enumerate_latents(net, x).log_p, axis=0)


@eqx.filter_jit
def exact_elbo(net: BeliefNet, x: Float[Array, "batch visible"]) -> Float[Array, " batch"]:
    """Return E_q[log p(x, h) - log q(h | x)] of each datum, in nats."""
    states = enumerate_latents(net, x)
    return jnp.sum(jnp.exp(states.log_q) * (states.log_p - states.log_q), axis=0)


@eqx.filter_jit
def exact_bound(net: BeliefNet, x: Float[Array, "batch visible"], num_particles: int) -> Float[Array, " batch"]:
    """Return the K-particle bound L_K = E[log-mean-exp_k (log p(x, h_k) - log q(h_k | x))] of each datum, in nats.

    Every multiset of K states is visited once, weighed by the number of its orderings.

    Raises:
        ValueError: If there are too many multisets (the number grows like states to the power K).
    """
    states = enumerate_latents(net, x)
    num_states = states.log_p.shape[0]
    num_sets = math.comb(num_states + num_particles - 1, num_particles)
    if num_sets > _MAX_SETS:
        raise ValueError(
            f"expected at most {_MAX_SETS} multisets of {num_particles} particles over {num_states} states, got "
            f"{num_sets}; try fewer particles or latent units"
        )
    members = np.array(list(itertools.combinations_with_replacement(range(num_states), num_particles)))
    log_orderings = np.array([_log_orderings(row) for row in members])[:, None]
    log_q = states.log_q[members].sum(axis=1) + log_orderings
    bounds = log_mean_exp((states.log_p - states.log_q)[members], axis=1)
    return jnp.sum(jnp.exp(log_q) * bounds, axis=0)


@eqx.filter_jit
def exact_gradient(net: BeliefNet, x: Float[Array, "batch visible"], num_particles: int | None = None) -> BeliefNet:
    """Return the exact gradient of the batch mean of the ELBO, or of L_K where `num_particles` is given.

    Returns:
        The gradient, shaped like the net.
    """

    def objective(net: BeliefNet) -> Float[Array, ""]:
        value = exact_elbo(net, x) if num_particles is None else exact_bound(net, x, num_particles)
        return value.mean()

    return eqx.filter_grad(objective)(net)


def _check_binary(net: BeliefNet, x: Float[Array, "batch visible"]) -> None:
    value: Array = x[:1]
    for index, conditional in enumerate(net.recognition.conditionals):
        distribution = conditional(value)
        base = distribution.base_dist if isinstance(distribution, Independent) else distribution
        if base.support is not boolean:
            raise ValueError(
                f"expected binary latents to enumerate, got layer {index + 1} with {type(base).__name__} units"
            )
        value = jnp.zeros(distribution.shape())


def _log_orderings(members: np.ndarray) -> float:
    """Log of the number of orderings of a multiset given as a sorted row."""
    counts = np.unique(members, return_counts=True)[1]
    return math.lgamma(len(members) + 1) - sum(math.lgamma(count + 1) for count in counts)
