"""Test cases of other libraries, run against this one: constants they publish, closed forms, and known traps."""

import itertools
import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import randomise
from laws import MAX_Z, assert_mean, z_scores

from beliefnet import BeliefNet, Chain
from beliefnet._trace import Trace
from beliefnet.baselines import Moments, NoBaseline, RunningMoments
from beliefnet.conditionals import Dense, Feedforward, Prior
from beliefnet.distributions import bernoulli, categorical, normal
from beliefnet.estimators import (
    ARM,
    IWAE,
    NVIL,
    REBAR,
    RELAX,
    SGVB,
    STL,
    TVO,
    VIMCO,
    AbstractEstimator,
    AbstractPureRule,
    AbstractRecognitionEstimator,
    Credit,
    CreditEstimator,
    DisARM,
    DReG,
    LocalExpectation,
    MultiSampleDisARM,
    MuProp,
    Reinforce,
    Replacement,
    ReweightedWake,
    Wake,
    WeightedWake,
    surrogate,
)
from beliefnet.evaluation import exact_elbo, exact_gradient
from beliefnet.proposals import Particles
from beliefnet.samplers import Half, Plain, StraightThrough

NUM_DRAWS = 10_000
KEY = jax.random.key(0)


@eqx.filter_jit
def _estimates(estimator: AbstractEstimator, net: BeliefNet, x: jax.Array, keys: jax.Array) -> Any:
    return jax.vmap(lambda key: estimator.estimate(net, x, estimator.init(net), key=key))(keys)


def sample(estimator: AbstractEstimator, net: BeliefNet, x: jax.Array, num: int = NUM_DRAWS) -> Any:
    """Many estimates; nets of one shape share a compiled program, and estimators of one proposal share their draws."""
    keys = jax.random.split(jax.random.key(1), num)
    return jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), _estimates(estimator, net, x, keys))


def dense(weight: Any, bias: Any) -> Dense:
    weight, bias = jnp.asarray(weight, jnp.float32), jnp.asarray(bias, jnp.float32)
    template = eqx.filter_eval_shape(Dense, *weight.shape, key=KEY)
    return eqx.tree_at(lambda d: (d.weight, d.bias), template, (weight, bias))


def one_layer_net(prior: Prior, visible: tuple[Dense, Any], recognition: tuple[Dense, Any]) -> BeliefNet:
    return BeliefNet(Chain((prior, Feedforward(*visible))), Chain((Feedforward(*recognition),)))


def unscaled(scale: Any) -> Any:
    """The parameter from which the normal family makes a scale."""
    return np.log(np.expm1(np.asarray(scale) - 1e-3))


def sigmoid(value: Any) -> Any:
    return 1 / (1 + np.exp(-np.asarray(value, np.float64)))


def phi(gradient: BeliefNet) -> np.ndarray:
    """The gradient by the recognition layer's bias: by the layer's parameters themselves where there is one datum."""
    return np.asarray(gradient.recognition.conditionals[0].network.bias, np.float64)


# One bit --------------------------------------------------------------------------------------------------------------

BIT_LOGIT = 0.3
BIT_ELBO_GRADIENT = -0.412
BIT_GRADIENTS = {2: -0.26746, 5: -0.10418}
BIT_WAKE_GRADIENTS = {2: -0.169, 5: -0.307}
ONE = jnp.ones((1, 1))


def bit_net() -> BeliefNet:
    """p(x, 1) is a quarter of p(x, 0): the ratio is all that matters, and the only one with all published constants."""
    prior = Prior(jnp.array([-math.log(4)]), bernoulli)
    return one_layer_net(prior, (dense([[0.0]], [0.4]), bernoulli), (dense([[0.0]], [BIT_LOGIT]), bernoulli))


def expected_phi(estimator: AbstractRecognitionEstimator, num_particles: int) -> float:
    """The expected gradient by the logit: all settings of the bits, laid along the batch axis, are summed."""
    bits = jnp.asarray(np.array(list(itertools.product((0.0, 1.0), repeat=num_particles))).T[..., None], jnp.float32)
    x = jnp.ones((bits.shape[1], 1))

    @eqx.filter_jit
    def credits(net: BeliefNet) -> tuple[jax.Array, jax.Array]:
        log_q = net.log_recognition(x, (bits,))
        credit, _ = estimator.rule.step(Trace.record(net, Particles(x, (bits,), log_q)), None)
        assert credit.score is not None
        return credit.score, log_q

    score, log_q = (np.asarray(value, np.float64) for value in credits(bit_net()))
    weighted = (score * (np.asarray(bits) - sigmoid(BIT_LOGIT))).sum(axis=(0, 2))
    return float(np.sum(np.exp(log_q.sum(axis=0)) * weighted))


