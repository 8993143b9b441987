"""Runs that differ in their seed alone, as one: mean and standard deviation over them."""

import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from beliefnet.cli._text import aligned, report, tell
from beliefnet.runs import Overview

METRICS = ("bound", "nll", "elbo", "ess")


@dataclass(frozen=True)
class Group:
    """Runs that differ in their seed alone.

    Attributes:
        runs: The runs.
        seeds: The seed of each.
    """

    runs: tuple[Overview, ...]
    seeds: tuple[int, ...]

    def spread(self, metric: str) -> tuple[float, float | None] | None:
        """Return mean and standard deviation, which one run has not; None where a run has no such number.

        The likelihoods must come from as many particles each: with more of them, a bound is tighter.
        """
        values = [run.value(metric) for run in self.runs]
        known = [value for value in values if value is not None]
        particles = {run.evaluation.get("num_particles") for run in self.runs}
        if len(known) < len(values) or (metric not in ("bound", "elbo") and len(particles) > 1):
            return None
        return statistics.fmean(known), statistics.stdev(known) if len(known) > 1 else None


def groups_over_seeds(runs: Sequence[Overview]) -> list[Group]:
    """Return runs in groups that differ in their seed alone, in the order of the first of each."""
    found: dict[str, list[tuple[Overview, int]]] = {}
    for run in runs:
        config = run.folder.read_config() if run.state != "damaged" else {}
        seed = config.pop("seed", 0)
        # A run without options, as `fit` may leave, is like no other.
        key = json.dumps(config, sort_keys=True, default=str) if config else str(run.folder.path)
        found.setdefault(key, []).append((run, seed))
    return [Group(*map(tuple, zip(*group, strict=True))) for group in found.values()]


def show_groups(groups: Sequence[Group]) -> None:
    """Print groups of runs, and what they came to."""
    report({"groups": [_plain(group) for group in groups]})
    header = ("runs", "net", "estimator", "seeds", "bound", "NLL", "ELBO")
    rows = [
        (
            f"{group.runs[0].folder.path}{' ...' * (len(group.runs) > 1)}",
            group.runs[0].net,
            group.runs[0].estimator,
            str(len(group.seeds)),
            *(_worded(group.spread(metric)) for metric in ("bound", "nll", "elbo")),
        )
        for group in groups
    ]
    for line in aligned([header, *rows]):
        tell(line)
    tell("mean and, in brackets, standard deviation over seeds; NLL where as many particles were used for each")


def _worded(spread: tuple[float, float | None] | None) -> str:
    if spread is None:
        return ""
    mean, deviation = spread
    return f"{mean:.2f}" if deviation is None else f"{mean:.2f} ({deviation:.2f})"


def _plain(group: Group) -> dict[str, object]:
    spreads = {metric: group.spread(metric) for metric in METRICS}
    first = group.runs[0]
    return {
        "runs": [str(run.folder.path) for run in group.runs],
        "seeds": list(group.seeds),
        "net": first.net,
        "data": first.data,
        "estimator": first.estimator,
        "num_particles": first.evaluation.get("num_particles"),
        **{
            metric: None if spread is None else {"mean": spread[0], "standard_deviation": spread[1]}
            for metric, spread in spreads.items()
        },
    }
