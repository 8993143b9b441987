"""Nets of some units given others, against exact enumeration."""

import itertools
import runpy

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import ALL_OBSERVATIONS, OBSERVATIONS, conditional_net, small_net
from laws import assert_frequencies, assert_mean, draws
from pages import ROOT

from beliefnet import BeliefNet, Chain, ConditionalNet, reconstruct, sample_means
from beliefnet.conditionals import Dense, Feedforward
from beliefnet.distributions import bag_of_words, bernoulli, discretised_logistic
from beliefnet.estimators import ARMS, VIMCO, DisARM, DoubleCV, PerLayer, Reinforce, Sleep
from beliefnet.evaluation import evaluate, exact_elbo, exact_gradient, exact_log_likelihood, impute, sandwich
from beliefnet.proposals import Annealed, Refined
from beliefnet.refiners import AIR, MeanField, StraightThroughAscent

KEY = jax.random.key(0)
CONDITIONS = jnp.array([[0.0], [1.0]])
SHALLOW, DEEP = conditional_net(3), conditional_net(2, 2)


@pytest.mark.parametrize("net", [SHALLOW, DEEP], ids=["one layer", "two layers"])
def test_outputs_sum_to_one_given_each_condition(net):
    assert (net.num_visible, net.num_condition) == (3, 1)
    probabilities = jnp.exp(exact_log_likelihood(net, ALL_OBSERVATIONS)).reshape(2, 4)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    assert np.abs(probabilities[0] - probabilities[1]).max() > 0.05, "the condition matters"


@pytest.mark.full
@pytest.mark.parametrize("net", [SHALLOW, DEEP], ids=["one layer", "two layers"])
def test_dreams_keep_the_condition_and_have_the_enumerated_frequencies(net):
    x, latents = jax.jit(lambda: net.dream((50_000,), key=KEY, condition=CONDITIONS))()
    assert x.shape == (50_000, 2, 3)
    assert [value.shape for value in latents] == [(50_000, 2, size) for size in net.layer_sizes]
    np.testing.assert_array_equal(x[..., :1], jnp.broadcast_to(CONDITIONS, (50_000, 2, 1)))
    states = ALL_OBSERVATIONS.reshape(2, 4, 3)
    hits = np.asarray((x[:, :, None] == states).all(axis=-1))
    assert_frequencies(hits, jnp.exp(exact_log_likelihood(net, ALL_OBSERVATIONS)).reshape(2, 4))


@pytest.mark.full(but=["vimco-two layers"])
@pytest.mark.parametrize("net", [SHALLOW, DEEP], ids=["one layer", "two layers"])
@pytest.mark.parametrize(("estimator", "particles"), [(VIMCO(3), 3), (Reinforce(2), None)], ids=["vimco", "reinforce"])
def test_gradients_are_those_of_the_bound(net, estimator, particles):
    state = estimator.init(net)
    grads = draws(lambda key: estimator.estimate(net, OBSERVATIONS, state, key=key).net, 20_000)
    assert_mean(grads, exact_gradient(net, OBSERVATIONS, num_particles=particles))


@pytest.mark.full
def test_draws_ahead_climb_the_bound_of_draws_that_have_not_seen_the_outputs():
    """Over all pairs of states of the hidden layers, drawn given the condition alone."""
    estimator = runpy.run_path(str(ROOT / "examples" / "structured_prediction.py"))["VIMCOAhead"](2)
    states = jnp.array(list(itertools.product((0.0, 1.0), repeat=4)))[:, None].repeat(len(OBSERVATIONS), axis=1)

    def objective(net):
        terms = net.log_joint_terms(OBSERVATIONS, (states[..., :2], states[..., 2:]))
        weight, prior = terms[..., 0], terms[..., 1:].sum(axis=-1)
        pairs = jnp.exp(prior[:, None] + prior[None])
        bound = jnp.logaddexp(weight[:, None], weight[None]) - jnp.log(2)
        share = jax.lax.stop_gradient(pairs * jnp.exp(weight[:, None] - bound))  # both particles: twice a half
        recognised = share * net.log_recognition(OBSERVATIONS, (states[..., :2], states[..., 2:]))[:, None]
        return (pairs * bound + recognised).sum(axis=(0, 1)).mean()

    grads = draws(lambda key: estimator.estimate(DEEP, OBSERVATIONS, None, key=key).net, 20_000)
    assert_mean(grads, jax.jit(jax.grad(objective))(DEEP))


