"""Training: what `fit` gives, and that stopping it anywhere changes nothing."""

import dataclasses
import itertools
import json
import math
import os
from collections.abc import Callable
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import ALL_NETS, ESTIMATORS, SINGLE_NETS, small_net
from jax import Array

from beliefnet._errors import OptionError
from beliefnet.catalogue import DataShape, TrainConfig, load_named_run
from beliefnet.conditionals import EquinoxNetwork
from beliefnet.data import DataError, Dataset, Observations, Record, load
from beliefnet.estimators import NVIL, VIMCO, AbstractEstimator, Bound, Estimate, Reinforce, Signal
from beliefnet.evaluation import exact_elbo
from beliefnet.evaluation._bounds import bounds_of_rows
from beliefnet.nets import sigmoid_belief_net
from beliefnet.optimizers import Learnable
from beliefnet.proposals import Recognition
from beliefnet.runs import (
    CheckpointError,
    Checkpoints,
    RunFolder,
    RunFolderError,
    RunLocked,
    environment,
    load_run,
)
from beliefnet.training import (
    FitOptions,
    NoCallback,
    Plan,
    RunWriter,
    Stream,
    TrainingDiverged,
    TrainState,
    fit,
    run_steps,
    stream,
)
from beliefnet.training import _run as loop
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

    def on_epoch(self, epoch):
        self.rows.append(epoch.row)
        self._maybe_crash(epoch.row["step"] + 0.5)

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
    net, estimator = config.build(DataShape.of(dataset))
    return fit(net, dataset, estimator, options=config.fit, folder=folder, callback=callback)


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


def crash_after(function):
    """Return a function that does the same, and then crashes."""

    def crashing(*arguments):
        function(*arguments)
        raise Crash

    return crashing


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


@pytest.mark.full
def test_training_raises_the_bound(grey_file):
    dataset = load("bars")
    config = TrainConfig(data="bars", hidden=(16,), epochs=10, learning_rate=0.01, nvil={"baseline_units": 8})
    net, estimator = config.build(DataShape.of(dataset))
    history = fit(net, dataset, estimator, options=config.fit).history
    assert history[-1]["valid_bound"] > history[0]["valid_bound"] + 1


def test_the_callers_net_survives(config):
    dataset = config.load_data()
    net, estimator = config.build(DataShape.of(dataset))
    before = jax.tree.map(np.array, net)
    first, second = (fit(net, dataset, estimator, options=config.fit) for _ in range(2))
    assert_same(jax.tree.map(np.asarray, net), before)
    assert_same_outcome(first, second)


@pytest.mark.full
def test_another_seed_is_another_run(config):
    first, second = train(config), train(config.replace(seed=1))
    assert without_times(first.history) != without_times(second.history)


@pytest.mark.full
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
    loaded = load_named_run(folder.path)
    assert_same(loaded.net, fitted.net)
    assert_same(loaded.estimator, fitted.state.best.estimator)
    assert (loaded.config, loaded.best_epoch, loaded.skipped) == (config, fitted.best_epoch, ())
    assert loaded.record == config.load_data().record


@pytest.mark.usefixtures("one_step_at_a_time")
def test_stopping_anywhere_changes_nothing(config, tmp_path):
    config = config.replace(average=0.7, kl_warm_up=2, free_nats=0.5, schedule="plateau", plateau_epochs=1)
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


@pytest.mark.full
@pytest.mark.usefixtures("one_step_at_a_time")
def test_chains_of_rows_go_on_where_a_run_was_stopped(config, tmp_path):
    config = config.replace(estimator="msc")
    whole, folder = train(config), new_folder(tmp_path, config)
    for stop_at in (2, 7):
        train(config, folder, Observer(stop_at=stop_at))
    resumed = train(config, folder)
    assert_same_outcome(whole, resumed)
    chains = resumed.state.learner.estimator_state
    assert chains.is_begun.mean() > 0.8  # the incomplete batch of an epoch is left out
    assert np.isin(chains.latents[0], (0, 1)).all()
    assert chains.latents[0].any()


