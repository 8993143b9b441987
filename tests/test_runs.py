"""Run folders: one process at a time, rows that survive damage, results that know their net, names nobody foresees."""

import json
import os
import shutil
import socket
import subprocess
import sys
import textwrap
import time
import warnings
from pathlib import Path

import pytest

from beliefnet.cli import run
from beliefnet.runs import (
    Checkpoints,
    DiskFullError,
    RunFolder,
    RunFolderError,
    RunLock,
    RunLocked,
    Stamp,
    environment,
    environment_changes,
    write_atomically,
)

ROWS = [{"epoch": n, "step": 6 * n, "valid_bound": -float(n)} for n in range(1, 6)]
STAMP = Stamp("abc", 12, 2, -3.0)
HOLDS = """
    import sys, time
    from pathlib import Path
    from beliefnet.runs import RunLock
    with RunLock(Path(sys.argv[1])).held():
        print("held", flush=True)
        sys.stdin.readline()
"""


def start(source, *arguments):
    command = [sys.executable, "-c", textwrap.dedent(source), *map(str, arguments)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    return subprocess.Popen(command, text=True, cwd=Path(__file__).parents[1], **pipes)


@pytest.fixture
def folder(tmp_path):
    run = RunFolder(tmp_path)
    for row in ROWS:
        run.append_metrics(row)
    return run


def saved(folder, stamp=STAMP):
    record = {"stamp": vars(stamp)}
    Checkpoints(folder.checkpoints.directory).save(stamp.step, {}, record)


def test_two_processes_and_a_killed_one(tmp_path):
    path = tmp_path / "lock.json"
    with start(HOLDS, path) as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(RunLocked, match=rf"in use by process {other.pid} on .*; .*remove .*lock.json"):
            RunLock(path).held().__enter__()
        other.kill()
    assert json.loads(path.read_text())["pid"] == other.pid
    with RunLock(path).held():
        assert json.loads(path.read_text())["pid"] == os.getpid()
    assert not path.exists()


def test_a_lock_is_released_and_can_be_nested(tmp_path):
    lock = RunLock(tmp_path / "lock.json")
    with lock.held():
        with lock.held():
            pass
        assert lock.is_held
        with pytest.raises(RunLocked, match=f"process {os.getpid()} "), RunLock(lock.path).held():
            pass
    assert not lock.is_held
    with RunLock(lock.path).held():
        pass


@pytest.mark.parametrize(
    ("owner", "is_stale"),
    [
        ({"pid": 1, "start": None}, False),
        ({"pid": 1, "start": "no such start"}, True),
        ({"pid": 2**22 + 1, "start": None}, True),
        ({"pid": -1}, True),
        ({"pid": "x"}, True),
    ],
)
def test_a_lock_without_the_systems_own_is_judged_by_what_it_says(tmp_path, owner, is_stale):
    path = tmp_path / "lock.json"
    path.write_text(json.dumps({"host": socket.gethostname(), "since": "2020-01-01", **owner}))
    if is_stale:
        with RunLock(path).held():
            pass
    else:
        with pytest.raises(RunLocked, match="process 1 on"):
            RunLock(path).held().__enter__()


def test_another_machine_is_believed_for_a_while(tmp_path):
    path = tmp_path / "lock.json"
    path.write_text(json.dumps({"host": "elsewhere", "pid": 7, "start": "1", "since": "2020-01-01"}))
    with pytest.raises(RunLocked, match="process 7 on elsewhere, since 2020"):
        RunLock(path).held().__enter__()
    os.utime(path, (time.time() - 3600,) * 2)
    lock = RunLock(path)
    with pytest.warns(UserWarning, match="process 7 on elsewhere .* has not shown itself for 60"), lock.held():
        assert lock.is_held


@pytest.mark.parametrize("garbage", ["", "{", "[]", "\x00" * 100])
def test_a_lock_that_says_nothing_is_taken(tmp_path, garbage):
    path = tmp_path / "lock.json"
    path.write_text(garbage)
    lock = RunLock(path)
    with lock.held():
        assert json.loads(path.read_text())["pid"] == os.getpid()
    assert not lock.is_held


@pytest.mark.parametrize("damage", [b"\xff", b"\n\n", b"{}\n", b"[1]\n", b'{"epoch": 2, "st\n', b"\x00\x00\n", b"12\n"])
@pytest.mark.parametrize("position", [0, 2, 5])
def test_a_bad_line_costs_no_other(folder, damage, position):
    lines = folder.metrics_file.read_bytes().splitlines(keepends=True)
    folder.metrics_file.write_bytes(b"".join(lines[:position]) + damage + b"".join(lines[position:]))
    # Without an end of its own, it spoils the row after it.
    expected = ROWS[:position] + ROWS[position + 1 :] if damage == b"\xff" else ROWS
    if damage in (b"\n\n",) or (damage == b"\xff" and position == 5):
        assert folder.read_metrics() == expected
    else:
        with pytest.warns(UserWarning, match=rf"1 of the rows of .*metrics.jsonl cannot be read .*line {position + 1}"):
            assert folder.read_metrics() == expected
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        kept = folder.rewind_metrics(18)
    assert kept == [row for row in expected if row["step"] <= 18]
    assert folder.read_metrics() == [row for row in expected if row["step"] <= 18]


def test_a_row_after_a_cut_line_is_a_row(folder):
    with folder.metrics_file.open("a") as file:
        file.write('{"epoch": 6, "st')
    folder.append_metrics({"epoch": 7, "step": 42})
    with pytest.warns(UserWarning, match="line 6"):
        assert folder.read_metrics() == [*ROWS, {"epoch": 7, "step": 42}]


def test_words_may_hold_any_separator(folder):
    words = ["plain", "two\u2028lines", "next\x85line", "form\x0cfeed", "return\r", "", "tab\t", "break\nin", " b "]
    words += ['"quoted"', '"', "back\\slash", "new\\nline", "é", "\x00"]
    folder.write_words(words)
    assert folder.read_words() == tuple(words)
    assert folder.vocabulary_file.read_text().count("\n") == len(words)


def test_words_of_earlier_folders_are_read_as_they_were_written(folder):
    words = ["plain", "two\u2028lines", "return\r", "", "tab\t", " b ", '"quoted"', '"', "back\\slash", "[1]", "12"]
    folder.vocabulary_file.write_bytes("".join(f"{word}\n" for word in words).encode())
    assert folder.read_words() == tuple(words)


def test_results_are_kept_by_what_they_are_of(folder):
    saved(folder)
    for split, count, nll in (("test", 1000, 5.0), ("test", 10, 6.0), ("valid", 10, 7.0), ("test", 10, 6.5)):
        folder.write_evaluation({"split": split, "num_particles": count, "proposal": "Recognition()", "nll": nll})
    kept = {(r.key["split"], r.key["num_particles"]): r.content["nll"] for r in folder.read_results("evaluation")}
    assert kept == {("test", 1000): 5.0, ("test", 10): 6.5, ("valid", 10): 7.0}
    assert folder.read_evaluation()["nll"] == 6.5
    folder.write_result("gaps", {"split": "test"}, {"gap": 1.0})
    assert len(folder.read_results("evaluation")) == 3
    assert all(r.is_current and r.environment == environment() for r in folder.read_results("gaps"))


@pytest.mark.parametrize(
    ("now", "is_current"),
    [
        (Stamp("abc", 99, 2, -3.0), True),
        (Stamp("abc", 99, 3, -2.5), False),
        (Stamp("other", 99, 2, -3.0), False),
        (Stamp("abc", 99, 2, -3.5), False),
    ],
)
def test_a_result_of_an_earlier_net_is_known(folder, now, is_current):
    saved(folder)
    folder.write_evaluation({"split": "test", "num_particles": 5, "nll": 5.0})
    saved(folder, now)
    assert [r.is_current for r in folder.read_results("evaluation")] == [is_current]
    if is_current:
        assert folder.read_evaluation()["nll"] == 5.0
    else:
        with pytest.raises(RunFolderError, match=r"best net that the run has now \(epoch \d\).*trained on since; try"):
            folder.read_evaluation()


def test_results_that_cannot_be_read_are_named(folder):
    saved(folder)
    path = folder.write_result("evaluation", {"split": "test"}, {})
    path.with_name("evaluation-broken.json").write_text("{")
    with pytest.warns(UserWarning, match="evaluation-broken"):
        assert len(folder.read_results("evaluation")) == 1


def test_a_result_needs_a_net(tmp_path):
    with pytest.raises(RunFolderError, match="expected a run with a trained net"):
        RunFolder(tmp_path).write_result("evaluation", {}, {})


def test_temporary_names_are_not_foreseen_and_links_not_followed(tmp_path):
    treasure = tmp_path / "treasure"
    treasure.write_text("gold")
    folder = RunFolder(tmp_path / "run")
    folder.make()
    for name in ("config.toml", "evaluation.json", "metrics.jsonl"):
        (folder.path / f".{name}.tmp").symlink_to(treasure)
        (folder.path / name).symlink_to(treasure)
    write_atomically(folder.config_file, "x = 1\n")
    assert not folder.config_file.is_symlink()
    with pytest.raises(OSError, match="symbolic links"):
        folder.append_metrics(ROWS[0])
    folder.lock.path.symlink_to(treasure)
    with pytest.raises(OSError, match="symbolic links"):
        folder.lock.held().__enter__()
    assert treasure.read_text() == "gold"


def test_a_link_in_place_of_leftovers_is_removed_not_followed(tmp_path):
    treasure = tmp_path / "treasure"
    treasure.mkdir()
    (treasure / "gold").write_text("gold")
    checkpoints = tmp_path / "checkpoints"
    checkpoints.mkdir()
    (checkpoints / ".saving-step_00000007").symlink_to(treasure)
    (checkpoints / ".removing-step_00000001").symlink_to(treasure)
    for step in (1, 2, 3):
        Checkpoints(checkpoints).save(step, {}, {})
    assert sorted(os.listdir(checkpoints)) == ["step_00000002", "step_00000003"]
    assert (treasure / "gold").read_text() == "gold"


@pytest.mark.parametrize("write", [RunFolder.append_metrics, RunFolder.write_words])
def test_a_full_disk_is_called_one(tmp_path, monkeypatch, write):
    folder = RunFolder(tmp_path)

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "open", full)
    with pytest.raises(
        DiskFullError, match=r"^expected room for .*, got a full disk \(.* [kMGT]?B free there\); try freeing space"
    ):
        write(folder, {"step": 1} if write is RunFolder.append_metrics else ["word"])


