"""Training: what `fit` gives, and that stopping it anywhere changes nothing."""

import dataclasses
import json
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import small_net

from beliefnet._errors import OptionError
from beliefnet.catalogue import TrainConfig, load_run
from beliefnet.data import DataError, Observations, load
from beliefnet.estimators import Reinforce
from beliefnet.evaluation import bounds_of_rows
from beliefnet.runs import CheckpointError, Checkpoints, RunFolder, RunFolderError
from beliefnet.training import (
    FitOptions,
    Learnable,
    NoCallback,
    OptimizerOptions,
    Stream,
    TrainingDiverged,
    TrainState,
    fit,
    make_optimizer,
    stream,
)
from beliefnet.training import _loop as loop
from beliefnet.training._validation import make_validator

NO_TIMES = ("epoch", "step", "train_bound", "valid_bound")


class Crash(BaseException):
    """Stands for a SIGKILL: nothing may catch it."""


class Observer(NoCallback):
    """Keeps what it was told; stops, or crashes, when it has been told often enough."""

    def __init__(self, *, stop_at=None, crash_at=None):
        self.steps, self.rows = [], []
        self.stop_at, self.crash_at = stop_at, crash_at

    def on_steps(self, epoch, step, train_bound, examples_per_second):
        self.steps.append((epoch, step, train_bound, examples_per_second))
        self._maybe_crash(step)

    def on_epoch(self, row):
        self.rows.append(row)
        self._maybe_crash(row["step"] + 0.5)

    def should_stop(self):
        return self.stop_at is not None and bool(self.steps) and self.steps[-1][1] >= self.stop_at

    def _maybe_crash(self, moment):
        if self.crash_at == moment:
            raise Crash


@pytest.fixture
def config(grey_file):
    """Three epochs of six steps, binarised anew at every use."""
    nvil = {"baseline_units": 3}
    return TrainConfig(
        data=str(grey_file), hidden=(4, 3), epochs=3, batch_size=8, learning_rate=0.02, checkpoint_seconds=0, nvil=nvil
    )


@pytest.fixture
def one_step_at_a_time(monkeypatch):
    """Look on, and save, after every single step."""
    monkeypatch.setattr(loop, "_DISPATCH_SECONDS", 0.0)


def train(config, folder=None, callback=None):
    dataset = config.load_data()
    net, estimator = config.build(dataset.train.average())
    return fit(net, estimator, dataset, config.fit, folder=folder, callback=callback)


def new_folder(tmp_path, config, name="run"):
    return RunFolder.create(tmp_path / name, config.to_dict())


def without_times(rows):
    return [{name: row[name] for name in NO_TIMES} for row in rows]


def assert_same(left, right):
    """Same structure and same bits."""
    assert jax.tree.structure(left) == jax.tree.structure(right)
    for a, b in zip(jax.tree.leaves(left), jax.tree.leaves(right), strict=True):
        assert a.dtype == b.dtype
        assert np.asarray(a).tobytes() == np.asarray(b).tobytes()


def assert_same_outcome(left, right):
    assert_same(left.state, right.state)
    assert_same(left.net, right.net)
    assert without_times(left.history) == without_times(right.history)
    assert (left.best_bound, left.best_epoch, left.reason) == (right.best_bound, right.best_epoch, right.reason)


