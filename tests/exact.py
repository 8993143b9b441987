"""Exact expectations on small nets: every tuple of latent states is weighed by its probability, and nothing is drawn.

In double precision an estimator's expectation agrees with an exact gradient to some twelve digits, where a mean of
draws could only say that they are not far apart.
"""

import itertools
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from beliefnet import BeliefNet
from beliefnet._trace import Trace
from beliefnet.estimators import AbstractCreditRule, AbstractPureRule, Credit, Estimate, SurrogateTerm, surrogate
from beliefnet.evaluation import enumerate_latents
from beliefnet.proposals import AbstractProposal, Particles

ALL_OBSERVATIONS = jnp.array(list(itertools.product((0.0, 1.0), repeat=3)))


def wide(tree: Any) -> Any:
    """The same tree in double precision, where `jax.enable_x64` allows it."""
    return jax.tree.map(lambda leaf: leaf.astype(jnp.float64) if eqx.is_inexact_array(leaf) else leaf, tree)


class States(eqx.Module):
    """Every state that a particle may be drawn in, and how probable it is.

    Attributes:
        trace: The states in the place of particles, `[states, batch]`.
        log_mass: Log of what each counts for in an expectation, `[states, batch]`.
    """

    trace: Trace
    log_mass: jax.Array


AbstractSource = Callable[[BeliefNet, jax.Array, Any], States]


def recognised(net: BeliefNet, x: jax.Array, estimator: Any = None) -> States:
    """Drawn from the recognition net."""
    return _recognised(net, x)


@eqx.filter_jit
def _recognised(net: BeliefNet, x: jax.Array) -> States:
    states = jax.lax.stop_gradient(enumerate_latents(net, x))
    latents = tuple(jnp.broadcast_to(h, (*states.log_mass.shape, h.shape[-1])) for h in states.latents)
    log_q = jnp.broadcast_to(states.log_q, states.log_mass.shape)  # without latents it has no axis of states
    return States(Trace.record(net, Particles(x, latents, log_q)), states.log_mass)


def dreamt(net: BeliefNet, x: jax.Array, estimator: Any = None) -> States:
    """Drawn from the model, observation and latents; the given observations say nothing."""
    return _dreamt(net)


@eqx.filter_jit
def _dreamt(net: BeliefNet) -> States:
    states = enumerate_latents(net, ALL_OBSERVATIONS)
    num_each = states.log_p.shape[0]
    latents = tuple(
        jnp.broadcast_to(h, (num_each, len(ALL_OBSERVATIONS), h.shape[-1])).reshape(-1, 1, h.shape[-1])
        for h in states.latents
    )
    dreams = jnp.tile(ALL_OBSERVATIONS.astype(states.log_p.dtype), (num_each, 1))[:, None]
    log_p = states.log_p.reshape(-1, 1)
    return States(Trace.record(net, Particles(dreams, latents, log_p)), log_p)


def tuples(num_states: int, num_particles: int) -> np.ndarray:
    """Indices of every tuple of states, `[tuples, particles]`."""
    return np.array(list(itertools.product(range(num_states), repeat=num_particles)))


def weighed(credit: Credit, mass: jax.Array) -> Credit:
    """A credit with every amount multiplied by what its datum counts for, `[batch]`."""

    def times(amount: jax.Array | None) -> Any:
        return None if amount is None else amount * mass.reshape(1, -1, *[1] * (amount.ndim - 2))

    own = None if credit.own is None else SurrogateTerm(times(credit.own.amount), credit.own.value)
    return Credit(credit.objective * mass, times(credit.model), times(credit.score), times(credit.path), own)


@eqx.filter_jit
def _credited(rule: AbstractCreditRule, state: Any, states: States, indices: np.ndarray) -> Any:
    """Cotangents of the terms of every state, the gradient of the rule's own parameters, and the objective."""
    trace = states.trace

    def at(index: jax.Array) -> Trace:
        x = trace.values[0][index] if trace.values[0].ndim == 3 else trace.values[0]
        values = (x, *(value[index] for value in trace.values[1:]))
        return Trace(trace.log_p[index], trace.log_q[index], trace.log_proposal[index], values)

    def total(parts: Any) -> tuple[jax.Array, jax.Array]:
        log_p, log_q, rule = parts

        def one(index: jax.Array) -> tuple[jax.Array, jax.Array]:
            credit = weighed(rule.step(at(index), state)[0], jnp.exp(states.log_mass[index].sum(axis=0)))
            live = eqx.tree_at(lambda t: (t.log_p, t.log_q), at(index), (log_p[index], log_q[index]))
            return surrogate(live, credit), credit.objective.mean()

        values, objectives = jax.vmap(one)(indices)
        return values.sum(), objectives.sum()

    return eqx.filter_grad(total, has_aux=True)((trace.log_p, trace.log_q, rule))


