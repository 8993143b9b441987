"""What a run is and has come to, from its folder alone: no array is loaded."""

import contextlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from beliefnet._errors import OptionError, shown
from beliefnet.runs._files import write_atomically
from beliefnet.runs._folder import RunFolder, RunFolderError, stamp_of
from beliefnet.runs._manifest import CheckpointError

_OWN = re.compile(
    r"config\.toml|metrics\.jsonl|evaluation\.json|vocabulary\.txt|net\.safetensors|(en|de)coder\.onnx|lock\.json|tags\.json|gradients\.json|mlflow\.json|events\.out\.tfevents\.[^/]+|report(-\d+)?\.html"
    r"|plots/(training_curve|samples|reconstructions|columns|topics|gradients|gaps)\.png"
    r"|results/[a-z]+-[^/]*\.json|checkpoints/step_\d{8,}(\.replaced)?/(manifest\.json|arrays/.*)"
    # What a write that was cut off leaves.
    r"|(.*/)?\.[^/]+-[0-9a-f]{16}(/.*)?"
)
_TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")


@dataclass(frozen=True)
class Overview:
    """A run in a list of runs.

    Attributes:
        folder: The run folder.
        data: Name of the data that it is trained on; empty while nothing is saved.
        net: Sizes of the layers, from the data up, and the kind of net, where a configuration says so.
        estimator: What it is trained with.
        state: `"training"`, `"saved"`, `"nothing saved"` or `"damaged"`.
        epoch: Epochs that were finished.
        epochs: Epochs that were asked for; None where it is not known.
        bound: Validation bound of the best net, in nats per example; None before the first epoch.
        evaluation: The test evaluation with most particles of the net as it is now, `{}` if there is none.
        tags: Words that somebody put on the run.
    """

    folder: RunFolder
    state: str
    data: str = ""
    net: str = ""
    estimator: str = ""
    epoch: int = 0
    epochs: int | None = None
    bound: float | None = None
    evaluation: dict[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()

    @classmethod
    def of(cls, folder: RunFolder) -> "Overview":
        """Read a run folder; one that cannot be read says so by its state."""
        try:
            return cls._read(folder)
        except (CheckpointError, RunFolderError, OSError, ValueError, TypeError, KeyError, AttributeError):
            # Anybody can edit the files of a run; no edit hides the others.
            return cls(folder, "damaged", tags=read_tags(folder))

    @classmethod
    def _read(cls, folder: RunFolder) -> "Overview":
        rows = folder.read_metrics()
        known: dict[str, Any] = {"tags": read_tags(folder), "epoch": int(rows[-1]["epoch"]) if rows else 0}
        config = folder.read_config()
        known |= {"estimator": str(config.get("estimator", "")), "epochs": config.get("epochs")}
        if not (folder.has_checkpoints or folder.net_file.is_there):
            return cls(folder, "training" if folder.lock.user else "nothing saved", **known)
        record = folder.read_record()
        stamp, about = stamp_of(record), record["data"]
        known |= {"epochs": record.get("settings", {}).get("epochs", known["epochs"])}
        known["estimator"] = known["estimator"] or record.get("structure", {}).get("estimator", {}).get("type", "")
        if config:
            sizes = "-".join(map(str, (about["num_features"], *config.get("hidden", ()))))
            known["net"] = f"{sizes} {config.get('net', '')}"
        return cls(
            folder,
            "training" if folder.lock.user else "saved",
            about["name"],
            bound=None if stamp is None else stamp.best_bound,
            evaluation=_best_evaluation(folder),
            **known,
        )

    def value(self, metric: str) -> float | None:
        """Return a number to sort runs by: `bound`, `epoch`, or one of the evaluation, such as `nll`."""
        if metric in ("bound", "epoch"):
            return getattr(self, metric)
        found = self.evaluation.get(metric)
        return found.get("mean") if type(found) is dict else None


def runs_in(folder: Path) -> list[RunFolder]:
    """Return the run folders in a folder, at any depth, by name; the folder itself, if it is one.

    Links are not followed, and folders that may not be read are passed over.
    """
    if RunFolder(folder).is_begun:
        return [RunFolder(folder)]
    try:
        inside = sorted(path for path in folder.iterdir() if path.is_dir() and not path.is_symlink())
    except PermissionError:
        return []
    return [run for path in inside for run in runs_in(path)]


def foreign_files(folder: RunFolder) -> list[Path]:
    """Return what is in a run folder and was not written by this package, by its path in the folder.

    A folder that only has a `config.toml` of something else is foreign as a whole.
    """
    if not (folder.has_checkpoints or folder.net_file.is_there or folder.metrics_file.exists()):
        config = folder.read_config() if folder.config_file.exists() else {}
        if not {"net", "estimator", "epochs"} <= config.keys():
            return [Path(folder.config_file.name)]
    inside = [
        path.relative_to(folder.path) for path in folder.path.rglob("*") if not path.is_dir() or path.is_symlink()
    ]
    return sorted(path for path in inside if not _OWN.fullmatch(path.as_posix()))


def read_tags(folder: RunFolder) -> tuple[str, ...]:
    """Return the tags of a run, in alphabetical order."""
    try:
        found = json.loads(_tag_file(folder).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ()
    words = found if type(found) is list else ()
    return tuple(sorted(word for word in words if type(word) is str and _TAG.fullmatch(word)))


def write_tags(folder: RunFolder, tags: Iterable[str]) -> None:
    """Put tags on a run, in the place of those it has.

    Raises:
        OptionError: If one is no word of letters, digits, dots, dashes and underscores.
        DiskFullError: If there is no room for them.
    """
    tags = sorted(set(tags))
    for tag in tags:
        if not _TAG.fullmatch(tag):
            raise OptionError(
                f"expected tags of at most 40 letters, digits, dots, dashes and underscores, got {shown(tag)}", "best"
            )
    write_atomically(_tag_file(folder), json.dumps(tags) + "\n")


def _tag_file(folder: RunFolder) -> Path:
    return folder.path / "tags.json"


def _best_evaluation(folder: RunFolder) -> dict[str, Any]:
    current = [
        result.content
        for result in folder.read_results("evaluation")
        if result.is_current and result.content["split"] == "test"
    ]
    if not current and folder.evaluation_file.is_file():
        with contextlib.suppress(RunFolderError):
            current = [folder.read_evaluation()]
    return max(current, key=lambda content: content.get("num_particles", 0), default={})