def damage(folder):
    """Cut the largest file of a checkpoint in half."""
    largest = max((path for path in folder.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)
    largest.write_bytes(largest.read_bytes()[: largest.stat().st_size // 2])


def newest(folder):
    return max(folder.checkpoints.directory.glob("step_*"))


def test_fitted_says_what_happened(config):
    fitted = train(config)
    assert fitted.reason == "finished"
    assert [(row["epoch"], row["step"]) for row in fitted.history] == [(1, 6), (2, 12), (3, 18)]
    assert int(fitted.state.learner.step) == 18
    bounds = [row["valid_bound"] for row in fitted.history]
    assert fitted.best_bound == max(bounds)
    assert fitted.best_epoch == 1 + bounds.index(max(bounds))
    assert_same(fitted.net, fitted.state.best.net)
    assert fitted.net.layer_sizes == (4, 3)
    assert all(row["seconds"] > 0 and row["examples_per_second"] > 0 for row in fitted.history)
    assert all(-7 < row[name] < 0 for row in fitted.history for name in ("train_bound", "valid_bound"))


def test_training_raises_the_bound(grey_file):
    dataset = load("bars")
    config = TrainConfig(data="bars", hidden=(16,), epochs=10, learning_rate=0.01, nvil={"baseline_units": 8})
    net, estimator = config.build(dataset.train.average())
    history = fit(net, estimator, dataset, config.fit).history
    assert history[-1]["valid_bound"] > history[0]["valid_bound"] + 1


def test_the_callers_net_survives(config):
    dataset = config.load_data()
    net, estimator = config.build(dataset.train.average())
    before = jax.tree.map(np.array, net)
    first, second = (fit(net, estimator, dataset, config.fit) for _ in range(2))
    assert_same(jax.tree.map(np.asarray, net), before)
    assert_same_outcome(first, second)


def test_another_seed_is_another_run(config):
    first, second = train(config), train(config.replace(seed=1))
    assert without_times(first.history) != without_times(second.history)


def test_neither_portions_nor_watchers_nor_folders_matter(config, tmp_path, monkeypatch):
    whole = train(config)
    monkeypatch.setattr(loop, "_DISPATCH_SECONDS", 0.0)
    observer = Observer()
    single = train(config, new_folder(tmp_path, config), observer)
    assert_same_outcome(whole, single)
    assert [step for _, step, *_ in observer.steps] == list(range(1, 19))
    assert [bound for _, step, bound, _ in observer.steps if step % 6 == 0] == [
        row["train_bound"] for row in whole.history
    ]
    assert observer.rows == single.history


def test_the_folder_holds_the_outcome(config, tmp_path):
    folder = new_folder(tmp_path, config)
    fitted = train(config, folder)
    assert [json.loads(line) for line in folder.metrics_file.read_text().splitlines()] == fitted.history
    assert set(fitted.history[0]) == {*NO_TIMES, "seconds", "examples_per_second", "data"}
    loaded = load_run(folder.path)
    assert_same(loaded.net, fitted.net)
    assert (loaded.config, loaded.best_epoch, loaded.skipped) == (config, fitted.best_epoch, ())
    assert loaded.record == config.load_data().record


@pytest.mark.usefixtures("one_step_at_a_time")
def test_stopping_anywhere_changes_nothing(config, tmp_path):
    whole = train(config)
    folder = new_folder(tmp_path, config)
    for stop_at in (1, 6, 9, 17):
        stopped = train(config, folder, Observer(stop_at=stop_at))
        assert (stopped.reason, int(stopped.state.learner.step)) == ("interrupted", stop_at)
        assert folder.read_metrics() == stopped.history
        assert len(stopped.history) == stop_at // 6
    resumed = train(config, folder)
    assert_same_outcome(whole, resumed)
    assert without_times(folder.read_metrics()) == without_times(whole.history)
    seconds = [row["seconds"] for row in resumed.history]
    assert seconds == sorted(seconds)


@pytest.mark.usefixtures("one_step_at_a_time")
def test_dying_anywhere_changes_nothing(config, tmp_path, monkeypatch):
    whole = train(config)
    folder = new_folder(tmp_path, config)
    # After a step, after the metrics of an epoch were written but not its checkpoint, and while saving.
    for crash_at in (2, 6.5, 12, 12.5):
        with pytest.raises(Crash):
            train(config, folder, Observer(crash_at=crash_at))
    with monkeypatch.context() as patch:
        patch.setattr(Checkpoints, "_prune", lambda *_: (_ for _ in ()).throw(Crash))
        with pytest.raises(Crash):
            train(config, folder)
    assert_same_outcome(whole, train(config, folder))
    assert without_times(folder.read_metrics()) == without_times(whole.history)


@pytest.mark.usefixtures("one_step_at_a_time")
def test_a_damaged_checkpoint_costs_only_time(config, tmp_path):
    whole = train(config)
    folder = new_folder(tmp_path, config)
    train(config, folder, Observer(stop_at=8))
    damage(newest(folder))
    with pytest.warns(UserWarning, match="step_00000008 is damaged"):
        resumed = train(config, folder)
    assert_same_outcome(whole, resumed)


def test_only_damaged_checkpoints_are_an_error(config, tmp_path):
    folder = new_folder(tmp_path, config)
    train(config, folder)
    for checkpoint in folder.checkpoints.directory.iterdir():
        damage(checkpoint)
    with pytest.raises(CheckpointError, match="only damaged ones"):
        load_run(folder.path)


def test_a_finished_run_stays_as_it_is(config, tmp_path):
    folder = new_folder(tmp_path, config)
    first = train(config, folder)
    lines = folder.metrics_file.read_text()
    again = train(config, folder)
    assert_same_outcome(first, again)
    assert folder.metrics_file.read_text() == lines


def test_a_cut_line_of_metrics_is_dropped(config, tmp_path):
    whole = train(config)
    folder = new_folder(tmp_path, config)
    train(config, folder, Observer(stop_at=12))
    with folder.metrics_file.open("a") as file:
        file.write('{"epoch": 3, "st')
    assert len(folder.read_metrics()) == 2
    assert_same_outcome(whole, train(config, folder))
    assert without_times(folder.read_metrics()) == without_times(whole.history)


def test_patience_keeps_the_best_net(config, tmp_path):
    # Steps far too long: the first epochs are the best ones.
    config = config.replace(learning_rate=3.0, schedule="constant", epochs=50, patience=2)
    folder = new_folder(tmp_path, config)
    fitted = train(config, folder)
    assert fitted.reason == "no improvement"
    assert len(fitted.history) == fitted.best_epoch + 2 < 50
    assert fitted.best_bound == fitted.history[fitted.best_epoch - 1]["valid_bound"]
    short = train(config.replace(epochs=fitted.best_epoch, patience=0))
    assert_same(fitted.net, short.state.learner.params.net)
    assert_same(load_run(folder.path).net, fitted.net)
    assert_same_outcome(fitted, train(config, folder))
    longer = train(config.replace(patience=3), folder)
    assert len(longer.history) > len(fitted.history)


def test_a_full_disk_keeps_the_previous_checkpoint(config, tmp_path, monkeypatch):
    whole = train(config)
    folder = new_folder(tmp_path, config)
    train(config, folder, Observer(stop_at=6))

    def fail(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("beliefnet.runs._checkpoint.seal", fail)
        with pytest.raises(CheckpointError, match=r"No space left on device.*step 6 is intact"):
            train(config, folder)
    assert_same_outcome(whole, train(config, folder))


@pytest.mark.parametrize("learning_rate", [1e30, 1e38])
def test_divergence_names_where_and_what_is_left(config, tmp_path, learning_rate):
    config = config.replace(learning_rate=learning_rate)
    folder = new_folder(tmp_path, config)
    with pytest.raises(TrainingDiverged, match=r"step \d+ \(epoch 1\).*step_0000000\d; try a smaller") as raised:
        train(config, folder)
    assert str(newest(folder)) in str(raised.value)
    with pytest.raises(TrainingDiverged, match="no checkpoint was kept"):
        train(config)
    kept = folder.checkpoints.restore(TrainState.start(*config.build(np.full(7, 0.5)), make_optimizer(config.fit, 1)))
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(kept.state.learner.params))


def test_another_architecture_is_refused(config, tmp_path):
    folder = new_folder(tmp_path, config)
    train(config, folder)
    folder.config_file.write_text(folder.config_file.read_text().replace("    4,", "    5,"))
    with pytest.raises(CheckpointError, match="try the architecture"):
        load_run(folder.path)


def test_the_batch_must_fit(config):
    with pytest.raises(OptionError, match="at most the 48 training examples, got 49; try --batch-size 48"):
        train(config.replace(batch_size=49))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": 0}, "epochs of at least 1, got 0; try 400"),
        ({"batch_size": -1}, "batch-size of at least 1, got -1; try 100"),
        ({"patience": -1}, "patience of at least 0"),
        ({"checkpoint_seconds": math.nan}, "checkpoint-seconds of at least 0, got nan"),
        ({"learning_rate": -0.1}, "learning-rate of at least 0, got -0.1; try 0.003"),
        ({"learning_rate": math.inf}, "learning-rate of at least 0, got inf"),
        ({"recognition_learning_rate": -1.0}, "recognition-learning-rate of at least 0, got -1.0; try leaving it out"),
        ({"momentum": 1.0}, "momentum in .0, 1., got 1.0"),
        ({"clip": -1.0}, "clip of at least 0"),
        ({"weight_decay": -1.0}, "weight-decay of at least 0"),
        ({"seed": -1}, "seed of at least 0"),
        ({"seed": 2**32}, "seed of at most 4294967295"),
    ],
)
def test_options_out_of_range(options, message):
    with pytest.raises(OptionError, match=message):
        FitOptions(**options)


def test_too_many_steps():
    with pytest.raises(OptionError, match="try --epochs 2147483"):
        FitOptions(epochs=10**10).steps_per_epoch(100_000)


def test_a_config_survives_toml(config, tmp_path):
    folder = new_folder(tmp_path, config)
    assert TrainConfig.from_dict(folder.read_config()) == config
    with pytest.raises(OptionError, match="'hiden'; did you mean 'hidden'"):
        TrainConfig.from_dict({"hiden": [3]})


def test_the_name_of_a_data_set_beats_a_file_of_that_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bars").mkdir()
    assert TrainConfig(data="bars").to_dict()["data"] == "bars"


def test_a_run_folder_is_not_overwritten(config, tmp_path):
    folder = new_folder(tmp_path, config)
    with pytest.raises(RunFolderError, match=r"try --resume .* or another --out"):
        new_folder(tmp_path, config)
    folder.config_file.write_text("epochs = = 3")
    with pytest.raises(RunFolderError, match="does not parse"):
        folder.read_config()
    with pytest.raises(RunFolderError, match="there is no such folder"):
        load_run(tmp_path / "nothing")


@pytest.mark.parametrize("optimizer", ["adam", "rmsprop", "sgd"])
def test_each_part_has_its_learning_rate(config, optimizer):
    """Two rates that differ by a factor give steps that differ by that factor, and go upward."""
    net, estimator = config.build(np.full(7, 0.5))
    params = Learnable(net, estimator)
    ones = jax.tree.map(np.ones_like, params)

    def steps(**rates):
        options = OptimizerOptions(optimizer=optimizer, schedule="constant", learning_rate=0.1, **rates)
        transform = make_optimizer(options, 10)
        return transform.update(ones, transform.init(params), params)[0]

    plain, scaled = steps(), steps(recognition_learning_rate=0.2, estimator_learning_rate=0.0)
    for a, b in zip(jax.tree.leaves(plain.net.generative), jax.tree.leaves(scaled.net.generative), strict=True):
        assert np.all(np.asarray(a) > 0)
        np.testing.assert_array_equal(a, b)
    for a, b in zip(jax.tree.leaves(plain.net.recognition), jax.tree.leaves(scaled.net.recognition), strict=True):
        np.testing.assert_allclose(2 * a, b, rtol=1e-6)
    assert all(not np.any(leaf) for leaf in jax.tree.leaves(scaled.estimator))


@pytest.mark.parametrize(("schedule", "middle", "end"), [("cosine", 0.5, 0), ("linear", 0.5, 0), ("constant", 1, 1)])
def test_schedules_end_with_the_run(schedule, middle, end):
    options = OptimizerOptions(optimizer="sgd", momentum=0.0, learning_rate=1.0, schedule=schedule)
    net, estimator = TrainConfig(hidden=(2,), nvil={"baseline_units": 1}).build(np.full(3, 0.5))
    params = Learnable(net, estimator)
    transform, ones = make_optimizer(options, 4), jax.tree.map(np.ones_like, params)
    state, sizes = transform.init(params), []
    for _ in range(5):
        updates, state = transform.update(ones, state, params)
        sizes.append(float(jax.tree.leaves(updates)[0].ravel()[0]))
    np.testing.assert_allclose([sizes[0], sizes[2], sizes[4]], [1, middle, end], atol=1e-6)


def test_validation_uses_all_of_the_data(monkeypatch):
    monkeypatch.setattr("beliefnet.training._validation._VALIDATION_ROWS", 4)
    rows = np.random.default_rng(0).integers(0, 2, (11, 3)).astype(np.uint8)
    net, key = small_net(2), jax.random.key(3)
    bound = make_validator(Observations(rows), key=key)(Learnable(net, Reinforce(2)))
    parts, (_, draw_key) = [], jax.random.split(key)
    for index, start in enumerate(range(0, 11, 4)):
        part = jnp.asarray(rows[start : start + 4], jnp.float32)
        parts.append(bounds_of_rows(net, part, 1, key=jax.random.fold_in(draw_key, index)).bound)
    np.testing.assert_allclose(bound, np.concatenate(parts).mean(), rtol=1e-5)


def test_no_purpose_shares_random_numbers():
    keys = {tuple(np.asarray(jax.random.key_data(stream(seed, s))).tolist()) for seed in (0, 1) for s in Stream}
    assert len(keys) == 2 * len(Stream)


def test_a_folder_is_not_resumed_by_another_run(tmp_path):
    dataset = load("bars")
    config = TrainConfig(data="bars", hidden=(2,), epochs=1, batch_size=2500)
    folder = RunFolder.create(tmp_path / "run", config.to_dict())
    net, estimator = config.build(dataset.train.average())
    fit(net, estimator, dataset, config.fit, folder=folder)
    with pytest.raises(OptionError, match=r"options of the run in this folder, got learning-rate=0.5 instead of 0.003"):
        fit(net, estimator, dataset, config.replace(learning_rate=0.5).fit, folder=folder)
    other = dataclasses.replace(dataset, record=dataclasses.replace(dataset.record, checksum="sha256:other"))
    with pytest.raises(DataError, match="got other contents of bars"):
        fit(net, estimator, other, config.fit, folder=folder)
    assert len(fit(net, estimator, dataset, config.replace(epochs=2).fit, folder=folder).history) == 2


def test_a_run_without_an_epoch_has_nothing_to_load(tmp_path):
    class Impatient(NoCallback):
        def should_stop(self) -> bool:
            return True

    config = TrainConfig(data="bars", hidden=(2,), epochs=1)
    dataset = config.load_data()
    folder = RunFolder.create(tmp_path / "run", config.to_dict())
    fit(*config.build(dataset.train.average()), dataset, config.fit, folder=folder, callback=Impatient())
    with pytest.raises(RunFolderError, match=r"finished an epoch, got .* stopped at step 0; try .*--resume"):
        load_run(folder.path)