@pytest.mark.full
@pytest.mark.usefixtures("one_step_at_a_time")
def test_dying_anywhere_changes_nothing(config, tmp_path, monkeypatch):
    whole = train(config)
    folder = new_folder(tmp_path, config)
    # After a step, after an epoch, after its metrics were written but not its checkpoint, and while saving.
    for crash_at in (2, 6.5, 12, 12.5):
        with pytest.raises(Crash):
            train(config, folder, Observer(crash_at=crash_at))
    for home, name in ((RunFolder, "append_metrics"), (Checkpoints, "_prune")):
        with monkeypatch.context() as patch:
            patch.setattr(home, name, crash_after(getattr(home, name)))
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


@pytest.mark.full
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
        with pytest.raises(CheckpointError, match=r"got a full disk.*step 6 is intact"):
            train(config, folder)
    assert_same_outcome(whole, train(config, folder))


SEVEN = DataShape(7, np.full(7, 0.5))


@pytest.mark.parametrize("learning_rate", [1e30, 1e38])
def test_divergence_names_where_and_what_is_left(config, tmp_path, learning_rate):
    config = config.replace(learning_rate=learning_rate)
    folder = new_folder(tmp_path, config)
    with pytest.raises(TrainingDiverged, match=r"step \d+ \(epoch 1\).*step_0000000\d; try a smaller") as raised:
        train(config, folder)
    assert str(newest(folder)) in str(raised.value)
    with pytest.raises(TrainingDiverged, match="no checkpoint was kept"):
        train(config)
    kept = folder.checkpoints.restore(TrainState.start(*config.build(SEVEN), Plan.of(config.fit, 1)))
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(kept.state.learner.params))


def test_another_architecture_is_refused(config, tmp_path):
    folder = new_folder(tmp_path, config)
    train(config, folder)
    folder.config_file.write_text(folder.config_file.read_text().replace("    4,", "    5,"))
    with pytest.raises(
        RunFolderError, match=r"got net\.generative.*float32\[3, 5\] instead of float32\[3, 4\]; try undoing"
    ):
        load_named_run(folder.path)


def test_the_batch_must_fit(config):
    with pytest.raises(OptionError, match="at most the 48 training examples, got 49; try --batch-size 48"):
        train(config.replace(batch_size=49))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": 0}, "epochs of at least 1, got 0; try 400"),
        ({"batch_size": -1}, "batch-size of at least 1, got -1; try leaving it out"),
        ({"patience": -1}, "patience of at least 0"),
        ({"checkpoint_seconds": math.nan}, "checkpoint-seconds to be a finite number, got nan"),
        ({"learning_rate": -0.1}, "learning-rate of at least 0, got -0.1; try leaving it out"),
        ({"learning_rate": math.inf}, "learning-rate to be a finite number, got inf"),
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


def test_validation_uses_all_of_the_data(monkeypatch):
    monkeypatch.setattr("beliefnet.training._validation._VALIDATION_ROWS", 4)
    rows = np.random.default_rng(0).integers(0, 2, (11, 3)).astype(np.uint8)
    net, key = small_net(2), jax.random.key(3)
    bound = make_validator(Observations(rows))(Learnable(net, Reinforce(2)), key)
    parts, (_, draw_key) = [], jax.random.split(key)
    for index, start in enumerate(range(0, 11, 4)):
        part = jnp.asarray(rows[start : start + 4], jnp.float32)
        parts.append(bounds_of_rows(net, part, num_particles=1, key=jax.random.fold_in(draw_key, index)).bound)
    np.testing.assert_allclose(bound, np.concatenate(parts).mean(), rtol=1e-5)


def test_no_purpose_shares_random_numbers():
    keys = {tuple(np.asarray(jax.random.key_data(stream(seed, s))).tolist()) for seed in (0, 1) for s in Stream}
    assert len(keys) == 2 * len(Stream)


