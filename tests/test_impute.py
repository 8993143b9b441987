"""Missing entries: what is filled in against enumeration in double precision, and the command."""

import itertools
import json
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import ALL_OBSERVATIONS, FAMILY_NETS, NETS, small_net
from laws import assert_mean
from test_cli import fails, files

from beliefnet.cli import run
from beliefnet.conditionals import Dense, Feedforward, Observed
from beliefnet.datasets import load
from beliefnet.distributions import CategoricalFamily, NormalFamily, bernoulli, categorical, normal
from beliefnet.estimators import VIMCO
from beliefnet.evaluation import (
    default_refiner,
    exact_log_likelihood,
    imputation_score,
    impute,
    net_observing,
    one_pass,
    starting_fill,
)
from beliefnet.nets import sigmoid_belief_net
from beliefnet.refiners import AIR, GradientAscent
from beliefnet.training import FitOptions, fit

NAN = np.nan
PATTERNS = np.array([[1.0, NAN, 0.0], [NAN, NAN, NAN], [0.0, 1.0, NAN], [NAN, NAN, 1.0]])
QUICK = {"num_particles": 8, "num_starts": 2, "rounds": 2, "refiner": AIR(2, 3)}


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def states_of(family, parameters):
    """Values `[rows, states, units]` of a layer and their log-mass `[rows, states]`; one normal unit gets a grid."""
    parameters = np.asarray(parameters, np.float64)
    if isinstance(family, NormalFamily):
        mean, scale = parameters[:, :1], 1e-3 + np.log1p(np.exp(parameters[:, 1:]))
        steps = np.linspace(-8, 8, 161)
        log_mass = -(steps**2) / 2 - np.log(np.exp(-(steps**2) / 2).sum())
        return (mean + scale * steps)[..., None], np.broadcast_to(log_mass, (len(mean), 161))
    if isinstance(family, CategoricalFamily):
        one = np.eye(family.num_categories)
        logits = parameters.reshape(len(parameters), -1, family.num_categories)
        logits = (logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))).reshape(parameters.shape)
        values = np.array([np.concatenate(v) for v in itertools.product(one, repeat=logits.shape[1] // len(one))])
        return np.broadcast_to(values, (len(logits), *values.shape)), logits @ values.T
    values = np.array(list(itertools.product((0.0, 1.0), repeat=parameters.shape[1])))
    p = sigmoid(parameters)
    return np.broadcast_to(values, (len(p), *values.shape)), np.log(p) @ values.T + np.log(1 - p) @ (1 - values).T


def enumerated(net, patterns=PATTERNS):
    """p(x_observed) and E[x | x_observed] of each row, by adding up every state of every layer from the top."""
    prior, *rest = net.generative.conditionals
    parameters, log_mass = prior.parameters_given(None)[None], np.zeros(1)
    for conditional, below in zip([prior, *rest[:-1]], rest, strict=True):
        values, own = states_of(conditional.family, parameters)
        log_mass = (log_mass[:, None] + own).ravel()
        parameters = below.parameters_given(jnp.asarray(values.reshape(-1, values.shape[-1]), jnp.float32))
    mass, p = np.exp(log_mass), sigmoid(np.asarray(parameters, np.float64))
    likelihood, expected = [], []
    for row in patterns:
        joint = mass * np.prod(np.where(row == 1, p, np.where(row == 0, 1 - p, 1.0)), axis=1)
        likelihood.append(joint.sum())
        expected.append(np.where(np.isnan(row), joint @ p / joint.sum(), row))
    return np.array(likelihood), np.array(expected)


@pytest.mark.parametrize("name", ["two layers", "categorical on binary"])
def test_the_enumeration_agrees_with_the_oracle(name: str):
    net = {**NETS, **FAMILY_NETS}[name]()
    likelihood, _ = enumerated(net, np.asarray(ALL_OBSERVATIONS))
    np.testing.assert_allclose(np.log(likelihood), exact_log_likelihood(net, ALL_OBSERVATIONS), rtol=1e-4)


@pytest.mark.parametrize(
    "name", [*NETS, "two categorical", "categorical on binary", "normal", "normal on binary", "binary on normal"]
)
def test_what_is_filled_in_is_the_expectation_given_the_rest(name: str):
    """Estimates of p(x_observed), and of it times the expectation, are unbiased at any number of particles."""
    net = {**NETS, **FAMILY_NETS}[name]()
    likelihood, expected = enumerated(net)
    num = 200
    result = impute(
        net,
        np.tile(PATTERNS, (num, 1)),
        num_particles=300,
        num_starts=2,
        rounds=2,
        refiner=default_refiner(net, 4, 10),
        key=jax.random.key(0),
    )
    estimates = np.exp(np.asarray(result.bound, np.float64)).reshape(num, 4)
    means = np.asarray(result.means, np.float64).reshape(num, 4, 3)
    assert_mean(estimates, likelihood)
    assert_mean(estimates[..., None] * (means - expected), np.zeros((4, 3)))
    np.testing.assert_allclose(means.mean(axis=0), expected, atol=0.01)
    assert np.all((result.ess >= 1 - 1e-4) & (result.ess <= 301))


def test_one_pass_and_no_refinement_are_there_to_compare_with():
    net = small_net(2, 3)
    known = np.array([[1.0, NAN, 0.0]])
    filled = np.where(np.isnan(known), starting_fill(net), known)
    decoded = net.decode((net.recognition.conditionals[0](jnp.asarray(filled, jnp.float32)).mean,))
    np.testing.assert_allclose(one_pass(net, known), np.where(np.isnan(known), decoded, known), rtol=1e-6)
    plain = impute(net, known, num_particles=1, num_starts=1, rounds=1, refiner=AIR(0), key=jax.random.key(0))
    choices = net.decode((jnp.array(list(itertools.product((0.0, 1.0), repeat=2))),))
    assert np.abs(np.asarray(choices)[:, 1] - plain.means[0, 1]).min() < 1e-6
    assert plain.ess == 1


def test_only_observed_units_count():
    layer = Feedforward(Dense(2, 3, key=jax.random.key(0)), bernoulli)
    observed = np.array([[True, False, True], [False, False, False]])
    parent, x = jax.random.normal(jax.random.key(1), (5, 2, 2)), np.array([[1.0, NAN, 0.0], [NAN, 7.0, NAN]])
    part, whole = Observed(layer, observed), layer(parent)
    p = sigmoid(np.asarray(layer.parameters_given(parent), np.float64))[:, 0]
    expected = np.stack([np.log(p[:, 0]) + np.log(1 - p[:, 2]), np.zeros(5)], axis=1)
    np.testing.assert_allclose(part(parent).log_prob(x), expected, atol=1e-6)
    np.testing.assert_array_equal(part(parent).mean, whole.mean)
    np.testing.assert_array_equal(part(parent).sample(jax.random.key(2)), whole.sample(jax.random.key(2)))
    assert (part.num_units, part.num_parents, part.family) == (3, 2, bernoulli)
    slope = jax.grad(lambda parent: Observed(layer, observed)(parent).log_prob(x).sum())(parent)
    assert np.isfinite(slope).all()
    assert np.abs(slope[:, 1]).max() == 0
    with pytest.raises(ValueError, match=r"observed of shape \[batch, 3\], got \[2, 2\]"):
        Observed(layer, observed[:, :2])
    with pytest.raises(ValueError, match="log-probability each, got OneHot"):
        Observed(Feedforward(Dense(2, 3, key=jax.random.key(0)), categorical(3)), observed)(parent)


def test_units_of_other_families_are_masked_too():
    layer = Feedforward(Dense(2, 6, key=jax.random.key(0)), normal)
    parent = jnp.ones((1, 2))
    alone = Observed(layer, np.array([[True, False, False]]))(parent).log_prob(np.array([[0.5, NAN, NAN]]))
    mean, scale = layer(parent).mean[0, 0], jnp.sqrt(layer(parent).variance[0, 0])
    np.testing.assert_allclose(alone[0], -0.5 * ((0.5 - mean) / scale) ** 2 - jnp.log(scale * np.sqrt(2 * np.pi)), 1e-5)


@pytest.mark.parametrize("net_name", NETS)
def test_a_net_observing_a_part_adds_up_over_the_rest(net_name: str):
    net = NETS[net_name]()
    observed = np.array([[True, False, True]])
    _, latents = net.dream((4, 1), key=jax.random.key(0))
    both = [net.log_joint(jnp.array([[1.0, value, 0.0]]), latents) for value in (0.0, 1.0)]
    seen = net_observing(net_observing(net, ~observed), observed)
    terms = seen.log_joint(jnp.array([[1.0, NAN, 0.0]]), latents)
    np.testing.assert_allclose(terms[..., 0], np.logaddexp(both[0][..., 0], both[1][..., 0]), rtol=1e-5)
    np.testing.assert_array_equal(terms[..., 1:], both[0][..., 1:])


def test_what_stands_in_missing_places_does_not_matter():
    net, key = small_net(2, 3), jax.random.key(0)
    random = np.random.default_rng(0)
    x = random.integers(0, 2, (20, 3)).astype(float)
    observed = random.random((20, 3)) < 0.5
    results = [
        impute(net, np.where(observed, x, other), mask, key=key, **QUICK)
        for other, mask in ((NAN, None), (NAN, observed), (1.0, observed), (-7e9, observed))
    ]
    for result in results:
        np.testing.assert_array_equal(result.means[observed], x[observed])
        jax.tree.map(np.testing.assert_array_equal, result, results[0])
    assert not np.isnan(results[0].means).any()


def test_rows_do_not_depend_on_how_many_are_done_at_once(monkeypatch):
    net, x = small_net(2), np.tile(PATTERNS, (5, 1))[:17]
    whole = impute(net, x, key=jax.random.key(0), **QUICK)
    monkeypatch.setattr("beliefnet.evaluation._impute.rows_per_pass", lambda net: 5 * 8)
    seen = []
    parts = impute(net, x, key=jax.random.key(0), progress=seen.append, **QUICK)
    assert seen == [5, 10, 15, 17]
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5), parts, whole)
    # Equal rows have draws of their own.
    assert len(set(whole.bound[::4].round(6))) > 1


def test_many_particles_come_in_chunks(monkeypatch):
    """K that is no multiple of the chunk: particles beyond it leave no trace."""
    net = small_net(2)
    likelihood, expected = enumerated(net)
    monkeypatch.setattr("beliefnet.evaluation._impute._CHUNK", 3)
    many = {"num_particles": 5, "num_starts": 1, "rounds": 1, "refiner": AIR(1, 3)}
    result = impute(net, np.tile(PATTERNS, (2000, 1)), key=jax.random.key(0), **many)
    estimates = np.exp(np.asarray(result.bound, np.float64)).reshape(-1, 4)
    means = np.asarray(result.means, np.float64).reshape(-1, 4, 3)
    assert_mean(estimates, likelihood)
    assert_mean(estimates[..., None] * (means - expected), np.zeros((4, 3)))
    assert result.ess.max() <= 5 + 1e-4


def test_defaults_follow_the_net():
    assert isinstance(default_refiner(NETS["one layer"]()), AIR)
    assert isinstance(default_refiner(FAMILY_NETS["normal on binary"]()), AIR)
    assert isinstance(default_refiner(FAMILY_NETS["normal"]()), GradientAscent)
    net = small_net(2)
    np.testing.assert_array_equal(starting_fill(net), net.recognition.conditionals[0].network.offset)
    np.testing.assert_array_equal(starting_fill(FAMILY_NETS["normal"]()), [0.5, 0.5, 0.5])
    np.testing.assert_allclose(starting_fill(net, [0.1, 0.2, 0.3]), [0.1, 0.2, 0.3])


@pytest.mark.parametrize(
    ("x", "changes", "message"),
    [
        (np.zeros((2, 4)), {}, r"data of shape \[rows, 3\], got \[2, 4\]"),
        (np.zeros((0, 3)), {}, r"got \[0, 3\]"),
        (
            [[0.0, 0.3, NAN]],
            {},
            r"zeros and ones, .* binary observations, got 0.3 at \[0, 1\]; try evaluation.binarize",
        ),
        ([[0.0, np.inf, NAN]], {}, r"finite observed entries, got inf at \[0, 1\]"),
        ([[0.0, NAN, NAN]], {"observed": [[True, True, False]]}, r"got nan at \[0, 1\]; try marking it"),
        ([[0.0, 1.0, NAN]], {"observed": [[True, True]]}, r"observed of the shape of the data, \[1, 3\], got \[1, 2\]"),
        ([[0.0, 1.0, NAN]], {"num_particles": 0}, "num_particles of at least 1, got 0"),
        ([[0.0, 1.0, NAN]], {"num_starts": 0}, "num_starts of at least 1, got 0"),
        ([[0.0, 1.0, NAN]], {"rounds": 0}, "rounds of at least 1, got 0"),
        ([[0.0, 1.0, NAN]], {"fill": [0.5]}, r"fill of shape \(3,\), got \(1,\)"),
    ],
)
def test_errors_name_what_was_given(x, changes, message):
    with pytest.raises(ValueError, match=message):
        impute(small_net(2), x, key=jax.random.key(0), **{**QUICK, **changes})


def test_scores_are_per_hidden_entry():
    truth, means = [[1, 0, 1], [0, 0, 0]], [[0.8, 0.4, 0.0], [0.9, 0.2, 1.0]]
    hidden = np.array([[True, True, True], [False, True, False]])
    score = imputation_score(truth, means, hidden)
    terms = np.log([0.8, 0.6, 0.001, 0.8])
    assert score.num_hidden == 4
    assert score.log_likelihood.mean == pytest.approx(terms.mean())
    assert score.accuracy.mean == 0.75
    rest = np.array([terms[:3].sum() - 3 * terms.mean(), terms[3] - terms.mean()])
    assert score.log_likelihood.stderr == pytest.approx(np.sqrt(2 * (rest**2).sum()) / 4)
    with pytest.raises(ValueError, match="hidden entries to score, got none"):
        imputation_score(truth, means, ~np.ones_like(hidden))


def test_hidden_pixels_are_filled_in_better_than_without_the_net_or_the_refinement():
    data = load("digits", binarization="threshold")
    mean = data.average("train")
    net = sigmoid_belief_net(64, (40,), key=jax.random.key(0), input_mean=mean, visible_mean=mean)
    net = fit(net, VIMCO(5), data, FitOptions(epochs=15, batch_size=50, learning_rate=0.01)).net
    x = data.test[:100].astype(np.float32)
    hidden = np.random.default_rng(0).random(x.shape) < 0.5
    result = impute(net, x, ~hidden, num_particles=200, num_starts=4, rounds=2, key=jax.random.key(1))
    refined = imputation_score(x, result.means, hidden)
    for other in (one_pass(net, x, ~hidden), np.broadcast_to(mean, x.shape)):
        score = imputation_score(x, other, hidden)
        assert refined.log_likelihood.mean > score.log_likelihood.mean + 0.03
        assert refined.accuracy.mean > score.accuracy.mean + 0.01
