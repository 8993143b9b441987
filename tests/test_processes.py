"""Several processes that train one net: a run of two, of which one is killed, and what cannot be joined."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from beliefnet._errors import OptionError
from beliefnet.cli import run
from beliefnet.devices import _coordinator, start_processes
from beliefnet.runs import RunFolder

_SECONDS = 120


def start(*words: object, by_slurm: bool = False) -> list[subprocess.Popen]:
    """Start a command in two processes, of two devices each, that are told of each other or find a job of Slurm."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    environment = os.environ | {"JAX_NUM_CPU_DEVICES": "2", "PYTHONPATH": str(Path(__file__).parents[1])}
    job = {"SLURM_JOB_ID": "7", "SLURM_STEP_NODELIST": "127.0.0.1", "SLURM_NTASKS": "2", "JAX_COORDINATOR_PORT": port}
    found = []
    for number in map(str, range(2)):
        own = {"SLURM_PROCID": number, "SLURM_LOCALID": number}
        how = "auto" if by_slurm else f"coordinator=127.0.0.1:{port},processes=2,process={number}"
        command = [sys.executable, "-m", "beliefnet", "train", *map(str, words), "--progress", "none"]
        options = {"env": environment | (job | own if by_slurm else {}), "text": True}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        found.append(subprocess.Popen([*command, "--distributed", how], **options, **pipes))
    return found


def finish(processes: list[subprocess.Popen]) -> list[tuple[int, str, str]]:
    """Return status and what was printed of each."""
    try:
        said = [process.communicate(timeout=_SECONDS) for process in processes]
        return [(process.returncode, *own) for process, own in zip(processes, said, strict=True)]
    finally:
        for process in processes:
            process.kill()


@pytest.mark.full
def test_a_job_of_two_processes_goes_on_after_one_is_killed(tmp_path):
    """The weights are divided between the processes: neither could write or read the checkpoint alone."""
    np.save(tmp_path / "x.npy", (np.random.default_rng(0).random((60, 1024)) < 0.3).astype(np.uint8))
    net = ("--data", tmp_path / "x.npy", "--hidden", 64, "--batch-size", 16, "--epochs", 8, "--estimator", "reinforce")
    words = (*net, "--mesh", "model=2,data=2", "--optimizer", "sgd", "--learning-rate", 0.02)
    first, second = finish(start(*words, "--out", tmp_path / "whole", by_slurm=True))
    assert (first[0], second[0]) == (0, 0), first[2] + second[2]
    assert "best validation bound" in first[1]
    assert "bound" not in second[1]

    processes, checkpoints = start(*words, "--out", tmp_path / "killed", "--checkpoint-seconds", 0), tmp_path / "killed"
    end = time.monotonic() + _SECONDS
    while not [path for path in checkpoints.glob("checkpoints/step_*") if int(path.name[5:]) > 2]:
        assert time.monotonic() < end
        time.sleep(0.05)
    processes[1].send_signal(signal.SIGKILL)
    survivor, killed = finish(processes)
    assert killed[0] == -signal.SIGKILL
    # It may be told by a message that does not arrive, or half a minute later by JAX, which then ends it.
    assert survivor[0] in (1, -signal.SIGABRT)
    assert re.search("expected all 2 processes to take part until the end|another task died", survivor[2])
    stopped = RunFolder(tmp_path / "killed").read_record()["step"]
    whole = RunFolder(tmp_path / "whole").checkpoints.read()
    assert 2 < stopped < whole.step

    again = finish(start("--resume", tmp_path / "killed", "--checkpoint-seconds", 60))
    assert [status for status, *_ in again] == [0, 0], again
    found = RunFolder(tmp_path / "killed").checkpoints.read()
    assert found.step == whole.step
    assert found.state.keys() == whole.state.keys()
    for name, value in whole.state.items():
        np.testing.assert_array_equal(np.asarray(found.state[name]), np.asarray(value), err_msg=name)
    bounds = [[row["valid_bound"] for row in RunFolder(tmp_path / name).read_metrics()] for name in ("whole", "killed")]
    assert len(bounds[0]) == 8
    assert bounds[0] == bounds[1]


@pytest.mark.parametrize(
    "given",
    ["two", "", "coordinator=here,processes=2,process=0", "coordinator=a:1,processes=2", "processes=2,process=0"],
)
def test_what_is_no_job_says_what_is(given):
    with pytest.raises(OptionError, match="expected distributed to be auto, or to have 'coordinator'") as caught:
        start_processes(given)
    assert str(caught.value).endswith("; try distributed='coordinator=127.0.0.1:1234,processes=2,process=0'")


def test_a_process_is_one_of_those_that_there_are():
    with pytest.raises(OptionError, match="process of distributed to be below processes=2, got 2"):
        start_processes("coordinator=127.0.0.1:1,processes=2,process=2")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            "coordinator=127.0.0.1:70000, processes=2, process=1",
            "a port from 1 to 65535 for the coordinator .*got 70000",
        ),
        ("coordinator=a:1,processes=2,process=0,process=1", "each part of distributed once, got process twice"),
        (
            " coordinator = 127.0.0.1:1, processes = 2 , process=1 ",
            r"a first process .*, got '127.0.0.1:1' \(.*refused",
        ),
        ("coordinator=no.such.invalid:1,processes=2,process=1", r"a first process .*, got 'no.such.invalid:1' \("),
        ("coordinator=no.such.invalid:1,processes=2,process=0", r"a host that is known .*'no.such.invalid:1' \("),
    ],
)
def test_an_address_that_is_none_is_named(monkeypatch, given, message):
    said = []
    monkeypatch.setattr(_coordinator, "_WAIT_SECONDS", 0.3)
    monkeypatch.setattr(_coordinator, "_SILENT_SECONDS", 0.0)
    with pytest.raises(OptionError, match=f"^expected {message}"):
        start_processes(given, said.append)
    assert len(said) == ("first process" in message or "a host" in message)
    assert all(text.startswith("waiting up to 0.3 s for the coordinator ") for text in said)


def test_the_first_process_may_come_later(monkeypatch):
    with socket.socket() as first:
        first.bind(("127.0.0.1", 0))
        # Nobody listens before the first pause.
        monkeypatch.setattr(_coordinator.time, "sleep", lambda seconds: first.listen())
        _coordinator.check_coordinator("127.0.0.1", port := first.getsockname()[1], 1, print)
        with pytest.raises(OptionError, match=f"a free port for the first process of distributed, got {port} "):
            _coordinator.check_coordinator("127.0.0.1", port, 0, print)


def test_processes_share_a_folder_that_has_a_name(capsys):
    assert run(["train", "--distributed", "auto"]) == 1
    assert "expected --out or --resume with --distributed, got neither; try --out runs/mine" in capsys.readouterr().err


def test_without_a_cluster_there_is_nothing_to_join(capsys, tmp_path):
    assert run(["train", "--distributed", "auto", "--out", str(tmp_path / "run")]) == 1
    said = capsys.readouterr().err
    assert "expected processes that can be joined for distributed auto, got none: " in said
    assert said.endswith("; try --distributed coordinator=127.0.0.1:1234,processes=2,process=0\n")
    assert not (tmp_path / "run").exists()
