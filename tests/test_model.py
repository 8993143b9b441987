"""Two lines for what most people need: `beliefnet.fit`, `beliefnet.load`, and what a model is used for."""

import re

import jax
import numpy as np
import pandas
import pytest
from cases import ALL_NETS, SINGLE_NETS, net_of

import beliefnet
from beliefnet import to_numpy
from beliefnet._errors import OptionError
from beliefnet.data import DataError, Dataset, load, read_rows
from beliefnet.estimators import Reinforce
from beliefnet.evaluation import exact_log_likelihood
from beliefnet.nets import sigmoid_belief_net
from beliefnet.proposals import Refined
from beliefnet.training import FitOptions, NoCallback, Start, fit, fit_side_by_side

RNG = np.random.default_rng(0)
FRAME = pandas.DataFrame(
    (RNG.random((60, 6)) < 0.4).astype(int), columns=list("abcdef"), index=[f"row {n}" for n in range(60)]
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("model") / "run"


@pytest.fixture(scope="module")
def model(folder):
    return beliefnet.fit(FRAME, hidden=(3, 2), estimator="vimco", epochs=2, batch_size=10, folder=folder)


@pytest.mark.full
def test_codes_come_in_a_data_frame_where_rows_did(model):
    codes = model.encode(FRAME)
    assert list(codes.columns) == ["h2.1", "h2.2"]
    assert codes.index.equals(FRAME.index)
    np.testing.assert_allclose(codes, beliefnet.encode(model.net, FRAME.to_numpy())[1], rtol=1e-6)
    assert model.encode(FRAME.to_numpy(), layer=1).shape == (60, 3)
    assert type(model.encode(FRAME.to_numpy())) is np.ndarray


def test_columns_are_found_by_name(model):
    turned = FRAME[list("fedcba")].assign(more=0)
    pandas.testing.assert_frame_equal(model.encode(turned), model.encode(FRAME))
    holes = turned.astype(float)
    holes.iloc[0, 0] = np.nan
    filled = model.impute(holes)
    assert list(filled.columns) == list("abcdef")
    assert 0 < filled.loc["row 0", "f"] < 1
    np.testing.assert_array_equal(filled.iloc[1:], FRAME.iloc[1:])
    with pytest.raises(DataError, match="the column 'c', got one without; try all columns"):
        model.encode(FRAME[["a", "b"]])


def test_observations_with_named_columns_are_plain_rows(model):
    rows = model.test
    assert rows.columns == tuple("abcdef")
    np.testing.assert_array_equal(model.encode(rows), model.encode(rows.means()))
    for found in (model.reconstruct(rows), model.impute(rows), model.surprise(rows, num_particles=2)):
        assert type(found) is np.ndarray
        assert found.shape == (len(rows), 6)
    assert model.log_likelihood(rows, num_particles=2).estimate.shape == (len(rows),)


def test_likelihoods_are_those_of_enumeration(model):
    rows = FRAME.iloc[:4]
    found = model.log_likelihood(rows, num_particles=4000)
    exact = np.asarray(exact_log_likelihood(model.net, rows.to_numpy()))
    assert found.estimate.index.equals(rows.index)
    assert (np.abs(found.estimate - exact) < 5 * found.standard_error + 1e-4).all()
    one = model.log_likelihood(rows, num_particles=1)
    assert np.isfinite(one.estimate).all()
    assert np.isnan(one.standard_error).all()
    again = model.log_likelihood(rows, num_particles=4000, seed=1)
    assert (again.estimate != found.estimate).any()


def test_a_loaded_model_is_the_one_that_was_trained(model, folder):
    again = beliefnet.load(folder)
    pandas.testing.assert_frame_equal(again.encode(FRAME), model.encode(FRAME))
    assert (again.best_bound, again.best_epoch, again.columns) == (model.best_bound, model.best_epoch, tuple("abcdef"))
    assert [row["epoch"] for row in again.history] == [1, 2]
    with pytest.raises(DataError, match=r"cannot be loaded again, got none; try model.evaluate\(rows\)"):
        again.evaluate(num_particles=2)
    assert again.evaluate(FRAME, num_particles=2).num_examples == 60


def test_what_was_left_for_the_evaluation_is_evaluated(model):
    assert model.evaluate(num_particles=2).num_examples == model.record.splits["test"]


def test_a_run_of_the_command_line_is_loaded(trained, grey_file):
    model = beliefnet.load(trained)
    np.testing.assert_array_equal(model.encode(grey_file), model.encode(np.load(grey_file)))
    assert model.evaluate(num_particles=2).num_examples == model.record.splits["test"]


def test_grey_values_are_taken_as_in_training(trained, grey_file):
    """The file was binarised dynamically: rows in memory are means of bits, too."""
    model, means = beliefnet.load(trained), np.load(grey_file)
    assert model.log_likelihood(means, num_particles=2).estimate.shape == (60,)
    assert set(np.unique(model.sample(20))) == {0.0, 1.0}


def test_names_files_and_data_sets(tmp_path):
    np.save(tmp_path / "x.npy", FRAME.to_numpy())
    options = {"hidden": (3,), "epochs": 1, "batch_size": 10}
    by_file = beliefnet.fit(tmp_path / "x.npy", **options)
    by_rows = beliefnet.fit(FRAME.to_numpy(), **options)
    by_set = beliefnet.fit(load(tmp_path / "x.npy"), **options)
    for other in (by_rows, by_set):
        for one, two in zip(jax.tree.leaves(by_file.net), jax.tree.leaves(other.net), strict=True):
            np.testing.assert_array_equal(one, two)
    assert by_file.encode(read_rows(tmp_path / "x.npy")).shape == (60, 3)


class StopsAfterAnEpoch(NoCallback):
    seen = 0

    def on_epoch(self, epoch):
        self.seen += 1

    def should_stop(self):
        return self.seen > 0


def test_an_interrupted_call_goes_on_when_it_is_repeated(tmp_path):
    options = {"hidden": (3,), "epochs": 3, "batch_size": 10}
    stopped = beliefnet.fit(FRAME, folder=tmp_path / "run", callback=StopsAfterAnEpoch(), **options)
    resumed = beliefnet.fit(FRAME, folder=tmp_path / "run", **options)
    whole = beliefnet.fit(FRAME, **options)
    assert [len(model.history) for model in (stopped, resumed, whole)] == [1, 3, 3]
    for one, two in zip(jax.tree.leaves(resumed.net), jax.tree.leaves(whole.net), strict=True):
        np.testing.assert_array_equal(one, two)


def test_seeds_share_rows_and_differ_in_all_else(tmp_path):
    options = {"hidden": (3,), "epochs": 1, "batch_size": 10}
    found = beliefnet.fit_seeds(FRAME, num_seeds=3, seed=4, folder=tmp_path, **options)
    bounds = [model.best_bound for model in found.models]
    assert len(set(bounds)) == 3
    assert found.best.best_bound == max(bounds)
    assert (found.mean, found.spread) == (pytest.approx(np.mean(bounds)), pytest.approx(np.std(bounds, ddof=1)))
    assert len({model.record.checksum for model in found.models}) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["seed-4", "seed-5", "seed-6"]
    again = beliefnet.fit(FRAME, seed=4, **options)
    assert again.best_bound == bounds[0]


@pytest.mark.full
def test_seeds_side_by_side_end_as_on_their_own(tmp_path):
    """To rounding: their steps are batched. One that was stopped goes on from where it was."""
    options = {"hidden": (3, 2), "estimator": "vimco", "epochs": 2, "batch_size": 10, "seed": 4}
    alone = beliefnet.fit_seeds(FRAME, num_seeds=2, **options)
    stopped = beliefnet.fit_seeds(
        FRAME, num_seeds=2, side_by_side=True, folder=tmp_path, callback=StopsAfterAnEpoch(), **options
    )
    assert [len(model.history) for model in stopped.models] == [1, 1]
    found = beliefnet.fit_seeds(FRAME, num_seeds=2, side_by_side=True, folder=tmp_path, **options)
    for one, other in zip(alone.models, found.models, strict=True):
        assert [row["valid_bound"] for row in one.history] == pytest.approx(
            [row["valid_bound"] for row in other.history], abs=1e-4
        )
        for a, b in zip(jax.tree.leaves(one.net), jax.tree.leaves(other.net), strict=True):
            np.testing.assert_allclose(a, b, atol=1e-4)
    assert found.models[0].best_bound != pytest.approx(found.models[1].best_bound, abs=1e-3)
    assert found.mean == pytest.approx(alone.mean, abs=1e-4)
    assert beliefnet.load(tmp_path / "seed-5").best_bound == found.models[1].best_bound


@pytest.mark.full
def test_a_run_that_ends_early_leaves_the_others_alone():
    """The second run stops for want of improvement: its steps are far too long."""
    data, net = Dataset.from_arrays(FRAME), sigmoid_belief_net(6, (3,), key=jax.random.key(0))
    shared = {"epochs": 6, "batch_size": 10, "patience": 1, "schedule": "constant"}
    starts = [Start(net, Reinforce(2), FitOptions(learning_rate=rate, **shared)) for rate in (0.001, 3.0)]
    found = fit_side_by_side(starts, data)
    assert found[1].reason == "no improvement"
    assert len(found[0].history) > len(found[1].history)
    for one, start in zip(found, starts, strict=True):
        alone = fit(start.net, data, start.estimator, options=start.options)
        assert len(alone.history) == len(one.history)
        assert one.best_bound == pytest.approx(alone.best_bound, abs=1e-3)
    other = Start(net, Reinforce(2), FitOptions(batch_size=20))
    with pytest.raises(OptionError, match="batches of one size, got 10, 20; try one batch_size for all"):
        fit_side_by_side([starts[0], other], data)


@pytest.mark.full
def test_a_refined_posterior_belongs_to_the_model():
    model = beliefnet.fit(FRAME, hidden=(3,), estimator="rws", refine="air:steps=2", epochs=1, batch_size=10)
    assert type(model.proposal) is Refined


def test_pictures_are_drawn(model, tmp_path):
    for path in (model.plot_training(tmp_path / "curve.png"), model.plot_samples(tmp_path / "samples.png", num=5)):
        assert path.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda model: beliefnet.fit(FRAME, hiden=3), "'hiden'; did you mean 'hidden'"),
        (lambda model: beliefnet.fit(FRAME, delimiter=";"), "options for rows in memory, got .?delimiter"),
        (
            lambda model: beliefnet.fit(Dataset.from_arrays(FRAME), valid_fraction=0.5),
            "no valid_fraction for a Dataset",
        ),
        (lambda model: beliefnet.fit(FRAME.to_numpy() * 1.5), "values between 0 and 1 in arrays, got values from 0 to"),
        (lambda model: model.encode(FRAME, layer=3), "a layer from 1 to 2, got 3; try 2"),
        (lambda model: model.encode(FRAME.to_numpy()[:, :4]), "6"),
        (lambda model: beliefnet.fit_seeds(FRAME, num_seeds=0), "num_seeds .*got 0; try 3"),
        (
            lambda model: beliefnet.fit_seeds(FRAME, side_by_side=True, hidden=(3,), estimator="auto", batch_size=10),
            "got estimator 'auto', which each seed chooses; try estimator='nvil'",
        ),
        (lambda model: model.sample(0), "num .*got 0; try 10"),
        (lambda model: beliefnet.load("/nowhere/at all"), "expected a run folder"),
        (lambda model: beliefnet.load(3), "expected folder"),
    ],
)
def test_what_cannot_be_used_is_said(model, use, message):
    with pytest.raises((ValueError, TypeError, RuntimeError), match=message):
        use(model)


