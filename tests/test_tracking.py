"""Runs that are recorded elsewhere while they train: what is written, that it goes on, and that it costs nothing."""

import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from commands import fails, rows

from beliefnet._errors import ArgumentError, OptionError
from beliefnet.cli import run
from beliefnet.runs import RunFolder, foreign_files, write_tags
from beliefnet.tracking import AbstractTracker, MLflow, Status, TensorBoard, _tracker, check_store

PARAMS = {"net": "sbn", "hidden": [4, 3], "epochs": 9, "nvil": {"smoothing": 0.8}, "columns": []}
FLAT = {"net": "sbn", "hidden": "4 3", "epochs": 9, "nvil.smoothing": 0.8}


def history(count: int) -> list[dict]:
    return [
        {"epoch": n, "step": 10 * n, "seconds": n, "train_bound": -9.0, "valid_bound": -8.0, "mine": 1 / n, "data": "x"}
        for n in range(1, count + 1)
    ]


def ended(count: int, reason: str = "finished") -> SimpleNamespace:
    return SimpleNamespace(reason=reason, history=history(count), best_bound=-8.0, best_epoch=1)


def told(tracker, count: int) -> None:
    tracker.on_steps(count, 10 * count, -9.0, 100.0)
    tracker.on_epoch(SimpleNamespace(history=history(count)))


class Kept(AbstractTracker):
    """Keeps what it is given; fails, or waits, while it is told to."""

    place = "a list"  # pyright: ignore[reportAssignmentType]

    def __init__(self, folder, recorded=()):
        super().__init__(folder)
        self.there, self.written, self.described, self.status = set(recorded), [], [], []
        self.fails, self.waits = False, threading.Event()
        self.waits.set()

    def _open(self):
        return self.there

    def _describe(self, params, facts):
        self.described.append((dict(params), dict(facts)))

    def _begin(self):
        self.status = ["begun"]

    def _write(self, rows):
        self.waits.wait(5)
        if self.fails:
            raise ConnectionError("gone")
        self.written += rows

    def _end(self, status, *, has_trained):
        self.status += [status, has_trained]


@pytest.fixture
def folder(tmp_path) -> Path:
    made = RunFolder.create(tmp_path / "run", PARAMS)
    write_tags(made, ["paper", "best"])
    return made.path


def test_what_is_new_is_written_with_the_options_and_tags(folder: Path):
    with Kept(folder, recorded={("train_bound", 10), ("valid_bound", 10), ("mine", 10)}) as tracker:
        told(tracker, 3)
        tracker.on_end(ended(4))  # pyright: ignore[reportArgumentType]
    facts = {"folder": str(folder.resolve()), "tags": "best paper"}
    assert tracker.described == [(FLAT, facts)]
    assert tracker.status == ["begun", Status.FINISHED, True]
    steps, figures = zip(*tracker.written, strict=True)
    assert steps == (10, 20, 30, 40, 40)
    assert figures[0] == {"epoch": 1, "seconds": 1}
    assert figures[1] == {"epoch": 2, "seconds": 2, "train_bound": -9.0, "valid_bound": -8.0, "mine": 0.5}
    assert figures[-1] == {"best_valid_bound": -8.0, "best_epoch": 1.0}


@pytest.mark.parametrize(
    ("error", "reason", "status"),
    [
        (None, "finished", Status.FINISHED),
        (None, "interrupted", Status.KILLED),
        (ValueError, None, Status.FAILED),
        (KeyboardInterrupt, None, Status.KILLED),
    ],
)
def test_how_a_run_ends_is_written(folder: Path, error, reason: str | None, status: Status):
    tracker = Kept(folder)
    try:
        with tracker:
            told(tracker, 1)
            if error:
                raise error
            tracker.on_end(ended(1, reason or ""))  # pyright: ignore[reportArgumentType]
    except (ValueError, KeyboardInterrupt):
        pass
    assert tracker.status == ["begun", status, True]


def test_training_waits_for_nothing_and_what_failed_is_written_later(folder: Path):
    tracker, began = Kept(folder), time.monotonic()

    def train() -> None:
        with tracker:
            tracker.fails = True
            tracker.waits.clear()
            told(tracker, 1)
            told(tracker, 2)
            assert time.monotonic() - began < 1
            tracker.waits.set()
            while tracker._trouble is None:
                time.sleep(0.01)
            for step in (25, 27):
                tracker.on_steps(3, step, -9.0, 100.0)
            tracker.fails = False
            told(tracker, 3)

    with pytest.warns(UserWarning, match=r"a list: training goes on, .* \(gone\)") as seen:
        train()
    assert len(seen) == 1
    assert [step for step, _ in tracker.written] == [10, 20, 30]


