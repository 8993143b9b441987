"""The training loop."""

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp

from beliefnet._errors import Refusal, check_type
from beliefnet._net import BeliefNet, check_net
from beliefnet._streams import Stream, stream
from beliefnet.data import Dataset
from beliefnet.estimators import AbstractEstimator
from beliefnet.evaluation import observe_scored
from beliefnet.runs import RunFolder
from beliefnet.training._callback import Callback, Epoch, NoCallback
from beliefnet.training._clock import Clock
from beliefnet.training._monitor import Monitor
from beliefnet.training._options import FitOptions, default_batch_size
from beliefnet.training._plan import Plan
from beliefnet.training._state import TrainState
from beliefnet.training._step import run_steps
from beliefnet.training._validation import make_validator
from beliefnet.training._writer import RunWriter

_DISPATCH_SECONDS = 0.5


class TrainingDiverged(Refusal, RuntimeError):
    """The objective or a parameter stopped being finite, or the objective fell beyond all reason."""


@dataclass(frozen=True)
class Fitted:
    """The outcome of training.

    Attributes:
        net: The best net by what is monitored, the validation bound by default; the last one if no epoch was finished.
        best_bound: Its validation bound, in nats per example; higher is better.
        best_epoch: The epoch after which it was found.
        history: One row per epoch, as in `metrics.jsonl`.
        state: Everything at the end of training, the last net included.
        reason: Why training ended.
    """

    net: BeliefNet
    best_bound: float
    best_epoch: int
    history: list[dict[str, Any]]
    state: TrainState
    reason: Literal["finished", "no improvement", "interrupted"]


def fit(
    net: BeliefNet,
    dataset: Dataset,
    estimator: AbstractEstimator,
    *,
    options: FitOptions | None = None,
    folder: RunFolder | Path | str | None = None,
    callback: Callback | None = None,
) -> Fitted:
    """Train a net.

    The data stays on the device and many steps run in one dispatch. The result depends on the arguments alone: not on
    interruptions, nor on how often progress is reported. A folder that holds checkpoints of this run is resumed: the
    call is then the same as the one that was interrupted. Runs of the same shapes share their compiled programs.

    Args:
        net: The net to start from.
        dataset: Training and validation data.
        estimator: Where gradients come from.
        options: How to train.
        folder: Where metrics and checkpoints go, all that `load_run` needs; nothing is written without one.
        callback: Is told of progress, and may ask to stop, add columns to the history, or change the learning rate.

    Returns:
        The best net and the history.

    Raises:
        TypeError: If an argument is of another type.
        OptionError: If the batch is larger than the training split, the epochs have no column that is to be monitored,
            or the folder holds a run of another net or estimator, or with other options.
        DataError: If the folder holds a run on other data, or the net's visible units are no model of such values.
        TrainingDiverged: If the objective or a parameter is not finite any more, or the objective makes no sense.
        CheckpointError: If a checkpoint cannot be written.
        RunFolderError: If the folder cannot be written, or version 0.1.0 wrote it.
        RunLocked: If another process trains in the folder.
    """
    check_net(net)
    check_type("dataset", dataset, Dataset, good="data.Dataset.from_arrays(rows)")
    check_type("estimator", estimator, AbstractEstimator, good="estimators.VIMCO(5)")
    options = FitOptions() if options is None else options
    check_type("options", options, FitOptions, good="FitOptions(epochs=1)")
    if callback is None:
        Monitor.of(options.monitor).check_without_callback()
        callback = NoCallback()
    check_type("callback", callback, Callback, good="one that extends NoCallback")
    if folder is None:
        return _Run(net, estimator, dataset, options, None, callback).finish()
    run = RunFolder.at(folder)
    with run.lock.held():
        return _Run(net, estimator, dataset, options, run, callback).finish()


