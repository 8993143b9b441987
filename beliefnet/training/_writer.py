"""What `fit` writes to a run folder, and reads to go on with the run in it."""

import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from beliefnet.data import Record
from beliefnet.devices import is_first
from beliefnet.optimizers import Learnable
from beliefnet.runs import (
    RunFolder,
    Stamp,
    check_same_run,
    check_same_structure,
    describe,
    environment,
    environment_changes,
    fingerprint,
    structure_of,
)
from beliefnet.training._options import EXTENDABLE, FitOptions
from beliefnet.training._state import TrainState


@dataclass(frozen=True)
class Resumed:
    """Where a run goes on from: its state, the seconds it had been trained, and the rows of finished epochs.

    And where rows come from that have a position of their own.
    """

    state: TrainState
    seconds: float
    history: list[dict[str, Any]]
    position: Any


class RunWriter:
    """The side of a run that is on disk.

    Args:
        folder: Where it is.
        record: The data.
        options: How the net is trained.
        params: Net and estimator as they start.
        made_with: Versions and machine, where they are not those of this process.
        versions: Of packages that this run alone depends on.
    """

    def __init__(
        self,
        folder: RunFolder,
        record: Record,
        options: FitOptions,
        params: Learnable,
        *,
        made_with: dict[str, Any] | None = None,
        versions: Mapping[str, str] | None = None,
    ):
        self.folder, self._record, self._options = folder, record, options
        self._structure = {"net": describe(params.net), "estimator": describe(params.estimator)}
        self._environment = (environment() if made_with is None else made_with) | dict(versions or {})
        self._fingerprint = fingerprint([self._structure, fixed_settings(options), record.checksum])
        self._saved_step: int | None = None

    def resume(self, state: TrainState) -> Resumed | None:
        """Return where the run in the folder stopped; None if nothing was saved yet.

        Raises:
            OptionError: If it is a run of another net or estimator, or with other options.
            DataError: If it is one on other data.
            CheckpointError: If no checkpoint is intact.
        """
        if not self.folder.has_checkpoints:
            self.folder.check_unused()
            return None
        saved = self.folder.read_record()
        structure = structure_of(saved, self.folder)
        check_same_run(saved, self._record, fixed_settings(self._options))
        check_same_structure(structure, self._structure)
        restored = self.folder.checkpoints.restore(state)
        meshes = [{"mesh": mesh or ""} for mesh in (saved["settings"].get("mesh"), self._options.mesh)]
        found = [*environment_changes(restored.record["environment"], self._environment), *environment_changes(*meshes)]
        changed = f"the run goes on with {', '.join(found)}: the result will not be the same bit for bit"
        for sentence in (*restored.skipped, *([changed] if found else [])):
            warnings.warn(sentence, stacklevel=4)
        self._saved_step = restored.step
        if is_first():
            rows = self.folder.rewind_metrics(restored.step)
        else:
            rows = [row for row in self.folder.read_metrics() if row["step"] <= restored.step]
        return Resumed(restored.state, restored.record["seconds"], rows, restored.record.get("position"))

    def save(self, state: TrainState, epoch: int, seconds: float, *, position: Any = None) -> None:
        """Save a checkpoint, unless that of this step is what the state was read from or saved to.

        Args:
            state: The state.
            epoch: Finished epochs.
            seconds: Of training so far.
            position: Where the next rows come from, as plain values, where that has a position of its own.

        Raises:
            CheckpointError: If it cannot be written.
        """
        step, best_epoch = int(state.learner.step), int(state.best_epoch)
        if step == self._saved_step:
            return
        stamp = Stamp(self._fingerprint, step, best_epoch, float(state.best_bound) if best_epoch else None)
        record = {
            "data": self._record.to_dict(),
            "settings": settings(self._options),
            "structure": self._structure,
            "environment": self._environment,
            "stamp": asdict(stamp),
            "epoch": epoch,
            "step": step,
            "seconds": seconds,
            **({} if position is None else {"position": position}),
        }
        self.folder.checkpoints.save(step, state, record)
        self._saved_step = step


def settings(options: FitOptions) -> dict[str, Any]:
    """Return the options of `fit`, and no others that an object may have beside them."""
    return {field.name: getattr(options, field.name) for field in fields(FitOptions)}


def fixed_settings(options: FitOptions) -> dict[str, Any]:
    """Return the options that must not change when a run is resumed."""
    return {name: value for name, value in settings(options).items() if name not in EXTENDABLE}
