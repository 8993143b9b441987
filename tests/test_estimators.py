"""Laws of estimators: each is what its line in `cases.py` claims, against exact enumeration."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import ESTIMATORS, NETS, NVIL_CASES, OBSERVATIONS, EstimatorCase, nvil, randomise, small_net
from laws import assert_mean, draws

from beliefnet import BeliefNet
from beliefnet._trace import Trace
from beliefnet.baselines import Moments, Order, RunningMoments
from beliefnet.estimators import NVIL
from beliefnet.evaluation import enumerate_latents
from beliefnet.nets import sigmoid_belief_net
from beliefnet.proposals import Particles

NUM_DRAWS = 40_000


@pytest.mark.parametrize(("net_name", "batch"), [*((net_name, 3) for net_name in NETS), ("two layers", 1)])
@pytest.mark.parametrize("name", ESTIMATORS)
def test_gradient_is_what_is_claimed(name: str, net_name: str, batch: int):
    case: EstimatorCase = ESTIMATORS[name]
    net, x = NETS[net_name](), OBSERVATIONS[:batch]
    estimator, state = case.make(net), case.state(net)
    exact = eqx.filter_jit(case.expected)(net, x, estimator, state)
    samples = draws(lambda key: estimator.estimate(net, x, state, key=key).net, NUM_DRAWS)
    assert_mean(samples, exact)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_objective_is_unbiased(name: str):
    case, net = ESTIMATORS[name], NETS["two layers"]()
    estimator, state = case.make(net), case.state(net)
    samples = draws(lambda key: estimator.estimate(net, OBSERVATIONS, state, key=key).objective, NUM_DRAWS)
    assert_mean(samples, case.objective(net, OBSERVATIONS).mean())


@pytest.mark.parametrize("name", ESTIMATORS)
def test_same_key_same_estimate(name: str):
    case, net = ESTIMATORS[name], NETS["two layers"]()
    estimator, state, key = case.make(net), case.state(net), jax.random.key(5)
    estimate = eqx.filter_jit(estimator.estimate)
    one, two = (estimate(net, OBSERVATIONS, state, key=key) for _ in range(2))
    other = estimate(net, OBSERVATIONS, state, key=jax.random.key(6))
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(two), strict=True):
        np.testing.assert_array_equal(a, b)
    assert float(one.objective) != float(other.objective)


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("size", [30.0, 3e4])
def test_finite_under_extreme_weights(name: str, size: float):
    net = randomise(NETS["two layers"](), scale=size)
    case = ESTIMATORS[name]
    estimate = eqx.filter_jit(case.make(net).estimate)(net, OBSERVATIONS, case.state(net), key=jax.random.key(0))
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(estimate))


@eqx.filter_jit
def exact_trace(net: BeliefNet, x: jax.Array) -> tuple[Trace, jax.Array]:
    """All states as particles, with their probabilities under the recognition net."""
    states = enumerate_latents(net, x)
    latents = tuple(jnp.broadcast_to(h, (h.shape[0], len(x), h.shape[-1])) for h in states.latents)
    particles = Particles(x, latents, net.log_recognition(x, latents), states.log_q)
    return Trace.record(net, particles), jnp.exp(states.log_q)


@pytest.mark.parametrize("name", sorted(NVIL_CASES.keys() - {"nvil, no baseline", "nvil, paper order"}))
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
    paid, after = moments.apply(signal, Moments(jnp.array([2.0, 5.0]), jnp.array([10.0, 0.0])))
    np.testing.assert_allclose(after.mean, [0.8 * 2 + 0.2 * 2, 0.8 * 5 + 0.2 * 1], rtol=1e-6)
    np.testing.assert_allclose(after.variance, [0.8 * 10 + 0.2 * 1, 0.2 * 25], rtol=1e-6)
    expected = (signal - after.mean) / np.maximum(1, np.sqrt(after.variance))
    np.testing.assert_allclose(paid, expected, rtol=1e-6)


def test_statistics_first_uses_what_was_there_before():
    before = Moments(jnp.array([2.0]), jnp.array([16.0]))
    paid, after = RunningMoments(order=Order.STATISTICS_FIRST).apply(jnp.full((1, 2, 1), 10.0), before)
    np.testing.assert_allclose(paid, (10 - 2) / 4)
    np.testing.assert_allclose(after.mean, 0.8 * 2 + 0.2 * 10, rtol=1e-6)


def test_small_variance_is_not_blown_up():
    paid, _ = RunningMoments(centre=False, order=Order.STATISTICS_FIRST).apply(
        jnp.ones((1, 2, 1)), Moments(jnp.zeros(1), jnp.array([0.01]))
    )
    np.testing.assert_allclose(paid, 1.0)


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


def test_baseline_starts_at_zero():
    net = small_net(2, 2)
    trace, _ = exact_trace(net, OBSERVATIONS)
    np.testing.assert_array_equal(NVIL(net, key=jax.random.key(0)).baseline.predict(trace), 0)


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="num_particles of at least 1, got 0"):
        NVIL(small_net(2), key=jax.random.key(0), num_particles=0)
    with pytest.raises(ValueError, match=r"smoothing in \[0, 1\), got 1.0"):
        RunningMoments(1.0)
