"""The run folder: what training leaves on disk, under names that others rely on."""

import json
import os
import shlex
import tomllib
import warnings
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from beliefnet._errors import Refusal, check_type
from beliefnet.data import spelled, unspelled
from beliefnet.runs._checkpoint import CheckpointError, Checkpoints
from beliefnet.runs._files import append_line, read_lines, write_atomically
from beliefnet.runs._lock import RunLock
from beliefnet.runs._manifest import folders
from beliefnet.runs._net_file import NET_SUFFIX, NetFile
from beliefnet.runs._results import Result, Stamp, read_results, write_result

_EVALUATION_KEY = ("split", "num_particles", "proposal", "ais", "seed")
_MOST_NAMED = 3


class RunFolderError(Refusal, RuntimeError):
    """A run folder cannot be used as asked."""


class RunFolder:
    """What one training run leaves: `config.toml`, `metrics.jsonl`, `checkpoints/`, `results/` and `plots/`.

    A run that was started from Python has no `config.toml`. A document net also has a `vocabulary.txt`, a word on each
    line. While a process trains in the folder, `lock.json` says which.

    A net in one file, as `beliefnet export` writes it, is a run as well: one that is only read.

    Args:
        path: The folder, or a `.safetensors` file.
    """

    def __init__(self, path: Path | str):
        check_type("the run folder", path, str, os.PathLike, good="'runs/mine'")
        self.path = Path(path)
        self.config_file = self.path / "config.toml"
        self.metrics_file = self.path / "metrics.jsonl"
        self.evaluation_file = self.path / "evaluation.json"
        self.vocabulary_file = self.path / "vocabulary.txt"
        self.is_file = self.path.suffix.lower() == NET_SUFFIX and self.path.is_file()
        self.home = self.path.parent if self.is_file else self.path
        self.plots = self.home if self.is_file else self.path / "plots"
        self.results = self.path / "results"
        self.checkpoints = Checkpoints(self.path / "checkpoints")
        self.net_file = NetFile(self.path if self.is_file else self.path / f"net{NET_SUFFIX}")
        self.lock = RunLock(self.path / "lock.json")

    @classmethod
    def at(cls, place: "RunFolder | Path | str") -> "RunFolder":
        """Return the run folder at a path, made if there is none; one that is a run folder already is the same."""
        check_type("folder", place, RunFolder, Path, str, good="'runs/mine'")
        folder = cls(place) if isinstance(place, str | Path) else place
        folder.make()
        return folder

    @classmethod
    def create(cls, path: Path | str, config: dict[str, Any]) -> "RunFolder":
        """Make a new run folder and write its configuration.

        Raises:
            RunFolderError: If something is there already, or the folder cannot be written.
        """
        import tomli_w

        folder = cls(path)
        if folder.path.exists() and (not folder.path.is_dir() or any(folder.path.iterdir())):
            hint = f"--resume {path} to go on with it, or " if folder.config_file.exists() else ""
            raise RunFolderError(
                f"expected a new or empty output folder, got {path}, which is in use", f"{hint}another --out"
            )
        text = tomli_w.dumps(config)
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            name = ascii(error.object[max(0, error.start - 20) : error.end + 20])
            raise RunFolderError(
                f"expected options and names of files in UTF-8, got one with {name}", "renaming the file"
            ) from None
        is_new = not folder.path.exists()
        folder.make()
        try:
            write_atomically(folder.config_file, text)
        except OSError:
            if is_new:
                folder.path.rmdir()
            raise
        return folder

    @classmethod
    def open(cls, path: Path | str) -> "RunFolder":
        """Open the folder of an earlier run.

        Raises:
            RunFolderError: If it is not one.
        """
        folder = cls(path)
        if not folder.is_begun:
            missing = "" if folder.path.exists() else "; there is no such folder"
            raise RunFolderError(
                f"expected a run folder (one that `beliefnet train` or `fit` wrote), got {path}{missing}",
                f"{folder._other()}",
            )
        return folder

    @property
    def is_begun(self) -> bool:
        """Whether a run has begun in the folder."""
        return self.config_file.is_file() or self.has_checkpoints or self.net_file.is_there

    def _other(self) -> str:
        """Return what to try in the place of a path that is no run folder."""
        if not self.path.exists():
            return f"beliefnet train --out {self.path}"
        inside = sorted(self.path.iterdir()) if self.path.is_dir() else []
        runs = [str(path) for path in inside if path.is_dir() and RunFolder(path).is_begun]
        return f"a run in it, {' or '.join(runs[:_MOST_NAMED])}" if runs else "the folder of a run"

    def make(self) -> None:
        """Make the folder if there is none.

        Raises:
            RunFolderError: If it cannot be written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            if not os.access(self.path, os.W_OK | os.X_OK):
                raise PermissionError(13, "Permission denied")
        except (OSError, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or error
            raise RunFolderError(
                f"expected an output folder that can be written, got {self.path} ({reason})", "another --out"
            ) from error

    @property
    def has_checkpoints(self) -> bool:
        """Whether anything was saved yet."""
        return bool(folders(self.checkpoints.directory))

    @property
    def newest_checkpoint(self) -> Path:
        """The folder of the newest checkpoint, intact or not; there must be one."""
        return folders(self.checkpoints.directory)[0]

    @property
    def kept(self) -> Checkpoints | NetFile:
        """Where the best net of the run is: in its checkpoints, or else in the file that `beliefnet export` wrote."""
        return self.net_file if self.net_file.is_there and not self.has_checkpoints else self.checkpoints

    def check_unused(self) -> None:
        """Check that no training has left its net here without the checkpoints that it could go on from.

        Raises:
            RunFolderError: If it has.
        """
        if self.net_file.is_there and not self.has_checkpoints:
            raise RunFolderError(
                f"expected a folder with checkpoints to train in, got {self.path} with an exported net alone",
                f"beliefnet train --start {self.path} with another --out",
            )

    def read_record(self) -> dict[str, Any]:
        """Return what is recorded beside the net, without loading any array.

        Raises:
            CheckpointError: If nothing was saved, or all of it is damaged.
        """
        return self.kept.read_record()

    def read_config(self) -> dict[str, Any]:
        """Read the configuration; that of a run that was started from Python is empty.

        Raises:
            RunFolderError: If it is not valid TOML.
        """
        if not self.config_file.exists():
            return {}
        try:
            return tomllib.loads(self.config_file.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise RunFolderError(
                f"expected TOML in {self.config_file}, got a file that does not parse: {error}", "undoing the edit"
            ) from None

    def read_metrics(self) -> list[dict[str, Any]]:
        """Read the rows written so far.

        Lines that cannot be read are left out with a warning that names them; a last one that a crash cut short is
        left out without.
        """
        if not self.metrics_file.exists():
            return []
        rows, bad = read_lines(self.metrics_file, "step")
        if bad:
            named = ", ".join(map(str, bad[:5])) + (", ..." if len(bad) > 5 else "")
            warnings.warn(
                f"{len(bad)} of the rows of {self.metrics_file} cannot be read and are left out (line {named})",
                stacklevel=2,
            )
        return rows

    def append_metrics(self, row: dict[str, Any]) -> None:
        """Add one row.

        Raises:
            DiskFullError: If there is no room for it.
        """
        append_line(self.metrics_file, row)

    def rewind_metrics(self, step: int) -> list[dict[str, Any]]:
        """Drop the rows written after a step, and lines that cannot be read; return those that stay."""
        kept = [row for row in self.read_metrics() if row["step"] <= step]
        text = "".join(json.dumps(row) + "\n" for row in kept)
        if self.metrics_file.exists() and self.metrics_file.read_bytes() != text.encode():
            write_atomically(self.metrics_file, text)
        return kept

    def write_words(self, words: Sequence[str]) -> None:
        """Write `vocabulary.txt`: a word a line, as JSON spells it where the word itself would not be read back."""
        write_atomically(self.vocabulary_file, spelled(words))

    @property
    def words(self) -> tuple[str, ...] | None:
        """The names of the columns of the run's data, such as words; None where they have none.

        Raises:
            CheckpointError: If they are in a net's file that cannot be read.
            RunFolderError: If they are in a file of their own that cannot be read.
        """
        if self.vocabulary_file.exists():
            return self.read_words()
        return self.net_file.read_words() if self.net_file.is_there else None

    def read_words(self) -> tuple[str, ...]:
        """Read the words of a document net, exactly as they were written.

        Raises:
            RunFolderError: If they are not there.
        """
        try:
            # Words may hold what Python takes for the end of a line, such as U+2028.
            return unspelled(self.vocabulary_file.read_bytes().decode("utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise RunFolderError(
                f"expected the words of a document net in {self.vocabulary_file}, got "
                f"{getattr(error, 'strerror', None) or error}",
                "training the net again",
            ) from error

    @property
    def evaluate_command(self) -> str:
        """The command that evaluates the net on rows that were held out: validation rows where none are for testing."""
        is_saved = self.has_checkpoints or self.net_file.is_there
        splits = self.read_record().get("data", {}).get("splits", {}) if is_saved else {}
        split = "" if splits.get("test", 1) else " --split valid"
        return f"beliefnet evaluate {shlex.quote(str(self.path))}{split}"

    def stamp(self) -> Stamp | None:
        """Return which net the run has now; None if nothing was saved, or by a version that did not say.

        Raises:
            CheckpointError: If no checkpoint is intact.
        """
        if not (self.has_checkpoints or self.net_file.is_there):
            return None
        return stamp_of(self.read_record())

    def write_result(self, kind: str, key: dict[str, Any], result: dict[str, Any], stamp: Stamp | None = None) -> Path:
        """Keep a result about the run's net; one with the same kind and key is replaced, and no other.

        Args:
            kind: What it is, such as "evaluation".
            key: What tells it from others, such as `{"split": "test", "num_particles": 1000}`.
            result: What was found, as JSON can hold it.
            stamp: The net it is about, as `LoadedRun.stamp` says; by default the one that the run has now.

        Returns:
            The file.

        Raises:
            RunFolderError: If the run has nothing that a result could be about.
            DiskFullError: If there is no room for it.
        """
        stamp = stamp or self.stamp()
        if stamp is None:
            raise RunFolderError(f"expected a run with a trained net, got {self.path}", "training it first")
        return write_result(self.results, kind, key, result, stamp)

    def read_results(self, kind: str) -> list[Result]:
        """Return the results of a kind, oldest first; those about an earlier net are not `is_current`.

        Files that cannot be read are left out with a warning.
        """
        try:
            now = self.stamp()
        except CheckpointError:
            now = None
        found, skipped = read_results(self.results, kind, now)
        for sentence in skipped:
            warnings.warn(sentence, stacklevel=2)
        return found

    def write_evaluation(self, result: dict[str, Any], stamp: Stamp | None = None, *, is_main: bool = True) -> Path:
        """Keep an evaluation of the run's own data by split, number of particles, proposal and seed.

        Args:
            result: As `beliefnet evaluate` makes it.
            stamp: The net it is about, as `LoadedRun.stamp` says; by default the one that the run has now.
            is_main: Whether it is with the run's own proposal, and becomes `evaluation.json`.

        Returns:
            The file that later evaluations of another kind do not replace.
        """
        key = {name: result[name] for name in _EVALUATION_KEY if result.get(name) is not None}
        stamp = stamp or self.stamp()
        path = self.write_result("evaluation", key, result, stamp)
        if is_main and stamp is not None:
            write_atomically(self.evaluation_file, json.dumps({**result, "stamp": asdict(stamp)}, indent=2) + "\n")
        return path

    def read_evaluation(self) -> dict[str, Any]:
        """Read `evaluation.json`: the newest evaluation of the run's own data.

        Raises:
            RunFolderError: If there is none, it does not parse, or the run has found a better net since.
        """
        hint = self.evaluate_command
        if not self.evaluation_file.is_file():
            raise RunFolderError(f"expected {self.evaluation_file}, got a run that was not evaluated", hint)
        try:
            found = json.loads(self.evaluation_file.read_text(encoding="utf-8"))
            stamp = Stamp(**found["stamp"]) if "stamp" in found else None
        except (ValueError, TypeError, KeyError) as error:
            raise RunFolderError(
                f"expected JSON in {self.evaluation_file}, got a file that does not parse: {error}", hint
            ) from error
        now = self.stamp()
        if now is not None and (stamp is None or not stamp.is_same_net(now)):
            before = (
                "of a net that it does not name" if stamp is None else f"of the best net of epoch {stamp.best_epoch}"
            )
            raise RunFolderError(
                f"expected an evaluation of the best net that the run has now (epoch {now.best_epoch}) in "
                f"{self.evaluation_file}, got one {before}; the run was trained on since",
                hint,
            )
        return found


def stamp_of(record: dict[str, Any]) -> Stamp | None:
    """Return the stamp in the record of a checkpoint; None if a version wrote it that had none."""
    return Stamp(**record["stamp"]) if "stamp" in record else None
