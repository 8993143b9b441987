"""Visible units beyond bits: grey values and counts, from the distributions to the command line."""

import itertools
import json
import shutil
import tomllib
from dataclasses import replace
from decimal import Decimal, localcontext

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tomli_w
from cases import frozen_moments, nvil, randomise, reweighted_wake_gradient
from commands import fails
from laws import assert_frequencies, assert_mean, draws
from scipy import stats

from beliefnet.baselines import Order, RunningMoments
from beliefnet.catalogue import load_named_run
from beliefnet.cli import run
from beliefnet.data import DataError, Record, check_levels, load, read_incomplete_rows, read_like
from beliefnet.distributions import (
    DiscretisedLogistic,
    DiscretisedLogisticFamily,
    NormalFamily,
    Poisson,
    bag_of_words,
    bernoulli,
    categorical,
    discretised_logistic,
    grey_normal,
    normal,
    poisson,
)
from beliefnet.estimators import NVIL, SGVB, VIMCO, DisARM, ReweightedWake, Sleep
from beliefnet.evaluation import (
    Search,
    evaluate,
    exact_gradient,
    exact_log_likelihood,
    grey_imputation_score,
    impute,
    observe,
)
from beliefnet.nets import LatentLayer, VisibleLayer, categorical_belief_net, darn, layered_net, sigmoid_belief_net, vae
from beliefnet.refiners import AIR
from beliefnet.training import FitOptions, fit

KEY = jax.random.key(0)
MEAN = jnp.array([0.2, 0.5, 0.9])
GREY = jnp.array([[0.0, 0.5, 1.0], [0.25, 0.25, 0.75], [1.0, 0.0, 0.5]])
COUNTS = jnp.array([[2.0, 0.0, 1.0], [0.0, 3.0, 0.0], [1.0, 1.0, 4.0]])
SMALL = ("--hidden", "3", "--estimator", "vimco", "--batch-size", "8", "--epochs", "1")


def grid(levels: int) -> jax.Array:
    return jnp.arange(levels) / (levels - 1)


def exact_log_prob(value: float, loc: float, scale: float, levels: int) -> float:
    """The log-probability of a level as the difference of two logistic functions, in sixty digits."""
    with localcontext(prec=60, Emin=-(10**9), Emax=10**9):
        half = Decimal(1) / (2 * (levels - 1))
        v, m, s = (Decimal(float(x)) for x in (value, loc, scale))
        v = (v * (levels - 1)).to_integral_value() / (levels - 1)
        if v > m:
            # As far from one end as from the other: a difference of small numbers, not of numbers near one.
            v, m = 1 - v, 1 - m
        upper = 1 if v == 1 else 1 / (1 + (-(v + half - m) / s).exp())
        lower = 0 if v == 0 else 1 / (1 + (-(v - half - m) / s).exp())
        return float((upper - lower).ln())


SCALES = (2.0**-12, 2.0**-7, 0.25, 32.0)
LOCS = (-40.0, -0.25, 0.5, 3.0)
PAIRS = np.array(list(itertools.product(LOCS, SCALES)))


@pytest.mark.parametrize("levels", [2, 17, 256])
def test_levels_sum_to_one_and_have_the_mean(levels: int):
    layer = DiscretisedLogistic(jnp.array(PAIRS[:, 0]), jnp.array(PAIRS[:, 1]), levels)
    p, values = np.exp(np.asarray(layer.log_prob(grid(levels)[:, None]), np.float64)), np.arange(levels) / (levels - 1)
    np.testing.assert_allclose(p.sum(axis=0), 1, rtol=1e-4)
    np.testing.assert_allclose(layer.mean, values @ p, atol=1e-4)
    np.testing.assert_allclose(layer.variance, values**2 @ p - (values @ p) ** 2, atol=1e-4)


def test_log_probabilities_against_sixty_digits():
    levels, indices = 256, np.array([0, 1, 64, 127, 128, 254, 255])
    layer = DiscretisedLogistic(jnp.array(PAIRS[:, 0]), jnp.array(PAIRS[:, 1]), levels)
    exact = np.array([[exact_log_prob(index / 255, *pair, levels) for pair in PAIRS] for index in indices])
    # In single precision a distance is known to 6e-8 of the larger number.
    noise = 2e-7 * (1 + np.abs(PAIRS[:, 0])) / PAIRS[:, 1]
    error = np.abs(layer.log_prob(grid(levels)[indices][:, None]) - exact)
    assert (error < 1e-5 * np.abs(exact) + 1e-5 + noise).all()
    assert exact.min() < -1e5