class _Run:
    """One call of `fit`: what stays the same, and what changes between dispatches."""

    def __init__(
        self,
        net: BeliefNet,
        estimator: AbstractEstimator,
        dataset: Dataset,
        options: FitOptions,
        folder: RunFolder | None,
        callback: Callback,
    ):
        train, valid = observe_scored(net, dataset.train), observe_scored(net, dataset.valid)
        self.callback, self.record = callback, dataset.record
        self.monitor = Monitor.of(options.monitor)
        self.options = options = options.decided(net, dataset.record.splits["train"])
        self.epoch_steps = options.steps_per_epoch(dataset.record.splits["train"])
        self.history: list[dict[str, Any]] = []
        self.plan = Plan.of(options, options.epochs * self.epoch_steps, epoch_steps=self.epoch_steps)
        self.state = TrainState.start(net, estimator, self.plan, dataset.record.splits["train"])
        self.clock = Clock()
        self.writer = None if folder is None else RunWriter(folder, dataset.record, options, self.state.learner.params)
        if folder is not None and dataset.columns is not None:
            folder.write_words(dataset.columns)
        self._resume()
        self.data, self.key = train.on_device(), stream(options.seed, Stream.STEPS)
        self.validate = make_validator(valid, key=stream(options.seed, Stream.VALIDATION))
        # Compiled here, so that the time it takes is not that of steps.
        self._run_steps(0)

    @property
    def batch_size(self) -> int:
        return self.options.batch_size or default_batch_size(self.record.splits["train"])

    @property
    def step(self) -> int:
        return int(self.state.learner.step)

    def finish(self) -> Fitted:
        """Train to the end of the last epoch, or until something says stop."""
        reason = "finished"
        while self.step < self.options.epochs * self.epoch_steps:
            if self._is_stale():
                reason = "no improvement"
                break
            if self.callback.should_stop():
                reason = "interrupted"
                break
            self._dispatch()
            if self.step % self.epoch_steps == 0:
                self._end_epoch()
            if time.monotonic() - self.clock.saved > self.options.checkpoint_seconds:
                self._save()
        self._save()
        state = self.state
        best, best_epoch = (state.best if int(state.best_epoch) else state.learner.judged), int(state.best_epoch)
        best_bound = float(state.best_bound) if best_epoch else -math.inf
        return Fitted(best.net, best_bound, best_epoch, self.history, state, reason)

    def _run_steps(self, count: int) -> None:
        learner, size = self.state.learner, self.batch_size
        learner = run_steps(learner, self.data, self.plan, jnp.int32(count), batch_size=size, key=self.key)
        self.state = eqx.tree_at(lambda s: s.learner, self.state, jax.block_until_ready(learner))

    def _dispatch(self) -> None:
        """Take the next steps: as many as fit in half a second, and not past the end of the epoch."""
        clock, position = self.clock, self.step % self.epoch_steps
        count = min(max(1, int(clock.steps_per_second * _DISPATCH_SECONDS)), self.epoch_steps - position)
        begin = time.perf_counter()
        self._run_steps(count)
        clock.count(count, time.perf_counter() - begin)
        self._check_finite()
        if self.writer is not None:
            self.writer.folder.lock.show()
        train_bound = float(self.state.learner.objective_sum) / (position + count)
        speed = clock.steps_per_second * self.batch_size
        self.callback.on_steps(-(-self.step // self.epoch_steps), self.step, train_bound, speed)

    def _end_epoch(self) -> None:
        learner, epoch = self.state.learner, self.step // self.epoch_steps
        valid_bound = self.validate(learner.judged)
        if not jnp.isfinite(valid_bound):
            raise self._divergence(f"the validation bound is {valid_bound}", self.step - 1)
        row = {
            "epoch": epoch,
            "step": self.step,
            "seconds": round(self.clock.seconds, 3),
            "examples_per_second": round(self.clock.steps_per_second * self.batch_size, 1),
            "train_bound": float(learner.objective_sum) / self.epoch_steps,
            "valid_bound": float(valid_bound),
            "data": self.record.checksum,
        }
        state = eqx.tree_at(lambda s: s.learner.objective_sum, self.state, jnp.zeros(()))
        seen = Epoch([*self.history, row], state, self.plan)
        self.callback.on_epoch(seen)
        state = seen.state
        score = self.monitor.score(row)
        if int(state.best_epoch) == 0 or score > float(state.best_score):
            best, found = jax.tree.map(jnp.copy, learner.judged), jnp.asarray(score, jnp.float32)
            state = TrainState(
                state.learner, best, found, valid_bound, jnp.asarray(epoch, jnp.int32), state.reduced_epoch
            )
        self.state = self._reduced(state, epoch)
        self.clock.end_epoch()
        self.history.append(row)
        if self.writer is not None:
            self.writer.folder.append_metrics(row)

    def _reduced(self, state: TrainState, epoch: int) -> TrainState:
        """Let the plateau schedule take smaller steps from here on, if it is time."""
        since = epoch - max(int(state.best_epoch), int(state.reduced_epoch))
        if self.options.schedule != "plateau" or since < self.options.plateau_epochs:
            return state
        scale = state.learner.step_scale * self.options.plateau_factor
        changed = (scale, jnp.asarray(epoch, jnp.int32))
        return eqx.tree_at(lambda s: (s.learner.step_scale, s.reduced_epoch), state, changed)

    def _is_stale(self) -> bool:
        since = self.step // self.epoch_steps - int(self.state.best_epoch)
        return 0 < self.options.patience <= since and self.step % self.epoch_steps == 0

    def _check_finite(self) -> None:
        if (bad := int(self.state.learner.first_bad_step)) >= 0:
            raise self._divergence(f"the objective was not finite, or beyond all reason, at step {bad}", bad)

    def _divergence(self, what: str, step: int) -> TrainingDiverged:
        kept = "no checkpoint was kept"
        if self.writer is not None and self.writer.folder.has_checkpoints:
            kept = f"the last good checkpoint is {self.writer.folder.newest_checkpoint}"
        found = f"{what} (epoch {step // self.epoch_steps + 1}); {kept}"
        return TrainingDiverged(found, "a smaller learning-rate", "clip=10")

    def _save(self) -> None:
        if self.writer is None:
            return
        params = self.state.learner.params
        if not all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves(params)):
            raise self._divergence(f"a parameter is not finite after step {self.step}", self.step - 1)
        self.writer.save(self.state, self.step // self.epoch_steps, self.clock.seconds)
        self.clock.saved = time.monotonic()

    def _resume(self) -> None:
        """Go on from what the folder holds, or save the start there."""
        if self.writer is None:
            return
        if (resumed := self.writer.resume(self.state)) is None:
            return self._save()
        self.state, self.clock.earlier, self.history = resumed.state, resumed.seconds, resumed.history
