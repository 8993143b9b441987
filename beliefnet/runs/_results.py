"""Results about a trained net, each with the state of the run that it belongs to."""

import hashlib
import json
import re
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from beliefnet.runs._environment import environment
from beliefnet.runs._files import write_atomically


@dataclass(frozen=True)
class Stamp:
    """Which net of a run: results with another stamp than the run has now are of an earlier net.

    Attributes:
        fingerprint: Of the structure of net and estimator, the options and the data.
        step: Steps that training had taken.
        best_epoch: The epoch after which the best net was found; 0 before the first.
        best_bound: Its validation bound, in nats per example; None before the first epoch.
    """

    fingerprint: str
    step: int
    best_epoch: int
    best_bound: float | None

    def is_same_net(self, other: "Stamp") -> bool:
        """Whether the best net is the same; training may have gone on without finding a better one."""
        mine, others = asdict(self), asdict(other)
        return all(mine[name] == others[name] for name in ("fingerprint", "best_epoch", "best_bound"))


@dataclass(frozen=True)
class Result:
    """A result that a run folder keeps.

    Attributes:
        kind: What it is, such as "evaluation".
        key: What tells it from others of its kind, such as split, number of particles and proposal.
        content: The result.
        stamp: The net that it is about.
        is_current: Whether that is the best net that the run has now.
        time: When it was written, in seconds since 1970.
        environment: Versions and machine that it was made with.
    """

    kind: str
    key: dict[str, Any]
    content: dict[str, Any]
    stamp: Stamp
    is_current: bool
    time: float = 0.0
    environment: dict[str, Any] = field(default_factory=dict)


def write_result(directory: Path, kind: str, key: dict[str, Any], content: dict[str, Any], stamp: Stamp) -> Path:
    """Write a result; one with the same kind and key is replaced, and no other."""
    directory.mkdir(parents=True, exist_ok=True)
    whole = {
        "kind": kind,
        "key": key,
        "stamp": asdict(stamp),
        "time": time.time(),
        "environment": environment(),
        "content": content,
    }
    path = directory / f"{_file_name(kind, key)}.json"
    write_atomically(path, json.dumps(whole, indent=2) + "\n")
    return path


def read_results(directory: Path, kind: str, stamp: Stamp | None) -> tuple[list[Result], list[str]]:
    """Return the results of a kind, oldest first, and a sentence for each file that cannot be read.

    Args:
        directory: Where they are; none if it does not exist.
        kind: What they are.
        stamp: The run as it is now.
    """
    found: list[Result] = []
    skipped: list[str] = []
    for path in sorted(directory.glob(f"{kind}-*.json")) if directory.is_dir() else []:
        try:
            whole = json.loads(path.read_text(encoding="utf-8"))
            written = Stamp(**whole["stamp"])
            is_current = stamp is not None and written.is_same_net(stamp)
            content, moment = whole["content"], whole["time"]
            found.append(
                Result(whole["kind"], whole["key"], content, written, is_current, moment, whole["environment"])
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            skipped.append(f"the result {path} cannot be read ({type(error).__name__}: {error}); it is left out")
    return sorted((r for r in found if r.kind == kind), key=lambda r: r.time), skipped


def _file_name(kind: str, key: dict[str, Any]) -> str:
    """A name that can be read, and is different for every key."""
    words = [str(value) for value in key.values() if type(value) in (str, int, float)]
    readable = re.sub(r"[^A-Za-z0-9.]+", "-", "-".join([kind, *words]))[:60].strip("-.")
    return f"{readable}-{hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:8]}"