def test_slopes_against_sixty_digits():
    step = 2.0**-14
    pairs = np.array(list(itertools.product((-0.5, 0.25, 1.5), (2.0**-6, 0.5))))
    slope = jax.vmap(jax.grad(lambda pair, v: DiscretisedLogistic(pair[0], pair[1], 5).log_prob(v)), (0, None))
    for value in (0.0, 0.25, 1.0):
        above, below = (
            np.array([[exact_log_prob(value, *(pair + move), 5) for move in moves] for pair in pairs])
            for moves in (step * np.eye(2), -step * np.eye(2))
        )
        exact = (above - below) / (2 * step)
        np.testing.assert_allclose(slope(jnp.array(pairs), value), exact, rtol=3e-3, atol=1e-3)


@pytest.mark.full(but=["family0"])
@pytest.mark.parametrize("family", [discretised_logistic(), discretised_logistic(2), poisson, grey_normal])
def test_values_and_gradients_are_finite_at_extremes(family):
    ends = (-1e4, -30.0, 0.0, 30.0, 1e4)
    parameters = jnp.array(list(itertools.product(ends, repeat=family.num_parameters(1))))
    score = jax.jit(jax.vmap(jax.value_and_grad(lambda p, v: family(p).log_prob(v)), (0, None)))
    for value in (0.0, 1.0) if family is not poisson else (0.0, 1.0, 1e4):
        assert all(np.isfinite(result).all() for result in score(parameters, jnp.array([value])))
    assert np.isfinite(family(parameters).mean).all()
    assert np.isfinite(family(parameters).sample(KEY)).all()


def test_a_location_within_reach_of_the_smallest_scale():
    """A level in the middle of which the location lies has a probability of 0.99, an outermost one nearly 1."""
    tight = discretised_logistic()(jnp.array([64 / 255, 0.0, -100.0, -100.0]))
    np.testing.assert_allclose(jnp.exp(tight.log_prob(jnp.array([64 / 255, 0.0]))), 0.9867 * 0.9933, atol=1e-3)


def test_two_levels_are_bits():
    layer = DiscretisedLogistic(jnp.array([0.8, 0.1]), jnp.array([0.2, 0.4]), 2)
    logits = (jnp.array([0.8, 0.1]) - 0.5) / jnp.array([0.2, 0.4])
    np.testing.assert_allclose(layer.log_prob(jnp.ones(2)), jax.nn.log_sigmoid(logits), rtol=1e-5)
    np.testing.assert_allclose(layer.mean, jax.nn.sigmoid(logits), rtol=1e-5)


def test_grey_draws_have_the_frequencies_they_are_scored_with():
    layer = DiscretisedLogistic(jnp.array([0.4, -0.1, 1.1, 0.5]), jnp.array([0.1, 0.3, 0.02, 0.01]), 5)
    drawn = draws(lambda key: layer.sample(key), 20_000)
    values = grid(5)[:, None]
    assert_frequencies(np.isclose(drawn[:, None], values).astype(float), jnp.exp(layer.log_prob(values)))


def test_poisson_draws_and_scores():
    layer = Poisson(jnp.log(jnp.array([0.3, 4.0])))
    counts = jnp.arange(25.0)[:, None]
    np.testing.assert_allclose(layer.log_prob(counts), stats.poisson.logpmf(counts, [0.3, 4.0]), rtol=2e-5, atol=1e-5)
    drawn = draws(lambda key: layer.sample(key), 20_000)
    assert_mean(drawn, layer.mean)
    hits = (drawn[:, None] == np.asarray(counts)).astype(float)
    assert_frequencies(hits, jnp.exp(layer.log_prob(counts)))
    np.testing.assert_array_equal(layer.variance, layer.mean)


def test_rates_are_capped_smoothly():
    rates = poisson(jnp.array([[0.0, 10.0, 13.8, 1e6]])).mean[0]
    np.testing.assert_allclose(rates[:3], jnp.exp(jnp.array([0.0, 10.0, 13.8])), rtol=3e-3)
    assert rates[3] == pytest.approx(np.exp(20), rel=1e-4)