def test_outside_of_its_context_nothing_is_taken_silently(folder: Path):
    tracker = Kept(folder)
    for call in (lambda: told(tracker, 1), lambda: tracker.log({}, step=1)):
        with pytest.raises(ArgumentError, match=r"expected a Kept within its context, .* with Kept\(...\) as tracker"):
            call()
    with tracker:
        told(tracker, 1)
    with pytest.raises(ArgumentError, match="expected a Kept within its context"):
        tracker.log({}, step=1)
    with pytest.raises(ArgumentError, match="expected a new Kept for each context"), tracker:
        pass


def test_what_is_not_recorded_at_the_end_is_said(folder: Path, monkeypatch):
    monkeypatch.setattr(_tracker, "_SECONDS_BETWEEN_LAST_TRIES", 0.01)
    tracker = Kept(folder)
    tracker.fails = True
    tracker.__enter__()
    told(tracker, 1)
    with pytest.warns(UserWarning, match="a list: not all of this run is recorded"):
        tracker.__exit__(None, None, None)
    assert not tracker.written


def test_event_files_are_read_back_and_continued(folder: Path):
    pytest.importorskip("tensorboardX", reason="tensorboardX is not installed: pip install '.[tensorboard]'")
    for count in (2, 4):
        with TensorBoard(folder) as tracker:
            told(tracker, count)
    with TensorBoard(folder) as tracker:
        tracker.log({"test/nll_10": 7.0}, step=20)
    found = list(TensorBoard(folder).recorded())
    assert len(found) == len(set(found))
    assert {step for name, step in found if name == "mine"} == {10, 20, 30, 40}
    assert ("test/nll_10", 20) in found
    files = sorted(folder.glob("events.out.tfevents.*"))
    assert len(files) == 3
    content = files[0].read_bytes()
    assert all(text in content for text in (*map(str.encode, FLAT), b"best paper", bytes(folder.resolve())))
    # A crash may cut a record short.
    files[1].write_bytes(files[1].read_bytes().rpartition(b"mine")[0])
    assert {step for name, step in TensorBoard(folder).recorded() if name == "epoch"} == {10, 20, 30}
    RunFolder(folder).append_metrics(history(1)[0])
    assert foreign_files(RunFolder(folder)) == []


@pytest.mark.parametrize(
    ("package", "words"), [("tensorboardX", ["--tensorboard"]), ("mlflow", ["--mlflow", "sqlite:///x.db"])]
)
def test_a_package_that_is_missing_is_named_before_training(tmp_path, capsys, monkeypatch, package: str, words):
    monkeypatch.setitem(sys.modules, package, None)
    error = fails(capsys, "train", *words, "--data", "no-such-data", "--out", tmp_path / "run")
    extra = package.lower().removesuffix("x")
    assert f"expected the package {package}, " in error
    assert error.endswith(f'got none; try pip install "beliefnet[{extra}]"\n')
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("uri", ["", "mine", "mlruns/", "ftp://x", "http", "http:", "sqlite", "[bold]", "\x1b[31m"])
def test_what_is_no_address_is_refused(uri: str):
    with pytest.raises(OptionError, match=r"expected uri to be the address .*; try http://127.0.0.1:5000, or sqlite"):
        check_store(uri)


def trained(folder: Path, *words: str, data: str = "bars") -> int:
    options = ["--data", data, "--hidden", "3", "--epochs", "2", "--out", str(folder)]
    return run(["train", *words, *([] if "--resume" in words else options)])


