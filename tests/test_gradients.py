"""The comparison of gradient estimators: unbiased ones pass, biased ones do not, and the numbers are what they say."""

import json
import math
from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import FAMILY_NETS, NETS, OBSERVATIONS, nvil
from laws import draws

from beliefnet.baselines import Moments
from beliefnet.estimators import SGVB, VIMCO, DReG, Reinforce, VariationalEM, Wake, wake_sleep
from beliefnet.evaluation import Effort, exact_gradient, gradient_report
from beliefnet.evaluation._gradient_draws import Draw, split_parts
from beliefnet.evaluation._gradients import _normal_score
from beliefnet.nets import sigmoid_belief_net
from beliefnet.plots import plot_gradient_report

KEY = jax.random.key(0)
NUM_DRAWS = 2000


@pytest.fixture(scope="module")
def report():
    net = NETS["two layers"]()
    estimators = {"reinforce": Reinforce(3), "vimco": VIMCO(2), "wake-sleep": wake_sleep(2), "wake": Wake(2)}
    return gradient_report(net, OBSERVATIONS, estimators, effort=Effort(NUM_DRAWS), key=KEY)


def test_parts_are_the_conditionals_from_the_bottom_up():
    net = NETS["three layers"]()
    parts = split_parts(net)
    names = ["theta x|h1", "theta h1|h2", "theta h2|h3", "theta h3", "phi h1|x", "phi h2|h1", "phi h3|h2"]
    assert list(parts) == names
    np.testing.assert_array_equal(parts["theta h3"], net.generative.conditionals[0].parameters)
    assert sum(value.size for value in parts.values()) == sum(leaf.size for leaf in jax.tree.leaves(net))


@pytest.mark.full
@pytest.mark.parametrize("name", ["reinforce", "vimco"])
def test_unbiased_estimators_pass(report, name):
    found = report.estimators[name]
    assert found.bound_particles == {"reinforce": 1, "vimco": 2}[name]
    assert report.references[found.bound_particles].method == "exact"
    for part in found.parts.values():
        assert not part.is_biased
        assert part.largest_z < 4.5
        assert part.bias_z > -4
        assert part.relative_bias < 4 * part.relative_noise
        assert part.mean_cosine > 0.99


def test_bounds_of_other_particles_are_refused():
    with pytest.raises(ValueError, match="got em, which climbs that of Refined particles"):
        gradient_report(NETS["one layer"](), OBSERVATIONS, {"em": VariationalEM()}, effort=Effort(NUM_DRAWS), key=KEY)


@pytest.mark.full
@pytest.mark.parametrize("name", ["wake-sleep", "wake"])
def test_other_directions_are_flagged(report, name):
    parts = report.estimators[name].parts
    assert all(part.is_biased == label.startswith("phi") for label, part in parts.items())
    assert parts["phi"].relative_bias > 0.2


def test_nothing_is_nan_where_nothing_varies(report):
    still = report.estimators["wake"].parts["phi"]
    assert (still.variance, still.cosine, still.mean_cosine) == (0, 0, 0)
    assert still.relative_bias == pytest.approx(1)
    assert still.snr == math.inf
    assert math.isfinite(still.largest_z)


def test_numbers_are_those_of_brute_force(report):
    net, estimator = NETS["two layers"](), Reinforce(3)
    every = draws(lambda key: split_parts(estimator.estimate(net, OBSERVATIONS, None, key=key).net), 4 * NUM_DRAWS)
    target = split_parts(exact_gradient(net, OBSERVATIONS))
    milliseconds = report.estimators["reinforce"].milliseconds
    for part, found in report.estimators["reinforce"].parts.items():
        inside = [name for name in target if name == part or name.split()[0] == part]
        samples = np.concatenate([every[name] for name in inside], axis=1)
        exact = np.concatenate([np.asarray(target[name], np.float64) for name in inside])
        variance, norm = samples.var(axis=0, ddof=1).sum(), np.linalg.norm(exact)
        # A draw may be nothing at all, where all particles are alike.
        cosines = samples @ exact / np.maximum(np.linalg.norm(samples, axis=1), 1e-9) / norm
        assert found.num_coordinates == len(exact)
        assert found.variance == pytest.approx(variance, rel=0.15)
        assert found.snr == pytest.approx(norm / np.sqrt(variance), rel=0.08)
        assert found.cosine == pytest.approx(cosines.mean(), abs=0.04)
        assert found.relative_noise == pytest.approx(np.sqrt(variance / NUM_DRAWS) / norm, rel=0.08)
        assert found.variance_cost == pytest.approx(found.variance * milliseconds)


def test_moments_are_those_of_the_same_draws():
    """Joining groups and blocks loses nothing: the moments agree with those of all draws at once."""
    net = NETS["one layer"]()
    draw = Draw(Reinforce(3), net, OBSERVATIONS, None)
    direction = {name: np.ones(value.shape) for name, value in split_parts(net).items()}
    found = draw.moments(direction, num=3998, key=KEY)
    assert found.num_draws == 4000
    groups = [draw(4, key=jax.random.fold_in(KEY, first)).parts for first in range(0, 4000, 4)]
    for name, mean in found.mean.items():
        every = np.concatenate([np.asarray(group[name], np.float64) for group in groups])
        np.testing.assert_allclose(mean, every.mean(axis=0), atol=1e-6)
        np.testing.assert_allclose(found.variance[name], every.var(axis=0, ddof=1), rtol=1e-4, atol=1e-9)
        assert found.covariance_square[name] == pytest.approx(np.square(np.cov(every.T)).sum(), rel=0.3)
    assert found.covariance_square["phi"] == pytest.approx(found.covariance_square["phi h1|x"], rel=1e-4)