def test_one_bit_has_the_published_gradients():
    """Numbers found for NumPyro and Pyro (the right ones)."""
    assert abs(phi(exact_gradient(bit_net(), ONE))[0] - BIT_ELBO_GRADIENT) < 5e-4
    for count, published in BIT_GRADIENTS.items():
        assert abs(phi(exact_gradient(bit_net(), ONE, num_particles=count))[0] - published) < 6e-6


@pytest.mark.parametrize("replacement", list(Replacement))
@pytest.mark.parametrize("count", BIT_GRADIENTS)
def test_vimco_of_one_bit_expects_the_published_gradient(count: int, replacement: Replacement):
    """ZhuSuan, tfsnippet, TFP: enumerated."""
    assert abs(expected_phi(VIMCO(count, replacement=replacement), count) - BIT_GRADIENTS[count]) < 6e-6


def test_reinforce_of_one_bit_expects_the_published_gradient():
    """NumPyro's TraceGraph_ELBO, enumerated."""
    assert abs(expected_phi(Reinforce(2), 2) - BIT_ELBO_GRADIENT) < 5e-4


@pytest.mark.parametrize("count", BIT_GRADIENTS)
def test_reweighted_wake_of_one_bit_is_not_the_bounds_gradient(count: int):
    """NumPyro's Renyi loss gives minus this; the published numbers are sampled ones."""
    assert abs(expected_phi(ReweightedWake(count), count) - BIT_WAKE_GRADIENTS[count]) < 1.5e-3


@pytest.mark.full
@pytest.mark.parametrize("count", BIT_GRADIENTS)
def test_multi_sample_disarm_of_one_bit_averages_to_the_published_gradient(count: int):
    """Disarm, on the one-bit model."""
    net = bit_net()
    assert_mean(phi(sample(MultiSampleDisARM(net, count), net, ONE).net), [BIT_GRADIENTS[count]])


# A categorical under a large offset -----------------------------------------------------------------------------------

SIX = np.log([0.95, 0.01, 0.01, 0.01, 0.01, 0.01])
SIX_X = jnp.zeros((1, 26))
SIX_DRAWS = 8_000


def six_net(offset: float) -> BeliefNet:
    """One visible unit tells the six states apart; twenty-five others add the offset to log p(x, h) by their scale."""
    means = np.zeros((6, 52))
    means[:, 0] = [0.1, 1.0, -2.0, 0.5, 1.5, -0.7]
    scales = np.r_[1.0, np.full(25, np.exp(-offset / 25) / np.sqrt(2 * np.pi))]
    visible = dense(means, np.r_[np.zeros(26), unscaled(scales)]), normal
    prior = Prior(jnp.array([0.3, -0.4, 0.2, 0.0, 0.5, -0.6]), categorical(6))
    return one_layer_net(prior, visible, (dense(np.zeros((26, 6)), SIX), categorical(6)))


SIX_ESTIMATORS = {
    "reinforce": (lambda net: Reinforce(4), None),
    "vimco": (lambda net: VIMCO(3), 3),
    "local expectation": (lambda net: LocalExpectation(net), None),
    "muprop": (lambda net: MuProp(net), None),
}


@pytest.mark.full(but=["vimco"])
@pytest.mark.parametrize("name", SIX_ESTIMATORS)
def test_an_offset_of_100_changes_no_draw_of_a_skewed_categorical(name: str):
    """Storchastic's six-way categorical with an offset cost: unbiased, and of the same variance draw for draw."""
    make, bound = SIX_ESTIMATORS[name]
    plain = sample(make(six_net(0)), six_net(0), SIX_X, SIX_DRAWS)
    assert_mean(plain.net, exact_gradient(six_net(0), SIX_X, num_particles=bound))
    for offset in (100.0, -100.0):
        shifted = sample(make(six_net(offset)), six_net(offset), SIX_X, SIX_DRAWS)
        np.testing.assert_allclose(shifted.objective, plain.objective + offset, rtol=1e-4)
        np.testing.assert_allclose(phi(shifted.net), phi(plain.net), atol=2e-4)
        assert_mean(phi(shifted.net), phi(exact_gradient(six_net(0), SIX_X, num_particles=bound)))