FAMILIES = {
    "bernoulli": bernoulli,
    "logistic": discretised_logistic(),
    "grey normal": grey_normal,
    "normal": normal,
    "poisson": poisson,
    "bag of words": bag_of_words(1.6),
    "categorical": categorical(3),
}


@pytest.mark.parametrize("name", ["logistic", "poisson"])
def test_families_keep_their_contract(name: str):
    family = FAMILIES[name]
    count = family.num_parameters(2)
    width = family.num_units(count)
    parameters = jax.random.normal(KEY, (4, 2, count))
    layer = family(parameters)
    assert (layer.batch_shape, layer.event_shape) == ((4, 2), (width,))
    assert layer.mean.shape == (4, 2, width)
    drawn = layer.sample(jax.random.key(1), (3,))
    assert drawn.shape == (3, 4, 2, width)
    assert layer.log_prob(drawn).shape == (3, 4, 2)
    least, largest = family.bounds
    assert ((drawn >= least) & (drawn <= largest)).all()
    assert family.neutral(2).shape == (count,)
    assert np.isfinite(family(family.neutral(2)).log_prob(drawn[0, 0, 0]))
    assert family == type(family)(**vars(family))
    assert hash(family) == hash(type(family)(**vars(family)))


@pytest.mark.parametrize("name", FAMILIES)
def test_visible_layers_start_at_the_mean_of_the_data(name: str):
    family = FAMILIES[name]
    mean = jnp.array([0.2, 0.5, 0.3]) if name == "categorical" else MEAN
    started = family(family.starting(mean)).mean
    # The tails of a logistic variable beyond 0 and 1 are cut off, which moves the mean.
    np.testing.assert_allclose(started, mean, rtol=0, atol=0.06 if name == "logistic" else 1e-4)
    edge = jnp.zeros(3).at[0].set(1.0)
    assert np.isfinite(family(family.starting(edge)).log_prob(edge[::-1]))


def test_normal_scales_have_a_floor():
    assert grey_normal(jnp.array([0.3, -1e3])).base_dist.scale == pytest.approx(0.02)
    assert normal(jnp.array([0.3, -1e3])).base_dist.scale == pytest.approx(0.001)
    with pytest.raises(ValueError, match="positive smallest scale"):
        NormalFamily(smallest_scale=0.0)


def small_net(visible, *hidden: int):
    layers = [LatentLayer(bernoulli, size) for size in hidden or (3,)]
    return randomise(layered_net(VisibleLayer(3, visible, MEAN, MEAN), layers, key=KEY), scale=0.4)


VISIBLE = {
    "logistic": (discretised_logistic(5), GREY),
    "poisson": (poisson, COUNTS),
    "normal": (grey_normal, GREY),
}


def test_observations_of_three_levels_sum_to_one():
    x = jnp.array(list(itertools.product((0.0, 0.5, 1.0), repeat=3)))
    log_p = eqx.filter_jit(exact_log_likelihood)(small_net(discretised_logistic(3), 2, 2), x)
    np.testing.assert_allclose(jnp.exp(log_p).sum(), 1, rtol=1e-5)


NUM_DRAWS = 2000
GRADIENTS = {
    "vimco": (lambda net: VIMCO(3), 3, (3,)),
    "disarm": (lambda net: DisARM(net, 1), 1, (2,)),
    "nvil": (
        lambda net: nvil(net, moments=RunningMoments(order=Order.STATISTICS_FIRST, normalise=False)),
        1,
        (2, 2),
    ),
}


@pytest.mark.full(but=["vimco-poisson"])
@pytest.mark.parametrize("visible", ["logistic", "poisson"])
@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients_against_enumeration(name: str, visible: str):
    (family, x), (make, num_particles, hidden) = VISIBLE[visible], GRADIENTS[name]
    net = small_net(family, *hidden)
    estimator = make(net)
    state = frozen_moments(net) if isinstance(estimator, NVIL) else estimator.init(net)
    grads = draws(lambda key: estimator.estimate(net, x, state, key=key).net, NUM_DRAWS)
    assert_mean(grads, eqx.filter_jit(exact_gradient)(net, x, num_particles=num_particles))


@pytest.mark.full
@pytest.mark.parametrize("visible", ["logistic", "poisson"])
def test_reweighted_wake_against_enumeration(visible: str):
    family, x = VISIBLE[visible]
    net, estimator = small_net(family, 2), ReweightedWake(2)
    grads = draws(lambda key: estimator.estimate(net, x, None, key=key).net, NUM_DRAWS)
    assert_mean(grads, eqx.filter_jit(reweighted_wake_gradient)(net, x, estimator, None))


