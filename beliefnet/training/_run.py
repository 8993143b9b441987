"""One run: its state, and what happens to it between dispatches."""

import math
import time
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from beliefnet._errors import Refusal
from beliefnet._net import BeliefNet
from beliefnet._numerics import copied
from beliefnet._streams import Stream, stream
from beliefnet.devices import ONE_DEVICE, from_each, is_first
from beliefnet.estimators import AbstractEstimator, pieces_for
from beliefnet.optimizers import Learnable
from beliefnet.runs import RunFolder
from beliefnet.training._callback import Callback, Epoch
from beliefnet.training._clock import Clock
from beliefnet.training._feed import AbstractFeed, DeviceFeed, HostFeed
from beliefnet.training._monitor import Monitor
from beliefnet.training._options import FitOptions, default_batch_size
from beliefnet.training._plan import Plan
from beliefnet.training._rows import Rows
from beliefnet.training._state import Learner, TrainState
from beliefnet.training._writer import RunWriter

_DISPATCH_SECONDS = 0.5

Reason: TypeAlias = Literal["finished", "no improvement", "interrupted"]


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
    reason: Reason


@dataclass(frozen=True)
class Start:
    """What a run starts from.

    Attributes:
        net: The net.
        estimator: Where gradients come from.
        options: How to train.
        folder: Where metrics and checkpoints go; nothing is written without one.
    """

    net: BeliefNet
    estimator: AbstractEstimator
    options: FitOptions
    folder: RunFolder | None = None


class Run:
    """A run: what stays the same, and what changes between dispatches.

    Args:
        start: What it starts from, or goes on from if its folder holds checkpoints.
        rows: The data.
        callback: Is told of progress.
    """

    def __init__(self, start: Start, rows: Rows, callback: Callback):
        options, folder, record = start.options, start.folder, rows.record
        self.callback, self.record, self.monitor = callback, record, Monitor.of(options.monitor)
        if rows.batch_size is not None:
            options = replace(options, batch_size=rows.batch_size)
        self.options = options = options.decided(start.net, rows.num_train)
        self.epoch_steps = options.steps_per_epoch(rows.num_train)
        self.history: list[dict[str, Any]] = []
        num_steps = options.epochs * self.epoch_steps
        steps, self.layout = self.epoch_steps, rows.layout
        pieces = pieces_for(
            start.net,
            start.estimator,
            self.batch_size,
            particle_chunk=options.particle_chunk,
            is_on_mesh=self.layout != ONE_DEVICE,
        )
        self.plan = Plan.of(options, num_steps, epoch_steps=steps, pieces=pieces, layout=self.layout)
        self.state = self.layout.placed(TrainState.start(start.net, start.estimator, self.plan, rows.num_train))
        self.clock = Clock()
        params, versions = self.state.learner.params, rows.versions
        self.writer = None if folder is None else RunWriter(folder, record, options, params, versions=versions)
        if folder is not None and rows.columns is not None and is_first():
            folder.write_words(rows.columns)
        self._feed: AbstractFeed | None = None
        self._position: Any = None
        self._resume()
        self.key, self._validation_key = stream(options.seed, Stream.STEPS), stream(options.seed, Stream.VALIDATION)
        self._validate = rows.validate

    def feed(self, rows: Rows) -> AbstractFeed:
        """Return the rows as the steps of this run take them."""
        if not rows.are_on_host:
            return DeviceFeed(rows.on_device, self.batch_size, self.key)
        num_steps, size = self.options.epochs * self.epoch_steps, self.batch_size
        source = rows.source(size, seed=self.options.seed, key=self.key)
        given = {"batch_size": size, "key": self.key, "layout": self.layout, "position": self._position}
        self._feed = HostFeed(source, num_steps, self.epoch_steps, **given)
        return self._feed

    @property
    def batch_size(self) -> int:
        """Data per step."""
        return self.options.batch_size or default_batch_size(self.record.splits["train"])

    @property
    def step(self) -> int:
        """Steps taken so far."""
        return int(self.state.learner.step)

    @property
    def ending(self) -> Reason | None:
        """Why training ends here; None if it goes on."""
        if self.step >= self.options.epochs * self.epoch_steps:
            return "finished"
        if self._is_stale():
            return "no improvement"
        return "interrupted" if any(from_each(self.callback.should_stop())) else None

    @property
    def next_count(self) -> int:
        """Steps of the next dispatch: as many as fit in half a second, and not past the end of the epoch."""
        left = self.epoch_steps - self.step % self.epoch_steps
        return from_each(min(max(1, int(self.clock.steps_per_second * _DISPATCH_SECONDS)), left))[0]

    def go_on(self, learner: Learner, count: int, seconds: float) -> None:
        """Go on from a learner.

        Args:
            learner: What steps have made of that of the state.
            count: How many.
            seconds: The time they took.
        """
        self.state = eqx.tree_at(lambda s: s.learner, self.state, learner)
        self.clock.count(count, seconds)
        self._check_finite()
        if self.writer is not None and is_first():
            self.writer.folder.lock.show()
        taken = self.step % self.epoch_steps or self.epoch_steps
        speed = self.clock.steps_per_second * self.batch_size
        train_bound = float(learner.objective_sum) / taken
        self.callback.on_steps(-(-self.step // self.epoch_steps), self.step, train_bound, speed)
        if taken == self.epoch_steps:
            self._end_epoch()
        if from_each(time.monotonic() - self.clock.saved > self.options.checkpoint_seconds)[0]:
            self._save()

    def outcome(self, reason: Reason) -> Fitted:
        """Save, and return what came of the run, once the callback knows it."""
        self._save()
        state = self.state
        best, best_epoch = (state.best if int(state.best_epoch) else state.learner.judged), int(state.best_epoch)
        best_bound = float(state.best_bound) if best_epoch else -math.inf
        found = Fitted(best.net, best_bound, best_epoch, self.history, state, reason)
        self.callback.on_end(found)
        return found

    def _end_epoch(self) -> None:
        learner, epoch = self.state.learner, self.step // self.epoch_steps
        valid_bound = self._validate(learner.judged, self._validation_key)
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
            best, found = copied(learner.judged), jnp.asarray(score, jnp.float32)
            state = TrainState(
                state.learner, best, found, valid_bound, jnp.asarray(epoch, jnp.int32), state.reduced_epoch
            )
        self.state = self.layout.placed(self._reduced(state, epoch))
        self.clock.end_epoch()
        self.history.append(row)
        if self.writer is not None and is_first():
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
        if not all(from_each(_are_finite(self.state.learner.params))):
            raise self._divergence(f"a parameter is not finite after step {self.step}", self.step - 1)
        position = self._position if self._feed is None else self._feed.position(self.step)
        self.writer.save(self.state, self.step // self.epoch_steps, self.clock.seconds, position=position)
        self.clock.saved = time.monotonic()

    def _resume(self) -> None:
        """Go on from what the folder holds, or save the start there."""
        if self.writer is None:
            return
        if (resumed := self.writer.resume(self.state)) is None:
            return self._save()
        self.state, self.clock.earlier, self.history = resumed.state, resumed.seconds, resumed.history
        self._position = resumed.position


def _are_finite(params: Learnable) -> bool:
    """Return whether all numbers that this process has of the parameters are finite, of each replica the first."""
    shards = (shard for leaf in jax.tree.leaves(params) for shard in leaf.addressable_shards if shard.replica_id == 0)
    # On the host, where what is saved goes anyway: programs for every shape would take a part of a short run.
    return all(bool(np.isfinite(shard.data).all()) for shard in shards)
