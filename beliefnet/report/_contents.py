"""What a run folder holds, as far as it can be read: a page about a damaged run says what is missing."""

import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from beliefnet._errors import Refusal
from beliefnet.catalogue import NamedRun, load_named_run
from beliefnet.data import Dataset, Observations, numbered_columns
from beliefnet.runs import Overview, Result, RunFolder

KINDS = ("evaluation", "gaps", "outliers", "imputation")
_ROWS = 500


@dataclass(frozen=True)
class Contents:
    """A run folder that was read.

    Attributes:
        folder: The folder.
        name: What the page calls it.
        overview: What it is.
        rows: One row of metrics per epoch.
        config: Its configuration; empty for a run that was started from Python.
        record: What is recorded beside the net; empty while nothing is saved.
        results: Results by their kind, oldest first.
        gradients: What `beliefnet diagnose` found, or None.
        run: The run with its net, or None.
        data: The data that it was trained on, or None.
        missing: A sentence for each thing that could not be read.
    """

    folder: RunFolder
    name: str
    overview: Overview
    rows: list[dict[str, Any]]
    config: dict[str, Any]
    record: dict[str, Any] = field(default_factory=dict)
    results: dict[str, list[Result]] = field(default_factory=dict)
    gradients: dict[str, Any] | None = None
    run: NamedRun | None = None
    data: Dataset | None = None
    missing: tuple[str, ...] = ()

    @classmethod
    def read(cls, folder: RunFolder) -> "Contents":
        """Read a run folder."""
        missing: list[str] = []
        config, record, run, data = {}, {}, None, None
        try:
            config = folder.read_config()
            run = load_named_run(folder.path)
            record = folder.read_record()
            missing += run.skipped
            data = run.load_data()
        except (Refusal, OSError) as error:
            what = "net" if run is None else "data"
            missing.append(f"What needs the {what} is left out: {error}.")
        return cls(
            folder,
            folder.path.resolve().name,
            Overview.of(folder),
            folder.read_metrics(),
            config,
            record,
            {kind: folder.read_results(kind) for kind in KINDS},
            _json(folder),
            run,
            data,
            tuple(missing),
        )

    @property
    def evaluations(self) -> list[Result]:
        """Evaluations of the net as it is now, those with most particles last."""
        current = [result for result in self.results.get("evaluation", ()) if result.is_current]
        return sorted(current, key=lambda result: result.content.get("num_particles", 0))

    @cached_property
    def validation(self) -> Observations | None:
        """Some validation rows, spread evenly; None where the data are not there."""
        return None if self.data is None else some_rows(self.data.valid, _ROWS)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the net's columns, or numbers where they have none."""
        assert self.run is not None
        return self.folder.words or numbered_columns(self.run.net.num_visible)


def some_rows(rows: Observations, most: int) -> Observations:
    """Return so many rows, spread evenly: a split may be sorted by class."""
    count = min(most, len(rows))
    return rows[np.arange(count) * len(rows) // count]


def _json(folder: RunFolder) -> dict[str, Any] | None:
    file = folder.home / "gradients.json"
    if folder.is_file or not file.is_file():
        return None
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if type(found) is dict else None
