"""Save and restore a training state so that a kill, a full disk or a damaged file never costs the run."""

import dataclasses
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

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

__all__ = ["CheckpointError", "Checkpoints", "Restored", "read_record"]

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
    passes over a checkpoint that does not match. One process writes to a folder at a time.

    Args:
        directory: holds the checkpoint folders; made at the first save.
        keep: how many checkpoints remain after a save, at least 1.

    Raises:
        ValueError: `keep` is below 1.
    """

    def __init__(self, directory: Path, *, keep: int = 2):
        if keep < 1:
            raise ValueError(f"expected keep of at least 1, got {keep}; try keep=2, so that one survives damage")
        self.directory = Path(directory).absolute()
        self.keep = keep

    def save(self, step: int, state: PyTree[Array], record: dict[str, Any]) -> Path:
        """Save `state`, replacing an earlier checkpoint of the same step.

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
            raise ValueError(f"expected a step of at least 0, got {step}; try the number of updates made so far")
        final = self.directory / f"step_{step:08d}"
        leaves = _describe_leaves(state)
        content = {"step": step, "record": _jsonable(record), "leaves": leaves}
        try:
            with appearing(final) as folder:
                _write_arrays(folder / _ARRAYS, leaves, jax.tree.leaves(state))
                seal(folder, content)
            self._prune(step)
        except Exception as error:
            raise CheckpointError(self._failure(step, error)) from error
        return final

    def restore(self, like: PyTree) -> Restored:
        """Restore the newest intact checkpoint.

        Args:
            like: pytree of the saved structure, with arrays or `jax.ShapeDtypeStruct` leaves; values are placed
                where its leaves are, if those are committed to devices.

        Returns:
            The state with what was recorded beside it.

        Raises:
            CheckpointError: there is no checkpoint, all are damaged, or the newest intact one has other leaves,
                shapes or types than `like`, as a checkpoint of another architecture has.
        """

        def load(folder: Path, manifest: dict[str, Any]) -> Restored:
            _check_same_leaves(manifest["leaves"], _describe_leaves(like), folder)
            targets, structure = jax.tree.flatten(like)
            values = _read_arrays(folder / _ARRAYS, manifest["leaves"])
            state = structure.unflatten(map(_decode, values, manifest["leaves"], targets))
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
            if stale and folder.name != f"step_{saved:08d}":
                remove(folder)
            else:
                kept += 1

    def _failure(self, step: int, error: Exception) -> str:
        try:
            previous, _ = newest_intact(self.directory, lambda _, manifest: manifest["step"])
            rest = f"the previous checkpoint at step {previous} is intact"
        except (CheckpointError, OSError):
            rest = "there is no earlier intact checkpoint"
        return (
            f"expected to save step {step} in {self.directory}, but saving failed: {_why(error)}; {rest}; "
            "try freeing disk space or a folder that can be written to"
        )


def read_record(directory: Path) -> dict[str, Any]:
    """Return the record of the newest intact checkpoint in `directory` without loading its arrays.

    Raises:
        CheckpointError: there is no checkpoint, or every one is damaged.
    """
    record, _ = newest_intact(Path(directory).absolute(), lambda _, manifest: manifest["record"])
    return record


def _jsonable(record: dict[str, Any]) -> dict[str, Any]:
    try:
        return json.loads(json.dumps(record))
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"expected a JSON-able record, got one with a value that is not ({error}); try str(value)"
        ) from error


def _describe_leaves(tree: PyTree) -> list[dict[str, Any]]:
    return [
        _describe_leaf(jax.tree_util.keystr(path), leaf) for path, leaf in jax.tree_util.tree_flatten_with_path(tree)[0]
    ]