@pytest.mark.full
def test_path_gradients_against_quadrature():
    # Small maps keep log p(x, h) smooth on the scale of q, and the quadrature accurate.
    net = layered_net(VisibleLayer(3, discretised_logistic(5), MEAN), [LatentLayer(normal, 1)], key=KEY)
    net = randomise(jax.tree.map(lambda leaf: 0.4 * leaf, net), scale=0.15)
    estimator = SGVB(net, 2)
    grads = draws(lambda key: estimator.estimate(net, GREY, None, key=key).net, NUM_DRAWS)
    assert_mean(grads, eqx.filter_jit(exact_gradient)(net, GREY))


@pytest.mark.parametrize("visible", ["logistic", "poisson"])
def test_dreams_train_the_recognition_net(visible: str):
    family, x = VISIBLE[visible]
    net, estimator = small_net(family, 2, 2), Sleep(2)
    estimate = eqx.filter_jit(estimator.estimate)(net, x, None, key=KEY)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(estimate.net))
    for conditional in estimate.net.recognition.conditionals:
        assert max(np.abs(leaf).max() for leaf in jax.tree.leaves(conditional)) > 1e-3


@pytest.mark.parametrize(
    ("make", "visible"),
    [
        (sigmoid_belief_net, "normal"),
        (categorical_belief_net, "poisson"),
        (vae, "logistic"),
        (darn, "logistic"),
    ],
)
def test_ready_made_nets_take_visible_units(make, visible: str):
    family, x = VISIBLE[visible]
    options = {"autoregressive_visible": False} if make is darn else {}
    net = make(3, (2,), key=KEY, visible=family, input_mean=MEAN, visible_mean=MEAN, **options)
    assert net.generative.conditionals[-1].units == family
    assert np.isfinite(evaluate(net, np.asarray(x), num_particles=3, key=KEY).bound.mean)


def test_one_hot_data_can_be_visible():
    net = randomise(
        layered_net(VisibleLayer(2, categorical(3), jnp.full(6, 1 / 3)), [LatentLayer(bernoulli, 2)], key=KEY)
    )
    x = jnp.stack([jnp.concatenate(pair) for pair in itertools.product(jnp.eye(3), repeat=2)])
    assert net.num_visible == 6
    np.testing.assert_allclose(jnp.exp(eqx.filter_jit(exact_log_likelihood)(net, x)).sum(), 1, rtol=1e-5)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: darn(3, (2,), key=KEY, visible=poisson), "poisson units in a visible layer with connections"),
        (lambda: vae(3, (2,), key=KEY, visible=discretised_logistic(), visible_mean=2 * MEAN), r"in \[0, 1\]"),
        (lambda: vae(3, (2,), key=KEY, visible=poisson, input_mean=-MEAN), r"in \[0, inf\]"),
        (lambda: discretised_logistic(1), "at least 2 grey levels"),
        (lambda: discretised_logistic().num_units(3), "even number of parameters for logistic"),
    ],
)
def test_nets_that_cannot_be(make, message: str):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.full
def test_bits_per_dimension():
    net = small_net(discretised_logistic(5))
    result = evaluate(net, np.asarray(GREY), num_particles=4, key=KEY)
    assert result.bits_per_dimension.mean == pytest.approx(result.nll.mean / (3 * np.log(2)))
    assert result.elbo_bits_per_dimension.mean == pytest.approx(-result.elbo.mean / (3 * np.log(2)))
    assert result.elbo_bits_per_dimension.stderr == pytest.approx(result.elbo.stderr / (3 * np.log(2)))
    assert evaluate(small_net(grey_normal), np.asarray(GREY), num_particles=2, key=KEY).bits_per_dimension is None


