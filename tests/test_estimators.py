"""Laws of estimators: each is what its line in `cases.py` claims, against exact enumeration."""

import dataclasses
import itertools
import re
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from cases import (
    ALL_NETS,
    ESTIMATORS,
    FAMILY_NETS,
    NETS,
    OBSERVATIONS,
    SINGLE_NETS,
    EstimatorCase,
    Law,
    iterative,
    net_of,
    nvil,
    posterior_elbo,
    randomise,
    small_net,
)
from exact import EveryTuple, Weighed, assert_same, expected_estimate, tuple_mass, tuples, weighed, wide
from jaxtyping import TypeCheckError
from laws import assert_frequencies, assert_mean, draws

from beliefnet import BeliefNet
from beliefnet._numerics import leave_one_out_log_sum_exp, leave_one_out_sum, log_mean_exp, normalised_weights
from beliefnet._trace import Trace, chain_reach
from beliefnet.baselines import InputBaseline, LayerBaselines, Moments, Order, RunningMoments
from beliefnet.conditionals import Observed
from beliefnet.distributions import OneHot
from beliefnet.estimators import (
    ARM,
    ARMS,
    IWAE,
    MSC,
    NVIL,
    REBAR,
    SGVB,
    TVO,
    VIMCO,
    AbstractPureRule,
    Credit,
    CreditEstimator,
    DisARM,
    Layer,
    MultiSampleDisARM,
    MuProp,
    PerLayer,
    Reinforce,
    Replacement,
    ReweightedWake,
    Signal,
    Sum,
    Wake,
    reweighted_wake_sleep,
    surrogate,
    with_kl_weight,
)
from beliefnet.estimators._antithetic import Bits, Categories, antithetic_to
from beliefnet.estimators.rules import (
    REWEIGHTED_WAKE,
    LeaveOneOut,
    LeaveOneOutBound,
    OptimalControl,
    Thermodynamic,
)
from beliefnet.evaluation import enumerate_latents
from beliefnet.nets import incomplete, sigmoid_belief_net, vae
from beliefnet.proposals import Particles, Recognition
from beliefnet.samplers import AbstractSampler, Plain

NUM_DRAWS = 12_000
EVERY_NET = tuple(ALL_NETS | SINGLE_NETS)


def claims(law: Law) -> list[Any]:
    """Every estimator on every net of its claim, net by net, so that neighbours share compiled programs."""
    rows = [(name, net_name) for name, case in ESTIMATORS.items() if case.law is law for net_name in case.nets]
    rows.sort(key=lambda row: EVERY_NET.index(row[1]))
    slow = [pytest.mark.full]
    return [
        pytest.param(name, net, marks=[] if is_quick(name, net) else slow, id=f"{name} on {net}") for name, net in rows
    ]


def is_quick(name: str, net_name: str) -> bool:
    """Whether a claim is tried in the quick run: what the case says, or one net."""
    case = ESTIMATORS[name]
    if case.quick is not None:
        return net_name in case.quick[:1]
    return net_name == middle(case)


def middle(case: EstimatorCase) -> str:
    """One net of the claim, with two layers where there is one."""
    return next((name for name in case.nets if name.startswith("two")), case.nets[0])


def claimed(case: EstimatorCase, net: BeliefNet, x: jax.Array, estimator: Any, state: Any) -> tuple[BeliefNet, Any]:
    """The gradient and the objective that a line of the cases claims."""
    return case.expected(net, x, estimator, state), case.objective(net, x).mean()


@pytest.mark.parametrize(("name", "net_name"), claims(Law.EXACT))
def test_the_expected_credit_is_the_claimed_gradient(name: str, net_name: str):
    """Over every tuple of states, in double precision."""
    case: EstimatorCase = ESTIMATORS[name]
    narrow = net_of(net_name)
    with jax.enable_x64(True):
        net, x = wide(narrow), wide(OBSERVATIONS[: case.batch])
        estimator, state = wide(case.make(net)), wide(case.state(net))
        states = case.source(net, x, estimator)
        found = expected_estimate(estimator.rule, state, net, states, estimator.num_draws)
        exact, objective = claimed(case, net, x, estimator, state)
        assert_same(found.net, exact, TOLERANCE)
        np.testing.assert_allclose(found.objective, objective, rtol=TOLERANCE)


TOLERANCE = 1e-6
"""Of the tables of quadrature nodes and TVO's partition, which are in single precision."""


@pytest.mark.parametrize(("name", "net_name"), claims(Law.NODES))
def test_the_expected_estimate_is_the_claimed_gradient(name: str, net_name: str):
    """Through the driver, over every tuple of states and quadrature nodes."""
    case: EstimatorCase = ESTIMATORS[name]
    narrow = net_of(net_name)
    with jax.enable_x64(True):
        net, x = wide(narrow), wide(OBSERVATIONS[: case.batch])
        made = case.make(net)
        mass = tuple_mass(net, x, made.num_particles)
        driven = CreditEstimator(Weighed(made.rule, mass), made.num_particles, EveryTuple())
        found = one_estimate(driven, net, x, None, jax.random.key(0))
        exact, objective = claimed(case, net, x, made, None)
        assert_same(found.net, exact, TOLERANCE)
        np.testing.assert_allclose(found.objective, objective, rtol=TOLERANCE)


@pytest.mark.parametrize(("name", "net_name"), claims(Law.DRAWN))
def test_the_mean_of_many_estimates_is_the_claimed_gradient(name: str, net_name: str):
    case: EstimatorCase = ESTIMATORS[name]
    net, x = net_of(net_name), OBSERVATIONS[: case.batch]
    estimator, state = case.make(net), case.state(net)

    def draw(key):
        estimate = estimator.estimate(net, x, state, key=key)
        return estimate.net, estimate.objective

    assert_mean(draws(draw, NUM_DRAWS), claimed(case, net, x, estimator, state))