def _describe_leaf(path: str, leaf: Any) -> dict[str, Any]:
    if not isinstance(leaf, jax.Array | np.ndarray | np.generic | jax.ShapeDtypeStruct):
        raise TypeError(f"expected an array at {path}, got {leaf!r}; try equinox.filter(tree, equinox.is_array)")
    description = {"path": path, "shape": list(leaf.shape), "dtype": str(leaf.dtype)}
    if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        # The dtype of a typed key already names its implementation; `wrap_key_data` needs the longer name.
        impl = str(jax.random.key_impl(leaf)) if isinstance(leaf, jax.Array) else None
        return {**description, "kind": "key", "impl": impl}
    return {**description, "kind": "jax" if isinstance(leaf, jax.Array) else "numpy"}


def _check_same_leaves(saved: list[dict[str, Any]], wanted: list[dict[str, Any]], folder: Path) -> None:
    def show(leaf: dict[str, Any] | None) -> str:
        return "no leaf" if leaf is None else f"{leaf['path'] or 'the state'}: {leaf['dtype']}{leaf['shape']}"

    for position in range(max(len(saved), len(wanted))):
        left, right = (leaves[position] if position < len(leaves) else None for leaves in (wanted, saved))
        if left is None or right is None or any(left[name] != right[name] for name in ("path", "shape", "dtype")):
            raise CheckpointError(
                f"expected {show(left)}, got {show(right)} in the checkpoint {folder}; "
                "try the architecture and optimiser that the checkpoint was trained with"
            )


def _write_arrays(folder: Path, leaves: list[dict[str, Any]], values: list[Any]) -> None:
    raw = [jax.random.key_data(v) if leaf["kind"] == "key" else v for leaf, v in zip(leaves, values, strict=True)]
    # Orbax refuses arrays without elements; their shape and type in the manifest say everything.
    arrays = {f"{i:06d}": np.asarray(value) for i, value in enumerate(raw) if value.size}
    if arrays:
        import orbax.checkpoint as ocp

        with _quiet(), ocp.PyTreeCheckpointer() as checkpointer:
            checkpointer.save(folder, args=ocp.args.PyTreeSave(arrays))


def _read_arrays(folder: Path, leaves: list[dict[str, Any]]) -> list[np.ndarray]:
    names = [f"{i:06d}" for i, leaf in enumerate(leaves) if 0 not in leaf["shape"]]
    arrays: dict[str, np.ndarray] = {}
    if names:
        import orbax.checkpoint as ocp

        restore_args = {name: ocp.RestoreArgs(restore_type=np.ndarray) for name in names}
        try:
            with _quiet(), ocp.PyTreeCheckpointer() as checkpointer:
                arrays = checkpointer.restore(folder, args=ocp.args.PyTreeRestore(restore_args=restore_args))
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise Damaged(f"its arrays cannot be read ({_why(error)})") from error
    return [arrays.get(f"{i:06d}", np.empty(leaf["shape"], np.uint8)) for i, leaf in enumerate(leaves)]


def _decode(value: np.ndarray, leaf: dict[str, Any], target: Any) -> jax.Array | np.ndarray:
    """Turn a stored array back into the leaf that was saved, on the devices of `target`."""
    if leaf["kind"] == "numpy":
        return value.astype(leaf["dtype"], copy=False)
    if leaf["kind"] == "key":
        decoded = jax.random.wrap_key_data(jnp.asarray(value, jnp.uint32), impl=leaf["impl"])
    else:
        decoded = jnp.asarray(value, leaf["dtype"])
    sharding = getattr(target, "sharding", None)
    # Committing an uncommitted array would pin later computations to its device.
    return decoded if sharding is None or not getattr(target, "committed", True) else jax.device_put(decoded, sharding)


def _intact(folder: Path) -> bool:
    try:
        read_manifest(folder)
    except Damaged:
        return False
    return True


def _why(error: Exception) -> str:
    """Return the first line of an error; Orbax appends the C++ call stack to its own."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


@contextmanager
def _quiet() -> Iterator[None]:
    """Hold back Orbax's progress log, which goes through the logger of absl."""
    logger = logging.getLogger("absl")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
