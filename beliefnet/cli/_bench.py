"""beliefnet bench: the library's speed beside that of others, on the same work."""

import platform
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from beliefnet._errors import OptionError
from beliefnet.bench._definitions import DEFINITIONS
from beliefnet.bench._measure import Effort, measure
from beliefnet.bench._row import Row
from beliefnet.cli._app import command
from beliefnet.cli._files import check_free, chosen_file, replaced, writing
from beliefnet.cli._options import check_counts
from beliefnet.cli._progress import progress
from beliefnet.cli._text import report, say, show_table, tell, to_json
from beliefnet.plots import plot_speeds
from beliefnet.runs import environment, write_atomically

Workload = Literal["nvil", "vimco", "iwae", "em", "nll", "documents"]
PeerName = Literal["pytorch", "pyro", "numpyro", "scikit-learn"]

_PACKAGES = ("beliefnet", "jax", "torch", "pyro-ppl", "numpyro", "scikit-learn")
_LEGEND = (
    "ratio: how many times as long a step takes as the library's own, the median over the rounds",
    "of floor: the share of the time that the matrix products of a step take, by XLA or PyTorch, whichever is faster",
    "z: the difference of the bound at the same weights from the library's, in standard errors; above 4 it is an error",
)


@command
def bench(
    *,
    workloads: Annotated[tuple[Workload, ...], Parameter(negative=())] = (
        "nvil",
        "vimco",
        "iwae",
        "em",
        "nll",
        "documents",
    ),
    peers: tuple[PeerName, ...] = ("pytorch", "pyro", "numpyro", "scikit-learn"),
    rounds: int = 5,
    seconds: float = 1.0,
    out: Path | None = None,
) -> int:
    """Time workloads here and in PyTorch, Pyro and NumPyro, and check that all compute the same.

    All start from the same weights and see the same random data, float32 on the CPU. Each runs in a process of its own,
    and they take turns: a ratio is the median over the rounds. Before, each draws the bound at the start and after 20
    steps; where it is not the library's, the row is an error and has no ratio, and the command ends with status 1.
    Peers need pip install 'beliefnet[bench]'; those that are not installed are left out and named.

    Args:
        workloads: What to time: training steps with nvil, vimco, iwae, em, or the bound of documents; nll is an
            evaluation.
        peers: What to time beside the library: pytorch (eager and compiled), pyro, numpyro, scikit-learn (which can
            express none of these models).
        rounds: How often each takes its turn.
        seconds: How long a turn is, about.
        out: A .png for the picture; the numbers go to a .json next to it.
    """
    workloads, peers = tuple(dict.fromkeys(workloads)), tuple(dict.fromkeys(peers))
    _check(workloads, rounds, seconds, out)
    measured: list[Row] = []
    with progress("bench", len(workloads)) as shown:
        for index, workload in enumerate(workloads):
            effort = Effort(rounds, seconds, min(2.0, 2 * seconds))
            measured += measure(workload, peers, effort, lambda what: shown.update(what=what))
            shown.update(index + 1)
    result = {"rounds": rounds, "seconds": seconds, **_machine(), "rows": [row.to_dict() for row in measured]}
    report(result)
    _show(measured)
    if out is not None:
        note = replaced(out)
        with writing(out):
            plot_speeds(_speeds(measured), out)
            write_atomically(out.with_suffix(".json"), to_json(result, indent=1) + "\n")
        say(f"written to {out} and {out.with_suffix('.json')}{note}")
    return int(any(row.error for row in measured))


def _check(workloads: Sequence[str], rounds: int, seconds: float, out: Path | None) -> None:
    check_counts(rounds=rounds)
    if not 0 < seconds < float("inf"):
        raise OptionError(f"expected --seconds above 0, got {seconds}", "1")
    if not workloads:
        raise OptionError("expected --workloads to be one or more, got none", "--workloads nvil")
    if out is not None:
        chosen_file(out, "bench.png", ".png")
        check_free(out.with_suffix(".json"))


def _machine() -> dict[str, Any]:
    versions = {}
    for name in _PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    here = {name: value for name, value in environment().items() if name in ("cores", "processor", "native code")}
    return {**here, "machine": platform.machine(), "python": platform.python_version(), "versions": versions}


def _show(measured: Sequence[Row]) -> None:
    header = ("workload", "by", "examples/s", "ratio", "of floor", "bound", "z")
    show_table(header, _rows(measured), names=("workload", "by"), is_plain=True)
    for row in measured:
        if row.error:
            tell(f"{row.workload}, {row.contestant}: ERROR: {row.error}")
    notes: dict[str, list[str]] = {}
    for row in measured:
        if row.note:
            notes.setdefault(f"{row.contestant}: {row.note}", []).append(row.workload)
    for note, workloads in notes.items():
        tell(f"{', '.join(workloads)}, {note}")
    for line in _LEGEND:
        tell(line)


def _rows(measured: Sequence[Row]) -> Iterator[tuple[str, ...]]:
    """Yield the cells of what was measured or failed, and an empty row between workloads."""
    last = ""
    for row in measured:
        if not (row.seconds or row.error):
            continue
        name = "" if row.workload == last else row.workload
        if name and last:
            yield ("",) * 7
        last = row.workload
        speed = "" if row.examples_per_second is None else f"{row.examples_per_second:,.0f}"
        ratio = "ERROR" if row.error else "" if row.ratio is None else f"{row.ratio:.2f}"
        floor = "" if row.of_floor is None else f"{100 * row.of_floor:.0f} %"
        yield name, row.contestant, speed, ratio, floor, *_bound(row)


def _bound(row: Row) -> tuple[str, str]:
    return str(row.bounds[0]) if row.bounds else "", "" if row.z is None else f"{row.z:.1f}"


def _speeds(measured: Sequence[Row]) -> dict[str, dict[str, float]]:
    """Return the speed of what was measured without an error, as a share of the library's, by workload."""
    found: dict[str, dict[str, float]] = {}
    for row in measured:
        if row.ratio and not row.error:
            found.setdefault(DEFINITIONS[row.workload].about, {})[row.contestant] = 1 / row.ratio
    return found