@pytest.mark.full
def test_a_folder_is_not_resumed_by_another_run(tmp_path):
    dataset = load("bars")
    config = TrainConfig(data="bars", hidden=(2,), epochs=1, batch_size=2500)
    folder = RunFolder.create(tmp_path / "run", config.to_dict())
    net, estimator = config.build(DataShape.of(dataset))
    fit(net, dataset, estimator, options=config.fit, folder=folder)
    with pytest.raises(OptionError, match=r"options of the run in this folder, got learning-rate=0.5 instead of 0.01"):
        fit(net, dataset, estimator, options=config.replace(learning_rate=0.5).fit, folder=folder)
    other = dataclasses.replace(dataset, record=dataclasses.replace(dataset.record, checksum="sha256:other"))
    with pytest.raises(DataError, match="got other contents of bars"):
        fit(net, other, estimator, options=config.fit, folder=folder)
    assert len(fit(net, dataset, estimator, options=config.replace(epochs=2).fit, folder=folder).history) == 2


def test_a_run_without_an_epoch_has_nothing_to_load(tmp_path):
    class Impatient(NoCallback):
        def should_stop(self) -> bool:
            return True

    config = TrainConfig(data="bars", hidden=(2,), epochs=1)
    dataset = config.load_data()
    folder = RunFolder.create(tmp_path / "run", config.to_dict())
    net, estimator = config.build(DataShape.of(dataset))
    fit(net, dataset, estimator, options=config.fit, folder=folder, callback=Impatient())
    with pytest.raises(RunFolderError, match=r"of step 0, is from its first epoch and nobody trains now; try .*--resu"):
        load_run(folder.path)


def dataset_of(train, valid, *, is_dynamic=False):
    sizes = {"train": len(train), "valid": len(valid), "test": len(valid)}
    record = Record("own", "own", "dynamic" if is_dynamic else "none", sizes, train.shape[1], None, "own", "sha256:own")
    parts = [Observations(rows, is_dynamic=is_dynamic) for rows in (train, valid, valid)]
    return Dataset(record, *parts)


class Recorder(AbstractEstimator[None]):
    """Has no gradient; its objective is what a test wants to see of a batch and its key."""

    look: Callable[..., Array] = eqx.field(static=True)

    @property
    def bound(self) -> Bound:
        return Bound()

    def init(self, net):
        return None

    def estimate(self, net, x, state, *, key):
        zeros = jax.tree.map(jnp.zeros_like, (net, self))
        return Estimate(*zeros, state, self.look(x, key))


def looked_at(look, dataset, *, epochs, batch_size=1, seed=0):
    """The objective of every step, epoch by epoch."""
    observer, net = Observer(), small_net(2)
    options = FitOptions(epochs=epochs, batch_size=batch_size, learning_rate=0.0, seed=seed)
    fit(net, dataset, Recorder(look), options=options, callback=observer)
    means = {step: bound for _, step, bound, _ in observer.steps}
    num = len(means) // epochs
    sums = [[0.0, *((i + 1) * means[e * num + i + 1] for i in range(num))] for e in range(epochs)]
    return [[round(b - a, 4) for a, b in itertools.pairwise(of)] for of in sums]


def row_number(x, key):
    return x[0] @ jnp.array([4.0, 2.0, 1.0])


def first_draw(x, key):
    return jax.random.uniform(key)


def share_on(x, key):
    return x.mean()


EVERY_NET = ALL_NETS | SINGLE_NETS
EIGHT = np.array(list(itertools.product((0, 1), repeat=3)), np.uint8)


@pytest.mark.usefixtures("one_step_at_a_time")
def test_every_epoch_sees_every_row_once_in_an_order_of_its_own():
    orders = looked_at(row_number, dataset_of(EIGHT, EIGHT), epochs=4)
    assert all(sorted(order) == list(range(8)) for order in orders)
    assert len({tuple(order) for order in orders}) == 4
    assert looked_at(row_number, dataset_of(EIGHT, EIGHT), epochs=1, seed=1) != orders[:1]