def test_local_expectation_of_a_single_variable_is_exact_in_every_draw():
    """Storchastic's enumeration."""
    net = six_net(0)
    drawn = phi(sample(LocalExpectation(net), net, SIX_X, SIX_DRAWS).net)
    np.testing.assert_allclose(drawn, np.broadcast_to(phi(exact_gradient(net, SIX_X)), drawn.shape), atol=5e-6)


# Normal against normal ------------------------------------------------------------------------------------------------


def normal_net(q: tuple[float, float], p: tuple[float, float]) -> BeliefNet:
    """One normal unit, given as (mean, scale), under an observation that says nothing of it."""
    prior = Prior(jnp.array([p[0], unscaled(p[1])]), normal)
    recognition = dense(np.zeros((1, 2)), [q[0], unscaled(q[1])]), normal
    return one_layer_net(prior, (dense([[0.0]], [0.4]), bernoulli), recognition)


NORMAL_ESTIMATORS = {
    "sgvb": lambda net: SGVB(net),
    "stl": lambda net: STL(net),
    "reinforce": lambda net: Reinforce(2),
    "muprop": lambda net: MuProp(net),
}


@pytest.mark.full
@pytest.mark.parametrize("name", NORMAL_ESTIMATORS)
def test_normal_pair_follows_the_analytic_kl(name: str):
    """ZhuSuan: q = N(2, 3) against p = N(0, 1)."""
    net = normal_net((2, 3), (0, 1))
    exact = exact_gradient(net, ONE)
    by_scale = sigmoid(unscaled([3.0, 1.0]))
    np.testing.assert_allclose(phi(exact), [-2, (1 / 3 - 3) * by_scale[0]], rtol=1e-4)
    np.testing.assert_allclose(exact.generative.conditionals[0].parameters, [2, 12 * by_scale[1]], rtol=1e-4)
    kl = -math.log(3) + (9 + 4 - 1) / 2
    np.testing.assert_allclose(exact_elbo(net, ONE), math.log(sigmoid(0.4)) - kl, rtol=1e-5)
    samples = sample(NORMAL_ESTIMATORS[name](net), net, ONE)
    assert_mean(samples.net, exact)
    assert_mean(samples.objective, exact_elbo(net, ONE)[0])


def test_score_term_has_mean_zero_and_fishers_variance_where_q_is_p():
    """ZhuSuan: q = p = N(2, 3); SGVB adds the score to STL's zero, of standard deviation 1 / scale by the mean."""
    net = normal_net((2, 3), (2, 3))
    drawn = phi(sample(SGVB(net), net, ONE).net)
    assert_mean(drawn, np.zeros(2))
    np.testing.assert_allclose(drawn[:, 0].std(), 1 / 3, rtol=0.03)


def test_all_estimators_of_a_bound_report_the_same_objective():
    """TFP: one key, one value."""
    net, key = normal_net((0.5, 1.2), (0, 1)), jax.random.key(2)
    moments = RunningMoments(normalise=False)
    families = (
        (SGVB(net, 3), STL(net, 3), Reinforce(3), Wake(3), NVIL(net, key=KEY, num_particles=3, moments=moments)),
        (IWAE(net, 3), DReG(net, 3), VIMCO(3), ReweightedWake(3), WeightedWake(3)),
    )

    @eqx.filter_jit
    def objectives(estimators: tuple[AbstractEstimator, ...]) -> list[jax.Array]:
        return [e.estimate(net, ONE, e.init(net), key=key).objective for e in estimators]

    for estimators in families:
        values = np.asarray(objectives(estimators))
        np.testing.assert_allclose(values, values[0], rtol=1e-6)


@pytest.mark.full
def test_dreg_and_iwae_have_one_mean_and_it_is_that_of_the_quadrature():
    """TFP, with the model's gradient included."""
    net = normal_net((0.5, 1.2), (0, 1))
    exact = exact_gradient(net, ONE, num_particles=3)
    iwae, dreg = (sample(make(net, 3), net, ONE).net for make in (IWAE, DReG))
    assert_mean(iwae, exact)
    assert_mean(dreg, exact)
    assert_mean(jax.tree.map(np.subtract, dreg, iwae), jax.tree.map(jnp.zeros_like, exact))


@pytest.mark.full
def test_dreg_and_iwae_have_one_mean_far_from_the_optimum():
    """TFP's q = N(-3, 1), p = N(2, 3), K = 10, where DReG is the one of larger variance: that is not asserted."""
    net = normal_net((-3, 1), (2, 3))
    iwae, dreg = (phi(sample(make(net, 10), net, ONE).net) for make in (IWAE, DReG))
    assert_mean(dreg - iwae, np.zeros(2))