@pytest.mark.full
@pytest.mark.parametrize("visible", ["logistic", "poisson"])
def test_missing_entries_are_filled_in(visible: str):
    family, x = VISIBLE[visible]
    net = small_net(family)
    x = np.asarray(x).copy()
    x[:, 1] = np.nan
    filled = impute(net, x, search=Search(2000, 2, 1, AIR(2, 20)), key=KEY)
    np.testing.assert_array_equal(filled.means[:, 0], x[:, 0])
    assert np.isfinite(filled.means).all()
    # Exactly: the mean of each state, weighted by its posterior given what was observed.
    states = jnp.array(list(itertools.product((0.0, 1.0), repeat=3)))
    layer = net.generative.conditionals[-1](states[:, None])
    log_weight = net.generative.conditionals[0](None).log_prob(states)[:, None]
    log_weight += layer.base_dist.log_prob(np.nan_to_num(x))[..., [0, 2]].sum(axis=-1)
    exact = (jax.nn.softmax(log_weight, axis=0) * layer.mean[..., 1]).sum(axis=0)
    np.testing.assert_allclose(filled.means[:, 1], exact, rtol=0.1, atol=0.02)


def test_grey_imputation_score_by_hand():
    score = grey_imputation_score(
        [[0.0, 0.5], [1.0, 0.5]], [[0.3, 0.0], [0.6, 0.0]], where=[[True, False], [True, False]]
    )
    assert score.rmse.mean == pytest.approx(np.sqrt((0.09 + 0.16) / 2))
    assert score.num_hidden == 2
    with pytest.raises(ValueError, match="hidden entries"):
        grey_imputation_score([[0.0]], [[0.0]], where=[[False]])


def test_named_grey_data_stay_grey():
    data, bits = load("digits", values="grey"), load("digits")
    assert (data.record.values, data.record.levels, data.record.binarization) == ("grey", 17, "none")
    assert data.train.rows.dtype == np.uint8
    assert data.test.means().max() == 1
    np.testing.assert_array_equal(data.test.means() >= 0.5, bits.test.rows == 1)
    np.testing.assert_allclose(data.train.average(), data.train.means().mean(axis=0), rtol=1e-5)
    x = data.test.take(np.arange(len(data.test)), key=KEY)
    np.testing.assert_allclose(x, data.test.means(), rtol=1e-6)
    assert Record.from_dict(json.loads(json.dumps(data.record.to_dict()))) == data.record
    assert "levels" not in bits.record.to_dict()


ROWS = np.random.default_rng(0).integers(0, 256, (40, 6))
STORED = {
    "bytes": (ROWS.astype(np.uint8), 256),
    "whole numbers": (ROWS, 256),
    "floats on the grid": ((ROWS / 255).astype(np.float32), 256),
    "fifteenths": (np.round(ROWS / 255 * 15) / 15, 16),
    "sixteenths": (np.round(ROWS / 255 * 16) / 16, 17),
    "between the levels": (np.random.default_rng(0).random((40, 6)), None),
}


@pytest.mark.parametrize("name", STORED)
@pytest.mark.parametrize("suffix", [".npy", ".npz", ".csv"])
def test_files_of_grey_values(name: str, suffix: str, tmp_path):
    (rows, levels), path = STORED[name], tmp_path / f"grey{suffix}"
    if suffix == ".csv":
        np.savetxt(path, rows, delimiter=",", fmt="%d" if rows.dtype.kind in "iu" else "%.6f")
    else:
        (np.save if suffix == ".npy" else np.savez)(path, rows)
    data = load(path, values="grey")
    assert data.record.levels == levels
    assert data.train.rows.dtype == (np.float32 if levels is None else np.uint8)
    unit = rows / 255 if rows.max() > 1 else rows
    np.testing.assert_allclose(read_like(data.record, path).means(), unit, atol=1e-6)
    together = np.concatenate([data.split(split).means() for split in ("train", "valid", "test")])
    np.testing.assert_allclose(np.sort(together.ravel()), np.sort(unit.ravel()), atol=1e-6)


def test_grey_images_of_the_cache_format(tmp_path):
    np.savez(tmp_path / "grey.npz", train_images=ROWS.astype(np.uint8).reshape(40, 2, 3))
    data = load(tmp_path / "grey.npz", values="grey")
    assert (data.record.levels, data.record.image_shape) == (256, (2, 3))