@pytest.mark.full
@pytest.mark.parametrize(
    "make",
    [DisARM, ARMS, DoubleCV, lambda net: PerLayer(net, [lambda net: Reinforce(2)] * len(net.layer_sizes))],
    ids=["disarm", "arms", "double-cv", "per layer"],
)
def test_units_are_credited_below_a_condition(make):
    estimator = make(SHALLOW)
    grads = draws(lambda key: estimator.estimate(SHALLOW, OBSERVATIONS, None, key=key).net, 20_000)
    assert_mean(grads, exact_gradient(SHALLOW, OBSERVATIONS))
    with pytest.raises(ValueError, match="without a condition to look at the layers above"):
        jax.eval_shape(lambda: make(DEEP).estimate(DEEP, OBSERVATIONS, None, key=KEY).net)


@pytest.mark.full
def test_sleep_dreams_for_the_conditions_of_the_data():
    """The exact gradient of E_p(x, h | condition) [log q(h | x)], averaged over the conditions of the batch."""
    net, estimator = DEEP, Sleep(2)
    states = jnp.array([[a, b, c, d, e, f] for a, b, c, d, e, f in np.ndindex(2, 2, 2, 2, 2, 2)], float)

    def objective(net: BeliefNet) -> jax.Array:
        total = 0.0
        for condition in OBSERVATIONS[:, :1]:
            x = jnp.concatenate([jnp.broadcast_to(condition, (64, 1)), states[:, :2]], axis=-1)
            latents = (states[:, 2:4], states[:, 4:])
            p = jax.lax.stop_gradient(jnp.exp(net.log_joint(x, latents)))
            total += (p * net.log_recognition(x, latents)).sum() / len(OBSERVATIONS)
        return jnp.asarray(total)

    grads = draws(lambda key: estimator.estimate(net, OBSERVATIONS, None, key=key).net, 20_000)
    assert_mean(grads, jax.jit(jax.grad(objective))(net))


@pytest.mark.full
@pytest.mark.parametrize("refiner", [AIR(4, 50, rate=0.3), StraightThroughAscent(8, 20)], ids=["air", "gradient"])
def test_posteriors_are_refined_given_the_condition(refiner):
    start = evaluate(SHALLOW, OBSERVATIONS, num_particles=2000, key=KEY)
    refined = evaluate(SHALLOW, OBSERVATIONS, num_particles=2000, key=KEY, proposal=Refined(refiner))
    exact = exact_log_likelihood(SHALLOW, OBSERVATIONS).mean()
    for result in (start, refined):
        assert -0.06 < exact - result.bound.mean < 0.1
    assert refined.ess.mean > start.ess.mean


def test_the_closed_form_of_a_posterior_counts_the_condition():
    posterior = MeanField.recognised(SHALLOW, OBSERVATIONS)
    latents = posterior.draw(20_000, key=KEY)
    estimate = posterior.elbo(SHALLOW, OBSERVATIONS, latents).mean(axis=0)
    np.testing.assert_allclose(estimate, exact_elbo(SHALLOW, OBSERVATIONS), atol=0.03)


def test_use_of_a_conditional_net():
    means = sample_means(DEEP, (5,), key=KEY, condition=CONDITIONS)
    assert means.shape == (5, 2, 3)
    np.testing.assert_array_equal(means[..., :1], jnp.broadcast_to(CONDITIONS, (5, 2, 1)))
    rebuilt = reconstruct(DEEP, OBSERVATIONS, key=KEY)
    assert rebuilt.shape == (3, 3)
    np.testing.assert_array_equal(rebuilt[:, :1], OBSERVATIONS[:, :1])
    assert [mean.shape for mean in DEEP.recognition.means(OBSERVATIONS)] == [(3, 2), (3, 2)]


