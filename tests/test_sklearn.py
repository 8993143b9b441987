"""Estimators for scikit-learn: its own checks, what they compute against enumeration, and what is compiled."""

import copy
import itertools
import pickle

import jax
import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from beliefnet.data import DataError, Observations, rounded_up
from beliefnet.evaluation import exact_log_likelihood, impute, two_sided
from beliefnet.nets import completed, incomplete, sigmoid_belief_net
from beliefnet.proposals import Annealed
from beliefnet.sklearn import (
    BeliefNetImputer,
    BeliefNetOutlierDetector,
    DeepBeliefNet,
    DocumentBeliefNet,
    VariationalAutoencoder,
)
from beliefnet.sklearn._rows import DOCUMENT, Visible, row_numbers
from beliefnet.sklearn._training import Passes
from beliefnet.training import FitOptions, run_steps

KEY, NAN = jax.random.key(0), np.nan
FAST = {"hidden": (3,), "epochs": 2, "num_particles": 8, "random_state": 0}
CHEAP = {"hidden": (2,), "epochs": 1, "batch_size": 2, "num_particles": 2, "random_state": 0}
"""With batches of one size, data of different numbers of rows share programs."""
RANDOM = np.random.default_rng(0)
BITS = (RANDOM.random((40, 5)) < [0.1, 0.3, 0.5, 0.7, 0.9]).astype(float)
HOLEY = np.where(RANDOM.random(BITS.shape) < 0.2, NAN, BITS)
ROWS = {
    "bernoulli": BITS,
    "grey-normal": RANDOM.random((40, 5)),
    "poisson": RANDOM.poisson(3.0, (40, 5)),
    "normal": RANDOM.normal(5.0, 3.0, (40, 5)),
}


@pytest.fixture(scope="module")
def model():
    return DeepBeliefNet(**FAST).fit(BITS)


@pytest.fixture(scope="module")
def detector():
    return BeliefNetOutlierDetector(**FAST, contamination=0.2).fit(ROWS["normal"])


@pytest.fixture(scope="module")
def imputer():
    return BeliefNetImputer(**FAST).fit(HOLEY)


@pytest.mark.full
@parametrize_with_checks(
    [
        # Draws, of a layer below others: the rest gives means, of its only layer, by the same methods.
        DeepBeliefNet(**CHEAP | {"hidden": (2, 2)}, codes="draws", layer=0, estimator="reinforce:particles=2"),
        VariationalAutoencoder(**CHEAP, deterministic=(3,)),
        DocumentBeliefNet(**CHEAP, estimator="reinforce:particles=2"),
        BeliefNetOutlierDetector(**CHEAP, deterministic=()),
        BeliefNetImputer(**CHEAP, deterministic=()),
    ]
)
def test_the_checks_of_scikit_learn(estimator, check):
    check(estimator)


@pytest.mark.full(but=["bernoulli"])
@pytest.mark.parametrize("name", ROWS)
def test_what_values_are_taken_for(name):
    assert DeepBeliefNet(**FAST).fit(ROWS[name]).visible_ == name


@pytest.mark.parametrize(
    ("rows", "name"),
    [
        ([[-1, 1], [1, 1]], "normal"),
        ([[2024, 3e5], [2025, 1e5]], "normal"),
        ([[NAN, 1], [0, NAN]], "bernoulli"),
        ([[0.5, NAN], [0, 1]], "grey-normal"),
        ([[1.5, 2], [0, 1]], "normal"),
    ],
)
def test_what_less_usual_values_are_taken_for(rows, name):
    assert Visible.of(np.array(rows), "auto").name == name


def test_scores_are_those_of_enumeration(model):
    better = copy.copy(model).set_params(num_particles=1000)
    scores, errors = better.score_samples(BITS, return_std=True)
    exact = np.asarray(exact_log_likelihood(model.net_, BITS))
    assert (np.abs(scores - exact) <= 5 * errors + 1e-3).all()
    assert 0 < errors.max() < 0.2


def test_scores_of_incomplete_rows_are_those_of_what_was_observed(model):
    better = copy.copy(model).set_params(num_particles=1000)
    scores, errors = better.score_samples(HOLEY, return_std=True)
    for row, score, error in zip(HOLEY, scores, errors, strict=True):
        assert score == pytest.approx(marginal(model.net_, row), abs=5 * error + 1e-3)