def test_a_name_that_is_not_utf8_leaves_nothing(tmp_path):
    with pytest.raises(RunFolderError, match=r"in UTF-8, got one with .*\\udcff.*; try renaming"):
        RunFolder.create(tmp_path / "run", {"data": "caf\udcff.npy"})
    assert not (tmp_path / "run").exists()


def test_environments_are_compared_by_name():
    now = environment()
    assert {"beliefnet", "jax", "jaxlib", "numpy", "python", "device", "cores", "random numbers", "precision"} <= set(
        now
    )
    assert environment_changes(now, now) == []
    assert environment_changes({**now, "cores": 999, "jax": "0.1"}, now) == [
        f"jax {now['jax']} instead of 0.1",
        f"cores {now['cores']} instead of 999",
    ]


@pytest.mark.full
def test_a_running_run_is_not_touched_by_a_second_command(tmp_path, trained, capsys):
    copy = tmp_path / "copy"
    shutil.copytree(trained, copy)
    before = {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()}
    with start(HOLDS, copy / "lock.json") as other:
        assert other.stdout.readline() == "held\n"
        assert run(["train", "--resume", str(copy), "--epochs", "3"]) == 1
        assert f"in use by process {other.pid} on" in capsys.readouterr().err
        assert {path: path.read_bytes() for path in before} == before
        other.kill()
    assert run(["train", "--resume", str(copy), "--epochs", "3"]) == 0
    assert not (copy / "lock.json").exists()


@pytest.mark.full
def test_an_evaluation_is_stale_when_training_went_on(tmp_path, trained, capsys):
    """A better net was found; the evaluation of the one before says nothing about it."""
    folder = RunFolder(tmp_path / "copy")
    shutil.copytree(trained, folder.path)
    assert run(["evaluate", str(folder.path), "--particles", "5"]) == 0
    assert folder.read_evaluation()["stamp"]["best_epoch"] == 2
    assert run(["train", "--resume", str(folder.path), "--epochs", "8"]) == 0
    with pytest.raises(RunFolderError, match=r"of epoch 2; the run was trained on since; try"):
        folder.read_evaluation()
    assert run(["evaluate", str(folder.path), "--particles", "5"]) == 0
    assert folder.read_evaluation()["stamp"]["best_epoch"] > 2
