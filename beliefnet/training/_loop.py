"""The training loop."""

import json
import time
import warnings
from dataclasses import asdict, dataclass
from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp

from beliefnet._errors import OptionError
from beliefnet._net import BeliefNet
from beliefnet.data import DataError, Dataset, Record
from beliefnet.estimators import Estimator
from beliefnet.evaluation import observe
from beliefnet.runs._checkpoint import read_record
from beliefnet.runs._folder import RunFolder
from beliefnet.runs._manifest import folders
from beliefnet.training._callback import Callback, NoCallback
from beliefnet.training._clock import Clock
from beliefnet.training._optimizers import make_optimizer
from beliefnet.training._options import EXTENDABLE, FitOptions
from beliefnet.training._state import TrainState
from beliefnet.training._step import make_run_steps
from beliefnet.training._streams import Stream, stream
from beliefnet.training._validation import make_validator

_DISPATCH_SECONDS = 0.5


class TrainingDiverged(RuntimeError):
    """The objective or a parameter stopped being finite, or the objective fell beyond all reason."""


@dataclass(frozen=True)
class Fitted:
    """The outcome of training.

    Attributes:
        net: The net with the best validation bound; the last one if no epoch was finished.
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
    estimator: Estimator,
    dataset: Dataset,
    options: FitOptions | None = None,
    *,
    folder: RunFolder | None = None,
    callback: Callback | None = None,
) -> Fitted:
    """Train a net.

    The data stays on the device and many steps run in one dispatch. The result depends on the arguments alone: not on
    interruptions, nor on how often progress is reported. A folder that holds checkpoints of this run is resumed.

    Args:
        net: The net to start from.
        estimator: Where gradients come from.
        dataset: Training and validation data.
        options: How to train.
        folder: Where metrics and checkpoints go; nothing is written without one.
        callback: Is told of progress, and may ask to stop.

    Returns:
        The best net and the history.

    Raises:
        OptionError: If the batch is larger than the training split, or the folder holds a run with other options.
        DataError: If the folder holds a run on other data, or the net's visible units are no model of such values.
        TrainingDiverged: If the objective or a parameter is not finite any more, or the objective makes no sense.
        CheckpointError: If a checkpoint cannot be written, or fits another architecture.
    """
    return _Run(net, estimator, dataset, options or FitOptions(), folder, callback or NoCallback()).finish()


class _Run:
    """One call of `fit`: the compiled functions, and what changes between dispatches."""

    def __init__(
        self,
        net: BeliefNet,
        estimator: Estimator,
        dataset: Dataset,
        options: FitOptions,
        folder: RunFolder | None,
        callback: Callback,
    ):
        train, valid = observe(net, dataset.train), observe(net, dataset.valid)
        self.options, self.folder, self.callback, self.record = options, folder, callback, dataset.record
        self.epoch_steps = options.steps_per_epoch(dataset.record.splits["train"])
        self.history: list[dict[str, Any]] = []
        optimizer = make_optimizer(options, options.epochs * self.epoch_steps)
        self.state = TrainState.start(net, estimator, optimizer)
        self.clock = Clock()
        self._restore()
        self.data = train.on_device()
        run_steps = make_run_steps(optimizer, batch_size=options.batch_size, key=stream(options.seed, Stream.STEPS))
        self.run_steps = run_steps.lower(self.state.learner, self.data, jnp.int32(1)).compile()
        self.validate = make_validator(valid, key=stream(options.seed, Stream.VALIDATION))

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
        best = state.best if int(state.best_epoch) else state.learner.params
        return Fitted(best.net, float(state.best_bound), int(state.best_epoch), self.history, state, reason)

    def _dispatch(self) -> None:
        """Take the next steps: as many as fit in half a second, and not past the end of the epoch."""
        clock, position = self.clock, self.step % self.epoch_steps
        wanted = max(1, int(clock.steps_per_second * _DISPATCH_SECONDS))
        count = min(wanted, self.epoch_steps - position)
        begin = time.perf_counter()
        learner = jax.block_until_ready(self.run_steps(self.state.learner, self.data, jnp.int32(count)))
        clock.count(count, time.perf_counter() - begin)
        self.state = eqx.tree_at(lambda s: s.learner, self.state, learner)
        self._check_finite()
        train_bound = float(learner.objective_sum) / (position + count)
        speed = clock.steps_per_second * self.options.batch_size
        self.callback.on_steps(-(-self.step // self.epoch_steps), self.step, train_bound, speed)

    def _end_epoch(self) -> None:
        learner, epoch = self.state.learner, self.step // self.epoch_steps
        valid_bound = self.validate(learner.params)
        if not jnp.isfinite(valid_bound):
            raise TrainingDiverged(self._divergence(f"the validation bound is {valid_bound}", self.step - 1))
        self.history.append(
            {
                "epoch": epoch,
                "step": self.step,
                "seconds": round(self.clock.seconds, 3),
                "examples_per_second": round(self.clock.steps_per_second * self.options.batch_size, 1),
                "train_bound": float(learner.objective_sum) / self.epoch_steps,
                "valid_bound": float(valid_bound),
                "data": self.record.checksum,
            }
        )
        state = eqx.tree_at(lambda s: s.learner.objective_sum, self.state, jnp.zeros(()))
        if float(valid_bound) > float(state.best_bound):
            best = jax.tree.map(jnp.copy, learner.params)
            state = TrainState(state.learner, best, valid_bound, jnp.asarray(epoch, jnp.int32))
        self.state = state
        self.clock.end_epoch()
        if self.folder is not None:
            self.folder.append_metrics(self.history[-1])
        self.callback.on_epoch(self.history[-1])

    def _is_stale(self) -> bool:
        since = self.step // self.epoch_steps - int(self.state.best_epoch)
        return 0 < self.options.patience <= since and self.step % self.epoch_steps == 0

    def _check_finite(self) -> None:
        bad = int(self.state.learner.first_bad_step)
        if bad >= 0:
            what = f"the objective was not finite, or beyond all reason, at step {bad}"
            raise TrainingDiverged(self._divergence(what, bad))

    def _divergence(self, what: str, step: int) -> str:
        kept = "no checkpoint was kept"
        if self.folder is not None and self.folder.has_checkpoints:
            kept = f"the last good checkpoint is {folders(self.folder.checkpoints.directory)[0]}"
        epoch = step // self.epoch_steps + 1
        return f"{what} (epoch {epoch}); {kept}; try a smaller learning-rate, or clip=10"

    def _save(self) -> None:
        if self.folder is None:
            return
        learner = self.state.learner
        if not all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves(learner.params)):
            raise TrainingDiverged(self._divergence(f"a parameter is not finite after step {self.step}", self.step - 1))
        record = {
            "data": self.record.to_dict(),
            "settings": _settings(self.options),
            "epoch": self.step // self.epoch_steps,
            "step": self.step,
            "seconds": self.clock.seconds,
        }
        self.folder.checkpoints.save(self.step, self.state, record)
        self.clock.saved = time.monotonic()

    def _restore(self) -> None:
        if self.folder is None:
            return
        if not self.folder.has_checkpoints:
            self._save()
            return
        check_same_run(read_record(self.folder.checkpoints.directory), self.record, self.options)
        restored = self.folder.checkpoints.restore(self.state)
        for sentence in restored.skipped:
            warnings.warn(sentence, stacklevel=2)
        self.state = restored.state
        self.clock.earlier = restored.record["seconds"]
        self.history = self.folder.rewind_metrics(restored.step)


def _settings(options: FitOptions) -> dict[str, Any]:
    """The options that a resumed run must share, as they look after a trip through JSON."""
    values = {name: value for name, value in asdict(options).items() if name not in EXTENDABLE}
    return json.loads(json.dumps(values))


def check_same_run(saved: dict[str, Any], record: Record, options: FitOptions) -> None:
    """Check that a checkpoint's record is of a run with these data and options.

    Raises:
        DataError: If the data have other contents.
        OptionError: If an option differs that must not change.
    """
    if saved["data"]["checksum"] != record.checksum:
        raise DataError(
            f"expected the data that the run was started with ({saved['data']['checksum']}), got other contents of "
            f"{record.name} ({record.checksum}); try a new folder"
        )
    before, now = saved["settings"], _settings(options)
    changed = sorted(name for name in before | now if before.get(name) != now.get(name))
    if changed:
        name = changed[0]
        raise OptionError(
            f"expected the options of the run in this folder, got {name.replace('_', '-')}={now.get(name)} instead of "
            f"{before.get(name)}; try a new folder"
        )