@eqx.filter_jit
def one_estimate(estimator, net, x, state, key):
    return estimator.estimate(net, x, state, key=key)


QUICK_STATES = ["nvil, not normalised", "vimco", "reinmax", "disarm"]


@pytest.mark.full(but=QUICK_STATES)
@pytest.mark.parametrize("name", [name for name in ESTIMATORS if "," not in name or name in QUICK_STATES])
def test_same_key_same_estimate_and_finite_under_extreme_weights(name: str):
    case, key = ESTIMATORS[name], jax.random.key(5)
    net = net_of(middle(case))
    estimator, state = case.make(net), case.state(net)
    one, two = (one_estimate(estimator, net, OBSERVATIONS, state, key) for _ in range(2))
    others = [one_estimate(estimator, net, OBSERVATIONS, state, jax.random.key(seed)) for seed in range(6, 10)]
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(two), strict=True):
        np.testing.assert_array_equal(a, b)
    assert name == "likelihood" or any(float(one.objective) != float(other.objective) for other in others)
    for size in (30.0, 3e4):
        extreme = randomise(net, scale=size)
        estimate = one_estimate(case.make(extreme), extreme, OBSERVATIONS, case.state(extreme), key)
        assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(estimate)), size


@eqx.filter_jit
def exact_trace(net: BeliefNet, x: jax.Array) -> tuple[Trace, jax.Array]:
    """All states as particles, with their probabilities under the recognition net."""
    states = enumerate_latents(net, x)
    latents = tuple(jnp.broadcast_to(h, (h.shape[0], len(x), h.shape[-1])) for h in states.latents)
    particles = Particles(x, latents, states.log_q)
    return Trace.record(net, particles), jnp.exp(states.log_q)


@pytest.mark.full(but=["nvil, normalised"])
@pytest.mark.parametrize("name", ["nvil, not normalised", "nvil, one baseline", "nvil, normalised"])
def test_baseline_descends_the_squared_residual(name: str):
    """The baseline's gradient is minus half that of the squared residual of the signal (over the scale)."""
    case, net = ESTIMATORS[name], NETS["two layers"]()
    estimator, state = case.make(net), case.state(net)
    trace, probability = exact_trace(net, OBSERVATIONS)
    centre = state.mean if estimator.moments.centre else 0.0
    scale = jnp.maximum(1, jnp.sqrt(state.variance)) if estimator.moments.normalise else 1.0

    def ascent(estimator: NVIL) -> jax.Array:
        residual = estimator.signal.read(trace) - centre - estimator.baseline.predict(trace)
        return -0.5 * jnp.sum(probability[..., None] * residual**2 / scale, axis=(0, 2)).mean()

    samples = draws(
        lambda key: estimator.estimate(net, OBSERVATIONS, state, key=key).estimator.baseline, NUM_DRAWS // 2
    )
    assert_mean(samples, eqx.filter_jit(eqx.filter_grad(ascent))(estimator).baseline)


@pytest.mark.full
def test_exact_posterior_and_exact_mean_give_no_recognition_noise():
    """With q = p(h | x) the signal is log p(x) whatever is drawn: centred, it leaves nothing."""
    net = sigmoid_belief_net(3, (4,), key=jax.random.key(0))
    net = jax.tree.map(lambda leaf: 0 * leaf, net)
    log_likelihood = 3 * np.log(0.5)
    estimator = nvil(net, moments=RunningMoments(order=Order.STATISTICS_FIRST))
    estimator = eqx.tree_at(lambda e: e.baseline, estimator, replace_fn=lambda b: jax.tree.map(jnp.zeros_like, b))
    state = Moments(jnp.array([log_likelihood]), jnp.zeros(1))
    gradient = eqx.filter_jit(estimator.estimate)(net, OBSERVATIONS, state, key=jax.random.key(1)).net
    for leaf in jax.tree.leaves(gradient.recognition):
        np.testing.assert_allclose(leaf, 0, atol=2e-6)


def test_moments_follow_algorithm_1():
    moments, signal = RunningMoments(0.8), jnp.array([[[1.0, -4.0], [3.0, 6.0]]])
    weighted, after = moments.apply(signal, Moments(jnp.array([2.0, 5.0]), jnp.array([10.0, 0.0])))
    np.testing.assert_allclose(after.mean, [0.8 * 2 + 0.2 * 2, 0.8 * 5 + 0.2 * 1], rtol=1e-6)
    np.testing.assert_allclose(after.variance, [0.8 * 10 + 0.2 * 1, 0.2 * 25], rtol=1e-6)
    expected = (signal - after.mean) / np.maximum(1, np.sqrt(after.variance))
    np.testing.assert_allclose(weighted, expected, rtol=1e-6)


def test_statistics_first_uses_what_was_there_before():
    before = Moments(jnp.array([2.0]), jnp.array([16.0]))
    weighted, after = RunningMoments(order=Order.STATISTICS_FIRST).apply(jnp.full((1, 2, 1), 10.0), before)
    np.testing.assert_allclose(weighted, (10 - 2) / 4)
    np.testing.assert_allclose(after.mean, 0.8 * 2 + 0.2 * 10, rtol=1e-6)


def test_small_variance_is_not_blown_up():
    weighted, _ = RunningMoments(centre=False, order=Order.STATISTICS_FIRST).apply(
        jnp.ones((1, 2, 1)), Moments(jnp.zeros(1), jnp.array([0.01]))
    )
    np.testing.assert_allclose(weighted, 1.0)


def traces_with_infinities() -> Trace:
    """A trace of three layers in which some terms of log p are -inf."""
    rng = np.random.default_rng(0)
    log_p, log_q = rng.normal(size=(4, 3, 4)), rng.normal(size=(4, 3, 3))
    log_p[1, 0, 0] = log_p[2, 1, 2] = log_p[3, 2, 3] = -np.inf
    log_p, log_q = jnp.asarray(log_p, jnp.float32), jnp.asarray(log_q, jnp.float32)
    return Trace(log_p, log_q, log_q.sum(axis=-1), ())