@eqx.filter_jit
def _pulled_back(net: BeliefNet, trace: Trace, by_p: jax.Array, by_q: jax.Array) -> BeliefNet:
    """The gradient of the terms of every state, times cotangents."""
    x, latents = trace.values[0], trace.values[1:]

    def total(net: BeliefNet) -> jax.Array:
        return jnp.sum(by_p * net.log_joint_terms(x, latents)) + jnp.sum(by_q * net.log_recognition_terms(x, latents))

    return eqx.filter_grad(total)(net)


def expected_estimate(
    rule: AbstractCreditRule, state: Any, net: BeliefNet, states: States, num_particles: int
) -> Estimate:
    """The expectation of what a rule estimates, over every tuple of states; all data of the batch at once.

    A rule that mixes the data of a batch is only right with a batch of one.
    """
    indices = tuples(len(states.log_mass), num_particles)
    (by_p, by_q, own), objective = _credited(rule, state, states, indices)
    return Estimate(_pulled_back(net, states.trace, by_p, by_q), own, None, objective)


def bound_and_gradient(net: BeliefNet, x: jax.Array, num_particles: int) -> tuple[jax.Array, BeliefNet]:
    """The exact K-particle bound, `[batch]`, and the gradient of its mean over the batch.

    The probability of a tuple is differentiated by its ratio to what it is: no rule, and no score function.
    """
    states = recognised(net, x)
    indices = tuples(len(states.log_mass), num_particles)
    (by_p, by_q), bound = _bound(states, indices)
    return bound, _pulled_back(net, states.trace, by_p, by_q)


@eqx.filter_jit
def _bound(states: States, indices: np.ndarray) -> tuple[tuple[jax.Array, jax.Array], jax.Array]:
    def mean(terms: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        log_p, log_q = (each.sum(axis=-1) for each in terms)
        log_mass = (states.log_mass + log_q - jax.lax.stop_gradient(log_q))[indices].sum(axis=1)
        values = jax.nn.logsumexp((log_p - log_q)[indices], axis=1) - jnp.log(indices.shape[1])
        bound = jnp.sum(jnp.exp(log_mass) * values, axis=0)
        return bound.mean(), bound

    return jax.grad(mean, has_aux=True)((states.trace.log_p, states.trace.log_q))


class EveryTuple(AbstractProposal):
    """Every tuple of states or quadrature nodes once, instead of draws; nodes move with the parameters.

    The tuples are laid along the batch axis, tuple by tuple.
    """

    @property
    def has_derivative(self) -> bool:
        return True

    def draw(self, net: BeliefNet, x: jax.Array, num_particles: int, *, key: Any) -> Particles:
        states = enumerate_latents(net, x)
        indices = tuples(len(states.log_mass), num_particles)
        latents = tuple(
            jnp.broadcast_to(h, (h.shape[0], len(x), h.shape[-1]))[indices].swapaxes(0, 1) for h in states.latents
        )
        latents = tuple(h.reshape(num_particles, -1, h.shape[-1]) for h in latents)
        repeated = jnp.tile(x, (len(indices), 1))
        log_layers = net.log_recognition_terms(repeated, latents)
        return Particles(repeated, latents, log_layers.sum(axis=-1), log_layers)


class Weighed(AbstractPureRule):
    """Another rule's credit, weighed by what each tuple counts for; the mean over all tuples is the expectation.

    Attributes:
        rule: The other rule.
        mass: Probability of each tuple times their number, `[batch]`.
    """

    rule: AbstractPureRule
    mass: jax.Array

    def __call__(self, trace: Trace) -> Credit:
        return weighed(self.rule(trace), jax.lax.stop_gradient(self.mass))


def tuple_mass(net: BeliefNet, x: jax.Array, num_particles: int) -> jax.Array:
    """What `Weighed` needs for the particles of `EveryTuple`."""
    log_mass = enumerate_latents(net, x).log_mass
    indices = tuples(len(log_mass), num_particles)
    return len(indices) * jnp.exp(log_mass[indices].sum(axis=1)).reshape(-1)


def assert_same(found: Any, exact: Any, tolerance: float = 1e-9) -> None:
    """Check every leaf of a tree, and name the one that differs."""
    paths = jax.tree_util.tree_flatten_with_path(found)[0]
    for (path, leaf), value in zip(paths, jax.tree.leaves(exact), strict=True):
        np.testing.assert_allclose(leaf, value, rtol=tolerance, atol=tolerance, err_msg=jax.tree_util.keystr(path))
