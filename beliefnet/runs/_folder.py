"""The run folder: what training leaves on disk, under names that others rely on."""

import json
import os
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tomli_w

from beliefnet.runs._checkpoint import Checkpoints
from beliefnet.runs._manifest import folders


class RunFolderError(RuntimeError):
    """A run folder cannot be used as asked."""


class RunFolder:
    """`config.toml`, `metrics.jsonl`, `checkpoints/`, `evaluation.json` and `plots/` of one training run.

    A document net also has a `vocabulary.txt`, a word on each line.

    Args:
        path: The folder.
    """

    def __init__(self, path: Path):
        self.path = Path(path)
        self.config_file = self.path / "config.toml"
        self.metrics_file = self.path / "metrics.jsonl"
        self.evaluation_file = self.path / "evaluation.json"
        self.vocabulary_file = self.path / "vocabulary.txt"
        self.plots = self.path / "plots"
        self.checkpoints = Checkpoints(self.path / "checkpoints")

    @classmethod
    def create(cls, path: Path, config: dict[str, Any]) -> "RunFolder":
        """Make a new run folder and write its configuration.

        Raises:
            RunFolderError: If something is there already, or the folder cannot be written.
        """
        folder = cls(path)
        if folder.path.exists() and (not folder.path.is_dir() or any(folder.path.iterdir())):
            hint = f"--resume {path} to go on with it, or " if folder.config_file.exists() else ""
            raise RunFolderError(
                f"expected a new or empty output folder, got {path}, which is in use; try {hint}another --out"
            )
        try:
            folder.path.mkdir(parents=True, exist_ok=True)
            write_atomically(folder.config_file, tomli_w.dumps(config))
        except OSError as error:
            raise RunFolderError(
                f"expected an output folder that can be written, got {path} ({error.strerror}); try another --out"
            ) from error
        return folder

    @classmethod
    def open(cls, path: Path) -> "RunFolder":
        """Open the folder of an earlier run.

        Raises:
            RunFolderError: If it is not one.
        """
        folder = cls(path)
        if not folder.config_file.is_file():
            raise RunFolderError(
                f"expected a run folder (one with a config.toml that `beliefnet train` wrote), got {path}"
                + ("; there is no such folder" if not folder.path.exists() else "")
                + f"; try beliefnet train --out {path}"
            )
        return folder

    @property
    def has_checkpoints(self) -> bool:
        """Whether anything was saved yet."""
        return bool(folders(self.checkpoints.directory))

    def read_config(self) -> dict[str, Any]:
        """Read the configuration.

        Raises:
            RunFolderError: If it is not valid TOML.
        """
        try:
            return tomllib.loads(self.config_file.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise RunFolderError(
                f"expected TOML in {self.config_file}, got a file that does not parse: {error}"
            ) from None

    def read_metrics(self) -> list[dict[str, Any]]:
        """Read the rows written so far; a last line that a crash cut short is left out."""
        rows = []
        if self.metrics_file.exists():
            for line in self.metrics_file.read_text(encoding="utf-8").splitlines():
                try:
                    rows.append(json.loads(line))
                except json.JSONDecodeError:
                    break
        return rows

    def append_metrics(self, row: dict[str, Any]) -> None:
        """Add one row."""
        with self.metrics_file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")

    def rewind_metrics(self, step: int) -> list[dict[str, Any]]:
        """Drop the rows written after a step, and return those that stay."""
        rows = [row for row in self.read_metrics() if row["step"] <= step]
        write_atomically(self.metrics_file, "".join(json.dumps(row) + "\n" for row in rows))
        return rows

    def write_words(self, words: Sequence[str]) -> None:
        """Write `vocabulary.txt`."""
        write_atomically(self.vocabulary_file, "".join(f"{word}\n" for word in words))

    def read_words(self) -> tuple[str, ...]:
        """Read the words of a document net.

        Raises:
            RunFolderError: If they are not there.
        """
        try:
            return tuple(self.vocabulary_file.read_text(encoding="utf-8").splitlines())
        except OSError as error:
            raise RunFolderError(
                f"expected the words of a document net in {self.vocabulary_file}, got {error.strerror}; try training "
                "the net again"
            ) from error

    def write_evaluation(self, result: dict[str, Any]) -> None:
        """Write `evaluation.json`."""
        write_atomically(self.evaluation_file, json.dumps(result, indent=2) + "\n")

    def read_evaluation(self) -> dict[str, Any]:
        """Read `evaluation.json`.

        Raises:
            RunFolderError: If there is none, or it does not parse.
        """
        hint = f"try beliefnet evaluate {self.path}"
        if not self.evaluation_file.is_file():
            raise RunFolderError(f"expected {self.evaluation_file}, got a run that was not evaluated; {hint}")
        try:
            return json.loads(self.evaluation_file.read_text(encoding="utf-8"))
        except ValueError as error:
            raise RunFolderError(
                f"expected JSON in {self.evaluation_file}, got a file that does not parse: {error}; {hint}"
            ) from error


def write_atomically(path: Path, text: str) -> None:
    """Replace a file by new text, so that a crash leaves either the old file or the new one."""
    temporary = path.with_name(f".{path.name}.tmp")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