def test_arrays_of_numpy_are_enough_to_compute_with():
    net = net_of("two layers")
    arrays = {name: array.astype(np.float64) for name, array in to_numpy(net).items()}
    x, h1, h2 = ((np.random.default_rng(0).random((6, width)) < 0.5) * 1.0 for width in (3, 2, 3))

    def log_bernoulli(values: np.ndarray, logits: np.ndarray) -> np.ndarray:
        return (values * logits - np.logaddexp(0, logits)).sum(axis=-1)

    def logits(layer: str, seen: np.ndarray) -> np.ndarray:
        return seen @ arrays[f"{layer}.network.weight"] + arrays[f"{layer}.bias"]

    log_p = (
        log_bernoulli(x, logits("model.x", 2 * h1 - 1))
        + log_bernoulli(h1, logits("model.h1", 2 * h2 - 1))
        + log_bernoulli(h2, arrays["model.h2.parameters"])
    )
    log_q = log_bernoulli(h1, logits("recognition.h1", x - arrays["recognition.h1.view.offset"])) + log_bernoulli(
        h2, logits("recognition.h2", 2 * h1 - 1)
    )
    np.testing.assert_allclose(net.log_joint(x, (h1, h2)), log_p, rtol=1e-5)
    np.testing.assert_allclose(net.log_recognition(x, (h1, h2)), log_q, rtol=1e-5)


@pytest.mark.full(but=["two layers", "darn", "nade"])
@pytest.mark.parametrize("name", [*ALL_NETS, *SINGLE_NETS])
def test_every_array_of_every_net_has_a_name(name: str):
    net = net_of(name)
    arrays = to_numpy(net)
    wanted = sorted((array.shape, float(array.sum())) for array in map(np.asarray, jax.tree.leaves(net)))
    assert sorted((array.shape, float(array.sum())) for array in arrays.values()) == wanted
    for part in arrays:
        assert re.fullmatch(r"(model\.x|(model|recognition)\.h[1-9])(\.[a-z_0-9]+)+", part), part
    with pytest.raises(TypeError, match="expected net to be of type BeliefNet"):
        to_numpy(name)  # pyright: ignore[reportArgumentType]