@pytest.mark.usefixtures("one_step_at_a_time")
def test_every_step_has_random_numbers_of_its_own():
    draws = [draw for epoch in looked_at(first_draw, dataset_of(EIGHT, EIGHT), epochs=4) for draw in epoch]
    # Four digits are kept, of which two may be the same by chance.
    assert len(set(draws)) >= 30


@pytest.mark.usefixtures("one_step_at_a_time")
def test_the_bits_of_a_row_are_drawn_anew_in_every_epoch():
    means = np.full((4, 3), 0.5, np.float32)
    data = dataset_of(means, means, is_dynamic=True)
    shares = looked_at(share_on, data, epochs=6, batch_size=4)
    assert len({tuple(share) for share in shares}) > 2


def test_the_validation_bound_is_that_of_the_validation_rows():
    """Training rows are all zeros and validation rows all ones: one bound cannot be taken for the other."""
    net = small_net(2)
    data = dataset_of(np.zeros((64, 3), np.uint8), np.ones((4000, 3), np.uint8))
    fitted = fit(
        net, data, Reinforce(2), options=FitOptions(epochs=1, batch_size=32, learning_rate=0.0, weight_decay=0.0)
    )
    ones, zeros = (float(exact_elbo(net, jnp.full((1, 3), value))[0]) for value in (1.0, 0.0))
    assert abs(ones - zeros) > 0.3
    assert fitted.best_bound == pytest.approx(ones, abs=0.1)
    assert fitted.history[0]["train_bound"] == pytest.approx(zeros, abs=0.3)


def test_the_estimator_learns_and_remembers():
    """Its baselines are trained, and its running moments carried from step to step."""
    net = small_net(2)
    nvil = NVIL(net, key=jax.random.key(1))
    options = FitOptions(epochs=2, batch_size=2, weight_decay=0.0)
    learner = fit(net, dataset_of(EIGHT, EIGHT), nvil, options=options).state.learner
    pairs = zip(jax.tree.leaves(nvil), jax.tree.leaves(learner.params.estimator), strict=True)
    assert not all(np.array_equal(before, after) for before, after in pairs)
    assert all(float(jnp.abs(leaf).min()) > 0 for leaf in jax.tree.leaves(learner.estimator_state))


def test_runs_of_one_shape_are_compiled_once():
    """Seeds, learning rates, lengths, momentum and decay are arguments of the program, not constants in it."""
    data = dataset_of(EIGHT, EIGHT)
    compiled = []

    def listen(event, duration, **_):
        if event == "/jax/core/compile/backend_compile_duration":
            compiled.append(event)

    def train_one(index):
        options = FitOptions(
            epochs=1 + index % 3,
            batch_size=4,
            learning_rate=1e-3 * (index + 1),
            seed=index,
            momentum=0.5 + index / 50,
            weight_decay=0.001 * index,
            estimator_learning_rate=0.01 * index,
        )
        fit(small_net(2), data, VIMCO(2), options=options)

    train_one(0)
    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        for index in range(1, 20):
            train_one(index)
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
    assert compiled == []


def test_another_seed_and_rate_is_the_same_program():
    """What is compiled is what the persistent cache is asked for."""
    data, net = dataset_of(EIGHT, EIGHT).train.on_device(), small_net(2)
    texts = set()
    for seed, rate in ((0, 1e-3), (1, 1e-2)):
        plan = Plan.of(
            FitOptions(average=0.9 - rate, kl_warm_up=1 + seed, learning_rate=rate, momentum=0.9 - rate), 100 + seed
        )
        learner = TrainState.start(net, VIMCO(2), plan).learner
        key = stream(seed, Stream.STEPS)
        texts.add(run_steps.lower(learner, data, plan, jnp.int32(1), batch_size=4, key=key).as_text())
    assert len(texts) == 1


