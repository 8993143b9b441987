"""Missing entries: what is filled in against enumeration in double precision, and the command."""

import itertools
import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import ALL_NETS, ALL_OBSERVATIONS, FAMILY_NETS, NETS, small_net
from commands import fails, files
from laws import assert_mean

from beliefnet import decode
from beliefnet.cli import run
from beliefnet.cli._hidden import half_of_image as _half
from beliefnet.conditionals import Dense, Feedforward, Observed
from beliefnet.data import load
from beliefnet.distributions import CategoricalFamily, NormalFamily, bag_of_words, bernoulli, normal
from beliefnet.estimators import VIMCO
from beliefnet.evaluation import (
    Search,
    exact_log_likelihood,
    grey_imputation_score,
    imputation_score,
    impute,
    net_observing,
    one_pass,
)
from beliefnet.evaluation._impute import starting_fill
from beliefnet.nets import sigmoid_belief_net
from beliefnet.refiners import AIR, GDIR, AbstractGradientAscent, default_refiner
from beliefnet.training import FitOptions, fit

NAN = np.nan
PATTERNS = np.array([[1.0, NAN, 0.0], [NAN, NAN, NAN], [0.0, 1.0, NAN], [NAN, NAN, 1.0]])
QUICK = Search(10, num_starts=2, num_rounds=2, refiner=AIR(2, 3))


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


def assert_unbiased(net, result):
    """Check repeated estimates of p(x_observed), and of it times the expectation: unbiased at any K.

    Returns:
        The mean of what was filled in for each pattern.
    """
    likelihood, expected = enumerated(net)
    estimates = np.exp(np.asarray(result.bound, np.float64)).reshape(-1, 4)
    means = np.asarray(result.means, np.float64).reshape(-1, 4, 3)
    assert_mean(estimates, likelihood)
    assert_mean(estimates[..., None] * (means - expected), np.zeros((4, 3)))
    return means.mean(axis=0)


def test_the_enumeration_agrees_with_the_oracle():
    net = FAMILY_NETS["categorical on binary"]()
    likelihood, _ = enumerated(net, np.asarray(ALL_OBSERVATIONS))
    np.testing.assert_allclose(np.log(likelihood), exact_log_likelihood(net, ALL_OBSERVATIONS), rtol=1e-4)


@pytest.mark.full
@pytest.mark.parametrize("name", ["categorical on binary", "normal", "normal on binary"])
def test_what_is_filled_in_is_the_expectation_given_the_rest(name: str):
    net = ALL_NETS[name]()
    many = Search(
        300, num_starts=2, num_rounds=2, refiner=GDIR(4, 10, momentum=0.0) if name == "normal" else AIR(4, 10)
    )
    result = impute(net, np.tile(PATTERNS, (200, 1)), search=many, key=jax.random.key(0))
    means = assert_unbiased(net, result)
    np.testing.assert_allclose(means, enumerated(net)[1], atol=0.015)
    assert np.all((result.ess >= 1 - 1e-4) & (result.ess <= 301))


def test_one_pass_goes_up_and_down():
    net = small_net(2, 3)
    known = np.array([[1.0, NAN, 0.0]])
    filled = np.where(np.isnan(known), starting_fill(net), known)
    decoded = decode(net, (net.recognition.conditionals[0](jnp.asarray(filled, jnp.float32)).mean,))
    np.testing.assert_allclose(one_pass(net, known), np.where(np.isnan(known), decoded, known), rtol=1e-6)


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
    assert (part.num_units, part.num_parents, part.units) == (3, 2, bernoulli)
    slope = jax.grad(lambda parent: Observed(layer, observed)(parent).log_prob(x).sum())(parent)
    assert np.isfinite(slope).all()
    assert np.abs(slope[:, 1]).max() == 0
    with pytest.raises(ValueError, match=r"observed of shape \[batch, 3\], got \[2, 2\]"):
        Observed(layer, observed[:, :2])
    with pytest.raises(ValueError, match="log-probability each, got BagOfWords"):
        Observed(Feedforward(Dense(2, 3, key=jax.random.key(0)), bag_of_words(5)), observed)(parent)


