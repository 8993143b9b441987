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

from beliefnet._errors import ArgumentError, whole_number
from beliefnet._net import BeliefNet
from beliefnet._numerics import broadcasting, log_mean_exp
from beliefnet.distributions import UnitKind
from beliefnet.evaluation._enumerate import check_states, enumerate_latents
from beliefnet.evaluation._observe import DataLike, observe_rows

_MAX_SETS = 2_000_000
_MAX_NUMBERS = 2**27


@broadcasting
def exact_log_likelihood(net: BeliefNet, data: DataLike) -> Float[Array, " batch"]:
    """Return log p(x) of each datum, in nats.

    Raises:
        DataError: If the data are not what the net is a model of.
        ValueError: If a latent layer is not discrete, or there are too many states.
    """
    _check_discrete(net)
    return _log_likelihood(net, observe_rows(net, data))


@eqx.filter_jit
def _log_likelihood(net: BeliefNet, x: Array) -> Float[Array, " batch"]:
    return logsumexp(enumerate_latents(net, x).log_p, axis=0)


@broadcasting
def exact_posterior(net: BeliefNet, data: DataLike) -> Float[Array, "states batch"]:
    """Return p(h | x) of every joint state, in the order of `enumerate_latents`.

    Raises:
        DataError: If the data are not what the net is a model of.
        ValueError: If a latent layer is not discrete, or there are too many states.
    """
    _check_discrete(net)
    return _posterior(net, observe_rows(net, data))


@eqx.filter_jit
def _posterior(net: BeliefNet, x: Array) -> Float[Array, "states batch"]:
    return jax.nn.softmax(enumerate_latents(net, x).log_p, axis=0)


@broadcasting
def exact_elbo(net: BeliefNet, data: DataLike) -> Float[Array, " batch"]:
    """Return E_q[log p(x, h) - log q(h | x)] of each datum, in nats.

    Raises:
        DataError: If the data are not what the net is a model of.
        ValueError: If there are too many states, or units are neither discrete nor normal.
    """
    return _elbo(net, observe_rows(net, data))


@eqx.filter_jit
def _elbo(net: BeliefNet, x: Array) -> Float[Array, " batch"]:
    states = enumerate_latents(net, x)
    return jnp.sum(jnp.exp(states.log_mass) * states.log_weight, axis=0)


@broadcasting
def exact_bound(net: BeliefNet, data: DataLike, *, num_particles: int) -> Float[Array, " batch"]:
    """Return the K-particle bound L_K = E[log-mean-exp_k (log p(x, h_k) - log q(h_k | x))] of each datum, in nats.

    Every multiset of K states is visited once, weighed by the number of its orderings.

    Raises:
        DataError: If the data are not what the net is a model of.
        ValueError: If there are too many multisets (the number grows like states to the power K): said before any is
            made.
    """
    num_particles = whole_number("num_particles", num_particles, good=2)
    x = observe_rows(net, data)
    check_multisets(net, len(x), num_particles)
    return _bound(net, x, num_particles)


@eqx.filter_jit
def _bound(net: BeliefNet, x: Array, num_particles: int) -> Float[Array, " batch"]:
    states = enumerate_latents(net, x)
    members = _multisets(states.log_p.shape[0], num_particles)
    log_mass = states.log_mass[members].sum(axis=1) + _log_orderings(members)[:, None]
    bounds = log_mean_exp(states.log_weight[members], axis=1)
    return jnp.sum(jnp.exp(log_mass) * bounds, axis=0)


@broadcasting
def exact_gradient(net: BeliefNet, data: DataLike, *, num_particles: int | None = None) -> BeliefNet:
    """Return the exact gradient of the batch mean of the ELBO, or of L_K where `num_particles` is given.

    Returns:
        The gradient, shaped like the net.

    Raises:
        DataError: If the data are not what the net is a model of.
        ValueError: As for `exact_elbo`, or for `exact_bound`.
    """
    x = observe_rows(net, data)
    if num_particles is not None:
        num_particles = whole_number("num_particles", num_particles, good=2)
        check_multisets(net, len(x), num_particles)
    return _gradient(net, x, num_particles)


@eqx.filter_jit
def _gradient(net: BeliefNet, x: Array, num_particles: int | None) -> BeliefNet:
    def objective(net: BeliefNet) -> Float[Array, ""]:
        value = exact_elbo(net, x) if num_particles is None else exact_bound(net, x, num_particles=num_particles)
        return value.mean()

    return eqx.filter_grad(objective)(net)


def check_multisets(net: BeliefNet, num_data: int, num_particles: int) -> None:
    """Check that all multisets of so many particles can be visited for so many data.

    Raises:
        ValueError: If there are too many states, or too many multisets.
    """
    num_states = check_states(net, num_data)
    num_sets = num_multisets(num_states, num_particles)
    if num_sets > _MAX_SETS or num_sets * num_particles * num_data > _MAX_NUMBERS:
        count = num_sets if num_sets <= _MAX_SETS else f"more than {_MAX_SETS}"
        raise ArgumentError(
            f"expected at most {_MAX_SETS} multisets of {num_particles} particles over {num_states} states that fit in "
            f"memory, got {count} for {num_data} data",
            "fewer particles, data or latent units",
        )


def num_multisets(num_states: int, num_particles: int) -> int:
    """Return how many multisets there are; where they are too many, some number that is too large."""
    total, count = num_states + num_particles - 1, 1
    for index in range(min(num_states - 1, num_particles)):
        count = count * (total - index) // (index + 1)
        if count > _MAX_SETS:
            break
    return count


def _multisets(num_states: int, num_particles: int) -> np.ndarray:
    """Return every multiset of so many states, `[multisets, particles]`, each in ascending order."""
    members = itertools.combinations_with_replacement(range(num_states), num_particles)
    flat = np.fromiter(itertools.chain.from_iterable(members), np.int32)
    return flat.reshape(-1, num_particles)


def _check_discrete(net: BeliefNet) -> None:
    """Quadrature under q says nothing where the posterior is elsewhere."""
    if UnitKind.CONTINUOUS in net.latent_kinds:
        layer = net.latent_kinds.index(UnitKind.CONTINUOUS) + 1
        raise ArgumentError(
            f"expected discrete latents, got continuous units in latent layer {layer}",
            "particle_bounds with many particles",
        )


def _log_orderings(members: np.ndarray) -> np.ndarray:
    """Log of the number of orderings of each multiset, `[multisets]`, given as rows in ascending order."""
    log_orderings, run = np.full(len(members), math.lgamma(members.shape[1] + 1)), np.ones(len(members))
    for before, after in itertools.pairwise(members.T):
        # The places of a value among its equals multiply to the factorial of their number.
        run = np.where(after == before, run + 1, 1)
        log_orderings -= np.log(run)
    return log_orderings