class OwnNetwork(eqx.Module):
    weight: Array

    def __call__(self, x):
        return jnp.tanh(x @ self.weight)


def own_net(size=3):
    network = EquinoxNetwork(OwnNetwork(jnp.full((3, 2), 0.1 * size)), 3)
    net = small_net(2)
    return eqx.tree_at(lambda n: n.recognition.conditionals[0].network, net, network)


def python_run(folder, net, estimator, **changes):
    data = dataset_of(EIGHT, EIGHT)
    options = FitOptions(**{"epochs": 2, "batch_size": 4, "learning_rate": 0.01, **changes})
    return fit(net, data, estimator, options=options, folder=folder)


@pytest.mark.parametrize("as_folder", [str, Path, RunFolder])
def test_a_run_from_python_can_be_loaded(tmp_path, as_folder):
    fitted = python_run(as_folder(tmp_path / "deep" / "run"), small_net(2, 2), VIMCO(3))
    loaded = load_run(tmp_path / "deep" / "run")
    assert_same(loaded.net, fitted.net)
    assert loaded.estimator == VIMCO(3)
    assert (loaded.best_epoch, loaded.stamp.best_bound) == (fitted.best_epoch, fitted.best_bound)
    assert loaded.settings["learning_rate"] == 0.01
    assert "estimator" not in loaded.settings
    assert loaded.environment == environment()


@pytest.mark.full(but=["nvil", "em", "hvi"])
@pytest.mark.parametrize("name", ESTIMATORS)
def test_any_estimator_can_be_loaded(tmp_path, name):
    case = ESTIMATORS[name]
    net = EVERY_NET[case.nets[0]]()
    state = TrainState.start(net, case.make(net), Plan.of(FitOptions(), 1))
    state = eqx.tree_at(lambda s: s.best_epoch, state, jnp.int32(1))
    folder = RunFolder(tmp_path)
    record = dataset_of(EIGHT, EIGHT).record
    RunWriter(folder, record, FitOptions(), state.learner.params).save(state, 1, 0.0)
    loaded = load_run(tmp_path)
    assert_same(loaded.net, state.best.net)
    assert_same(loaded.estimator, state.best.estimator)


@pytest.mark.parametrize(
    ("net", "estimator", "changes", "message"),
    [
        (small_net(2), Reinforce(3), {}, r"got estimator Reinforce instead of VIMCO; try a new folder"),
        (small_net(2), VIMCO(4), {}, r"got estimator.num_particles 4 instead of 3"),
        (small_net(2), VIMCO(3, signal=Signal.LOCAL), {}, r"got estimator.signal Signal.LOCAL instead of Signal.WHOLE"),
        (small_net(3), VIMCO(3), {}, r"got net.generative.* float32\[3\] instead of float32\[2\] \(and \d+ more"),
        (small_net(2), VIMCO(3), {"momentum": 0.5}, r"got momentum=0.5 instead of 0.9; try a new folder"),
        (small_net(2), VIMCO(3), {"clip": 1.0}, r"got clip=1.0 instead of 0.0"),
    ],
)
def test_another_run_is_refused_by_name(tmp_path, net, estimator, changes, message):
    python_run(tmp_path, small_net(2), VIMCO(3), epochs=1)
    before = sorted(path.name for path in (tmp_path / "checkpoints").iterdir())
    with pytest.raises(OptionError, match=message):
        python_run(tmp_path, net, estimator, **changes)
    assert sorted(path.name for path in (tmp_path / "checkpoints").iterdir()) == before
    assert len(python_run(tmp_path, small_net(2), VIMCO(3)).history) == 2


@pytest.mark.full
def test_another_activation_is_refused(tmp_path):
    tanh, relu = (
        sigmoid_belief_net(3, (2, 2), key=jax.random.key(0), deterministic=(2,), activation=f)
        for f in (jnp.tanh, jax.nn.relu)
    )
    python_run(tmp_path, tanh, VIMCO(3), epochs=1)
    with pytest.raises(OptionError, match=r"activation relu instead of tanh"):
        python_run(tmp_path, relu, VIMCO(3))