def test_numbers_per_unit_count_the_outputs_alone():
    grey = ConditionalNet(
        Chain(
            (Feedforward(Dense(2, 3, key=KEY), bernoulli), Feedforward(Dense(3, 8, key=KEY), discretised_logistic(5)))
        ),
        Chain((Feedforward(Dense(6, 3, key=KEY), bernoulli),)),
    )
    result = evaluate(grey, jnp.full((3, 6), 0.25), num_particles=2, key=KEY)
    np.testing.assert_allclose(result.elbo_bits_per_dimension.mean, -result.elbo.mean / (4 * np.log(2)), rtol=1e-5)  # pyright: ignore
    words = ConditionalNet(
        Chain((Feedforward(Dense(2, 3, key=KEY), bernoulli), Feedforward(Dense(3, 4, key=KEY), bag_of_words(5)))),
        Chain((Feedforward(Dense(6, 3, key=KEY), bernoulli),)),
    )
    result = evaluate(words, jnp.array([[50.0, 50, 1, 2, 0, 1]]), num_particles=2, key=KEY)
    np.testing.assert_allclose(result.elbo_perplexity.per_token.mean, np.exp(-result.elbo.mean / 4), rtol=1e-5)  # pyright: ignore


def test_bits_of_any_type_are_conditions():
    bits = np.array([[0], [1]], np.uint8)
    as_bytes, as_floats = (sample_means(DEEP, (3,), key=KEY, condition=given) for given in (bits, CONDITIONS))
    np.testing.assert_array_equal(as_bytes, as_floats)
    assert as_bytes.dtype == as_floats.dtype


class Rows:
    """What becomes an array, as a data frame does, and can change."""

    def __init__(self, values):
        self.values = values

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.values, dtype)


def test_conditions_are_read_anew_and_axes_are_any_whole_numbers():
    rows = Rows([[0.0], [1.0]])
    first = sample_means(DEEP, (np.int64(3),), key=KEY, condition=rows)  # pyright: ignore[reportArgumentType]
    rows.values = [[1.0], [1.0]]
    second, listed = (
        sample_means(DEEP, (3,), key=KEY, condition=given)  # pyright: ignore[reportArgumentType]
        for given in (rows, [[1.0], [1.0]])
    )
    np.testing.assert_array_equal(second, listed)
    np.testing.assert_array_equal(first[:, :, 0], [[0, 1]] * 3)
    np.testing.assert_array_equal(second[:, :, 0], [[1, 1]] * 3)


def test_without_latents_the_outputs_are_a_regression():
    net = ConditionalNet(Chain((Feedforward(Dense(1, 2, key=KEY), bernoulli),)), Chain(()))
    means = jax.nn.sigmoid(net.generative.conditionals[0].network(OBSERVATIONS[:, :1]))  # pyright: ignore
    np.testing.assert_allclose(reconstruct(net, OBSERVATIONS, key=KEY)[:, 1:], means, rtol=1e-6)
    terms = OBSERVATIONS[:, 1:] * jnp.log(means) + (1 - OBSERVATIONS[:, 1:]) * jnp.log1p(-means)
    np.testing.assert_allclose(net.log_joint(OBSERVATIONS, ()), terms.sum(axis=1), rtol=1e-5)


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda: DEEP.dream((3,), key=KEY), r"condition of shape \[batch, 1\], got none; try condition=x\[:, :1\]"),
        (lambda: sample_means(DEEP, (3,), key=KEY, condition=jnp.zeros((2, 2))), r"got \(2, 2\)"),
        (lambda: impute(DEEP, OBSERVATIONS, key=KEY), "got one that is given 1 units"),
        (lambda: sandwich(DEEP, Annealed(3), num_examples=5, num_particles=2, key=KEY), "expected a condition"),
        (lambda: ConditionalNet(DEEP.generative, SHALLOW.recognition), "chains over the same layers"),
    ],
)
def test_what_a_conditional_net_cannot_do(use, message):
    with pytest.raises(ValueError, match=message):
        use()


def test_other_nets_take_no_condition():
    with pytest.raises(ValueError, match="expected no condition, got one of shape"):
        small_net(2).dream((3,), key=KEY, condition=CONDITIONS)