def test_units_of_other_families_are_masked_too():
    layer = Feedforward(Dense(2, 6, key=jax.random.key(0)), normal)
    parent = jnp.ones((1, 2))
    alone = Observed(layer, np.array([[True, False, False]]))(parent).log_prob(np.array([[0.5, NAN, NAN]]))
    mean, scale = layer(parent).mean[0, 0], jnp.sqrt(layer(parent).variance[0, 0])
    np.testing.assert_allclose(alone[0], -0.5 * ((0.5 - mean) / scale) ** 2 - jnp.log(scale * np.sqrt(2 * np.pi)), 1e-5)


def test_a_net_observing_a_part_adds_up_over_the_rest():
    net = small_net(2, 3)
    observed = np.array([[True, False, True]])
    _, latents = net.dream((4, 1), key=jax.random.key(0))
    both = [net.log_joint_terms(jnp.array([[1.0, value, 0.0]]), latents) for value in (0.0, 1.0)]
    seen = net_observing(net_observing(net, ~observed), observed)
    terms = seen.log_joint_terms(jnp.array([[1.0, NAN, 0.0]]), latents)
    np.testing.assert_allclose(terms[..., 0], np.logaddexp(both[0][..., 0], both[1][..., 0]), rtol=1e-5)
    np.testing.assert_array_equal(terms[..., 1:], both[0][..., 1:])


