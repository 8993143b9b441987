"""The best net of a run in one file: arrays by name, and what the run is as JSON. Reading it runs no code."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jaxtyping import PyTree

from beliefnet.runs._arrays import check_same_leaves, decode, describe_leaves
from beliefnet.runs._checkpoint import Restored, part_of
from beliefnet.runs._files import write_atomically
from beliefnet.runs._manifest import CheckpointError

NET_SUFFIX = ".safetensors"
_NAME = "beliefnet"
"""Under which the metadata of a safetensors file hold what the run is."""


class NetFile:
    """The parameters that a run is used with, and its record, without the state that training goes on from.

    Arrays have the names of a checkpoint's leaves, such as `.best.net.generative.conditionals[0].parameters`.

    Args:
        path: The file.
    """

    def __init__(self, path: Path):
        self.path = path

    @property
    def is_there(self) -> bool:
        """Whether there is such a file."""
        return self.path.is_file()

    def write(self, best: PyTree, record: dict[str, Any], step: int, words: tuple[str, ...] | None = None) -> None:
        """Write the file, or nothing.

        Args:
            best: The part `.best` of a training state, or some of it.
            record: What is recorded beside a checkpoint.
            step: Training step of that checkpoint.
            words: The names of the columns of its data, where they have any.

        Raises:
            DiskFullError: If there is no room for it.
            OSError: If it cannot be written for another reason.
        """
        from safetensors.numpy import save

        leaves, values = describe_leaves(best, ".best"), jax.tree.leaves(best)
        arrays = {leaf["path"]: np.asarray(value) for leaf, value in zip(leaves, values, strict=True)}
        checksums = {name: _checksum(array) for name, array in arrays.items()}
        content = {"step": step, "record": record, "leaves": leaves, "checksums": checksums}
        if words is not None:
            content["words"] = list(words)
        sealed = {**content, "sha256": _sha256(json.dumps(content).encode())}
        write_atomically(self.path, save(arrays, {_NAME: json.dumps(sealed)}))

    def read_record(self) -> dict[str, Any]:
        """Return what is recorded beside the net, without loading its arrays.

        Raises:
            CheckpointError: If it is no file that `write` wrote.
        """
        return self._content()["record"]

    def read_words(self) -> tuple[str, ...] | None:
        """Return the names of the columns of the run's data, None where there are none.

        Raises:
            CheckpointError: If it is no file that `write` wrote.
        """
        words = self._content().get("words")
        return None if words is None else tuple(map(str, words))

    def restore(self, like: PyTree, *, at: str = "") -> Restored:
        """Read the net, or a part of it.

        Args:
            like: pytree of the saved structure, with arrays or `jax.ShapeDtypeStruct` leaves.
            at: Where in a training state the part is that `like` describes, such as ".best.net".

        Raises:
            CheckpointError: If the file cannot be read, has other leaves, shapes or types than `like`, or its arrays
                are not those that were written.
        """
        content = self._content()
        chosen = [leaf for leaf in content["leaves"] if part_of(leaf["path"], at)]
        check_same_leaves(chosen, describe_leaves(like, at), self.path)
        targets, structure = jax.tree.flatten(like)
        with self._opened() as file:
            values = [file.get_tensor(leaf["path"]) for leaf in chosen]
        for value, leaf in zip(values, chosen, strict=True):
            if (found := f"{value.dtype}{list(value.shape)}") != (wanted := f"{leaf['dtype']}{leaf['shape']}"):
                raise self._unreadable(f"{leaf['path']} is {found}, and {wanted} in the description")
            if content.get("checksums", {}).get(leaf["path"]) not in (None, _checksum(value)):
                raise self._unreadable(f"{leaf['path']} has other numbers than were written")
        decoded = [decode(value, leaf, to) for value, leaf, to in zip(values, chosen, targets, strict=True)]
        return Restored(structure.unflatten(decoded), content["step"], content["record"], self.path, ())

    def _content(self) -> dict[str, Any]:
        with self._opened() as file:
            described = file.metadata() or {}
            if _NAME not in described:
                raise CheckpointError(
                    f"expected the net of a run in {self.path}, got a safetensors file without the description of one",
                    "beliefnet export RUN",
                )
            content = json.loads(described[_NAME])
        if not _describes_a_net(content) or not _is_as_written(content):
            raise self._unreadable("its description is another one than was written")
        return content

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(self.path, framework="numpy") as file:
                yield file
        except (OSError, SafetensorError, ValueError) as error:
            raise self._unreadable(error) from error

    def _unreadable(self, error: Exception | str) -> CheckpointError:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        return CheckpointError(
            f"expected the net of a run in {self.path}, got a file that cannot be read ({reason[0]})",
            "beliefnet export RUN, which writes it anew",
        )


def _is_as_written(content: dict[str, Any]) -> bool:
    """Whether a description has the checksum that it holds; older files hold none."""
    rest = {name: value for name, value in content.items() if name != "sha256"}
    return content.get("sha256") in (None, _sha256(json.dumps(rest).encode()))


def _checksum(array: np.ndarray) -> str:
    """Return the SHA-256 of the little-endian bytes of an array, which a safetensors file holds."""
    return _sha256(np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes())


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _describes_a_net(content: Any) -> bool:
    match content:
        case {
            "step": int(),
            "record": {
                "structure": {"net": _, "estimator": _},
                "stamp": {"fingerprint": str(), "step": int(), "best_epoch": int(), "best_bound": _, **others},
                "data": dict(),
                "settings": dict(),
                "environment": dict(),
            },
            "leaves": list(leaves),
        }:
            return not others and all(map(_describes_an_array, leaves)) and type(content.get("words", [])) is list
    return False


def _describes_an_array(leaf: Any) -> bool:
    match leaf:
        case {"path": str(), "shape": list(), "dtype": str(), "kind": "jax" | "numpy"}:
            return True
    return False