@pytest.mark.full
def test_scores_of_real_numbers_are_densities_in_their_units():
    one = DeepBeliefNet(**FAST).fit(ROWS["normal"]).score_samples(ROWS["normal"])
    other = DeepBeliefNet(**FAST).fit(10 * ROWS["normal"] - 3).score_samples(10 * ROWS["normal"] - 3)
    np.testing.assert_allclose(one - other, 5 * np.log(10), atol=1e-2)


def marginal(net, row):
    """Log p of what was observed of a row: complete rows are enumerated."""
    missing = np.flatnonzero(np.isnan(row))
    rows = np.repeat(row[None], 2 ** len(missing), axis=0)
    rows[:, missing] = list(itertools.product((0.0, 1.0), repeat=len(missing)))
    return np.logaddexp.reduce(np.asarray(exact_log_likelihood(net, rows), np.float64))


def test_an_incomplete_net_is_one_of_what_was_observed():
    net = sigmoid_belief_net(4, (3, 2), key=KEY, input_mean=[0.2, 0.4, 0.6, 0.8])
    rows = np.array([[1, NAN, 0, 1], [NAN, NAN, 1, NAN], [NAN] * 4, [0, 1, 1, 0]])
    expected = [marginal(net, row) for row in rows]
    np.testing.assert_allclose(exact_log_likelihood(incomplete(net), rows), expected, atol=1e-5)
    assert jax.tree.structure(completed(incomplete(net))) == jax.tree.structure(net)


def test_rows_do_not_depend_on_the_others(model):
    order = RANDOM.permutation(len(BITS))
    np.testing.assert_array_equal(model.score_samples(BITS)[order], model.score_samples(BITS[order]))
    np.testing.assert_array_equal(model.score_samples(BITS)[7:8], model.score_samples(BITS[7:8]))
    draws = copy.copy(model).set_params(codes="draws")
    np.testing.assert_array_equal(draws.transform(BITS)[7:8], draws.transform(BITS[7:8]))
    assert np.isin(draws.transform(BITS), (0, 1)).all()


def test_row_numbers_are_those_of_values():
    rows = np.array([[0.0, 1.0], [-0.0, 1.0], [1.0, 0.0], [NAN, 1.0]], np.float32)
    numbers = row_numbers(rows)
    assert numbers[0] == numbers[1]
    assert len(set(numbers.tolist())) == 3
    assert (numbers >= 0).all()


def test_sparse_rows_are_the_dense_ones(model):
    matrix = sparse.csr_matrix(BITS)
    np.testing.assert_array_equal(model.score_samples(matrix), model.score_samples(BITS))
    other = DeepBeliefNet(**FAST).fit(sparse.coo_array(BITS))
    np.testing.assert_allclose(other.transform(matrix), model.transform(BITS), atol=1e-5)


def test_codes_go_down_again(model):
    codes = model.transform(BITS)
    bottom = model.net_.generative.conditionals[-1]
    np.testing.assert_allclose(model.inverse_transform(codes), bottom.mean_given(codes), rtol=1e-5)
    with pytest.raises(DataError, match=r"expected codes of shape \[rows, 3\], got \[40, 5\]; try those of transform"):
        model.inverse_transform(BITS)


@pytest.mark.full
def test_samples_have_the_units_of_the_rows():
    rows = ROWS["normal"] * 100
    drawn = DeepBeliefNet(**FAST).fit(rows).sample(500, random_state=0)
    assert np.abs(drawn.mean(axis=0) - rows.mean(axis=0)).max() < 100
    assert 150 < drawn.std() < 600


@pytest.mark.full
def test_names_and_data_frames(model):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(BITS, columns=list("abcde"), index=range(5, 45))
    codes = clone(model).set_output(transform="pandas").fit_transform(frame)
    assert list(codes.columns) == ["deepbeliefnet0", "deepbeliefnet1", "deepbeliefnet2"]
    assert list(codes.index) == list(frame.index)
    np.testing.assert_allclose(codes, model.transform(BITS))


def test_pickles_say_the_same(model):
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).score_samples(BITS), model.score_samples(BITS))