@pytest.mark.full
def test_vimco_of_1000_particles_points_where_iwae_points():
    """ZhuSuan."""
    net = normal_net((3, 1), (0, 1))
    iwae, vimco = (phi(sample(e, net, ONE, 400).net).mean(axis=0) for e in (IWAE(net, 1000), VIMCO(1000)))
    assert iwae @ vimco > 0.95 * np.linalg.norm(iwae) * np.linalg.norm(vimco)


# Two points -----------------------------------------------------------------------------------------------------------

POINTS = np.array([-0.5, 2.0])
POINT_ESTIMATORS = {
    "sgvb": lambda net: SGVB(net, 2),
    "stl": lambda net: STL(net, 2),
    "reinforce": lambda net: Reinforce(2),
    "muprop": lambda net: MuProp(net, 2),
}


@pytest.mark.full(but=["reinforce", "sgvb"])
@pytest.mark.parametrize("name", POINT_ESTIMATORS)
def test_two_points_have_the_published_gradients(name: str):
    """Pyro: a unit for each point, q = N(0, 1); minus the loss gradients loc = (0.5, -2), scale = 2 (over both)."""
    unit = unscaled(1.0)
    visible = dense(np.c_[np.eye(2), np.zeros((2, 2))], [0, 0, unit, unit]), normal
    recognition = dense(np.zeros((2, 4)), [0, 0, unit, unit]), normal
    net = one_layer_net(Prior(normal.neutral(2), normal), visible, recognition)
    x = jnp.asarray(POINTS, jnp.float32)[None]
    exact = exact_gradient(net, x)
    np.testing.assert_allclose(phi(exact)[:2], [-0.5, 2], atol=1e-4)
    np.testing.assert_allclose(phi(exact)[2:].sum() / sigmoid(unit), -2, atol=1e-4)
    assert_mean(sample(POINT_ESTIMATORS[name](net), net, x).net, exact)


@pytest.mark.parametrize("name", ["sgvb", "reinforce"])
def test_two_points_in_a_batch_share_their_parameters_by_the_mean(name: str):
    """Pyro's subsampling: a batch of the two points, whose gradients are averaged, weight and bias of q shared."""
    unit = unscaled(1.0)
    net = one_layer_net(
        Prior(normal.neutral(1), normal), (dense([[1, 0]], [0, unit]), normal), (dense([[0, 0]], [0, unit]), normal)
    )
    x = jnp.asarray(POINTS, jnp.float32)[:, None]
    exact = exact_gradient(net, x)
    np.testing.assert_allclose(phi(exact), [POINTS.mean(), -sigmoid(unit)], atol=1e-4)
    weight = exact.recognition.conditionals[0].network.weight
    np.testing.assert_allclose(weight[0], [np.mean(POINTS**2), -POINTS.mean() * sigmoid(unit)], atol=1e-4)
    assert_mean(sample(POINT_ESTIMATORS[name](net), net, x).net, exact)


# Credit rules against loops -------------------------------------------------------------------------------------------


def random_trace(num_particles: int = 4, batch: int = 3, layers: int = 2) -> Trace:
    rng = np.random.default_rng(0)
    log_p = jnp.asarray(rng.normal(size=(num_particles, batch, layers + 1)), jnp.float32)
    log_q = jnp.asarray(rng.normal(size=(num_particles, batch, layers)), jnp.float32)
    return Trace(log_p, log_q, log_q.sum(axis=-1), ())


@pytest.mark.parametrize("normalise", [False, True])
def test_nvil_credits_as_the_loop_says_from_preset_moments(normalise: bool):
    """Tfsnippet: mean preset to 6, decay 0.8, updated before use; here with NVIL's scale as well."""
    trace = random_trace()
    nvil = NVIL(
        bit_net(),
        key=KEY,
        num_particles=4,
        baseline=NoBaseline(),
        moments=RunningMoments(0.8, normalise=normalise),
    )
    credit, after = nvil.rule.step(trace, Moments(jnp.full(2, 6.0), jnp.array([0.1, 4.0])))
    assert credit.score is not None
    p, q = np.asarray(trace.log_p, np.float64), np.asarray(trace.log_q, np.float64)
    for layer, variance_before in enumerate((0.1, 4.0)):
        signals = np.zeros((4, 3))
        for k, n in np.ndindex(4, 3):
            signals[k, n] = p[k, n, 2] + sum(p[k, n, j] - q[k, n, j] for j in range(layer, 2))
        mean = 0.8 * 6 + 0.2 * signals.mean()
        variance = 0.8 * variance_before + 0.2 * signals.var()
        scale = max(1.0, math.sqrt(variance)) if normalise else 1.0
        np.testing.assert_allclose(credit.score[..., layer], (signals - mean) / scale / 4, rtol=1e-4)
        np.testing.assert_allclose([after.mean[layer], after.variance[layer]], [mean, variance], rtol=1e-5)