@pytest.fixture(scope="module")
def in_chunks():
    """Many rows, five particles of each start drawn in chunks of three."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("beliefnet.evaluation._impute._CHUNK", 3)
        yield impute(small_net(2), np.tile(PATTERNS, (1000, 1)), search=QUICK, key=jax.random.key(0))


@pytest.mark.full
def test_particles_beyond_the_last_chunk_leave_no_trace(in_chunks):
    assert_unbiased(small_net(2), in_chunks)
    assert in_chunks.ess.max() <= 10 + 1e-4
    # Equal rows have draws of their own.
    assert len(set(in_chunks.bound[::4])) > 10


@pytest.mark.parametrize("other", [NAN, 1.0, -7e9])
def test_what_stands_in_missing_places_does_not_matter(in_chunks, other):
    x = np.tile(PATTERNS, (1000, 1))
    again = impute(
        small_net(2), np.where(np.isnan(x), other, x), observed=~np.isnan(x), search=QUICK, key=jax.random.key(0)
    )
    jax.tree.map(np.testing.assert_array_equal, again, in_chunks)
    np.testing.assert_array_equal(again.means[~np.isnan(x)], x[~np.isnan(x)])
    assert np.all((again.means >= 0) & (again.means <= 1))


@pytest.mark.full
def test_rows_do_not_depend_on_how_many_are_done_at_once(in_chunks, monkeypatch):
    monkeypatch.setattr("beliefnet.evaluation._impute.rows_per_pass", lambda net: 5 * 6)
    seen, x = [], np.tile(PATTERNS, (5, 1))[:17]
    parts = impute(small_net(2), x, search=QUICK, key=jax.random.key(0), progress=seen.append)
    assert seen == [5, 10, 15, 17]
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b[:17], rtol=1e-5), parts, in_chunks)


def test_defaults_follow_the_net():
    assert isinstance(default_refiner(NETS["one layer"]()), AIR)
    assert isinstance(default_refiner(FAMILY_NETS["normal on binary"]()), AIR)
    assert isinstance(default_refiner(FAMILY_NETS["normal"]()), AbstractGradientAscent)
    net = small_net(2)
    np.testing.assert_array_equal(starting_fill(net), net.recognition.conditionals[0].centre)
    np.testing.assert_array_equal(starting_fill(FAMILY_NETS["normal"]()), [0.5, 0.5, 0.5])
    np.testing.assert_allclose(starting_fill(net, [0.1, 0.2, 0.3]), [0.1, 0.2, 0.3])


@pytest.mark.parametrize(
    ("x", "observed", "message"),
    [
        (np.zeros((2, 4)), None, r"data of shape \[examples, 3\], got \[2, 4\]"),
        (np.zeros((0, 3)), None, r"at least one row .* got shape \[0, 3\]"),
        (
            [[0.0, 0.3, NAN]],
            None,
            r"zeros and ones, .* in data, got 0.3 at row 1, column 2 .*; try x > 0.5",
        ),
        ([[0.0, np.inf, NAN]], None, r"finite values in data, got inf at row 1, column 2"),
        ([[0.0, NAN, NAN]], [[True, True, False]], r"got nan at row 1, column 2 .*; try "),
        (
            [[0.0, 1.0, NAN]],
            [[True, True]],
            r"observed .* shape of the data, \[1, 3\], got bool \[1, 2\]",
        ),
    ],
)
def test_errors_name_what_was_given(x, observed, message):
    with pytest.raises(ValueError, match=message):
        impute(small_net(2), x, observed=observed, search=QUICK, key=jax.random.key(0))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_particles": 0}, "num_particles of at least 1, got 0"),
        ({"num_starts": 0}, "num_starts of at least 1, got 0"),
        ({"num_rounds": 0}, "num_rounds of at least 1, got 0"),
        ({"num_rounds": 1.5}, "num_rounds to be a whole number, got 1.5; try 3"),
        ({"fill": [0.5]}, r"fill of shape \(3,\), got \(1,\)"),
        ({"refiner": GDIR(1, 2)}, "expected continuous units for Reparameterize"),
    ],
)
def test_a_search_is_checked(changes, message):
    with pytest.raises(ValueError, match=message):
        impute(small_net(2), [[0.0, 1.0, NAN]], search=Search(**changes), key=jax.random.key(0))


def test_scores_are_per_hidden_entry():
    truth, means = [[1, 0, 1], [0, 0, 0]], [[0.8, 0.4, 0.0], [0.9, 0.2, 1.0]]
    hidden = np.array([[True, True, True], [False, True, False]])
    score = imputation_score(truth, means, where=hidden)
    terms = np.log([0.8, 0.6, 0.001, 0.8])
    assert score.num_hidden == 4
    assert score.log_likelihood.mean == pytest.approx(terms.mean())
    assert score.accuracy.mean == 0.75
    rest = np.array([terms[:3].sum() - 3 * terms.mean(), terms[3] - terms.mean()])
    assert score.log_likelihood.stderr == pytest.approx(np.sqrt(2 * (rest**2).sum()) / 4)
    with pytest.raises(ValueError, match="hidden entries to score, got none"):
        imputation_score(truth, means, where=~np.ones_like(hidden))


@pytest.mark.full
def test_hidden_pixels_are_filled_in_better_than_without_the_net_or_the_refinement():
    data = load("digits", binarization="threshold")
    mean = data.train.average()
    net = sigmoid_belief_net(64, (40,), key=jax.random.key(0), input_mean=mean, visible_mean=mean)
    net = fit(net, data, VIMCO(5), options=FitOptions(epochs=20, batch_size=50, learning_rate=0.02)).net
    x = data.test.means()
    hidden = np.random.default_rng(0).random(x.shape) < 0.5
    result = impute(net, x, observed=~hidden, search=Search(200, 4, 2), key=jax.random.key(1))
    # Over nets of other seeds, refinement gains 0.015 to 0.018 nats and 0.008 to 0.012 of accuracy.
    refined = imputation_score(x, result.means, where=hidden)
    for other in (one_pass(net, x, observed=~hidden), np.broadcast_to(mean, x.shape)):
        score = imputation_score(x, other, where=hidden)
        assert refined.log_likelihood.mean > score.log_likelihood.mean + 0.01
        assert refined.accuracy.mean > score.accuracy.mean + 0.004


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"means": np.full(3, 0.5)}, r"of one shape \[rows, visible\], got \[2, 3\], \[3\] and \[2, 3\]; try"),
        ({"where": np.ones((1, 3), bool)}, r"of one shape \[rows, visible\], got \[2, 3\], \[2, 3\] and \[1, 3\]"),
        ({"truth": np.full((2, 3), 0.3)}, "expected bits between 0 and 1 where entries are hidden, got 0.3; try grey"),
        ({"means": np.full((2, 3), 1.5)}, "expected means between 0 and 1 where entries are hidden, got 1.5"),
        ({"means": np.full((2, 3), NAN)}, "expected finite means"),
        ({"truth": np.full((2, 3), np.inf)}, "expected finite truth"),
    ],
)
def test_scores_refuse_what_cannot_be_compared(changes, message):
    given = {"truth": np.eye(2, 3), "means": np.full((2, 3), 0.5), "where": np.ones((2, 3), bool), **changes}
    with pytest.raises(ValueError, match=message):
        imputation_score(**given)
    if "and 1 where" not in message:
        with pytest.raises(ValueError, match=message):
            grey_imputation_score(**given)
    unseen = {**given, "where": np.zeros_like(given["where"])}
    if unseen["means"].shape == unseen["where"].shape:
        unseen["where"][0, 0], unseen["truth"], unseen["means"] = True, np.eye(2, 3), np.full((2, 3), 0.5)
        assert imputation_score(**unseen).num_hidden == 1


FEW = ("--particles", "8", "--starts", "2", "--rounds", "1", "--refine", "air:steps=2,samples=3")


@pytest.fixture(scope="module")
def holey(grey_file, tmp_path_factory):
    """The grey file with a fifth of its entries missing."""
    x = np.load(grey_file)
    path = tmp_path_factory.mktemp("holey") / "holey.npy"
    np.save(path, np.where(np.random.default_rng(1).random(x.shape) < 0.2, NAN, x))
    return path


@pytest.mark.full
def test_the_command_completes_a_file(trained, holey, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before, x = files(trained), np.load(holey)
    assert run(["impute", str(trained), str(holey), *FEW]) == 0
    captured = capsys.readouterr()
    missing = np.isnan(x)
    assert f"{missing.sum()} missing and 0 hidden entries in 60 rows" in captured.out
    assert "60 completed rows written to completed.npy" in captured.out
    completed = np.load("completed.npy")
    assert (completed.shape, completed.dtype) == ((60, 7), np.float32)
    np.testing.assert_array_equal(completed[~missing], x[~missing])
    assert np.all((completed[missing] > 0) & (completed[missing] < 1))

    cells = [",".join("" if np.isnan(value) else str(value) for value in row) for row in x]
    (tmp_path / "holey.csv").write_text("\n".join(cells))
    np.savez("holey.npz", train=x[:3], test=x)
    assert run(["impute", str(trained), "holey.csv", "--out", "again.npy", *FEW]) == 0
    np.testing.assert_allclose(np.load("again.npy"), completed, atol=1e-6)
    assert run(["impute", str(trained), "holey.npz", "--split", "test", "--draws", "2", "--out", "two.npy", *FEW]) == 0
    drawn = np.load("two.npy")
    assert drawn.shape == (2, 60, 7)
    np.testing.assert_array_equal(drawn[:, ~missing], completed[None, ~missing].repeat(2, axis=0))
    assert set(np.unique(drawn[:, missing])) == {0, 1}
    assert (drawn[0] != drawn[1]).any()
    assert "try --out two.npy" in fails(capsys, "impute", trained, holey, "--draws", "2", "--out", "two.png")
    assert run(["impute", str(trained), str(holey), "--out", "sheet.png", *FEW]) == 0
    assert (tmp_path / "sheet.png").read_bytes().startswith(b"\x89PNG")
    kept = {name: content for name, content in files(trained).items() if "results" not in Path(name).parts}
    assert kept == {name: content for name, content in before.items() if "results" not in Path(name).parts}


@pytest.mark.full
def test_the_command_scores_what_it_hides(trained, grey_file, holey, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def report(data, *tokens):
        capsys.readouterr()
        assert run(["impute", str(trained), str(data), "--json", *FEW, *tokens]) == 0
        captured = capsys.readouterr()
        assert captured.out.count("\n") == 1
        return json.loads(captured.out, parse_constant=pytest.fail)

    one = report(grey_file, "--hide", "0.3", "--out", "one.png")
    assert (one["num_examples"], one["num_missing"], one["hide"]) == (60, 0, 0.3)
    assert 80 < one["num_hidden"] < 170
    assert list(one["scores"]) == ["refined", "one pass", "training mean"]
    for score in one["scores"].values():
        assert score["num_hidden"] == one["num_hidden"]
        assert -2 < score["log_likelihood"]["mean"] < 0 < score["accuracy"]["mean"] < 1
        assert score["log_likelihood"]["stderr"] > 0
    assert 1 <= one["ess"]["mean"] <= 8
    again, other = report(grey_file, "--hide", "0.3"), report(grey_file, "--hide", "0.3", "--seed", "1")
    assert again == one != other
    both = report(holey, "--hide", "0.3")
    assert both["num_missing"] == np.isnan(np.load(holey)).sum()
    assert both["num_hidden"] < other["num_hidden"] + 40
    assert run(["impute", str(trained), str(grey_file), "--hide", "0.3", *FEW]) == 0
    table = capsys.readouterr().out
    assert all(word in table for word in ("training mean", "one pass", "accuracy", "of 8"))


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        ("GREY", "expected missing entries (NaN) in GREY, got none; try --hide 0.5"),
        ("GREY --hide 1.5", "--hide between 0 and 1, got 1.5; try 0.5"),
        ("GREY --hide 0", "--hide between 0 and 1, got 0.0"),
        ("GREY --hide nan", "--hide to be a finite number, got 'nan'; try"),
        ("GREY --hide 1e-9", "--hide to hide an entry or more, got 1e-09"),
        ("GREY --hide 0.5 --hide-half left", "--hide or --hide-half, got both"),
        ("GREY --hide-half left", "expected images for --hide-half left"),
        ("GREY --hide-half middle", "middle"),
        ("GREY --split test", "expected no --split for the rows of GREY"),
        ("HOLEY --split tst", "tst"),
        ("HOLEY --particles 0", "--particles of at least 1, got 0"),
        ("HOLEY --starts 0", "--starts of at least 1"),
        ("HOLEY --rounds 0", "--rounds of at least 1"),
        ("HOLEY --refine air:steps=-1", "AIR to have steps of at least 0, got -1; try 20"),
        ("HOLEY --refine gdir", "refiner gdir does not fit this net"),
        ("HOLEY --limit 0", "--limit of at least 1"),
        ("HOLEY --seed -1", "--seed from 0"),
        ("HOLEY --out HOLEY", "--out to be another file than the data"),
        ("HOLEY --out /proc/nothing/x.npy", "--out in a folder that is there, got /proc/nothing/x.npy"),
        ("HOLEY --refine none", "--refine to be a refiner, got none"),
        ("HOLEY --out c.txt", ".npy, .csv or .png, got c.txt; try --out c.npy"),
        ("WIDE", "7 columns (what the model was trained on), got 8"),
        ("LARGE", "values between 0 and 1"),
        ("INFINITE", "finite values"),
        ("digits --hide 0.5", "7 columns"),
        ("digts --hide 0.5", "did you mean 'digits'?"),
        ("nothere.npy", "nothere.npy, which does not exist"),
    ],
)
def test_bad_use_of_the_command(trained, grey_file, holey, tmp_path, monkeypatch, capsys, tokens, message):
    monkeypatch.chdir(tmp_path)
    x = np.load(holey)
    named = {"GREY": grey_file, "HOLEY": holey}
    for name, array in (("WIDE", x[:, [0, *range(7)]]), ("LARGE", 3 * x), ("INFINITE", np.where(x > 0.5, np.inf, x))):
        named[name] = tmp_path / f"{name.lower()}.npy"
        np.save(named[name], array)
    before = files(trained), files(tmp_path)
    error = fails(capsys, "impute", trained, *(named.get(token, token) for token in tokens.split()))
    assert message.replace("GREY", str(grey_file)) in error
    assert (files(trained), files(tmp_path)) == before


@pytest.mark.parametrize("command", ["encode RUN HOLEY", "train --data HOLEY --out run"])
def test_other_commands_refuse_missing_entries(trained, holey, tmp_path, monkeypatch, capsys, command):
    monkeypatch.chdir(tmp_path)
    named = {"RUN": trained, "HOLEY": holey}
    error = fails(capsys, *(named.get(token, token) for token in command.split()))
    assert "expected finite values" in error
    assert (
        "try dropping these rows, or filling them in with a net that is trained on others (beliefnet impute)" in error
    )


@pytest.mark.parametrize("side", ["left", "right", "top", "bottom"])
def test_halves(side: str):
    half = _half((3, 4), side).reshape(3, 4)
    assert half.sum() == (6 if side in ("left", "right") else 4)
    corner = {"left": (1, 0), "right": (1, 3), "top": (0, 1), "bottom": (2, 1)}[side]
    assert half[corner]
