"""Runs in MLflow: on a tracking server, or in a database of its own."""

import contextlib
import json
import logging
import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from beliefnet._errors import OptionError, shown
from beliefnet.runs import write_atomically
from beliefnet.tracking._tracker import AbstractTracker, Params, Status, reason_of, without_password

_URI = re.compile(r"(https?|sqlite|postgresql|mysql|mssql|file|databricks)(\+\w+)?:[/\w.].*|databricks")
_SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    # What could not be written is tried again later.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
}
_MOST_AT_ONCE = 1000
_MOST_PARAMS = 100
_LONGEST_PARAM = 6000


class MLflow(AbstractTracker):
    """A run in MLflow, which ends as finished, failed or killed, and goes on where the run folder goes on.

    Needs the package mlflow or mlflow-skinny. Unless the environment says otherwise, its telemetry stays off and it
    prints nothing (`MLFLOW_DISABLE_TELEMETRY` and the like). Which run a folder has is kept in its `mlflow.json`.

    Args:
        uri: A tracking server, as in `http://127.0.0.1:5000`, or a database, as in `sqlite:///mlflow.db`.
        folder: The run folder, whose name the run has.
        experiment: Name of the experiment, made where there is none; by default that in `MLFLOW_EXPERIMENT_NAME`, or
            `Default`.

    Raises:
        OptionError: If the package is missing, or, when the context is entered, nothing answers at the address.
    """

    def __init__(self, uri: str, folder: Path | str, *, experiment: str | None = None):
        super().__init__(folder)
        self._mlflow, self._uri, self._shown_uri = _package(uri), uri, without_password(uri)
        self._experiment = experiment or os.environ.get("MLFLOW_EXPERIMENT_NAME") or "Default"
        self._file = self.folder.path / "mlflow.json"
        self._is_new, self._is_begun = False, False
        self.run_id = ""

    @property
    def place(self) -> str:
        """Where it is recorded."""
        return f"MLflow at {self._shown_uri}"

    def _open(self) -> set[tuple[str, int]]:
        with _naming(self._uri):
            self._client = self._mlflow.MlflowClient(self._uri)
            self.run_id = self._kept() or self._created()
            return self._recorded_steps()

    def _kept(self) -> str:
        """Return the run that the folder has there; empty if it has none, or that was deleted."""
        kept = _read(self._file).get(self._shown_uri, "")
        if not kept:
            return ""
        try:
            run = self._client.get_run(kept)
        except self._mlflow.exceptions.MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return ""
        return kept if run.info.lifecycle_stage == "active" else ""

    def _created(self) -> str:
        found = self._client.get_experiment_by_name(self._experiment)
        experiment = self._client.create_experiment(self._experiment) if found is None else found.experiment_id
        name = self.folder.path.resolve().name
        run = self._client.create_run(experiment, run_name=name, tags={"mlflow.source.name": "beliefnet"})
        self.folder.make()
        kept = {**_read(self._file), self._shown_uri: run.info.run_id}
        write_atomically(self._file, json.dumps(kept, indent=2) + "\n")
        self._is_new = True
        return run.info.run_id

    def _recorded_steps(self) -> set[tuple[str, int]]:
        """Return names and steps of what is recorded already."""
        names = self._client.get_run(self.run_id).data.metrics
        return {(name, one.step) for name in names for one in self._client.get_metric_history(self.run_id, name)}

    def _describe(self, params: Params, facts: Mapping[str, str]) -> None:
        mlflow = self._mlflow.entities
        before = self._client.get_run(self.run_id).data.params
        texts = {name: str(value)[:_LONGEST_PARAM] for name, value in params.items()}
        new = [mlflow.Param(name, value) for name, value in texts.items() if name not in before]
        # MLflow never changes a parameter; --epochs and the like may be others when a run goes on.
        changed = {name: value for name, value in texts.items() if before.get(name, value) != value}
        tags = [mlflow.RunTag(f"beliefnet.{name}", value) for name, value in {**facts, **changed}.items()]
        self._client.log_batch(self.run_id, tags=tags)
        for start in range(0, len(new), _MOST_PARAMS):
            self._client.log_batch(self.run_id, params=new[start : start + _MOST_PARAMS])

    def _begin(self) -> None:
        if not self._is_begun:
            self._client.update_run(self.run_id, status="RUNNING")
            self._is_begun = True

    def _write(self, rows: Sequence[tuple[int, Mapping[str, float]]]) -> None:
        now = int(1000 * time.time())
        new = [
            self._mlflow.entities.Metric(name, value, now, step)
            for step, figures in rows
            for name, value in figures.items()
        ]
        for start in range(0, len(new), _MOST_AT_ONCE):
            self._client.log_batch(self.run_id, metrics=new[start : start + _MOST_AT_ONCE])

    def _end(self, status: Status, *, has_trained: bool) -> None:
        if has_trained or self._is_new:
            self._client.set_terminated(self.run_id, status=status.value)


def check_store(uri: str) -> None:
    """Check that an address is that of an MLflow server or store which can be used.

    Raises:
        OptionError: If it is not, or the package is missing.
    """
    mlflow = _package(uri)
    with _naming(uri):
        mlflow.MlflowClient(uri).search_experiments(max_results=1)


@contextlib.contextmanager
def _naming(uri: str) -> Iterator[None]:
    """Have errors of the package, its database or the network say what was asked for."""
    try:
        yield
    except Exception as error:
        raise OptionError(
            f"expected {{option}} to be an MLflow server or store that can be used, got {without_password(uri)} "
            f"({reason_of(error)})",
            "starting it with `mlflow server`",
            "sqlite:///mlflow.db",
            option="uri",
        ) from error


def _package(uri: str) -> Any:
    if not _URI.fullmatch(uri):
        raise OptionError(
            f"expected {{option}} to be the address of an MLflow server or store, got {shown(uri)}",
            "http://127.0.0.1:5000",
            "sqlite:///mlflow.db",
            option="uri",
        )
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    try:
        # Imported here because it is an extra.
        import mlflow  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise OptionError(
            "expected the package mlflow, which records runs, got none", 'pip install "beliefnet[mlflow]"'
        ) from error
    # Earlier versions have it tell of every table of a new database.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    return mlflow


def _read(file: Path) -> dict[str, str]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if type(found) is dict else {}
