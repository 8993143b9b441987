"""A finished or interrupted run, read back for use."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from beliefnet._errors import shown
from beliefnet._net import BeliefNet, check_net
from beliefnet.data import Record
from beliefnet.estimators import AbstractEstimator
from beliefnet.proposals import AbstractProposal
from beliefnet.runs._folder import RunFolder, RunFolderError, stamp_of
from beliefnet.runs._net_file import NetFile
from beliefnet.runs._results import Stamp
from beliefnet.runs._structure import StructureError, describe, differences, modules_of, skeleton


@dataclass(frozen=True)
class LoadedRun:
    """A run folder with the best net in it.

    Attributes:
        folder: The run folder.
        record: The data it was trained on.
        net: The net with the best validation bound so far.
        estimator: What it was trained with, with the best net's baselines; None if it is of a class of one's own and
            was not given.
        settings: The options of `fit` that it was trained with.
        stamp: Which net of the run this is, for results about it.
        environment: Versions and machine that the checkpoint was written with.
        skipped: One sentence for each damaged checkpoint that was passed over.
    """

    folder: RunFolder
    record: Record
    net: BeliefNet
    estimator: AbstractEstimator | None
    settings: dict[str, Any]
    stamp: Stamp
    environment: dict[str, Any]
    skipped: tuple[str, ...]

    @property
    def best_epoch(self) -> int:
        """The epoch after which the net was found."""
        return self.stamp.best_epoch

    @property
    def proposal(self) -> AbstractProposal:
        """What the net's bound is measured with: the recognition net, or what refines it in training.

        Raises:
            RunFolderError: If the estimator, which says so, is one's own and was not given.
        """
        if self.estimator is None:
            raise RunFolderError(
                f"expected to know the estimator of {self.folder.path}, got one of a class of one's own",
                "load_run(path, estimator=estimator)",
            )
        return self.estimator.bound.proposal

    def export(self, out: Path | str | None = None) -> Path:
        """Write the net, and its estimator's own parameters, to one file that holds all that it takes to use them.

        It is a safetensors file, which runs no code when it is read: arrays have the names of a checkpoint's leaves,
        and the metadata say what the run is. Under the default name, a run folder needs no checkpoints to be loaded,
        evaluated or sampled from, though training cannot go on from it.

        Args:
            out: The file; by default `net.safetensors` in the run folder.

        Returns:
            The file.

        Raises:
            DiskFullError: If there is no room for it.
            OSError: If it cannot be written for another reason.
        """
        file = self.folder.net_file if out is None else NetFile(Path(out))
        file.write(_Best(self.net, self.estimator), self.folder.read_record(), self.stamp.step, self.folder.words)
        return file.path


def load_run(
    path: Path | str, *, net: BeliefNet | None = None, estimator: AbstractEstimator | None = None
) -> LoadedRun:
    """Load the best net of a run.

    What the net and the estimator are is read from the checkpoint, so that any of this package is rebuilt. Modules and
    functions of one's own cannot be: they are given back, with any parameters, and are filled.

    Args:
        path: A folder that `beliefnet train` or `fit` wrote, with its checkpoints or its exported net; or the file of
            an exported net.
        net: A net of the run's structure, if it has modules or functions of one's own.
        estimator: An estimator of the run's structure, if it is one's own.

    Raises:
        RunFolderError: If it is not a run folder, no epoch was finished, the net or estimator is one's own and was not
            given, or what was given has another structure.
        CheckpointError: If no checkpoint is intact.
    """
    folder = RunFolder.open(path)
    if not (folder.has_checkpoints or folder.net_file.is_there):
        raise _unfinished(folder, "nothing is saved yet")
    record = folder.read_record()
    structure = structure_of(record, folder)
    stamp = stamp_of(record)
    assert stamp is not None
    if stamp.best_epoch == 0:
        raise _unfinished(folder, f"what is saved, of step {stamp.step}, is from its first epoch")
    like_net = _like("net", structure["net"], net, folder)
    if estimator is None and not _can_be_rebuilt(structure["estimator"]):
        restored = folder.kept.restore(like_net, at=".best.net")
        best = _Best(restored.state, None)
    else:
        like = _Best(like_net, _like("estimator", structure["estimator"], estimator, folder))
        restored = folder.kept.restore(like, at=".best")
        best = restored.state
    record = restored.record
    data, stamp = Record.from_dict(record["data"]), Stamp(**record["stamp"])
    _check_fits(best.net, data, folder)
    return LoadedRun(
        folder, data, best.net, best.estimator, record["settings"], stamp, record["environment"], restored.skipped
    )


def _unfinished(folder: RunFolder, saved: str) -> RunFolderError:
    """Return the error for a run without a net that an epoch has ended with."""
    user = folder.lock.user
    if user is not None:
        return RunFolderError(
            f"expected a run that has saved a net after an epoch, got {folder.path}, where {saved}; training goes on "
            f"({user})",
            "again in a while: a net is saved when --checkpoint-seconds have passed since an epoch, and at the end",
        )
    return RunFolderError(
        f"expected a run that has saved a net after an epoch, got {folder.path}, where {saved} and nobody trains now",
        f"beliefnet train --resume {folder.path}",
        "fit with the same folder",
    )


class _Best(NamedTuple):
    """The part of a training state that is used afterwards."""

    net: BeliefNet
    estimator: AbstractEstimator | None


def check_version(path: Path | str) -> None:
    """Check that a run folder, if there is anything in it, is one that can be read.

    Raises:
        RunFolderError: If version 0.1.0 wrote it, saying how to convert it.
        CheckpointError: If no checkpoint is intact.
    """
    folder = RunFolder(path)
    if folder.has_checkpoints or folder.net_file.is_there:
        structure_of(folder.read_record(), folder)


def structure_of(record: dict[str, Any], folder: RunFolder) -> dict[str, Any]:
    """Return the descriptions of net and estimator in the record of a checkpoint.

    Raises:
        RunFolderError: If a version wrote it that kept none.
    """
    if "structure" not in record:
        raise RunFolderError(
            f"expected a run folder with a description of its net, got {folder.path}, which beliefnet 0.1.0 wrote",
            f"beliefnet convert {folder.path} NEW, and use NEW",
        )
    return record["structure"]


def _like(what: str, saved: Any, given: Any, folder: RunFolder) -> Any:
    """Return a tree of the saved structure to restore into: the one given, if its structure is the same."""
    if given is None:
        try:
            return skeleton(saved)
        except (StructureError, TypeError, ValueError, KeyError, RecursionError) as error:
            raise RunFolderError(
                f"the {what} of {folder.path} cannot be rebuilt: {error}", "giving it to load_run"
            ) from error
    given = jax.tree.map(jnp.asarray, given)
    found = differences(describe(given), saved, what)
    if found:
        place, one, other = found[0]
        raise RunFolderError(
            f"expected the {what} that {folder.path} was trained with, got one with {place} {one} instead of {other}"
            f"{_and_more(found)}",
            "the code that made the run",
        )
    return given


def _check_fits(net: Any, data: Record, folder: RunFolder) -> None:
    """Check that what was put together without its constructors is a net whose parts meet, of the data that it names.

    Raises:
        RunFolderError: If it is not: somebody edited its description.
    """
    try:
        check_net(net)
        for module in modules_of(net):
            for kind in type(module).__mro__:
                if "__check_init__" in vars(kind):
                    kind.__check_init__(module)
        width = net.num_visible
    except (AttributeError, TypeError, ValueError) as error:
        raise RunFolderError(
            f"expected a net whose parts fit together in {folder.path}, got one that was put together otherwise "
            f"({shown(str(error), 200)})",
            "the file or folder as it was written",
        ) from error
    if width != data.num_features:
        raise RunFolderError(
            f"expected a net of the {data.num_features} columns of its data in {folder.path}, got one of {width}",
            "the file or folder as it was written",
        )


def _can_be_rebuilt(saved: Any) -> bool:
    try:
        skeleton(saved)
    except StructureError:
        return False
    return True


def _and_more(found: list[Any]) -> str:
    return f" (and {len(found) - 1} more differences)" if len(found) > 1 else ""
