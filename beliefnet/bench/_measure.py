"""The measurement: contestants in turn, round after round, and the check that they compute the same."""

import math
import statistics
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from beliefnet.bench._contestant import Task
from beliefnet.bench._definitions import DEFINITIONS, rows_of
from beliefnet.bench._own import task_of
from beliefnet.bench._process import Contestant, ContestantError
from beliefnet.bench._row import Bound, Row, agreement
from beliefnet.bench.peers import PEERS

OWN, XLA_FLOOR, TORCH_FLOOR = "own", "xla-floor", "_torch:floor"
STEPS_TO_RISE = 20
_MOST_BOUNDS = 500
MOST_Z, MOST_DIFFERENCE = 4.0, 0.2
"""The most standard errors between two bounds, and the share by which the rises of two may differ."""


@dataclass(frozen=True)
class Effort:
    """How much is measured.

    Attributes:
        rounds: Rounds in which every contestant runs once.
        seconds: How long a contestant runs in a round, about.
        bound_seconds: How long the bound of a contestant is drawn, once before the steps and once after the first.
    """

    rounds: int = 5
    seconds: float = 1.0
    bound_seconds: float = 2.0


def contestants_of(workload: str, peers: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Return the contestants of a workload by what the table calls them: peer and process, floors included."""
    found = {"beliefnet": ("", OWN)}
    for name in peers:
        peer = PEERS[name]
        if peer.module and not peer.missing and workload not in peer.cannot:
            for variant in peer.variants:
                title = peer.title if len(peer.variants) == 1 else f"{peer.title}, {variant}"
                found[title] = (name, f"{peer.module}:{variant}")
    found["products by XLA"] = ("", XLA_FLOOR)
    if "pytorch" in peers and not PEERS["pytorch"].missing:
        found["products by PyTorch"] = ("", TORCH_FLOOR)
    return found


def measure(workload: str, peers: Sequence[str], effort: Effort, tell: Callable[[str], None]) -> list[Row]:
    """Measure one workload.

    Args:
        workload: Its name.
        peers: Names of peers; those that are not installed or cannot express it get a row that says so.
        effort: How much is measured.
        tell: Called with what is being done.
    """
    return measure_task(task_of(DEFINITIONS[workload], rows_of(DEFINITIONS[workload])), peers, effort, tell)


def measure_task(task: Task, peers: Sequence[str], effort: Effort, tell: Callable[[str], None]) -> list[Row]:
    """Measure the contestants of a task."""
    names = contestants_of(task.definition.name, peers)
    rows = {title: Row(task.definition.name, title, peer=peer) for title, (peer, _) in names.items()}
    with tempfile.TemporaryDirectory() as place, _closing() as running:
        task.save(Path(place))
        counts: dict[str, int] = {}
        for title, (_, process) in names.items():
            tell(f"{task.definition.name}: {title}, compiling")
            try:
                running[title] = Contestant(Path(place), process)
                if process not in (XLA_FLOOR, TORCH_FLOOR):
                    rows[title].bounds = _bounds(running[title], task, effort)
                counts[title] = _count(running[title], effort.seconds)
            except ContestantError as error:
                rows[title].error = str(error)
                running.pop(title, None)
        for turn in range(effort.rounds):
            for title, count in list(counts.items()):
                tell(f"{task.definition.name}: {title}, round {turn + 1} of {effort.rounds}")
                try:
                    rows[title].seconds.append(running[title].run(count) / count)
                except ContestantError as error:
                    rows[title].error, rows[title].seconds = str(error), []
                    del counts[title]
    _compare(task, rows)
    return [*rows.values(), *_absent(task.definition.name, peers)]


@contextmanager
def _closing() -> Iterator[dict[str, Contestant]]:
    running: dict[str, Contestant] = {}
    try:
        yield running
    finally:
        for contestant in running.values():
            contestant.close()


def _bounds(contestant: Contestant, task: Task, effort: Effort) -> list[Bound]:
    """Draw the bound at the weights that all start from and, where there is training, after the first steps."""
    found = [Bound.of(contestant.bounds(effort.bound_seconds, _MOST_BOUNDS))]
    if task.definition.is_training:
        contestant.run(STEPS_TO_RISE)
        found.append(Bound.of(contestant.bounds(effort.bound_seconds, _MOST_BOUNDS)))
    return found


def _count(contestant: Contestant, seconds: float) -> int:
    """Return how many steps last so long; the first run of a kind, which may compile, is not timed."""
    contestant.run(1)
    count = 1
    while (taken := contestant.run(count)) < seconds / 4:
        count = math.ceil(count * min(16.0, max(2.0, seconds / max(taken, 1e-9) / 2)))
    count = max(1, round(count * seconds / taken))
    contestant.run(count)
    return count


def _compare(task: Task, rows: dict[str, Row]) -> None:
    own = rows["beliefnet"]
    floors = [row.seconds for row in rows.values() if row.is_floor and row.seconds]
    for row in rows.values():
        if not row.seconds or not own.seconds:
            continue
        row.examples_per_second = task.definition.batch_size / statistics.median(row.seconds)
        row.ratio = statistics.median(theirs / ours for theirs, ours in zip(row.seconds, own.seconds, strict=True))
        fastest = [min(each) for each in zip(*floors, strict=True)]
        row.of_floor = statistics.median(floor / taken for floor, taken in zip(fastest, row.seconds, strict=True))
        if row.is_floor or row is own:
            continue
        note = PEERS[row.peer].notes.get(task.definition.name, "")
        row.note, row.z = note, agreement(own.bounds[0], row.bounds[0])
        row.error = _disagreement(own, row, row.z, is_same_estimator=task.definition.name != "nvil" or not note)


def _disagreement(own: Row, row: Row, z: float, *, is_same_estimator: bool) -> str:
    if not abs(z) < MOST_Z:
        return f"another bound: {row.bounds[0]}, expected {own.bounds[0]}"
    if len(row.bounds) < 2 or not is_same_estimator:
        return ""
    rises = [found[1].mean - found[0].mean for found in (own.bounds, row.bounds)]
    noise = MOST_Z * math.hypot(*(bound.stderr for found in (own.bounds, row.bounds) for bound in found))
    if abs(rises[0] - rises[1]) <= MOST_DIFFERENCE * abs(rises[0]) + noise:
        return ""
    return f"another training: {STEPS_TO_RISE} steps raise the bound by {rises[1]:.1f} nats, expected {rises[0]:.1f}"


def _absent(workload: str, peers: Sequence[str]) -> list[Row]:
    found = []
    for name in peers:
        peer = PEERS[name]
        reason = peer.cannot.get(workload, "")
        if not reason and peer.missing:
            reason = "not installed: pip install 'beliefnet[bench]'"
        if reason:
            found.append(Row(workload, peer.title, peer=name, note=reason))
    return found