def test_path_estimators_credit_as_the_loops_say():
    """Tfsnippet's SGVB and IWAE; TFP's DReG with the right weight for the model."""
    trace, net = random_trace(), normal_net((0, 1), (0, 1))
    f = np.asarray(trace.log_p, np.float64).sum(axis=-1) - np.asarray(trace.log_q, np.float64).sum(axis=-1)
    weights = np.zeros((4, 3))
    for k, n in np.ndindex(4, 3):
        weights[k, n] = math.exp(f[k, n]) / sum(math.exp(f[j, n]) for j in range(4))
    bound = np.log(np.mean(np.exp(f), axis=0))
    expected = {
        SGVB: (f.mean(axis=0), 0.25 + 0 * f, -0.25 + 0 * f, 0.25 + 0 * f),
        STL: (f.mean(axis=0), 0.25 + 0 * f, None, 0.25 + 0 * f),
        IWAE: (bound, weights, -weights, weights),
        DReG: (bound, weights, None, weights**2),
    }
    for make, amounts in expected.items():
        credit, _ = make(net, 4).rule.step(trace, None)
        score = None if credit.score is None else credit.score[..., 0]
        for weighted, amount in zip((credit.objective, credit.model, score, credit.path), amounts, strict=True):
            assert (weighted is None) == (amount is None)
            if amount is not None:
                np.testing.assert_allclose(weighted, amount, rtol=1e-4)


def test_what_credit_gives_is_the_hand_gradient():
    """Tfsnippet's log q = (x^2 - 1) y^3 and log p = y z: the gradient by y, written by hand."""
    rng = np.random.default_rng(1)
    x, z, y = rng.normal(size=(5, 2)), rng.normal(size=(5, 2)), 0.8
    net = normal_net((0, 1), (0, 1))

    def trace(y: Any) -> Trace:
        log_q = jnp.asarray((x**2 - 1)[..., None] * y**3, jnp.float32)
        log_p = jnp.stack([jnp.asarray(y * z, jnp.float32), jnp.zeros((5, 2))], axis=-1)
        return Trace(log_p, log_q, log_q[..., 0], ())

    nvil = NVIL(net, key=KEY, num_particles=5, baseline=NoBaseline(), moments=RunningMoments(normalise=False))
    state = Moments(jnp.array([6.0]), jnp.zeros(1))
    f, by_p, by_q = y * z - (x**2 - 1) * y**3, z, 3 * y**2 * (x**2 - 1)
    weights = np.exp(f) / np.exp(f).sum(axis=0)
    centre = 0.8 * 6 + 0.2 * f.mean()
    for estimator, at, amounts in (
        (SGVB(net, 5), None, (by_p - by_q) / 5),
        (IWAE(net, 5), None, weights * (by_p - by_q)),
        (nvil, state, (by_p + (f - centre) * by_q) / 5),
    ):
        gradient = jax.grad(lambda y, e=estimator, s=at: surrogate(trace(y), e.rule.step(trace(0.8), s)[0]))(y)
        np.testing.assert_allclose(gradient, amounts.sum(axis=0).mean(), rtol=1e-4)


# Three bits and a quadratic -------------------------------------------------------------------------------------------

TARGETS = np.array([[0.2, 0.55, 0.9], [0.6, 0.51, 0.48]])
TARGETS_X = jnp.asarray(TARGETS, jnp.float32)
FIRST_X = TARGETS_X[:1]


