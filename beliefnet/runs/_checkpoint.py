"""Save and restore a training state so that a kill, a full disk or a damaged file never costs the run."""

import dataclasses
import json
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
from jaxtyping import Array, PyTree

from beliefnet._errors import ArgumentError, ArgumentTypeError
from beliefnet.devices import is_first, is_lost
from beliefnet.runs._arrays import check_same_leaves, decode, describe_leaves, read_arrays, why, write_arrays
from beliefnet.runs._files import free_space, is_disk_full
from beliefnet.runs._manifest import (
    CheckpointError,
    Damaged,
    appearing,
    folders,
    newest_intact,
    read_manifest,
    remove,
    seal,
    step_of,
)

__all__ = ["CheckpointError", "Checkpoints", "Restored"]

_ARRAYS = "arrays"


@dataclass(frozen=True)
class Restored:
    """A checkpoint read back.

    Attributes:
        state: pytree with the structure of the `like` it was restored into, and the saved values bit for bit.
        step: training step at which it was saved.
        record: provenance dictionary given to `Checkpoints.save`.
        path: folder it was read from.
        skipped: one sentence for each newer checkpoint that was damaged and passed over.
    """

    state: PyTree
    step: int
    record: dict[str, Any]
    path: Path
    skipped: tuple[str, ...]