@pytest.mark.full
def test_folds_and_step_sizes_share_programs():
    rows = (RANDOM.random((101, 6)) < 0.5).astype(int)
    grid = {"learning_rate": [0.01, 0.02], "estimator": ["nvil", "vimco:particles=2"]}
    search = GridSearchCV(DeepBeliefNet((2,), epochs=1, num_particles=3), grid, cv=3, refit=False)
    before = run_steps._cache_size()
    search.fit(rows)
    assert run_steps._cache_size() - before == 2


@pytest.mark.full
def test_sparse_folds_share_programs():
    rows = sparse.csr_matrix(RANDOM.random((101, 6)) < 0.3)
    before = run_steps._cache_size()
    for count in (90, 95, 100):
        DeepBeliefNet((2,), epochs=1).fit(rows[:count])
    assert run_steps._cache_size() - before == 1


def test_room_for_rows_is_no_data():
    data = Observations(BITS[:5], room=8).on_device()
    order = np.asarray(data.shuffled(key=KEY))
    assert sorted(order[:5]) == list(range(5))
    assert data.shape == (8, 5)
    assert [rounded_up(count) for count in (1, 64, 65, 1797)] == [64, 64, 128, 1856]


@pytest.mark.full
def test_passes_train_and_copies_keep_their_nets():
    model = DeepBeliefNet((3,), learning_rate=0.05, random_state=0).partial_fit(BITS)
    earlier, before = copy.copy(model), model.score(BITS)
    for _ in range(60):
        model.partial_fit(BITS)
    assert model.score(BITS) > before
    assert earlier.score(BITS) == before
    with pytest.raises(ValueError, match="5 features"):
        model.partial_fit(BITS[:, :3])


@pytest.mark.full
def test_a_fitted_net_goes_on(model):
    other = copy.copy(model).partial_fit(HOLEY)
    assert other.n_iter_ == model.n_iter_ + 1
    assert np.isfinite(other.score(HOLEY))


def test_surprises_are_those_of_enumeration(model):
    better = copy.copy(model).set_params(num_particles=2000)
    found = better.feature_surprise(BITS[:4])
    for row, surprises in zip(BITS, found, strict=False):
        for index, surprise in enumerate(surprises):
            rest = row.copy()
            rest[index] = NAN
            exact = marginal(model.net_, rest) - marginal(model.net_, row)
            assert surprise == pytest.approx(exact, abs=0.05)


@pytest.mark.full
def test_both_sides_enclose_log_p(model):
    lower, upper = two_sided(model.net_, BITS, Annealed(50), num_particles=50, key=KEY)
    exact = np.asarray(exact_log_likelihood(model.net_, BITS))
    np.testing.assert_allclose(lower, exact, atol=0.3)
    np.testing.assert_allclose(upper, exact, atol=0.3)
    assert np.mean(lower - exact) < 0.02
    assert np.mean(upper - exact) > -0.02


@pytest.mark.full
def test_outliers_are_a_share_of_the_rows(detector):
    rows = ROWS["normal"]
    assert (detector.decision_function(rows) < 0).sum() == (detector.predict(rows) == -1).sum() == 0.2 * len(rows)
    assert detector.predict(rows[:1] + 100) == [-1]
    lower, upper = detector.bounds(rows[:3], num_temperatures=3)
    assert lower.shape == upper.shape == (3,)
    assert np.isnan(detector.feature_surprise(HOLEY)).sum() == np.isnan(HOLEY).sum()


@pytest.mark.full
def test_what_was_observed_stays(imputer):
    filled = imputer.transform(HOLEY)
    known = ~np.isnan(HOLEY)
    np.testing.assert_array_equal(filled[known], HOLEY[known])
    assert ((filled >= 0) & (filled <= 1)).all()
    draws = imputer.draws(HOLEY, 3, random_state=0)
    assert draws.shape == (3, *HOLEY.shape)
    assert np.isin(draws, (0, 1)).all()
    assert np.isin(copy.copy(imputer).set_params(sample_posterior=True).transform(HOLEY), (0, 1)).all()
    assert not (draws[0] == draws[1]).all()