def bits_net(*, weight: float = 1.0, exact: bool = False) -> BeliefNet:
    """log p(x | h) = -weight * sum (h - x)^2 up to a constant; `exact` makes q the prior, under an x that says nothing.

    With `weight` 0, x says nothing of h either, and log p(x, h) is linear in h.
    """
    coupling = np.array([[0.6, -0.4, 0.2], [-0.3, 0.5, 0.1], [0.4, 0.2, -0.7]]) * (not exact)
    logits = jnp.array([0.5, -0.8, 0.3])
    weight = 0.0 if exact else weight
    visible = dense(np.c_[weight * np.eye(3), np.zeros((3, 3))], np.r_[np.zeros(3), unscaled([math.sqrt(0.5)] * 3)])
    prior = Prior(logits if exact else 0 * logits, bernoulli)
    return one_layer_net(prior, (visible, normal), (dense(coupling, logits), bernoulli))


BITS_ESTIMATORS = {
    "reinforce": (lambda net: Reinforce(2), None),
    "arm": (lambda net: ARM(net), None),
    "disarm": (lambda net: DisARM(net), None),
    "multi-sample disarm": (lambda net: MultiSampleDisARM(net, 3), 3),
    "rebar": (lambda net: REBAR(net, scale=0.7), None),
    "relax": (lambda net: randomise(RELAX(net, key=KEY, num_units=5), 0.3), None),
    "local expectation": (lambda net: LocalExpectation(net), None),
    "muprop": (lambda net: MuProp(net), None),
    "1/2": (lambda net: SGVB(net, sampler=Half()), None),
    "1/2, no score": (lambda net: STL(net, sampler=Half()), None),
}


@pytest.mark.full(but=["muprop", "arm"])
@pytest.mark.parametrize("name", BITS_ESTIMATORS)
def test_three_bits_under_a_quadratic_follow_the_sum_over_eight_states(name: str):
    """Relax-autograd's targets and Storchastic's; the 1/2 estimator is unbiased for it is quadratic in each unit."""
    make, bound = BITS_ESTIMATORS[name]
    net = bits_net()
    assert_mean(sample(make(net), net, TARGETS_X).net, exact_gradient(net, TARGETS_X, num_particles=bound))


def test_three_bits_have_the_closed_form():
    """Relax-autograd: d/dlogit of -E sum (h - t)^2 - KL(q | one half)."""
    net = bits_net()
    layer = net.recognition.conditionals[0].network
    logits = np.asarray(layer(TARGETS_X), np.float64)
    p = sigmoid(logits)
    by_logit = p * (1 - p) * (2 * TARGETS - 1 - logits)
    exact = exact_gradient(net, TARGETS_X)
    np.testing.assert_allclose(phi(exact), by_logit.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(exact.recognition.conditionals[0].network.weight, TARGETS.T @ by_logit / 2, atol=1e-6)


@pytest.mark.parametrize("make", [SGVB, STL])
def test_straight_through_is_unbiased_for_a_linear_objective(make):
    """Storchastic's straight-through; log p and log q are linear in the units where x says nothing."""
    net = bits_net(weight=0)
    samples = sample(make(net, sampler=StraightThrough()), net, TARGETS_X)
    exact = exact_gradient(net, TARGETS_X)
    assert_mean(samples.net.recognition, exact.recognition)
    assert_mean(samples.net.generative, exact.generative)


def test_straight_through_is_biased_for_a_quadratic_by_the_slopes_at_its_draws():
    """Storchastic: its mean is the mean slope at the draws, p (1 - p) E[F'(h)], and that is not the gradient."""
    net = bits_net()
    samples = phi(sample(STL(net, sampler=StraightThrough()), net, TARGETS_X).net)
    p = sigmoid(np.asarray(net.recognition.conditionals[0].network(TARGETS_X)))
    logits = np.log(p / (1 - p))
    slopes = p * (1 - p) * (2 * (TARGETS - p) - logits)
    assert_mean(samples, slopes.mean(axis=0))
    assert np.abs(z_scores(samples, phi(exact_gradient(net, TARGETS_X)))).max() > 2 * MAX_Z


@pytest.mark.full
@pytest.mark.parametrize("name", ["rebar", "relax"])
def test_control_variates_learn_by_the_derivative_of_the_second_moment(name: str):
    """Relax-autograd: against a difference quotient with common random numbers, in each own parameter's direction."""
    net = bits_net()
    estimator = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float32), BITS_ESTIMATORS[name][0](net))
    ascent = jax.tree.map(lambda leaf: leaf.mean(axis=0), sample(estimator, net, FIRST_X, 2_000).estimator)

    def second_moment(estimator: AbstractEstimator) -> float:
        # One datum and one particle: the gradient by the bias is the credit of the logits.
        return float((phi(sample(estimator, net, FIRST_X, 2_000).net) ** 2).sum(axis=1).mean())

    leaves, structure = jax.tree.flatten(estimator)
    ascents = jax.tree.leaves(ascent)
    assert len(leaves) == len(ascents)
    rng = np.random.default_rng(2)
    for index, (leaf, slope) in enumerate(zip(leaves, ascents, strict=True)):
        direction = rng.normal(size=leaf.shape)
        direction /= np.linalg.norm(direction)

        def moved(step: float, index=index, direction=direction) -> AbstractEstimator:
            there = [each + step * direction if i == index else each for i, each in enumerate(leaves)]
            return structure.unflatten([jnp.asarray(each, jnp.float32) for each in there])

        quotient = (second_moment(moved(0.02)) - second_moment(moved(-0.02))) / 0.04
        np.testing.assert_allclose(-np.sum(slope * direction), quotient, rtol=5e-3, atol=2e-4)