@pytest.mark.full
def test_own_modules_are_given_back(tmp_path):
    fitted = python_run(tmp_path, own_net(), VIMCO(3))
    with pytest.raises(
        RunFolderError, match=r"OwnNetwork; try giving back what was trained: load_run\(path, net=net\)"
    ):
        load_run(tmp_path)
    assert_same(load_run(tmp_path, net=own_net(7)).net, fitted.net)
    with pytest.raises(RunFolderError, match=r"got one with net\.recognition"):
        load_run(tmp_path, net=small_net(2))


def test_an_own_estimator_is_not_needed_for_the_net(tmp_path):
    fitted = python_run(tmp_path, small_net(2), Recorder(share_on))
    loaded = load_run(tmp_path)
    assert_same(loaded.net, fitted.net)
    assert loaded.estimator is None
    with pytest.raises(RunFolderError, match=r"try load_run\(path, estimator=estimator\)"):
        _ = loaded.proposal
    assert load_run(tmp_path, estimator=Recorder(share_on)).proposal == Recognition()
    with pytest.raises(RunFolderError, match=r"estimator\.look row_number instead of share_on"):
        load_run(tmp_path, estimator=Recorder(row_number))


def test_what_a_config_says_of_other_nets_is_not_recorded(tmp_path):
    config = TrainConfig(data="bars", hidden=(99,), estimator="nvil", epochs=1, batch_size=4)
    fit(small_net(2), dataset_of(EIGHT, EIGHT), VIMCO(3), options=config.fit, folder=tmp_path)
    text = json.dumps(RunFolder(tmp_path).read_record())
    assert "nvil" not in text
    assert "99" not in json.dumps(RunFolder(tmp_path).read_record()["settings"])
    assert load_run(tmp_path).estimator == VIMCO(3)


def test_a_finished_run_is_not_written_again(tmp_path):
    """A second process that goes on with a finished run leaves its last checkpoint alone."""
    python_run(tmp_path, small_net(2), VIMCO(3))
    newest_file = max((tmp_path / "checkpoints").glob("step_*")) / "manifest.json"
    before = newest_file.stat()
    python_run(tmp_path, small_net(2), VIMCO(3))
    now = newest_file.stat()
    assert (now.st_ino, now.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_run_that_is_running_is_not_resumed(tmp_path):
    class Second(NoCallback):
        def on_epoch(self, epoch):
            with pytest.raises(RunLocked, match=f"in use by process {os.getpid()} on "):
                python_run(tmp_path, small_net(2), VIMCO(3))

    data = dataset_of(EIGHT, EIGHT)
    fit(small_net(2), data, VIMCO(3), options=FitOptions(epochs=1, batch_size=4), folder=tmp_path, callback=Second())
    assert not (tmp_path / "lock.json").exists()


def test_another_machine_or_version_is_a_warning(tmp_path, monkeypatch):
    python_run(tmp_path, small_net(2), VIMCO(3), epochs=1)
    now = {**environment(), "cores": 999, "jax": "9.9"}
    monkeypatch.setattr("beliefnet.training._writer.environment", lambda: now)
    with pytest.warns(
        UserWarning, match=r"goes on with jax 9.9 instead of .*, cores 999 instead of \d+: .* bit for bit"
    ):
        python_run(tmp_path, small_net(2), VIMCO(3))


def test_an_old_checkpoint_that_stays_is_a_warning(tmp_path, monkeypatch):
    def fail(_):
        raise OSError(13, "Permission denied")

    monkeypatch.setattr("beliefnet.runs._checkpoint.remove", fail)
    with pytest.warns(UserWarning, match=r"step \d is saved, but the older .*step_0000000\d cannot be removed"):
        python_run(tmp_path, small_net(2), VIMCO(3), checkpoint_seconds=0)
    assert load_run(tmp_path).stamp.step == 4