@pytest.mark.full
def test_a_column_without_values_is_filled_in():
    rows = HOLEY.copy()
    rows[:, 2] = NAN
    filled = BeliefNetImputer(**FAST).fit_transform(rows)
    assert np.isfinite(filled).all()


@pytest.mark.full
def test_draws_are_of_the_posterior():
    net = sigmoid_belief_net(3, (2,), key=jax.random.key(3))
    net = jax.tree.map(lambda leaf: 3 * leaf, net)
    row = np.array([1.0, NAN, NAN])
    draws = np.asarray(impute(net, row[None], key=KEY, num_draws=4000).draws)[0]
    states = np.array(list(itertools.product((0.0, 1.0), repeat=2)))
    rows = np.concatenate([np.ones((4, 1)), states], axis=1)
    exact = np.exp(np.asarray(exact_log_likelihood(net, rows), np.float64))
    found = [(draws[:, 1:] == state).all(axis=1).mean() for state in states]
    np.testing.assert_allclose(found, exact / exact.sum(), atol=0.04)


@pytest.mark.full
def test_documents_may_be_weighted_and_empty():
    counts = sparse.random(30, 8, 0.3, random_state=0, format="csr") * 5
    model = DocumentBeliefNet(**FAST).fit(counts)
    assert model.document_length_ == pytest.approx(counts.sum() / 30)
    assert np.isfinite(model.score(counts))
    assert model.sample(200, random_state=0).sum(axis=1).mean() == pytest.approx(model.document_length_, rel=0.2)
    assert not hasattr(model, "impute")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"visible": "bits"}, r"expected visible to be one of 'auto', 'bernoulli', .*, got 'bits'; try 'auto'"),
        ({"codes": "modes"}, r"expected codes to be 'means' or 'draws', got 'modes'; try 'means'"),
        ({"layer": 1}, r"expected layer of at most 0, got 1; try -1"),
        ({"validation_fraction": 1}, r"expected validation_fraction in \[0, 1\), got 1; try 0.1"),
        ({"validation_fraction": "x"}, r"expected validation_fraction in \[0, 1\), got 'x'; try 0.1"),
        (
            {"validation_fraction": 0.999},
            "expected validation_fraction to leave rows to train on, got 0.999, by which all 40 are held out; try 0.1",
        ),
        ({"learning_rate": "x"}, r"expected learning_rate of at least 0, got 'x'; try 0.01"),
        ({"batch_size": "8"}, r"expected batch_size to be a whole number, got '8'; try 100"),
        ({"batch_size": 0}, r"expected batch_size of at least 1, got 0; try 100"),
        ({"epochs": True}, r"expected epochs to be a whole number, got True; try 100"),
        ({"patience": None}, r"expected patience to be a whole number, got None; try 0"),
        ({"hidden": ()}, r"expected hidden to hold one width or more, got none; try \(200,\)"),
        ({"hidden": 0}, r"expected hidden of at least 1, got 0; try 200"),
        ({"visible": DOCUMENT.name}, r"expected visible to be one of 'auto', .*, 'normal', got 'weighted-words'"),
        ({"epochs": 0}, r"expected epochs of at least 1, got 0"),
        ({"num_particles": 0}, r"expected num_particles of at least 1, got 0; try 100"),
        ({"estimator": "viimco"}, r"expected the name of an estimator .*, got 'viimco'"),
    ],
)
def test_parameters_that_cannot_work(given, message):
    with pytest.raises(ValueError, match=message):
        used(DeepBeliefNet(**FAST | given))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        *(({"hidden": bad}, "expected hidden to be a tuple of whole numbers") for bad in (3.0, "3", True, None, [2.5])),
        ({"deterministic": 5}, r"expected deterministic to be a tuple of whole numbers, got 5; try \(5,\)"),
        ({"deterministic": None}, r"expected deterministic to be a tuple of whole numbers, got None; try \(200,\)"),
        ({"estimator": None}, "expected estimator to be of type str, got None; try 'auto'"),
    ],
)
def test_parameters_of_types_that_cannot_work(given, message):
    with pytest.raises(TypeError, match=message):
        DeepBeliefNet(**FAST | given).fit(BITS)