@pytest.mark.parametrize(
    ("one", "two", "net", "x"),
    [
        (DisARM, ARM, bits_net(), TARGETS_X),
        (STL, SGVB, normal_net((2, 3), (0, 1)), ONE),
    ],
    ids=["disarm and arm", "stl and sgvb"],
)
def test_two_unbiased_estimators_do_not_drift_apart(one, two, net: BeliefNet, x: jax.Array):
    """Disarm: the running z-score of the mean difference."""
    difference = phi(sample(one(net), net, x).net) - phi(sample(two(net), net, x).net)
    for num in range(1_000, NUM_DRAWS + 1, 1_000):
        assert_mean(difference[:num], np.zeros(difference.shape[1]))


# Nothing to learn: q is the posterior ---------------------------------------------------------------------------------

SILENT = {
    "reinforce": lambda net: Reinforce(2),
    "arm": lambda net: ARM(net),
    "disarm": lambda net: DisARM(net),
    "multi-sample disarm": lambda net: MultiSampleDisARM(net, 3),
    "local expectation": lambda net: LocalExpectation(net),
    "muprop": lambda net: MuProp(net),
    "rebar at scale 1": lambda net: REBAR(net),
    "relax at its start": lambda net: RELAX(net, key=KEY, num_units=5),
    "1/2, no score": lambda net: STL(net, sampler=Half()),
    "straight-through, no score": lambda net: STL(net, sampler=StraightThrough()),
    "1/2, doubly reparameterised": lambda net: DReG(net, 3, sampler=Half()),
}


@pytest.mark.full(but=["reinforce", "disarm", "muprop"])
@pytest.mark.parametrize("name", SILENT)
def test_no_draw_moves_q_where_it_is_the_posterior(name: str):
    """mc_gradients' constant objective and TFP's optimum, for bits: every log-weight is log p(x), whatever is drawn."""
    net = bits_net(exact=True)
    samples = sample(SILENT[name](net), net, TARGETS_X)
    np.testing.assert_allclose(samples.objective, exact_elbo(net, TARGETS_X).mean(), rtol=1e-5)
    for leaf in jax.tree.leaves(samples.net.recognition):
        np.testing.assert_allclose(leaf, 0, atol=2e-5)


@pytest.mark.parametrize("make", [STL, lambda net: DReG(net, 3), lambda net: Reinforce(2), MuProp])
def test_no_draw_moves_a_normal_q_where_it_is_the_posterior(make):
    """TFP's sticking the landing and ZhuSuan's p = q = N(2, 3)."""
    net = normal_net((2, 3), (2, 3))
    np.testing.assert_allclose(phi(sample(make(net), net, ONE).net), 0, atol=2e-5)


@pytest.mark.parametrize("make", [VIMCO, TVO])
def test_multi_sample_estimators_leave_the_score_where_q_is_the_posterior(make):
    """All weights are 1/K there: what remains is minus the particles' mean score, zero on average and not in a draw."""
    net, count = bits_net(exact=True), 3
    drawn = phi(sample(make(count), net, TARGETS_X).net)
    assert_mean(drawn, np.zeros(3))
    p = sigmoid([0.5, -0.8, 0.3])
    np.testing.assert_allclose(drawn.var(axis=0), p * (1 - p) / (count * len(TARGETS)), rtol=0.06)


def test_vimco_and_wake_phi_are_opposite_where_q_is_the_posterior():
    """Enumerated differently in the peers' tables: equal weights give the same mean score with opposite signs."""
    net = bits_net(exact=True)
    vimco, wake = (phi(sample(e, net, TARGETS_X).net) for e in (VIMCO(3), ReweightedWake(3)))
    np.testing.assert_allclose(vimco, -wake, atol=2e-5)