@pytest.mark.full
def test_the_command_line_writes_event_files(tmp_path, capsys):
    pytest.importorskip("tensorboardX", reason="tensorboardX is not installed: pip install '.[tensorboard]'")
    np.save(tmp_path / "x.npy", np.eye(50, 6))
    place = tmp_path / "run"
    assert trained(place, "--tensorboard", data=str(tmp_path / "x.npy")) == 0
    assert f"beliefnet evaluate {place} --tensorboard" in capsys.readouterr().out
    assert run(["evaluate", str(place), "--particles", "5", "--tensorboard"]) == 0
    assert run(["train", "--resume", str(place), "--epochs", "3", "--tensorboard"]) == 0
    steps = [row["step"] for row in rows(place)]
    found = list(TensorBoard(place).recorded())
    assert [step for name, step in sorted(found) if name == "valid_bound"] == steps
    assert len({step for name, step in found if name.startswith("test/nll_5")} & set(steps[:2])) == 1
    for words in (["--limit", "3"], ["--data", "bars"]):
        error = fails(capsys, "evaluate", place, "--tensorboard", *words)
        assert "expected a run folder and a whole split of its own data to record" in error
        assert error.endswith("; try leaving --tensorboard out\n")


@pytest.fixture(scope="module")
def mlflow():
    return pytest.importorskip("mlflow", reason="MLflow is not installed: pip install '.[mlflow]'")


WITHOUT_NETWORK = """
import json, sys
sys.addaudithook(lambda event, given: print(event, given, file=sys.stderr) if event in {events} else None)
from beliefnet.cli import run
for words in json.loads(sys.argv[1]):
    assert run(words) == 0
"""
EVENTS = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto")


@pytest.mark.full
def test_mlflow_keeps_a_run_and_nothing_goes_elsewhere(mlflow, tmp_path, monkeypatch):
    """A run of the command line, evaluated and continued, in a database of its own."""
    for name in ("CI", "PYTEST_CURRENT_TEST", "MLFLOW_DISABLE_TELEMETRY"):
        monkeypatch.delenv(name, raising=False)  # by which MLflow would know a test
    np.save(tmp_path / "x.npy", np.eye(50, 6))
    uri, place = f"sqlite:///{tmp_path}/mlflow.db", tmp_path / "run"
    options = ["--data", "x.npy", "--hidden", "3", "--epochs", "2", "--batch-size", "8", "--out", str(place)]
    called = [["train", *options], ["evaluate", str(place), "--particles", "5"]]
    called = [
        [*words, "--mlflow", uri, "--json"] for words in (*called, ["train", "--resume", str(place), "--epochs", "3"])
    ]
    command = [sys.executable, "-c", WITHOUT_NETWORK.format(events=EVENTS), json.dumps(called)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert len([json.loads(line) for line in done.stdout.splitlines()]) == 3
    client = mlflow.MlflowClient(uri)
    (found,) = client.search_runs(["0"])
    assert (found.info.run_name, found.info.status) == ("run", "FINISHED")
    assert (found.data.params["hidden"], found.data.params["epochs"]) == ("3", "2")
    assert (found.data.tags["beliefnet.folder"], found.data.tags["beliefnet.epochs"]) == (str(place), "3")
    recorded = client.get_metric_history(found.info.run_id, "valid_bound")
    assert [(one.step, one.value) for one in recorded] == [(row["step"], row["valid_bound"]) for row in rows(place)]
    assert {"test/nll_5", "test/elbo", "best_valid_bound", "train_bound"} <= found.data.metrics.keys()


@pytest.mark.full
def test_mlflow_says_how_a_run_ended(mlflow, folder: Path, tmp_path, monkeypatch):
    """In files, which MLflow still reads where it is allowed to."""
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    uri, ids = f"file://{tmp_path}/store", []
    for error in (KeyboardInterrupt, ValueError, None):
        try:
            with MLflow(uri, folder, experiment="mine") as tracker:
                told(tracker, 1)
                ids.append(tracker.run_id)
                if error:
                    raise error
        except (KeyboardInterrupt, ValueError):
            pass
        expected = {KeyboardInterrupt: "KILLED", ValueError: "FAILED", None: "FINISHED"}[error]
        assert tracker._client.get_run(tracker.run_id).info.status == expected
    assert len(set(ids)) == 1
    client = mlflow.MlflowClient(uri)
    assert client.get_run(ids[0]).data.tags["beliefnet.tags"] == "best paper"
    assert client.get_experiment_by_name("mine") is not None
    client.delete_run(ids[0])
    with MLflow(uri, folder, experiment="mine") as tracker:
        told(tracker, 1)
    assert tracker.run_id != ids[0]
    with pytest.raises(
        OptionError, match=r"got http://127.0.0.1:9 .*; try starting it with `mlflow server`, or sqlite"
    ):
        check_store("http://me:secret@127.0.0.1:9")