def test_missing_grey_values(tmp_path):
    rows = ROWS.astype(np.float64)
    rows[3, 2] = np.nan
    np.save(tmp_path / "missing.npy", rows)
    np.save(tmp_path / "grey.npy", ROWS)
    record = load(tmp_path / "grey.npy", values="grey").record
    read = read_incomplete_rows(record, tmp_path / "missing.npy").means()
    np.testing.assert_allclose(read, rows / 255, rtol=1e-6)
    with pytest.raises(DataError, match="between 0 and 1"):
        read_incomplete_rows(replace(record, values="binary", levels=None), tmp_path / "missing.npy")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (ROWS % 2, "only zeros and ones; try values='binary'"),
        (ROWS * 2, "between 0 and 1 .* from 0 to 510"),
        (ROWS - 1.0, "between 0 and 1"),
        (np.where(ROWS > 250, np.nan, 0.5), "finite values"),
    ],
)
def test_files_that_hold_no_grey_values(rows, message: str, tmp_path):
    np.save(tmp_path / "bad.npy", rows)
    with pytest.raises(DataError, match=message):
        load(tmp_path / "bad.npy", values="grey")


def test_nets_refuse_data_that_they_are_no_model_of():
    grey, bits = load("digits", values="grey"), load("digits")
    for family, data in ((bernoulli, grey), (discretised_logistic(), bits), (poisson, bits)):
        net = vae(64, (2,), key=KEY, deterministic=(), visible=family)
        with pytest.raises(DataError, match=r"data for visible units of .*; try loading them with values="):
            observe(net, data.test)
    with pytest.raises(DataError, match="17 levels"):
        check_levels(grey.record, 20, "digits")
    check_levels(grey.record, 33, "digits")
    net = vae(64, (2,), key=KEY, deterministic=(), visible=DiscretisedLogisticFamily(12))
    with pytest.raises(DataError, match=r"12 levels .* got 17 levels"):
        fit(net, grey, SGVB(net), options=FitOptions(epochs=1))


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Small files of grey images on 256 levels, of grey values between the levels, and of counts."""
    folder, rng = tmp_path_factory.mktemp("visible"), np.random.default_rng(0)
    np.save(folder / "grey.npy", rng.integers(0, 256, (60, 3, 3)).astype(np.uint8))
    np.save(folder / "between.npy", rng.random((60, 9)))
    np.save(folder / "counts.npy", rng.poisson(1.5, (60, 9)) + np.eye(60, 9, dtype=int))
    return folder


@pytest.fixture(scope="module")
def runs(files):
    """A run of each kind of visible units."""
    for visible, name in (("logistic", "grey"), ("grey-normal", "between"), ("poisson", "counts")):
        tokens = ["train", "--data", str(files / f"{name}.npy"), *SMALL, "--visible", visible]
        assert run([*tokens, "--out", str(files / visible)]) == 0
    return files


@pytest.mark.full
def test_a_grey_run_end_to_end(runs, tmp_path, capsys):
    folder = str(runs / "logistic")
    config = tomllib.loads((runs / "logistic" / "config.toml").read_text())
    assert (config["visible"], config["levels"]) == ("logistic", 256)
    assert {path.name for path in (runs / "logistic" / "plots").iterdir()} >= {"samples.png", "reconstructions.png"}
    capsys.readouterr()
    assert run(["evaluate", folder, "--particles", "20", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["data"]["values"], report["data"]["levels"]) == ("grey", 256)
    assert report["bits_per_dimension"]["mean"] == pytest.approx(report["nll"]["mean"] / (9 * np.log(2)))
    assert 7 < report["bits_per_dimension"]["mean"] <= report["elbo_bits_per_dimension"]["mean"] < 16
    assert run(["evaluate", folder, "--particles", "2", "--limit", "3"]) == 0
    assert "bits per dimension" in capsys.readouterr().out
    for out in ("s.png", "draws.npy"):
        values = "draws" if out == "draws.npy" else "means"
        assert run(["sample", folder, "--num", "3", "--values", values, "--out", str(tmp_path / out)]) == 0
    drawn = np.load(tmp_path / "draws.npy")
    np.testing.assert_allclose(drawn * 255, np.rint(drawn * 255), atol=1e-4)
    assert run(["encode", folder, str(runs / "grey.npy"), "--out", str(tmp_path / "codes.npy")]) == 0
    assert np.load(tmp_path / "codes.npy").shape == (60, 3)
    gaps = ["gaps", folder, "--limit", "5", "--particles", "5", "--steps", "2", "--refine", "air:steps=2,samples=3"]
    assert run([*gaps, "--out", str(tmp_path / "g.png")]) == 0
    assert run(["diagnose", folder, "--estimators", "nvil", "--draws", "60", "--batch-size", "4"]) == 0
    capsys.readouterr()
    missing = np.load(runs / "grey.npy").reshape(60, 9).astype(float)
    missing[:, 4] = np.nan
    np.save(tmp_path / "missing.npy", missing)
    hide = ["impute", folder, str(tmp_path / "missing.npy"), "--hide-half", "right", "--limit", "6", "--rounds", "1"]
    hide += ["--particles", "8", "--starts", "2", "--refine", "air:steps=2,samples=3"]
    assert run([*hide, "--out", str(tmp_path / "completed.npy"), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["num_missing"], report["num_hidden"]) == (6, 18)
    assert 0 < report["scores"]["refined"]["rmse"]["mean"] < 1
    completed = np.load(tmp_path / "completed.npy")
    np.testing.assert_allclose(completed[:, 0], missing[::10, 0] / 255, rtol=1e-5)


@pytest.mark.full
def test_normal_and_poisson_runs(runs, tmp_path, capsys):
    for visible, suffix in (("grey-normal", "png"), ("poisson", "txt")):
        folder = str(runs / visible)
        capsys.readouterr()
        assert run(["evaluate", folder, "--particles", "5", "--json"]) == 0
        report = json.loads(capsys.readouterr().out)
        assert np.isfinite(report["nll"]["mean"])
        assert report["bits_per_dimension"] is None
        assert report["perplexity"] is None
        for out in (f"s.{suffix}", "s.npy"):
            assert run(["sample", folder, "--num", "3", "--out", str(tmp_path / out), "--overwrite"]) == 0
    assert np.load(tmp_path / "s.npy").dtype == np.int32
    assert (runs / "grey-normal" / "plots" / "samples.png").exists()
    assert run(["encode", folder, str(runs / "counts.npy"), "--out", str(tmp_path / "codes.npy")]) == 0


def test_runs_from_before_there_were_visible_units_load(trained, tmp_path):
    copy = shutil.copytree(trained, tmp_path / "copy")
    config = tomllib.loads((copy / "config.toml").read_text())
    del config["visible"]
    (copy / "config.toml").write_text(tomli_w.dumps(config))
    assert load_named_run(copy).net.generative.conditionals[-1].units == bernoulli


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        (
            ("train", "--data", "{files}/between.npy", "--visible", "logistic", "--batch-size", "8"),
            "values between the levels; try np.rint",
        ),
        (
            ("train", "--data", "bars", "--visible", "grey-normal"),
            "grey values for logistic or normal visible units, got",
        ),
        (("train", "--data", "digits", "--visible", "poisson"), "counts for a document net or poisson visible units"),
        (("train", "--data", "digits", "--visible", "logistic", "--binarization", "static"), "no binarization for"),
        (
            ("train", "--net", "nade", "--visible", "logistic"),
            "a net that takes visible logistic (categorical, darn, fdarn, sbn, vae), got nade",
        ),
        (("train", "--visible", "logistic", "--levels", "1"), "at least 2 grey levels, got 1"),
        (("train", "--visible", "logistic", "--levels", "20"), "got digits with 17 levels"),
        (("train", "--visible", "gaussian"), "visible"),
        (
            ("train", "{files}/visible.toml"),
            "visible to be one of bernoulli, grey-normal, logistic, mixed, poisson, got 'logistics'",
        ),
        (("evaluate", "{files}/logistic", "--data", "{files}/between.npy"), "on the 256 levels"),
        (("evaluate", "{files}/logistic", "--data", "bars"), "grey values"),
        (("encode", "{files}/logistic", "{files}/negative.npy"), "between 0 and 1"),
        (("topics", "{files}/poisson"), "expected a run of a document net"),
        (("topics", "{files}/logistic"), "expected a run of a document net"),
        (("impute", "{files}/poisson", "{files}/counts.npy", "--hide", "0.5"), "bits or grey values"),
        (("sample", "{files}/logistic", "--out", "s.txt"), "--out to end in .png, .csv, .npy or .npz"),
        (("sample", "{files}/poisson", "--out", "s.png"), "--out to end in .txt, .csv, .npy or .npz"),
    ],
)
def test_bad_use_of_visible_units(tokens, message: str, runs, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    np.save(runs / "negative.npy", -np.ones((2, 9)))
    (runs / "visible.toml").write_text('visible = "logistics"\n')
    assert message in fails(capsys, *(token.format(files=runs) for token in tokens))