def test_multi_sample_disarm_of_one_particle_is_disarm():
    """Disarm: its docstring says so."""
    net = bits_net()
    one, two = (phi(sample(e, net, TARGETS_X).net) for e in (MultiSampleDisARM(net, 1), DisARM(net)))
    np.testing.assert_allclose(one, two, atol=2e-5)


# Weights of zero ------------------------------------------------------------------------------------------------------

INF = math.inf


@pytest.mark.parametrize("log_weights", [[0.0, -INF, -INF], [-INF] * 3, [0.0, -200.0, -INF], [300.0, -INF, 0.0]])
@pytest.mark.parametrize("name", ["vimco", "iwae", "dreg", "tvo", "wake", "weighted wake"])
def test_weights_of_zero_give_no_nan(name: str, log_weights: list[float]):
    """What gives NaN in tables of leave-one-out differences (ZhuSuan, tfsnippet, rrws)."""
    net = normal_net((0, 1), (0, 1))
    estimator = {
        "vimco": VIMCO(3),
        "iwae": IWAE(net, 3),
        "dreg": DReG(net, 3),
        "tvo": TVO(3),
        "wake": ReweightedWake(3),
        "weighted wake": WeightedWake(3),
    }[name]
    log_q = jnp.full((3, 1, 1), -0.7)
    log_p = jnp.stack([jnp.asarray(log_weights)[:, None] - 0.7, jnp.zeros((3, 1))], axis=-1)
    credit, _ = estimator.rule.step(Trace(log_p, log_q, log_q[..., 0], ()), None)
    assert credit.model is not None
    for weighted in (credit.model, credit.score, credit.path):
        assert weighted is None or np.isfinite(weighted).all()
    assert not np.isnan(credit.objective).any()
    if name != "tvo":
        np.testing.assert_array_equal(np.asarray(credit.model)[np.isneginf(log_weights)], 0)
        np.testing.assert_allclose(credit.model.sum(), np.isfinite(log_weights).any(), rtol=1e-6)


# Refusals -------------------------------------------------------------------------------------------------------------


def relax(net: BeliefNet) -> RELAX:
    return RELAX(net, key=KEY)


REFUSED = {
    "sgvb on bits": (lambda: SGVB(bits_net()), "concrete, straight-through"),
    "stl on bits": (lambda: STL(bits_net()), "concrete, straight-through"),
    "iwae on bits": (lambda: IWAE(bits_net()), "vimco"),
    "dreg on bits": (lambda: DReG(bits_net()), "vimco"),
    "sgvb on categorical": (lambda: SGVB(six_net(0)), "concrete, straight-through"),
    **{
        f"{make.__name__} on {name}": (lambda make=make, net=net: make(net()), "vimco")
        for make in (ARM, DisARM, MultiSampleDisARM, REBAR, relax)
        for name, net in (("normal", lambda: normal_net((0, 1), (0, 1))), ("categorical", lambda: six_net(0)))
    },
    "local expectation on normal": (lambda: LocalExpectation(normal_net((0, 1), (0, 1))), "sgvb"),
    "sgvb with plain draws": (lambda: SGVB(bits_net(), sampler=Plain()), "Concrete"),
    "dreg with plain draws": (lambda: DReG(normal_net((0, 1), (0, 1)), sampler=Plain()), "Reparameterize"),
    "1/2 on categorical": (lambda: SGVB(six_net(0), sampler=Half()), "concrete, straight-through"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_an_estimator_that_cannot_differentiate_the_latents_is_refused(name: str):
    """Pyro and NumPyro return zero or a wrong number, with a warning at most."""
    make, alternative = REFUSED[name]
    with pytest.raises(ValueError, match=rf"expected .*, got .*; try .*{alternative}"):
        make()


class _OnThePath(AbstractPureRule):
    """Credits the path, whatever the draws are."""

    def __call__(self, trace: Trace) -> Credit:
        return Credit(trace.log_weight.mean(axis=0), path=trace.uniform_weights)


@pytest.mark.full
def test_a_path_credit_for_draws_without_a_derivative_is_refused():
    """Pyro: a zero gradient, in silence."""
    net = normal_net((0, 1), (0, 1))
    with pytest.raises(ValueError, match=r"expected a proposal .*Recognition.*; try Recognition\(Reparameterize\(\)\)"):
        CreditEstimator(_OnThePath(), 1).estimate(net, ONE, None, key=KEY)