@pytest.mark.parametrize("freedom", [1, 5, 200])
def test_the_score_is_calibrated(freedom):
    """Of a sum of squares of normal variables, whatever their scales, it is about standard normal."""
    rng = np.random.default_rng(0)
    scales = np.linspace(1, 2, freedom)
    squares = (rng.standard_normal((20_000, freedom)) ** 2 * scales).sum(axis=1)
    scores = np.array([_normal_score(value, scales.sum(), (scales**2).sum()) for value in squares])
    assert abs(scores.mean()) < 0.1
    assert abs(scores.std() - 1) < 0.1
    assert np.mean(scores > 2.326) == pytest.approx(0.01, abs=0.004)


@pytest.mark.full
def test_a_net_too_large_to_enumerate_has_a_sampled_reference():
    net = sigmoid_belief_net(3, (40,), key=KEY)
    net = jax.tree.map(lambda leaf: leaf + 0.3, net)
    estimators = {"reinforce": Reinforce(4), "vimco": VIMCO(3), "wake-sleep": wake_sleep(1)}
    found = gradient_report(net, OBSERVATIONS, estimators, effort=Effort(400), key=KEY)
    assert {count: reference.method for count, reference in found.references.items()} == {
        1: "Reinforce(8)",
        3: "VIMCO(3)",
    }
    for reference in found.references.values():
        assert "too many to enumerate" in reference.reason
        assert reference.num_draws == 1600
        assert 0 < reference.relative_error["theta"] < 0.1
    assert not any(part.is_biased for name in ("reinforce", "vimco") for part in found.estimators[name].parts.values())
    assert found.estimators["wake-sleep"].parts["phi"].is_biased
    assert list(found.estimators["vimco"].parts) == ["theta x|h1", "theta h1", "phi h1|x", "theta", "phi"]


def test_states_are_warmed_up_or_given():
    net = NETS["one layer"]()
    estimator = nvil(net)
    draw = Draw(estimator, net, OBSERVATIONS, estimator.init(net))
    draw.warm_up(60, key=KEY)
    # The signal is log p(x, h) - log q(h | x): some nats below zero.
    assert float(draw.state.mean[0]) < -1
    given = {"nvil": Moments(jnp.array([-2.0]), jnp.array([1e6]))}
    found = gradient_report(net, OBSERVATIONS, {"nvil": estimator}, effort=Effort(8, warm_up=0), key=KEY, states=given)
    warmed = gradient_report(net, OBSERVATIONS, {"nvil": estimator}, effort=Effort(8, warm_up=5), key=KEY)
    assert found.estimators["nvil"].parts["phi"].variance < warmed.estimators["nvil"].parts["phi"].variance
    assert found.num_draws == 8


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"estimators": {}}, "at least one estimator, got none; try"),
        ({"states": {"nvil": None}}, "got one of 'nvil'; try"),
        ({"x": OBSERVATIONS[:, :2]}, r"data of shape \[examples, 3\], got \[3, 2\]; try"),
        ({"x": OBSERVATIONS[:0]}, r"got shape \[0, 3\]; try"),
    ],
)
def test_bad_arguments(changes, message):
    net = NETS["one layer"]()
    arguments = {"x": OBSERVATIONS, "estimators": {"reinforce": Reinforce(2)}, **changes}
    x, estimators = arguments.pop("x"), arguments.pop("estimators")
    with pytest.raises(ValueError, match=message):
        gradient_report(net, x, estimators, effort=Effort(8), key=KEY, **arguments)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_draws": 1}, "num_draws of at least 8, got 1; try 1000"),
        ({"num_draws": 10.5}, "num_draws to be a whole number, got 10.5; try 1000"),
        ({"reference_draws": 2}, "reference_draws of at least 8, got 2; try 1000"),
        ({"warm_up": -1}, "warm_up of at least 0, got -1; try 100"),
    ],
)
def test_an_effort_is_checked_where_it_is_made(changes, message):
    with pytest.raises(ValueError, match=message):
        Effort(**changes)


def test_plain_values_and_a_picture(report, tmp_path):
    values = json.loads(json.dumps(report.to_dict()))
    assert values["references"]["2"]["bound_particles"] == 2
    assert values["estimators"]["vimco"]["parts"]["theta"]["snr"] == report.estimators["vimco"].parts["theta"].snr
    path = plot_gradient_report(report, tmp_path / "new" / "gradients.png")
    assert path.read_bytes().startswith(b"\x89PNG")
    alone = replace(report, estimators={"wake": report.estimators["wake"]})
    assert plot_gradient_report(alone, tmp_path / "alone.png").exists()


def test_every_leaf_of_a_gradient_is_in_a_part():
    net = NETS["two layers"]()
    gradient = exact_gradient(net, OBSERVATIONS)
    parts = np.concatenate([np.asarray(value) for value in split_parts(gradient).values()])
    leaves = [np.asarray(leaf).ravel() for leaf in jax.tree.leaves(eqx.filter(gradient, eqx.is_array))]
    np.testing.assert_array_equal(np.sort(parts), np.sort(np.concatenate(leaves)))


@pytest.mark.full
def test_normal_latents_have_a_sampled_reference_of_path_derivatives():
    net = FAMILY_NETS["two normal layers"]()
    estimators = {"sgvb": SGVB(net), "dreg": DReG(net, 3), "vimco": VIMCO(3)}
    found = gradient_report(net, OBSERVATIONS, estimators, key=KEY)
    assert {count: r.method for count, r in found.references.items()} == {1: "SGVB(8)", 3: "DReG(3)"}
    for report in found.estimators.values():
        assert not any(part.is_biased for part in report.parts.values())
