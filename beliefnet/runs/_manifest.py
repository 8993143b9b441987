"""Checkpoint folders that appear whole or not at all, and can prove later that they are undamaged."""

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from beliefnet._errors import ArgumentError, Refusal
from beliefnet.devices import from_first, is_first, wait_for_all
from beliefnet.runs._files import remove_tree, temporary_name

MANIFEST = "manifest.json"
_UNFINISHED = (".saving-", ".removing-")
_FOLDER = re.compile(r"step_(\d{8,})(\.replaced)?")
_T = TypeVar("_T")


class CheckpointError(Refusal, RuntimeError):
    """A checkpoint could not be saved, found or fitted to the state it was asked for."""


class Damaged(Exception):
    """One checkpoint is truncated, altered or incomplete; the message says how."""


def seal(folder: Path, content: dict[str, Any]) -> None:
    """Write the manifest of a finished folder and push every byte to the disk.

    Args:
        folder: holds the files to vouch for.
        content: what the manifest says besides the size and SHA-256 of each file; must survive
            a round trip through JSON, because the digest is taken of what a reader will see.
    """
    files = {str(path.relative_to(folder)): _fingerprint(path) for path in sorted(folder.rglob("*")) if path.is_file()}
    body = {**content, "files": files}
    (folder / MANIFEST).write_text(json.dumps({**body, "digest": _digest(body)}, indent=1), encoding="utf-8")
    for path in [*folder.rglob("*"), folder]:
        _fsync(path)


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of `folder` after checking it and every file it lists.

    Raises:
        Damaged: the manifest or a listed file is missing, of the wrong size or altered.
    """
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Damaged(f"its {MANIFEST} cannot be read ({error})") from error
    if type(manifest) is not dict or manifest.pop("digest", None) != _digest(manifest):
        raise Damaged(f"its {MANIFEST} was altered")
    for name, expected in manifest["files"].items():
        try:
            found = _fingerprint(folder / name)
        except OSError as error:
            raise Damaged(f"its file {name} cannot be read ({error.strerror})") from error
        if found != expected:
            raise Damaged(f"its file {name} was altered: expected {_describe(expected)}, got {_describe(found)}")
    return manifest


def newest_intact(directory: Path, load: Callable[[Path, dict[str, Any]], _T]) -> tuple[_T, tuple[str, ...]]:
    """Load the newest checkpoint in `directory` that is undamaged.

    Args:
        directory: holds the `step_...` folders.
        load: called with a folder and its verified manifest; may raise `Damaged` to have the next one tried.

    Returns:
        What `load` returned, and one sentence for each damaged checkpoint that was passed over.

    Raises:
        CheckpointError: there is no checkpoint, or every one is damaged.
    """
    skipped: list[str] = []
    for folder in folders(directory):
        try:
            return load(folder, read_manifest(folder)), tuple(skipped)
        except Damaged as reason:
            skipped.append(f"The checkpoint {folder.name} is damaged: {reason}.")
    if skipped:
        listed = " ".join(skipped).removesuffix(".")
        raise CheckpointError(
            f"expected an intact checkpoint in {directory}, got only damaged ones: {listed}",
            "a copy from a backup, or training again from the start in a new folder",
        )
    raise CheckpointError(
        f"expected a checkpoint in {directory}, got none", "the folder of a run that has saved at least once"
    )


def folders(directory: Path) -> list[Path]:
    """Return the checkpoint folders in `directory`, newest first; empty if it does not exist."""
    if not directory.is_dir():
        return []
    found = [path for path in directory.iterdir() if _FOLDER.fullmatch(path.name) and path.is_dir()]
    return sorted(found, key=lambda path: (step_of(path), not path.name.endswith(".replaced")), reverse=True)


def step_of(folder: Path) -> int:
    """Return the training step in the name of a checkpoint folder."""
    match = _FOLDER.fullmatch(folder.name)
    if match is None:
        raise ArgumentError(f"expected a folder named step_00000000, got {folder.name}", "one of `folders(directory)`")
    return int(match[1])


@contextmanager
def appearing(final: Path) -> Iterator[Path]:
    """Give a hidden folder to fill; rename it to `final` if the block succeeds, remove it if not.

    A folder already at `final` is moved to `final` + ".replaced" first, where `newest_intact` still finds it: two
    renames cannot be one atomic step, so the old checkpoint must stay readable between them. Of several processes, all
    fill the same folder.
    """
    directory = final.parent
    hidden = final.with_name(from_first(temporary_name(final, _UNFINISHED[0]).name))
    if not is_first():
        # The first process does the rest once all have filled it.
        yield hidden
        return wait_for_all(hidden.name)
    directory.mkdir(parents=True, exist_ok=True)
    _remove_unfinished(directory)
    hidden.mkdir()
    try:
        yield hidden
        if final.exists():
            aside = final.with_name(f"{final.name}.replaced")
            if aside.is_symlink() or aside.exists():
                remove(aside)
            os.replace(final, aside)
        os.replace(hidden, final)
        _fsync(directory)
        wait_for_all(hidden.name)
    finally:
        with contextlib.suppress(OSError):
            remove_tree(hidden)


def remove(folder: Path) -> None:
    """Remove a checkpoint folder, so that a process killed half-way leaves no partial checkpoint."""
    hidden = temporary_name(folder, _UNFINISHED[1])
    os.replace(folder, hidden)
    remove_tree(hidden)


def _remove_unfinished(directory: Path) -> None:
    """Remove what killed processes left; what cannot be removed is left to the next save."""
    for path in directory.iterdir():
        if path.name.startswith(_UNFINISHED):
            with contextlib.suppress(OSError):
                remove_tree(path)


def _fingerprint(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        return {"bytes": path.stat().st_size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def _digest(body: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def _describe(fingerprint: dict[str, Any]) -> str:
    return f"{fingerprint['bytes']} bytes with SHA-256 {fingerprint['sha256'][:12]}..."


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