def test_the_chains_cumulative_sum_is_the_sum_over_its_reach():
    trace = traces_with_infinities()
    by_reach = eqx.tree_at(lambda t: t.reach, trace, chain_reach(3), is_leaf=lambda leaf: leaf is None)
    np.testing.assert_allclose(trace.local_signal, by_reach.local_signal, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(trace.settled_signal, by_reach.settled_signal, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(
        trace.local_signal + trace.settled_signal, np.broadcast_to(trace.log_weight[..., None], (4, 3, 3)), rtol=1e-4
    )


def test_a_signal_of_any_reach_leaves_out_what_it_does_not_reach():
    """Two sites that do not feed each other: each changes its own terms and that of the data."""
    trace = traces_with_infinities()
    p, q = np.asarray(trace.log_p[..., :3]), np.asarray(trace.log_q[..., :2])
    reach = jnp.array([[1.0, 1, 0, 1, 0], [1.0, 0, 1, 0, 1]])
    fork = Trace(jnp.asarray(p), jnp.asarray(q), jnp.asarray(q.sum(axis=-1)), (), reach=reach)
    for site in range(2):
        expected = p[..., 0] + p[..., 1 + site] - q[..., site]
        np.testing.assert_allclose(fork.local_signal[..., site], expected, rtol=1e-5)
        np.testing.assert_allclose(fork.settled_signal[..., site], p[..., 2 - site] - q[..., 1 - site], rtol=1e-5)


def fork_states(logits: jax.Array) -> tuple[Trace, jax.Array]:
    """Two bits, drawn apart, that one observation depends on: a model which is no chain, with all its four states."""
    bits = jnp.array(list(itertools.product((0.0, 1.0), repeat=2)))
    log_q = bits * jax.nn.log_sigmoid(logits) + (1 - bits) * jax.nn.log_sigmoid(-logits)
    log_x = jnp.log(jnp.array([0.1, 0.7, 0.4, 0.9]))
    log_prior = jnp.log(jnp.where(bits == 1, jnp.array([0.3, 0.6]), jnp.array([0.7, 0.4])))
    log_p = jnp.concatenate([log_x[:, None], log_prior], axis=-1)
    reach = jnp.array([[1.0, 1, 0, 1, 0], [1.0, 0, 1, 0, 1]])
    return Trace(log_p[:, None], log_q[:, None], log_q.sum(axis=-1)[:, None], (), reach=reach), log_q.sum(axis=-1)


@pytest.mark.full
@pytest.mark.parametrize("rule", [LeaveOneOut(), LeaveOneOutBound(signal=Signal.LOCAL)], ids=["reinforce", "vimco"])
def test_local_signals_are_unbiased_for_a_model_that_is_no_chain(rule):
    """All pairs of states of two bits that do not feed each other."""
    with jax.enable_x64(True):
        logits, indices = jnp.array([0.3, -0.8], jnp.float64), tuples(4, 2)

        def objective(logits):
            trace, log_mass = fork_states(logits)
            f = trace.log_weight[:, 0][indices]
            value = jax.nn.logsumexp(f, axis=1) - jnp.log(2) if rule.is_multi_sample else f.mean(axis=1)
            return jnp.sum(jnp.exp(log_mass[indices].sum(axis=1)) * value)

        def credited(logits):
            trace, log_mass = fork_states(logits)
            mass = jax.lax.stop_gradient(jnp.exp(log_mass[indices].sum(axis=1)))
            at = [leaf[:, 0][indices].swapaxes(0, 1) for leaf in (trace.log_p, trace.log_q, trace.log_proposal)]
            every = Trace(*at, (), reach=trace.reach)
            return surrogate(every, weighed(rule(jax.lax.stop_gradient(every)), mass * len(indices)))

        found, exact = jax.jit(lambda logits: [jax.grad(one)(logits) for one in (credited, objective)])(logits)
        np.testing.assert_allclose(found, exact, rtol=1e-9)


def test_local_signal_is_the_sum_it_says():
    net = NETS["three layers"]()
    trace, _ = exact_trace(net, OBSERVATIONS)
    p, q = np.asarray(trace.log_p), np.asarray(trace.log_q)
    for layer in range(3):
        expected = p[..., 3] + sum(p[..., j] - q[..., j] for j in range(layer, 3))
        np.testing.assert_allclose(trace.local_signal[..., layer], expected, rtol=1e-5)
    np.testing.assert_allclose(trace.local_signal[..., 0], trace.log_weight, rtol=1e-5)


@pytest.mark.parametrize("name", ["nvil, not normalised", "nvil, one baseline"])
def test_baseline_does_not_see_the_draw_it_serves(name: str):
    net = NETS["three layers"]()
    baseline = ESTIMATORS[name].make(net).baseline
    trace, _ = exact_trace(net, OBSERVATIONS)
    before = jnp.broadcast_to(baseline.predict(trace), trace.log_q.shape)
    for layer in range(3):
        changed = tuple(1 - v if index > layer else v for index, v in enumerate(trace.values))
        after = baseline.predict(eqx.tree_at(lambda t: t.values, trace, changed))
        np.testing.assert_array_equal(jnp.broadcast_to(after, before.shape)[..., layer], before[..., layer])


@pytest.mark.parametrize("bottom", ["incomplete", "observed"])
@pytest.mark.parametrize("kl_weight", [None, 0.5])
def test_what_is_missing_leaves_gradients_finite(bottom: str, kl_weight: float | None):
    x = jnp.array([[1.0, jnp.nan, 0.0], [1.0, 0.0, 1.0]])
    net = incomplete(sigmoid_belief_net(3, (3, 2), key=jax.random.key(0)))
    if bottom == "observed":
        layer = Observed(net.generative.conditionals[-1].whole, ~jnp.isnan(x))
        net = eqx.tree_at(lambda net: net.generative.conditionals[-1], net, layer)
    estimator, key = NVIL(net, key=jax.random.key(1)), jax.random.key(2)
    state = estimator.init(net)
    if kl_weight is None:
        estimate = estimator.estimate(net, x, state, key=key)
    else:
        estimate = with_kl_weight(estimator, net, x, state, jnp.asarray(kl_weight), key=key)
    for leaf in jax.tree.leaves((estimate.net, estimate.estimator)):
        assert bool(jnp.isfinite(leaf).all())


@pytest.mark.parametrize("kind", [InputBaseline, LayerBaselines])
def test_what_is_missing_is_a_zero_to_baselines(kind):
    net = incomplete(net_of("two layers"))
    baseline = randomise(kind(net, num_units=3, key=jax.random.key(1)), 1.0)
    x, gaps = jnp.ones((2, net.num_visible)), jnp.array([[jnp.nan], [1.0]]) * jnp.ones(net.num_visible)
    credits = [
        baseline.predict(Trace.record(net, Recognition().draw(net, rows, 2, key=jax.random.key(2))))
        for rows in (x.at[0].set(0), gaps)
    ]
    np.testing.assert_allclose(credits[0][0], credits[1][0], rtol=1e-6)
    assert bool((credits[0] != 0).any())


def test_baseline_starts_at_zero():
    net = small_net(2, 2)
    trace, _ = exact_trace(net, OBSERVATIONS)
    np.testing.assert_array_equal(NVIL(net, key=jax.random.key(0)).baseline.predict(trace), 0)


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="num_particles of at least 1, got 0"):
        NVIL(small_net(2), key=jax.random.key(0), num_particles=0)
    with pytest.raises(ValueError, match=r"smoothing in \[0, 1\), got 1.0"):
        RunningMoments(1.0)


def log_mean(values):
    return np.log(np.mean(np.exp(values)))


@pytest.mark.parametrize("replacement", list(Replacement))
def test_vimco_credits_as_its_formula_says(replacement: Replacement):
    """Against the double loop of the paper, in double precision."""
    net = NETS["two layers"]()
    trace = Trace.record(net, Recognition().draw(net, OBSERVATIONS, 5, key=jax.random.key(0)))
    credit, _ = VIMCO(5, replacement=replacement).rule.step(trace, None)
    f = np.asarray(trace.log_weight, np.float64)
    for datum in range(3):
        weights = np.exp(f[:, datum] - f[:, datum].max())
        weights /= weights.sum()
        np.testing.assert_allclose(credit.model[:, datum], weights, rtol=1e-4)
        for k in range(5):
            others = np.delete(f[:, datum], k)
            mean = others.mean() if replacement is Replacement.GEOMETRIC else log_mean(others)
            expected = log_mean(f[:, datum]) - log_mean([*others, mean]) - weights[k]
            np.testing.assert_allclose(credit.score[k, datum, 0], expected, rtol=1e-3, atol=1e-5)


@pytest.mark.full
def test_vimco_of_one_bit_is_exact_in_expectation():
    """All settings of 2 and of 5 one-bit particles, summed: no sampling noise hides a small bias."""
    log_p = np.log([0.9 * 0.2, 0.1 * 0.7])
    for count in (2, 5):
        logit = jnp.float32(0.3)

        def bound(logit, count=count):
            return enumerate_bits(logit, log_p, count, lambda f, q: jnp.exp(q.sum(0)) * log_mean_exp(f))

        def vimco(logit, count=count):
            def credits(f, q):
                trace = one_layer_trace(f, q)
                credit, _ = VIMCO(count).rule.step(trace, None)
                weighted = jnp.sum(jax.lax.stop_gradient(credit.score[:, 0, 0]) * q)
                return jax.lax.stop_gradient(jnp.exp(q.sum(0))) * weighted

            return enumerate_bits(logit, log_p, count, credits)

        found, exact = jax.jit(lambda logit, of=(vimco, bound): [jax.grad(one)(logit) for one in of])(logit)
        np.testing.assert_allclose(found, exact, atol=1e-6)


def enumerate_bits(logit, log_p, count, value):
    """Sum a value of (log-weights, log q) over all settings of some independent bits."""
    bits = jnp.array(list(itertools.product((0, 1), repeat=count)))
    q = jax.nn.log_sigmoid((2 * bits - 1) * logit)
    return jax.vmap(value)(jnp.asarray(log_p, jnp.float32)[bits] - q, q).sum()


def one_layer_trace(f, q) -> Trace:
    """A trace of one datum and one layer with the given log-weights and log q."""
    log_q = q[:, None, None]
    log_p = jnp.concatenate([(f + q)[:, None, None], jnp.zeros_like(log_q)], axis=-1)
    return Trace(log_p, log_q, log_q[..., 0], ())


@pytest.mark.parametrize("replacement", list(Replacement))
@pytest.mark.parametrize(
    "weights", [[0.0, -np.inf, -np.inf], [-np.inf] * 3, [0.0, -200.0, -np.inf], [300.0, -300.0, 0.0]]
)
def test_vimco_survives_weights_of_zero(replacement: Replacement, weights: list[float]):
    f = jnp.asarray(weights, jnp.float32)
    trace = one_layer_trace(f, jnp.full(3, -0.7))
    for signal in Signal:
        credit, _ = VIMCO(3, replacement=replacement, signal=signal).rule.step(trace, None)
        assert np.isfinite(credit.model).all()
        assert np.isfinite(credit.score).all()


NOT_A_NUMBER = {
    "vimco": LeaveOneOutBound(),
    "vimco, local": LeaveOneOutBound(signal=Signal.LOCAL),
    "vimco, arithmetic": LeaveOneOutBound(Replacement.ARITHMETIC, Signal.LOCAL),
    "reinforce": LeaveOneOut(),
    "tvo": Thermodynamic(),
    "weights": REWEIGHTED_WAKE,
}


@pytest.mark.parametrize("name", NOT_A_NUMBER)
@pytest.mark.parametrize("others", [0.3, -np.inf])
def test_a_log_weight_that_is_no_number_stays_visible(name: str, others: float):
    """Neither a baseline of zero nor a particle of weight zero is made of it, in any layer."""
    log_p = jnp.full((3, 2, 3), others).at[0, 0, 1].set(jnp.nan).at[1:, 1].set(-1.0)
    log_q = jnp.full((3, 2, 2), -0.7)
    credit = NOT_A_NUMBER[name](Trace(log_p, log_q, log_q.sum(axis=-1), ()))
    assert np.isnan(credit.objective[0])
    for amount in (credit.score, None if name == "reinforce" else credit.model[..., None]):
        if amount is not None:
            assert np.isnan(amount[:, 0]).any()
            assert np.isnan(amount[:, 0]).all() or name == "reinforce"
    clean = [leaf[:, 1] for leaf in (credit.score, credit.model)] if others == 0.3 else []
    assert all(np.isfinite(leaf).all() for leaf in clean)


@pytest.mark.parametrize("replacement", list(Replacement))
def test_local_vimco_credits_as_the_loop_says(replacement: Replacement):
    """A particle's replacement keeps what it settled below the layer, and takes the others' mean of the rest."""
    rng = np.random.default_rng(1)
    p, q = rng.normal(size=(4, 1, 3)), rng.normal(size=(4, 1, 2))
    trace = Trace(jnp.asarray(p, jnp.float32), jnp.asarray(q, jnp.float32), jnp.asarray(q.sum(-1), jnp.float32), ())
    credit = LeaveOneOutBound(replacement, Signal.LOCAL)(trace)
    f = (p.sum(axis=-1) - q.sum(axis=-1))[:, 0]
    weights = np.exp(f) / np.exp(f).sum()
    for k, layer in np.ndindex(4, 2):
        below = (p[k, 0, :layer] - q[k, 0, :layer]).sum()
        rest = np.delete((p[:, 0, layer:].sum(axis=-1) - q[:, 0, layer:].sum(axis=-1)), k)
        mean = rest.mean() if replacement is Replacement.GEOMETRIC else log_mean(rest)
        expected = log_mean(f) - log_mean([*np.delete(f, k), below + mean]) - weights[k]
        np.testing.assert_allclose(credit.score[k, 0, layer], expected, rtol=1e-4, atol=1e-6)


def test_ovis_credits_as_the_loop_says():
    """What the bound less its share is with the particle, less the mean of what it is with auxiliary draws instead."""
    rng = np.random.default_rng(2)
    p, q = rng.normal(size=(5, 1, 2)), rng.normal(size=(5, 1, 1))
    trace = Trace(jnp.asarray(p, jnp.float32), jnp.asarray(q, jnp.float32), jnp.asarray(q.sum(-1), jnp.float32), ())
    credit = OptimalControl(num_auxiliary=2)(trace)
    f, auxiliary = np.split((p.sum(axis=-1) - q.sum(axis=-1))[:, 0], [3])

    def brought(f: np.ndarray, k: int) -> float:
        return log_mean(f) - np.exp(f[k]) / np.exp(f).sum()

    for k in range(3):
        instead = [brought(np.where(np.arange(3) == k, other, f), k) for other in auxiliary]
        np.testing.assert_allclose(credit.score[k, 0, 0], brought(f, k) - np.mean(instead), rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(credit.score[3:], 0)
    np.testing.assert_array_equal(credit.model[3:], 0)


@pytest.mark.full
def test_auxiliary_draws_must_leave_particles():
    net = small_net(3)
    few, enough = (CreditEstimator(OptimalControl(), count) for count in (2, 3))
    with pytest.raises(ValueError, match="got 2 draws; try num_particles=3"):
        few.estimate(net, OBSERVATIONS, None, key=jax.random.key(0))
    assert np.isfinite(one_estimate(enough, net, OBSERVATIONS, None, jax.random.key(0)).objective)


def test_a_signal_that_is_no_number_stays_visible_where_the_weights_are_numbers():
    """As with a proposal that is not the recognition net, whose own terms went wrong."""
    log_q = jnp.full((3, 1, 2), -0.7).at[0, 0, 1].set(jnp.nan)
    credit = LeaveOneOutBound(signal=Signal.LOCAL)(Trace(jnp.full((3, 1, 3), -0.5), log_q, jnp.full((3, 1), -1.4), ()))
    assert np.isfinite(credit.objective).all()
    assert np.isnan(credit.score[1:, 0]).all()


def test_leave_one_out_loses_nothing_beside_a_giant():
    values = jnp.array([80.0, -3.0, 1.0, -40.0])
    exact = [np.log(np.sum(np.exp(np.delete(np.asarray(values, np.float64), k)))) for k in range(4)]
    np.testing.assert_allclose(leave_one_out_log_sum_exp(values), exact, rtol=1e-6)
    np.testing.assert_allclose(leave_one_out_sum(values), np.sum(values) - values, rtol=1e-5)


def test_weights_of_reweighted_wake_sleep_do_not_depend_on_the_batch():
    net = NETS["two layers"]()
    trace = Trace.record(net, Recognition().draw(net, OBSERVATIONS, 4, key=jax.random.key(0)))
    together, _ = ReweightedWake(4).rule.step(trace, None)
    one = jax.tree.map(lambda leaf: leaf[:, 1:2] if leaf.shape[0] == 4 else leaf, trace)
    alone, _ = ReweightedWake(4).rule.step(one, None)
    np.testing.assert_allclose(together.model[:, 1:2], alone.model, rtol=1e-6)
    np.testing.assert_allclose(together.model.sum(axis=0), 1, rtol=1e-6)


def gap(estimator, net, limit, part) -> float:
    """Largest distance of the mean gradient of one part from a limit."""
    samples = draws(lambda key: part(estimator.estimate(net, OBSERVATIONS, None, key=key).net), 1_000)
    means = [leaf.mean(axis=0) for leaf in jax.tree.leaves(samples)]
    return max(float(np.abs(mean - exact).max()) for mean, exact in zip(means, jax.tree.leaves(limit), strict=True))


@pytest.mark.full
def test_wake_phi_approaches_the_posterior_as_particles_grow():
    net = net_of("one layer")

    def score(net):
        states = enumerate_latents(net, OBSERVATIONS)
        posterior = jax.lax.stop_gradient(jax.nn.softmax(states.log_p, axis=0))
        return jnp.sum(posterior * states.log_q, axis=0).mean()

    limit = eqx.filter_jit(eqx.filter_grad(score))(net).recognition
    few, many = (gap(ReweightedWake(count), net, limit, lambda net: net.recognition) for count in (2, 1000))
    assert many < 0.15 * few


@pytest.mark.full
def test_thermodynamic_gradient_approaches_its_objective_as_particles_grow():
    """The limit is sum_j D_j E[f] under pi_j, proportional to q^(1 - b_j) p^(b_j), differentiated as it stands."""
    net = net_of("one layer")
    ends = [0.0, 0.3, 1.0]

    def objective(net):
        states, total = enumerate_latents(net, OBSERVATIONS), 0.0
        for left, right in itertools.pairwise(ends):
            path = jax.nn.softmax((1 - left) * states.log_q + left * states.log_p, axis=0)
            total += (right - left) * jnp.sum(path * (states.log_p - states.log_q), axis=0)
        return total.mean()

    limit = eqx.filter_jit(eqx.filter_grad(objective))(net)
    few, many = (gap(TVO(count, num_intervals=2, first=0.3), net, limit, lambda net: net) for count in (2, 1000))
    assert many < 0.15 * few


@pytest.mark.parametrize(
    "make", [lambda: VIMCO(1), lambda: Reinforce(1), lambda: Wake(0), lambda: reweighted_wake_sleep(0)]
)
def test_too_few_particles_are_refused(make):
    with pytest.raises(ValueError, match="num_particles of at least"):
        make()


def test_a_sum_needs_parts_and_a_recognition_net_must_learn():
    with pytest.raises(ValueError, match="at least one estimator"):
        Sum(())
    with pytest.raises(ValueError, match="got neither"):
        reweighted_wake_sleep(2, wake_phi=False, sleep_phi=False)


@pytest.mark.parametrize("make", [ARM, DisARM, MultiSampleDisARM, REBAR])
def test_an_estimator_is_refused_by_a_net_of_other_units(make):
    """A batch of one, or as many data as particles, would broadcast to a wrong gradient without a word."""
    estimator, categories = make(NETS["one layer"](), 2), FAMILY_NETS["categorical"]()
    for batch in (1, 2):
        with pytest.raises(ValueError, match="expected binary units"):
            estimator.estimate(categories, OBSERVATIONS[:batch], None, key=jax.random.key(0))


def test_learnt_controls_belong_to_the_depth_they_were_made_for():
    with pytest.raises(ValueError, match="of 1 latent layers, got one of 2"):
        REBAR(NETS["one layer"]()).estimate(NETS["two layers"](), OBSERVATIONS, None, key=jax.random.key(0))


def layer_of(net: BeliefNet, index: int, sampler: AbstractSampler) -> Layer:
    """A layer as it is seen in the midst of an estimate with two particles."""
    particles = Recognition(sampler).draw(net, OBSERVATIONS, 2, key=jax.random.key(1))
    distribution = net.recognition.distributions(OBSERVATIONS, particles.latents)[index]
    return Layer(net=net, trace=Trace.record(net, particles), distribution=distribution, index=index)


def test_two_antithetic_draws_are_disarm():
    """Above the lowest layer from the same random numbers; in the lowest by the formula, the particles being a pair."""

    @eqx.filter_jit
    def both(net, key):
        above, lowest = layer_of(net, 1, Plain()), layer_of(net, 0, ARMS.sampler)
        (h, other), (f, f_other) = lowest.value, lowest.signal
        pairs = 0.5 * (f_other - f)[:, None] * (other - h) * jax.nn.sigmoid(jnp.abs(lowest.logits))
        disarm = DisARM(net, 2).layer_credit(above, key=key).terms[0].amount
        return [ARMS(net, 2).layer_credit(layer, key=key).terms[0].amount for layer in (above, lowest)], (disarm, pairs)

    for found, expected in zip(*both(net_of("two layers"), jax.random.key(2)), strict=True):
        np.testing.assert_allclose(found.reshape(expected.shape), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.full(but=["4"])
@pytest.mark.parametrize("count", [2, 4])
def test_coupled_bits_have_the_correlation_that_is_said(count: int):
    logits = jnp.array([-3.0, -0.4, 0.0, 0.8, 2.5])
    p = jax.nn.sigmoid(logits)
    layer = dist.Bernoulli(logits=logits).to_event(1)
    bits = draws(lambda key: ARMS.sampler(layer, (count,), key=key), 20_000)
    both = p - p * (1 - p) / Bits(logits, count).weight
    assert_mean(bits, jnp.broadcast_to(p, bits.shape[1:]))
    for one, two in itertools.combinations(range(count), 2):
        assert_frequencies(bits[:, one] * bits[:, two], jnp.maximum(both, 0))


@pytest.mark.full(but=["3"])
@pytest.mark.parametrize("count", [2, 3])
def test_coupled_categories_have_the_frequencies_that_are_said(count: int):
    """Alone and in pairs, which are alike less often than by chance; also those that are drawn around another."""
    logits = jnp.array([[-1.0, 0.4, 0.0, -4.0], [0.0, 0.0, 0.0, 0.0], [3.0, 0.0, 0.0, 1.0]])
    p, coupled, layer = jax.nn.softmax(logits), Categories(logits, count), OneHot(logits)

    def around(key):
        value_key, uniform_key, others_key = jax.random.split(key, 3)
        value = layer.sample(value_key)
        first = coupled.uniforms_given(value, key=uniform_key)
        return jnp.concatenate([value[None], coupled.values(antithetic_to(first, count - 1, key=others_key))])

    chance = p[:, :, None] * p[:, None, :]
    for draw in (lambda key: ARMS.sampler(layer, (count,), key=key), around):
        values = draws(draw, 20_000).reshape(20_000, count, *logits.shape)
        assert_mean(values, jnp.broadcast_to(p, values.shape[1:]))
        for one, two in itertools.combinations(range(count), 2):
            pairs = values[:, one, :, :, None] * values[:, two, :, None, :]
            assert (np.trace(pairs.mean(axis=0), axis1=1, axis2=2) < np.trace(chance, axis1=1, axis2=2)).all()
            unlike = pairs * weights_of(coupled)
            assert_mean(unlike, chance * (1 - jnp.eye(4)))


def weights_of(coupled: Categories):
    """Of each pair of categories; none of a category and itself."""
    table, rank = coupled._weights(), coupled.rank
    first = jnp.minimum(rank[:, :, None], rank[:, None, :])
    return jnp.take_along_axis(table[:, None], first, axis=-1) * (1 - jnp.eye(rank.shape[-1]))


@pytest.mark.parametrize(
    ("makers", "message"),
    [
        ((lambda net: Reinforce(2),), "each of the 2 latent layers, got 1; try 2 of them"),
        ((lambda net: Reinforce(2), lambda net: DisARM(net, 3)), "same num_particles in every layer, got 2, 3"),
        ((lambda net: Reinforce(2), lambda net: VIMCO(2)), "single layers, got VIMCO; try Reinforce"),
        ((lambda net: Reinforce(2), lambda net: nvil(net, num_particles=2)), "without statistics .* got NVIL"),
        ((lambda net: Reinforce(2), lambda net: SGVB(net, 2)), "expected continuous units for Reparameterize"),
    ],
)
def test_what_does_not_fit_single_layers_is_refused(makers, message: str):
    with pytest.raises(ValueError, match=message):
        PerLayer(net_of("two layers"), makers)


class Told(AbstractPureRule):
    """Gives the credit that it is told to."""

    credit: Any = eqx.field(static=True)

    def __call__(self, trace):
        return self.credit(trace)


@pytest.mark.parametrize(
    ("name", "credit"),
    [
        ("score", lambda t: Credit(t.log_weight[0], score=t.uniform_weights)),
        ("model", lambda t: Credit(t.log_weight[0], model=t.uniform_weights[..., None])),
        ("objective", lambda t: Credit(t.log_weight)),
    ],
)
def test_a_credit_of_the_wrong_shape_is_refused(name: str, credit):
    """Three particles, three data and three layers, so that a missing axis would broadcast."""
    with pytest.raises((ValueError, TypeCheckError), match=rf"credit's {name} of shape|{name}"):
        CreditEstimator(Told(credit), 3).estimate(NETS["three layers"](), OBSERVATIONS, None, key=jax.random.key(0))


class Pathless(MuProp):
    rule = Told(lambda trace: Credit(trace.log_weight.mean(axis=0), path=trace.uniform_weights))


def test_unit_estimators_have_no_path():
    net = NETS["one layer"]()
    with pytest.raises(ValueError, match="without a path from Pathless"):
        Pathless(net).estimate(net, OBSERVATIONS, None, key=jax.random.key(0))


def test_thermodynamic_credit_leaves_out_particles_of_no_weight():
    trace = one_layer_trace(jnp.array([0.3, -jnp.inf, -0.9]), jnp.full(3, -0.7))
    alive = one_layer_trace(jnp.array([0.3, -0.9]), jnp.full(2, -0.7))
    credit, _ = TVO(3).rule.step(trace, None)
    expected, _ = TVO(2).rule.step(alive, None)
    np.testing.assert_allclose(credit.objective, expected.objective, rtol=1e-6)
    np.testing.assert_allclose(credit.model[jnp.array([0, 2])], expected.model, rtol=1e-6)
    np.testing.assert_array_equal(credit.score[1], 0)


def test_a_log_weight_that_is_no_number_makes_all_weights_of_its_datum_so():
    weights = np.asarray(normalised_weights(jnp.array([[jnp.nan, 0.0], [0.0, 0.0]])))
    assert np.isnan(weights[:, 0]).all()
    np.testing.assert_allclose(weights[:, 1], 0.5)


@pytest.mark.full
def test_the_refining_network_climbs_the_elbo_of_every_step():
    """Its mean gradient is that of the ELBOs after each step, by enumeration, with what it is shown held."""
    net, x = net_of("two layers"), OBSERVATIONS
    estimator = iterative(net)

    def reached(refiner):
        posterior, total = refiner.start(net, x), 0.0
        for _ in range(refiner.num_steps):
            posterior = refiner.improved(net, x, posterior)[0]
            total += posterior_elbo(net, x, posterior).mean() / refiner.num_steps
        return total

    found = draws(lambda key: estimator.estimate(net, x, None, key=key).estimator.refiner, NUM_DRAWS)
    assert_mean(found, eqx.filter_jit(eqx.filter_grad(reached))(estimator.refiner))


@pytest.mark.full
def test_one_step_of_the_refining_network_has_the_slope_of_its_elbo():
    """By finite differences of the whole step, along a direction in which all of its parameters move."""
    net, x = net_of("two layers"), OBSERVATIONS
    refiner = dataclasses.replace(iterative(net).refiner, num_steps=1)
    along = randomise(jax.tree.map(jnp.zeros_like, refiner), scale=1.0)

    @eqx.filter_jit
    def reached(refiner):
        return posterior_elbo(net, x, refiner.refine(net, x, key=jax.random.key(0))).mean()

    with jax.enable_x64(True):
        net, x, refiner, along = wide(net), wide(x), wide(refiner), wide(along)
        ahead, behind = (reached(jax.tree.map(lambda a, b, s=s: a + s * b, refiner, along)) for s in (1e-5, -1e-5))
        slope = eqx.filter_grad(reached)(refiner)
        found = sum(jnp.sum(a * b) for a, b in zip(*map(jax.tree.leaves, (slope, along)), strict=True))
        np.testing.assert_allclose(found, (ahead - behind) / 2e-5, rtol=1e-6)


def pairs_of(net, x):
    """Every state of a chain, each with every fresh draw, as two candidates of a batch of `[states * states]`."""
    states = enumerate_latents(net, x)
    count = len(states.log_q)
    here, new = (index.ravel() for index in jnp.meshgrid(*[jnp.arange(count)] * 2, indexing="ij"))
    latents = tuple(jnp.stack([h[here, 0], h[new, 0]]) for h in states.latents)
    tiled = jnp.broadcast_to(x, (count**2, x.shape[-1]))
    posterior = jax.nn.softmax(states.log_p[:, 0])
    return tiled, latents, here, new, posterior, jnp.exp(states.log_q[:, 0])


@pytest.mark.full
def test_a_chain_keeps_the_posterior_and_its_gradients_are_those_of_the_posterior():
    """With one fresh draw, summed over every state of the chain and of the draw, in double precision."""
    narrow = net_of("two layers")
    with jax.enable_x64(True):
        net, x = wide(narrow), wide(OBSERVATIONS[:1])
        tiled, latents, here, new, posterior, q = eqx.filter_jit(pairs_of)(net, x)
        mass = posterior[here] * q[new]

        def credited(net):
            log_q = net.log_recognition_terms(tiled, latents).sum(axis=-1)
            trace = Trace.record(net, Particles(tiled, latents, log_q))
            credit = MSC(1).credit(jax.lax.stop_gradient(trace))
            weighed = dataclasses.replace(credit, model=credit.model * mass, score=credit.score * mass[:, None])
            return surrogate(trace, weighed) * len(tiled), credit.model

        found, chances = eqx.filter_jit(eqx.filter_grad(credited, has_aux=True))(net)
        arrived = jnp.zeros_like(posterior).at[here].add(mass * chances[0]).at[new].add(mass * chances[1])
        np.testing.assert_allclose(arrived, posterior, atol=1e-12)

        def of_the_posterior(net):
            states = enumerate_latents(net, x)
            return jnp.sum(posterior * (states.log_p[:, 0] + states.log_q[:, 0]))

        assert_same(found, eqx.filter_jit(eqx.filter_grad(of_the_posterior))(net), 1e-10)


@pytest.mark.full
def test_chains_of_the_batch_go_on_by_the_posterior_and_others_stay():
    net, x, where = net_of("two layers"), OBSERVATIONS[:2], jnp.array([4, 1])
    states = eqx.filter_jit(enumerate_latents)(net, x)
    posterior = jax.nn.softmax(states.log_p, axis=0)

    def step(key):
        start_key, key = jax.random.split(key)
        begun = MSC(2).begin(net, 5)
        start = jax.random.categorical(start_key, states.log_p, axis=0)
        begun = MSC(2).at_rows(begun, where).moved(tuple(h[start, 0] for h in states.latents))
        estimate = MSC(2).estimate(net, x, MSC(2).at_rows(begun, where), key=key)
        return estimate.state, estimate.net

    chains, found = draws(step, NUM_DRAWS)
    assert chains.is_begun.mean(axis=0).tolist() == [0, 1, 0, 0, 1]
    pairs = zip(chains.latents, states.latents, strict=True)
    is_at = np.logical_and.reduce([(now[:, where][:, None] == h[None]).all(axis=-1) for now, h in pairs])
    assert_frequencies(is_at.astype(float), posterior)
    assert not any(now[:, [0, 2, 3]].any() for now in chains.latents)

    def of_the_posterior(net):
        states = enumerate_latents(net, x)
        return jnp.sum(posterior * (states.log_p + states.log_q), axis=0).mean()

    assert_mean(found, eqx.filter_jit(eqx.filter_grad(of_the_posterior))(net))


@pytest.mark.full
def test_a_chain_that_has_not_begun_begins_at_a_draw():
    """Then, and outside of training, the estimate is that of reweighted wake-sleep with one draw more."""
    net, key = net_of("two layers"), jax.random.key(0)
    fresh, begun = MSC(2).init(net), MSC(2).at_rows(MSC(2).begin(net, 3), jnp.array([2, 0, 1]))
    one, two = (one_estimate(MSC(2), net, OBSERVATIONS, state, key).net for state in (fresh, begun))
    wake = one_estimate(ReweightedWake(3), net, OBSERVATIONS, None, jax.random.split(key)[0]).net
    assert_same(one, two, 1e-6)
    assert_same(one, wake, 1e-5)
    both = Sum((Wake(1), MSC(2)))
    state = both.at_rows(both.begin(net, 4), jnp.array([2, 0, 1]))
    assert one_estimate(both, net, OBSERVATIONS, state, key).state[1].is_begun.tolist() == [1, 1, 1, 0]


@pytest.mark.parametrize("make", [lambda net: SGVB(net, 2), lambda net: IWAE(net, 2)])
def test_the_first_layer_has_one_gradient_product(make: Callable[[BeliefNet], Any]):
    net = vae(12, (3,), deterministic=(8,), key=jax.random.key(0))
    estimator = make(net)
    program = jax.make_jaxpr(lambda net: estimator.estimate(net, jnp.ones((5, 12)), None, key=jax.random.key(1)).net)
    products = re.findall(r"f32\[(12,8|8,12)\] = dot_general", str(program(net)))
    # One of the first layer, of 12 visible units, and one of the last.
    assert len(products) == 2
