"""Callbacks that change how training goes on: what they did is part of the run, wherever it is stopped."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from commands import fails

from beliefnet._errors import ArgumentError, OptionError
from beliefnet.cli import run
from beliefnet.data import Dataset
from beliefnet.estimators import Reinforce
from beliefnet.nets import sigmoid_belief_net
from beliefnet.runs import load_run
from beliefnet.training import FitOptions, Fitted, NoCallback, Plan, Stream, fit, run_steps, stream

ROWS = (np.random.default_rng(0).random((24, 5)) < 0.4).astype(np.uint8)
DATA = Dataset.from_arrays(ROWS, ROWS[:8], ROWS[:8])
NET = sigmoid_belief_net(5, (3,), key=jax.random.key(0))
OPTIONS = {"epochs": 4, "batch_size": 8, "learning_rate": 0.1, "schedule": "constant"}


class Halves(NoCallback):
    """Halves the learning rate after the second epoch, logs it, and stops or crashes where it is told."""

    def __init__(self, *, stop_after: int = 0, crash_after: int = 0):
        self.stop_after, self.crash_after, self.rates, self.seen = stop_after, crash_after, [], 0

    def on_epoch(self, epoch):
        self.seen = epoch.row["epoch"]
        if len(epoch.history) == 2:
            epoch.scale_learning_rate(0.5)
        self.rates.append(epoch.learning_rate)
        epoch.log(rate=epoch.learning_rate, mean=jnp.mean(epoch.net.generative.conditionals[-1].bias))
        if self.seen == self.crash_after:
            raise InterruptedError

    def should_stop(self):
        return 0 < self.stop_after <= self.seen


def train(folder=None, callback=None, **options) -> Fitted:
    return fit(NET, DATA, Reinforce(2), options=FitOptions(**OPTIONS | options), folder=folder, callback=callback)


def without_times(rows):
    return [{name: value for name, value in row.items() if "second" not in name} for row in rows]


def assert_same(one: Fitted, other: Fitted):
    for a, b in zip(jax.tree.leaves(one.state), jax.tree.leaves(other.state), strict=True):
        assert np.asarray(a).tobytes() == np.asarray(b).tobytes()
    assert json.dumps(without_times(one.history)) == json.dumps(without_times(other.history))  # NaN is not itself
    assert (one.best_bound, one.best_epoch, one.reason) == (other.best_bound, other.best_epoch, other.reason)


@pytest.fixture(scope="module")
def halved():
    callback = Halves()
    return train(callback=callback), callback


def test_a_callback_changes_the_learning_rate_and_the_history(halved):
    fitted, callback = halved
    plain = train()
    assert callback.rates == pytest.approx([0.1, 0.05, 0.05, 0.05])
    assert [row["rate"] for row in fitted.history] == callback.rates
    bias = plain.state.learner.params.net.generative.conditionals[-1].bias
    assert fitted.history[1]["mean"] != pytest.approx(float(bias.mean()))
    assert without_times(plain.history[:2]) == [
        {name: value for name, value in row.items() if name not in ("rate", "mean")}
        for row in without_times(fitted.history[:2])
    ]
    assert plain.history[2]["train_bound"] != fitted.history[2]["train_bound"]
    assert float(fitted.state.learner.step_scale) == 0.5


def test_half_the_rate_is_the_rate_halved_by_the_same_program():
    class FromTheSecond(NoCallback):
        def on_epoch(self, epoch):
            if len(epoch.history) == 1:
                epoch.scale_learning_rate(0.5)

    begun = train(epochs=1)
    programs = run_steps._cache_size()
    found = train(epochs=2, callback=FromTheSecond()).state.learner
    plan = Plan.of(FitOptions(**OPTIONS | {"learning_rate": 0.05}), 6)
    key, rows = stream(0, Stream.STEPS), DATA.train.on_device()
    expected = run_steps(begun.state.learner, rows, plan, jnp.int32(3), batch_size=8, key=key)
    assert run_steps._cache_size() == programs
    for a, b in zip(jax.tree.leaves(found.params), jax.tree.leaves(expected.params), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)


@pytest.mark.parametrize("stop_after", [1, 2, 3])
def test_what_a_callback_changed_is_resumed(halved, tmp_path, stop_after: int):
    stopped = train(tmp_path, Halves(stop_after=stop_after))
    assert (stopped.reason, len(stopped.history)) == ("interrupted", stop_after)
    resumed = train(tmp_path, Halves())
    assert_same(resumed, halved[0])
    lines = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == resumed.history


def test_a_callback_that_raises_leaves_no_trace_of_its_epoch(halved, tmp_path):
    with pytest.raises(InterruptedError):
        train(tmp_path, Halves(crash_after=2), checkpoint_seconds=0.0)
    assert_same(train(tmp_path, Halves()), halved[0])


def test_a_net_that_was_seen_can_be_kept():
    class Keeps(NoCallback):
        def __init__(self):
            self.nets = []

        def on_epoch(self, epoch):
            self.nets.append(epoch.net)

    callback = Keeps()
    fitted = train(epochs=2, callback=callback)
    assert len(callback.nets) == 2
    for a, b in zip(jax.tree.leaves(callback.nets[-1]), jax.tree.leaves(fitted.state.learner.params.net), strict=True):
        np.testing.assert_array_equal(a, b)


class Dips(NoCallback):
    """Logs how far a weight of the net is from where it is after two epochs."""

    def __init__(self, stop_after: int = 0):
        self.stop_after, self.seen = stop_after, 0

    def on_epoch(self, epoch):
        self.seen = epoch.row["epoch"]
        epoch.log(distance=abs(self.seen - 2) + 0.1, nothing=float("nan") if self.seen < 3 else 1.0)

    def should_stop(self):
        return 0 < self.stop_after <= self.seen


MONITORED = {"monitor": "distance:min", "patience": 2, "epochs": 9, "learning_rate": 0.02}


@pytest.mark.parametrize("stop_after", [0, 1, 3])
def test_the_best_net_and_the_end_go_by_what_is_monitored(tmp_path, stop_after: int):
    """The validation bound goes on rising while the logged distance is the least after two epochs."""
    if stop_after:
        assert train(tmp_path, Dips(stop_after), **MONITORED).reason == "interrupted"
    fitted = train(tmp_path, Dips(), **MONITORED)
    assert (fitted.reason, fitted.best_epoch, len(fitted.history)) == ("no improvement", 2, 4)
    bounds = [row["valid_bound"] for row in fitted.history]
    assert fitted.best_bound == bounds[1] < max(bounds)
    short = train(None, Dips(), **MONITORED | {"epochs": 2, "schedule": "constant"})
    for a, b in zip(jax.tree.leaves(fitted.net), jax.tree.leaves(short.state.learner.params.net), strict=True):
        np.testing.assert_array_equal(a, b)
    assert_same(fitted, train(None, Dips(), **MONITORED))
    assert load_run(tmp_path).best_epoch == 2


@pytest.mark.parametrize(("monitor", "best"), [("distance", 4), ("nothing", 3), ("train_bound", None)])
def test_the_highest_value_is_the_best_unless_said(monitor: str, best: int | None):
    fitted = train(None, Dips(), monitor=monitor)
    values = [row[monitor] for row in fitted.history]
    assert fitted.best_epoch == (best or 1 + values.index(max(values)))


def test_the_plateau_goes_by_what_is_monitored():
    fitted = train(None, Dips(), **MONITORED | {"patience": 0, "epochs": 4, "schedule": "plateau", "plateau_epochs": 1})
    assert float(fitted.state.learner.step_scale) == pytest.approx(0.3**2)


@pytest.mark.parametrize(
    ("monitor", "callback", "message"),
    [
        ("error", None, "a column of the epochs, 'valid_bound', 'train_bound', got 'error'; try a callback"),
        ("valid", None, "got 'valid'; did you mean 'valid_bound'"),
        ("error", Dips(), r"'train_bound', 'distance', 'nothing', got 'error'; try epoch.log\(error=\.\.\.\)"),
        ("seconds", Dips(), "or a column that a callback logs, got 'seconds'; try 'valid_bound'"),
        ("valid_bound:min", None, "the highest valid_bound, got 'valid_bound:min'; try 'valid_bound'"),
        ("error:least", Dips(), "one with ':min', got 'error:least'; try 'loss:min'"),
    ],
)
def test_a_column_that_is_not_there_is_not_monitored(monitor: str, callback, message: str):
    with pytest.raises(OptionError, match=message):
        train(None, callback, monitor=monitor)


def test_a_run_goes_on_with_what_it_monitored(tmp_path):
    train(tmp_path, epochs=1)
    with pytest.raises(OptionError, match="got monitor=train_bound instead of valid_bound"):
        train(tmp_path, monitor="train_bound")


def test_the_command_line_monitors_columns_of_its_own(tmp_path, capsys):
    error = fails(capsys, "train", "--data", "bars", "--monitor", "error:min", "--out", tmp_path / "run")
    assert "a column of the epochs, 'valid_bound', 'train_bound', got 'error'" in error
    assert not (tmp_path / "run").exists()


@pytest.mark.full
def test_a_run_of_the_command_line_says_what_it_monitored(tmp_path, capsys):
    np.save(tmp_path / "x.npy", ROWS)
    words = ["--data", str(tmp_path / "x.npy"), "--hidden", "3", "--epochs", "2", "--out", str(tmp_path / "run")]
    assert run(["train", *words, "--monitor", "train_bound"]) == 0
    rows = [json.loads(line)["train_bound"] for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    shown = capsys.readouterr().out
    assert f"best train_bound {max(rows):.2f}, validation bound" in shown


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda epoch: epoch.scale_learning_rate(0), "factor above 0, got 0; try 0.5"),
        (lambda epoch: epoch.scale_learning_rate(float("nan")), "factor above 0, got nan; try 0.5"),
        (lambda epoch: epoch.log(valid_bound=1.0), "a column other than .* got 'valid_bound'; try my_valid_bound"),
        (lambda epoch: epoch.log(note="good"), r"note to be a number, got 'good'; try float\(value\)"),
    ],
)
def test_what_a_callback_cannot_do_is_said(act, message: str):
    class Acts(NoCallback):
        def on_epoch(self, epoch):
            act(epoch)

    with pytest.raises(ArgumentError, match=message):
        train(epochs=1, callback=Acts())
