"""Callbacks that change how training goes on: what they did is part of the run, wherever it is stopped."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from beliefnet._errors import ArgumentError
from beliefnet.data import Dataset
from beliefnet.estimators import Reinforce
from beliefnet.nets import sigmoid_belief_net
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
    assert without_times(one.history) == without_times(other.history)
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