class Checkpoints:
    """The newest few training states of one run, each in its own folder `step_00001234`.

    A checkpoint is written to a hidden folder, flushed to the disk and renamed, so a process killed at any moment
    leaves the previous one restorable. Its `manifest.json` holds the size and SHA-256 of every file, and restoring
    passes over a checkpoint that does not match. One process writes to a folder at a time: `RunFolder.lock` sees to it.
    The processes of one job save and restore together: each writes and reads its parts of the arrays, the first one all
    else.

    Args:
        directory: holds the checkpoint folders; made at the first save.
        keep: how many checkpoints remain after a save, at least 1.

    Raises:
        ValueError: `keep` is below 1.
    """

    def __init__(self, directory: Path, *, keep: int = 2):
        if keep < 1:
            raise ArgumentError(f"expected keep of at least 1, got {keep}", "keep=2, so that one survives damage")
        self.directory = Path(directory).absolute()
        self.keep = keep

    def save(self, step: int, state: PyTree[Array], record: dict[str, Any]) -> Path:
        """Save `state`, replacing an earlier checkpoint of the same step.

        Older checkpoints that cannot be removed after that are a warning, not an error: the new one is there.

        Args:
            step: training step, at least 0.
            state: pytree of JAX arrays (also typed PRNG keys) and NumPy arrays, of any shape.
            record: JSON-able provenance, such as the architecture; kept in the manifest.

        Returns:
            The folder of the new checkpoint.

        Raises:
            CheckpointError: writing failed (disk full, folder not writable); earlier checkpoints are untouched.
            TypeError: a leaf is not an array, or the record cannot be written as JSON.
            ValueError: `step` is negative.
        """
        if step < 0:
            raise ArgumentError(f"expected a step of at least 0, got {step}", "the number of updates made so far")
        final = self.directory / f"step_{step:08d}"
        leaves = describe_leaves(state)
        content = {"step": step, "record": _jsonable(record), "leaves": leaves}
        try:
            with appearing(final) as folder:
                write_arrays(folder / _ARRAYS, leaves, jax.tree.leaves(state))
                if is_first():
                    seal(folder, content)
        except Exception as error:
            if is_lost(error):
                raise
            raise self._failure(step, error) from error
        if is_first():
            self._prune(step)
        return final

    def restore(self, like: PyTree, *, at: str = "") -> Restored:
        """Restore the newest intact checkpoint, or a part of it.

        Args:
            like: pytree of the saved structure, with arrays or `jax.ShapeDtypeStruct` leaves; values are placed
                where its leaves are, if those are committed to devices.
            at: where in the saved state the part is that `like` describes, such as ".best.net".

        Returns:
            The state with what was recorded beside it.

        Raises:
            CheckpointError: there is no checkpoint, all are damaged, or the newest intact one has other leaves,
                shapes or types than `like`, as a checkpoint of another architecture has.
        """
        wanted = dict(zip((leaf["path"] for leaf in describe_leaves(like, at)), jax.tree.leaves(like), strict=True))

        def load(folder: Path, manifest: dict[str, Any]) -> Restored:
            values = zip(manifest["leaves"], read_arrays(folder / _ARRAYS, manifest["leaves"], wanted), strict=True)
            chosen = [(leaf, value) for leaf, value in values if part_of(leaf["path"], at)]
            check_same_leaves([leaf for leaf, _ in chosen], describe_leaves(like, at), folder)
            targets, structure = jax.tree.flatten(like)
            decoded = [decode(value, leaf, to) for (leaf, value), to in zip(chosen, targets, strict=True)]
            return Restored(structure.unflatten(decoded), manifest["step"], manifest["record"], folder, ())

        restored, skipped = newest_intact(self.directory, load)
        return dataclasses.replace(restored, skipped=skipped)

    def read_record(self) -> dict[str, Any]:
        """Return the record of the newest intact checkpoint without loading its arrays.

        Raises:
            CheckpointError: there is no checkpoint, or every one is damaged.
        """
        record, _ = newest_intact(self.directory, lambda _, manifest: manifest["record"])
        return record

    def read(self) -> Restored:
        """Read the newest intact checkpoint, whatever is in it.

        Returns:
            The leaves by their paths, as a flat dictionary, with what was recorded beside them.

        Raises:
            CheckpointError: there is no checkpoint, or all are damaged.
        """

        def load(folder: Path, manifest: dict[str, Any]) -> Restored:
            leaves = manifest["leaves"]
            values = zip(read_arrays(folder / _ARRAYS, leaves), leaves, strict=True)
            state = {leaf["path"]: decode(value, leaf, None) for value, leaf in values}
            return Restored(state, manifest["step"], manifest["record"], folder, ())

        restored, skipped = newest_intact(self.directory, load)
        return dataclasses.replace(restored, skipped=skipped)

    def _prune(self, saved: int) -> None:
        """Remove all but the newest `keep`, and never the one just saved."""
        kept = 0
        seen: set[int] = set()
        for folder in folders(self.directory):
            step = step_of(folder)
            # A damaged checkpoint ahead of this one is why the run went back; it must not push intact ones out.
            stale = step in seen or kept >= self.keep or (step > saved and not _intact(folder))
            seen.add(step)
            if not stale or folder.name == f"step_{saved:08d}":
                kept += 1
                continue
            try:
                remove(folder)
            except OSError as error:
                warnings.warn(
                    f"the checkpoint of step {saved} is saved, but the older {folder} cannot be removed "
                    f"({error.strerror or error}); it takes room until it is",
                    stacklevel=3,
                )

    def _failure(self, step: int, error: Exception) -> CheckpointError:
        try:
            previous, _ = newest_intact(self.directory, lambda _, manifest: manifest["step"])
            rest = f"the previous checkpoint at step {previous} is intact"
        except (CheckpointError, OSError):
            rest = "there is no earlier intact checkpoint"
        if is_disk_full(error):
            return CheckpointError(
                f"expected room for the checkpoint of step {step} in {self.directory}, got a full disk "
                f"({free_space(self.directory)}); {rest}",
                "freeing space and resuming: the result is the same",
            )
        return CheckpointError(
            f"expected to save step {step} in {self.directory}, but saving failed: {why(error)}; {rest}",
            "a folder that can be written to",
        )


def part_of(path: str, at: str) -> bool:
    """Whether a leaf is in a part of the state: at its place, or below it."""
    return not at or path == at or path.startswith((f"{at}.", f"{at}["))


def _jsonable(record: dict[str, Any]) -> dict[str, Any]:
    try:
        return json.loads(json.dumps(record))
    except (TypeError, ValueError) as error:
        raise ArgumentTypeError(
            f"expected a JSON-able record, got one with a value that is not ({error})", "str(value)"
        ) from error


def _intact(folder: Path) -> bool:
    try:
        read_manifest(folder)
    except Damaged:
        return False
    return True