@pytest.mark.parametrize("share", ["auto", None, True, 0, 0.6, NAN])
def test_shares_of_outliers_that_cannot_work(share):
    with pytest.raises(ValueError, match=r"expected contamination in \(0, 0.5\], got .*; try 0.1"):
        BeliefNetOutlierDetector(contamination=share).fit(BITS)


@pytest.mark.parametrize("hidden", [3, np.int64(3), np.arange(3, 4), [3]])
def test_widths_may_be_numbers_of_numpy(hidden):
    assert [layer.size for layer in DeepBeliefNet(hidden)._latent_layers()] == [3]


@pytest.mark.full(but=["33"])
@pytest.mark.parametrize("count", [33, 52])
def test_batches_are_of_the_rows_that_are_trained_on(count):
    model = DeepBeliefNet((3,), epochs=1, random_state=0).fit(np.resize(BITS, (count, 5)))
    assert model.n_iter_ == 1
    assert np.isfinite(model.history_[0]["train_bound"])


def used(model):
    model.fit(BITS).transform(BITS)
    model.score(BITS)


def test_other_values_than_in_training_are_refused(model):
    with pytest.raises(DataError, match=r"expected bits, as in training, in X, got 0.5 at row 2, column 1"):
        model.transform([[0, 1, 1, 0, 0], [0.5, 1, 1, 0, 0]])


@pytest.mark.parametrize("rows", [0.5 * BITS, -BITS, 1e6 * BITS])
def test_other_values_are_not_trained_on_in_a_later_pass(model, rows):
    with pytest.raises(DataError, match=r"expected bits, as in training, in X, got .* at row"):
        copy.copy(model).partial_fit(rows)


@pytest.mark.parametrize(("epochs", "rate"), [(100, 0.01), (1000, 0.003)])
def test_the_step_size_of_passes_is_that_of_as_long_a_run(epochs, rate):
    net = sigmoid_belief_net(5, (3,), key=KEY)
    passes = Passes.start(net, "auto", FitOptions(epochs=epochs, batch_size=1), 40)
    assert passes.plan.optimizer.rates[0] == pytest.approx(rate)


@pytest.mark.full
def test_one_particle_has_no_standard_error(model):
    one = copy.copy(model).set_params(num_particles=1)
    scores, errors = one.score_samples(BITS, return_std=True)
    assert np.isfinite(scores).all()
    assert np.isnan(errors).all()


@pytest.mark.parametrize("factor", [1e-300, 1.0, 1e20, 1e300])
def test_real_numbers_of_any_size_are_standardised(factor):
    rows = np.concatenate([ROWS["normal"], np.full((40, 1), 3.0)], axis=1) * factor
    seen = Visible.of(rows, "normal").seen(rows)
    np.testing.assert_allclose(seen[:, :5].mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(seen[:, :5].std(axis=0), 1, rtol=1e-5)
    np.testing.assert_allclose(seen[:, 5], 0, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("normal", -1e300, r"at most 1e\+15 standard deviations of training in X, got -1e\+300 at row 2, .*; try NaN"),
        ("poisson", 1e300, r"whole numbers from 0 to 1e\+15 in X, got 1e\+300 at row 2, .*; try visible='normal'"),
        ("weighted-words", 1e300, r"numbers from 0 to 1e\+15 in X, got 1e\+300 at row 2, .*; try X / X.max\(\)"),
    ],
)
def test_values_beyond_single_precision_are_refused(name, value, message):
    rows = ROWS["normal" if name == "normal" else "poisson"].astype(float)
    visible = Visible.of_documents(rows) if name == "weighted-words" else Visible.of(rows, name)
    rows[1, 2] = value
    with pytest.raises(DataError, match=message):
        visible.check(rows)


@pytest.mark.full
def test_means_of_bits_are_drawn_by_row():
    grey = ROWS["grey-normal"]
    model = DeepBeliefNet(**FAST, visible="bernoulli").fit(grey)
    np.testing.assert_array_equal(model.score_samples(grey)[3:5], model.score_samples(grey[3:5]))


@pytest.mark.full
def test_in_a_pipeline():
    pipeline = make_pipeline(MaxAbsScaler(), DeepBeliefNet(**FAST))
    assert pipeline.fit(ROWS["poisson"]).transform(ROWS["poisson"]).shape == (40, 3)
