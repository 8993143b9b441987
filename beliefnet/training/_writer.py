"""What `fit` writes to a run folder, and reads to go on with the run in it."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from beliefnet._errors import DataError, OptionError
from beliefnet.data import Record
from beliefnet.runs import RunFolder, Stamp, describe, differences, environment, fingerprint, read_record
from beliefnet.runs._environment import changes
from beliefnet.runs._load import structure_of
from beliefnet.training._optimizers import Learnable
from beliefnet.training._options import EXTENDABLE, FitOptions
from beliefnet.training._state import TrainState


@dataclass(frozen=True)
class Resumed:
    """Where a run goes on from.

    Attributes:
        state: The state that was saved.
        seconds: How long it had been trained.
        history: The rows of the epochs that were finished.
    """

    state: TrainState
    seconds: float
    history: list[dict[str, Any]]


class RunWriter:
    """The side of a run that is on disk.

    Args:
        folder: Where it is.
        record: The data.
        options: How the net is trained.
        params: Net and estimator as they start.
        made_with: Versions and machine, where they are not those of this process.
    """

    def __init__(
        self,
        folder: RunFolder,
        record: Record,
        options: FitOptions,
        params: Learnable,
        *,
        made_with: dict[str, Any] | None = None,
    ):
        self.folder = folder
        self._record = record
        self._settings = settings(options)
        self._structure = structure(params)
        self._environment = environment() if made_with is None else made_with
        kept = {name: value for name, value in self._settings.items() if name not in EXTENDABLE}
        self._fingerprint = fingerprint([self._structure, kept, record.checksum])
        self._saved_step: int | None = None

    def resume(self, state: TrainState) -> Resumed | None:
        """Return where the run in the folder stopped; None if nothing was saved yet.

        Raises:
            OptionError: If it is a run of another net or estimator, or with other options.
            DataError: If it is one on other data.
            CheckpointError: If no checkpoint is intact.
        """
        if not self.folder.has_checkpoints:
            return None
        saved = read_record(self.folder.checkpoints.directory)
        check_same_run(saved, self._record, self._settings)
        check_same_structure(structure_of(saved, self.folder), self._structure)
        restored = self.folder.checkpoints.restore(state)
        for sentence in restored.skipped:
            warnings.warn(sentence, stacklevel=4)
        found = changes(restored.record["environment"], self._environment)
        if found:
            warnings.warn(
                f"the run goes on with {', '.join(found)}: the result will not be the same bit for bit as without the "
                "interruption",
                stacklevel=4,
            )
        self._saved_step = restored.step
        return Resumed(restored.state, restored.record["seconds"], self.folder.rewind_metrics(restored.step))

    def save(self, state: TrainState, epoch: int, seconds: float) -> None:
        """Save a checkpoint, unless that of this step is what the state was read from or saved to.

        Raises:
            CheckpointError: If it cannot be written.
        """
        step, best_epoch = int(state.learner.step), int(state.best_epoch)
        if step == self._saved_step:
            return
        stamp = Stamp(self._fingerprint, step, best_epoch, float(state.best_bound) if best_epoch else None)
        record = {
            "data": self._record.to_dict(),
            "settings": self._settings,
            "structure": self._structure,
            "environment": self._environment,
            "stamp": asdict(stamp),
            "epoch": epoch,
            "step": step,
            "seconds": seconds,
        }
        self.folder.checkpoints.save(step, state, record)
        self._saved_step = step

    def append(self, row: dict[str, Any]) -> None:
        """Add the row of an epoch, and show other machines that this process is alive."""
        self.folder.append_metrics(row)

    def last_good(self) -> str:
        """Say which checkpoint is left when training has gone wrong."""
        kept = sorted(self.folder.checkpoints.directory.glob("step_*"))
        return f"the last good checkpoint is {kept[-1]}" if kept else "no checkpoint was kept"


@contextmanager
def opened(folder: RunFolder | Path | str | None) -> Iterator[RunFolder | None]:
    """Make the folder of a run, if there is to be one, and hold its lock.

    Raises:
        RunFolderError: If it cannot be written.
        RunLocked: If another process trains in it.
    """
    if folder is None:
        yield None
        return
    run = RunFolder(folder) if isinstance(folder, str | Path) else folder
    run.make()
    with run.lock.held():
        yield run


def settings(options: FitOptions) -> dict[str, Any]:
    """Return the options of `fit`, and no others that an object may have beside them."""
    return {field.name: getattr(options, field.name) for field in fields(FitOptions)}


def structure(params: Learnable) -> dict[str, Any]:
    """Return what the net and the estimator of a run are."""
    return {"net": describe(params.net), "estimator": describe(params.estimator)}


def check_same_run(saved: dict[str, Any], record: Record, now: dict[str, Any]) -> None:
    """Check that a checkpoint's record is of a run with these data and options.

    Args:
        saved: The record of the checkpoint.
        record: The data.
        now: What `settings` returns of the options.

    Raises:
        DataError: If the data have other contents.
        OptionError: If an option differs that must not change.
    """
    if saved["data"]["checksum"] != record.checksum:
        raise DataError(
            f"expected the data that the run was started with ({saved['data']['checksum']}), got other contents of "
            f"{record.name} ({record.checksum}); try a new folder"
        )
    before, now = ({n: v for n, v in of.items() if n not in EXTENDABLE} for of in (saved["settings"], now))
    for place, was, given in differences(describe(before), describe(now)):
        raise OptionError(
            f"expected the options of the run in this folder, got {place.replace('_', '-')}={given} instead of "
            f"{was}; try a new folder"
        )


def check_same_structure(saved: dict[str, Any], now: dict[str, Any]) -> None:
    """Check that a net and an estimator are those of a run, in everything but the values of arrays.

    Raises:
        OptionError: Naming the first difference.
    """
    found = [d for what in ("net", "estimator") for d in differences(saved[what], now[what], what)]
    if found:
        place, was, given = found[0]
        more = f" (and {len(found) - 1} more differences)" if len(found) > 1 else ""
        raise OptionError(
            f"expected the net and the estimator of the run in this folder, got {place} {given} instead of {was}"
            f"{more}; try a new folder"
        )
