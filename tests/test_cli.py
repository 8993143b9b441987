"""The command line: what it prints and writes, and that bad input costs nothing but one message."""

import json
import os
import platform
import re
import select
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import jax
import numpy as np
import pytest
from commands import fails, files, rows
from conftest import SMALL

from beliefnet import encode
from beliefnet.catalogue import DataShape, TrainConfig, load_named_run
from beliefnet.cli import _describe, run
from beliefnet.cli._commands import COMMANDS
from beliefnet.cli._described import FILE
from beliefnet.cli._described import commands as described
from beliefnet.data import Observations
from beliefnet.runs import RunFolder
from beliefnet.training import Plan, TrainState

# One step at a time, so that signals also fall inside epochs.
STEPWISE = (
    "import sys; from beliefnet.training import _run; _run._DISPATCH_SECONDS = 0.0; "
    "from beliefnet.cli import main; main()"
)


def leaves(folder):
    """Every array of the newest checkpoint: nets, optimiser, estimator, best net."""
    loaded = load_named_run(folder)
    net, estimator = loaded.config.build(DataShape.like(loaded.record))
    like = TrainState.start(net, estimator, Plan.of(loaded.config.fit, 1))
    return [np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(loaded.folder.checkpoints.restore(like).state)]


def test_train_leaves_a_run_folder(trained):
    assert {path.name for path in trained.iterdir()} >= {"config.toml", "metrics.jsonl", "checkpoints", "plots"}
    assert {path.name for path in (trained / "plots").iterdir()} == {
        "training_curve.png",
        "samples.png",
        "columns.png",
        "reconstructions.png",
    }
    assert [(row["epoch"], row["step"]) for row in rows(trained)] == [(1, 6), (2, 12)]
    config = tomllib.loads((trained / "config.toml").read_text())
    assert (config["hidden"], config["epochs"], config["nvil"]["baseline_units"]) == ([4, 3], 2, 3)


def test_a_config_repeats_the_run(trained, here):
    assert run(["train", str(trained / "config.toml"), "--out", "again"]) == 0
    assert leaves(here / "again") == leaves(trained)
    assert rows(here / "again") == rows(trained)


@pytest.mark.full
def test_the_command_line_wins_over_toml(here, grey_file):
    (here / "options.toml").write_text(
        f'data = "{grey_file}"\nlearning-rate = 0.5\nbatch_size = 8\nepochs = 1\nhidden = [9, 9]\n'
        "[nvil]\nbaseline-units = 4\nlocal_signals = false\n"
    )
    assert run(["train", "options.toml", "--hidden", "3", "--nvil.smoothing", "0.5", "--out", "run"]) == 0
    config = tomllib.loads((here / "run" / "config.toml").read_text())
    assert config["hidden"] == [3]
    assert (config["learning_rate"], config["batch_size"], config["epochs"]) == (0.5, 8, 1)
    assert {k: config["nvil"][k] for k in ("baseline_units", "local_signals", "smoothing")} == {
        "baseline_units": 4,
        "local_signals": False,
        "smoothing": 0.5,
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lerning_rate = 1", "got 'lerning-rate'; did you mean 'learning-rate'"),
        ("[nvil]\nsmothing = 1", "got 'nvil.smothing'; did you mean 'nvil.smoothing'"),
        ("nvil = 3", "expected nvil to be a table of options, got 3"),
        ('epochs = "many"', "epochs to be a whole number, got 'many'; try 400"),
        ("epochs = true", "epochs to be a whole number, got True"),
        ("epochs = 1.5", "epochs to be a whole number, got 1.5"),
        ("hidden = [1.5]", "hidden to be whole numbers, got .1.5."),
        ("hidden = []", "got none; try 200 200"),
        ("learning_rate = nan", "learning-rate to be a finite number, got nan"),
        ('center_input = "perhaps"', "center-input to be true or false, got 'perhaps'"),
        ('optimizer = "adm"', "got 'adm'; did you mean 'adam'"),
        ("epochs = = 3", "does not parse"),
    ],
)
def test_bad_toml(here, capsys, text, message):
    (here / "options.toml").write_text(text)
    error = fails(capsys, "train", "options.toml", "--out", "run")
    assert re.search(message, error)
    assert not (here / "run").exists()


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        ("nothere.toml", "nothere.toml, which does not exist"),
        (".", "try --resume"),
        ("--lerning-rate 1", "did you mean '--learning-rate'?"),
        ("--hidden", "got none; try 200"),
        ("--hidden 0", "got 0; try 200 200"),
        ("--hidden -3", "got -3"),
        ("--hidden abc", "whole numbers, got 'abc'; try 200"),
        ("--hidden 2.5", "whole numbers, got '2.5'; try 200"),
        ("--learning-rate -1", "learning-rate of at least 0, got -1.0; try"),
        ("--learning-rate nan", "learning-rate to be a finite number, got 'nan'"),
        ("--epochs 0", "epochs of at least 1, got 0"),
        ("--epochs 1000000000000", "expected at most 2147483647 steps"),
        ("--seed -1", "seed of at least 0, got -1"),
        ("--seed 9999999999", "seed of at most 4294967295"),
        ("--batch-size 0", "batch-size of at least 1"),
        ("--batch-size 5000", "at most the 1197 training examples, got 5000; try --batch-size 1197"),
        ("--particles 0", "particles of at least 1"),
        ("--net darn --nade-units 0", "nade-units of at least 1, got 0"),
        ("--deterministic-recognition 0", "positive sizes, got none and 0 in the recognition net"),
        ("--latent-mean 0", "latent-mean between 0 and 1, got 0.0"),
        ("--momentum 1", "momentum in [0, 1)"),
        ("--nvil.smoothing 1", "nvil.smoothing in [0, 1)"),
        ("--nvil.baseline-units 0", "(nvil.baseline-units 0); try"),
        ("--estimator nvl", "did you mean 'nvil'?"),
        ("--optimizer adm", "did you mean 'adam'?"),
        ("--binarization foo", "got 'foo'"),
        ("--data digts", "did you mean 'digits'?"),
        ("--data nothere.npz", "nothere.npz, which does not exist"),
        ("--resume nothere", "there is no such folder"),
    ],
)
def test_bad_options_of_train(here, capsys, tokens, message):
    out = [] if "--resume" in tokens else ["--out", "run"]
    assert message in fails(capsys, "train", *tokens.split(), *out)
    assert list(here.iterdir()) == []


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.full((40, 3), np.nan), "finite values"),
        (np.full((40, 3), np.inf), "finite values"),
        (np.full((40, 3), 7), "between 0 and 1"),
        (np.full((40, 3), -0.5), "between 0 and 1"),
        (np.ones((1, 3)), "at least 3 rows"),
        (np.array([["a"]]), "array of numbers"),
        (np.ones((0, 3)), "at least one row"),
    ],
)
def test_bad_arrays(here, capsys, array, message):
    np.save("data.npy", array)
    assert message in fails(capsys, "train", "--data", "data.npy", "--out", "run")
    assert not (here / "run").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty file"),
        ("a,b\n1,x\n", "a net can be a model of in data.csv"),
        ("1,0\n1\n", "data.csv"),
    ],
)
def test_bad_csv(here, capsys, text, message):
    (here / "data.csv").write_text(text)
    assert message in fails(capsys, "train", "--data", "data.csv", "--out", "run")
    assert not (here / "run").exists()


def test_out_must_be_free(here, capsys, trained):
    (here / "file").write_text("precious")
    before = files(trained)
    assert "file, which is in use" in fails(capsys, "train", "--data", "bars", "--out", "file")
    assert "Not a directory" in fails(capsys, "train", "--data", "bars", "--out", "file/run")
    assert f"try --resume {trained}" in fails(capsys, "train", "--data", "bars", "--out", trained)
    assert (here / "file").read_text() == "precious"
    assert files(trained) == before


@pytest.mark.full
@pytest.mark.parametrize("suffix", [".npy", ".npz", ".csv"])
def test_a_small_file_needs_no_options(here, capsys, suffix):
    data = np.random.default_rng(1).integers(0, 2, (30, 5)) if suffix == ".csv" else np.full((30, 5), 0.25)
    path = here / f"mine{suffix}"
    if suffix == ".csv":
        np.savetxt(path, data, delimiter=",", fmt="%d")
    else:
        np.save(path, data) if suffix == ".npy" else np.savez(path, data)
    assert run(["train", "--data", path.name, "--epochs", "2"]) == 0
    assert "only 24 training examples" in capsys.readouterr().err
    folder = here / "runs" / "mine-200-nvil"
    config = tomllib.loads((folder / "config.toml").read_text())
    assert (config["batch_size"], config["data"]) == (24, str(path))
    assert run(["train", "--resume", str(folder), "--epochs", "3"]) == 0
    assert [row["step"] for row in rows(folder)] == [1, 2, 3]


def test_evaluate_prints_one_json_object(copy, capsys):
    assert run(["evaluate", str(copy), "--json", "--particles", "20"]) == 0
    captured = capsys.readouterr()
    assert captured.out.count("\n") == 1
    report = json.loads(captured.out)
    assert report.items() <= json.loads((copy / "evaluation.json").read_text()).items()
    assert (report["split"], report["num_particles"], report["data"]["num_features"]) == ("test", 20, 7)
    elbo, bound, nll = (report[name] for name in ("elbo", "bound", "nll"))
    assert bound["mean"] >= elbo["mean"]
    assert nll == {"mean": -bound["mean"], "stderr": bound["stderr"]}
    assert min(elbo["stderr"], report["ess"]["stderr"]) > 0
    assert 1 <= report["ess"]["mean"] <= 20
    assert len(report["kl_per_layer"]) == 2
    # The ELBO is the reconstruction term, a log-probability, minus the KL terms.
    assert elbo["mean"] + sum(report["kl_per_layer"]) < 0
    assert all(0 <= active <= size for active, size in zip(report["active_units"], (4, 3), strict=True))
    assert run(["evaluate", str(copy), "--json", "--particles", "20"]) == 0
    assert capsys.readouterr().out == captured.out


@pytest.mark.full
def test_evaluate_options(copy, capsys):
    def report(*tokens):
        assert run(["evaluate", str(copy), "--json", "--particles", "5", *tokens]) == 0
        return json.loads(capsys.readouterr().out, parse_constant=pytest.fail)

    one = report("--limit", "1")
    assert (one["num_examples"], one["elbo"]["stderr"]) == (1, None)
    assert report("--split", "train")["num_examples"] == 48
    assert report("--seed", "1")["elbo"] != report()["elbo"]
    assert run(["evaluate", str(copy), "--particles", "5"]) == 0
    table = capsys.readouterr().out
    assert all(word in table for word in ("ELBO", "bound, 5 particles", "KL of layer 2", "evaluation.json"))


def test_an_evaluation_that_cannot_be_kept_is_still_shown(copy, capsys):
    (copy / "evaluation.json").unlink(missing_ok=True)
    (copy / "evaluation.json").mkdir()
    assert run(["evaluate", str(copy), "--json", "--particles", "2"]) == 1
    captured = capsys.readouterr()
    assert json.loads(captured.out)["num_particles"] == 2
    assert "evaluation.json" in captured.err


def test_sample_and_encode(copy, here, capsys, grey_file):
    assert run(["sample", str(copy), "--num", "5", "--out", "s.npy"]) == 0
    drawn = np.load("s.npy")
    assert (drawn.shape, drawn.dtype) == ((5, 7), np.uint8)
    assert set(np.unique(drawn)) <= {0, 1}
    assert run(["sample", str(copy), "--num", "5", "--out", "m.npy", "--values", "means"]) == 0
    means = np.load("m.npy")
    assert np.all((means > 0) & (means < 1))
    assert run(["sample", str(copy), "--num", "5", "--out", "s.png"]) == 0
    assert (here / "s.png").read_bytes().startswith(b"\x89PNG")

    assert run(["encode", str(copy), str(grey_file), "--out", "all.npz"]) == 0
    every = np.load("all.npz")
    expected = encode(load_named_run(copy).net, Observations(np.load(grey_file), is_dynamic=True))
    for index, layer in enumerate(expected):
        np.testing.assert_allclose(every[f"h{index + 1}"], layer, rtol=1e-6)
        assert run(["encode", str(copy), str(grey_file), "--layer", str(index + 1), "--out", f"{index}.npy"]) == 0
        np.testing.assert_array_equal(np.load(f"{index}.npy"), every[f"h{index + 1}"])
    assert "60 examples, layer 2, 3 units" in capsys.readouterr().out
    assert not list(here.rglob("*unfinished*"))


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        ("evaluate RUN --particles 0", "--particles of at least 1, got 0; try"),
        ("evaluate RUN --limit 0", "--limit of at least 1, got 0; try"),
        ("evaluate RUN --seed -1", "--seed from 0"),
        ("evaluate RUN --split tst", "tst"),
        ("evaluate RUN --data digits", "7 columns"),
        ("evaluate RUN --data digts", "did you mean 'digits'?"),
        ("evaluate nothere", "there is no such folder"),
        ("evaluate", "DIR"),
        ("sample RUN --num 0", "--num of at least 1, got 0; try"),
        ("sample RUN --num 1.5", "whole number"),
        ("sample RUN --out s.txt", ".csv, .png, .npy or .npz, got s.txt; try --out s.csv"),
        ("sample RUN --out file/s.npy", "--out to be a file that can be written, got file/s.npy"),
        ("sample RUN --out file/s.png", "--out to be a file that can be written, got file/s.png"),
        ("encode RUN digits", "7 columns"),
        ("encode RUN digts", "did you mean 'digits'?"),
        ("encode RUN nothere.npy", "nothere.npy, which does not exist"),
        ("encode RUN GREY --layer 9", "--layer from 1 to 2, got 9; try 2"),
        ("encode RUN GREY --layer 0", "--layer from 1 to 2, got 0"),
        ("encode RUN GREY --layer 1 --out c.npz", "expected no --layer for c.npz, which holds all layers, got 1"),
        ("encode RUN GREY --out c.txt", ".npy, .csv, .parquet or .npz, got c.txt"),
        ("encode RUN GREY --out .", ".parquet or .npz, got .; try --out result.npy"),
        ("datasets fetch nope", "'nope'"),
        ("frobnicate", "expected a command (bench, "),
        ("train --resume RUN --hidden 5", "got hidden=[5] instead of [4, 3]"),
        ("train --resume RUN --nvil.smoothing 0.5", "got nvil.smoothing=0.5 instead of 0.8"),
        ("train --resume RUN --out elsewhere", "--resume without --out"),
        ("train --resume RUN --epochs 1", "epochs of at least the 2 that the run has begun, got 1"),
    ],
)
def test_bad_use_of_a_run(here, capsys, trained, grey_file, tokens, message):
    (here / "file").write_text("precious")
    before = files(trained)
    named = {"RUN": str(trained), "GREY": str(grey_file)}
    assert message in fails(capsys, *(named.get(token, token) for token in tokens.split()))
    assert files(trained) == before
    assert files(here) == {"file": b"precious"}


def test_a_failed_write_keeps_the_old_file(copy, here, capsys, monkeypatch):
    (here / "s.npy").write_bytes(b"old")

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", fail)
    assert "expected room for s.npy, got a full disk" in fails(capsys, "sample", copy, "--out", "s.npy", "--overwrite")
    assert (here / "s.npy").read_bytes() == b"old"
    assert not list(here.glob(".*"))


def test_damaged_run_folders(copy, capsys):
    *_, newest = sorted((copy / "checkpoints").iterdir())
    (newest / "manifest.json").write_text("{")
    assert run(["evaluate", str(copy), "--json", "--particles", "2"]) == 0
    captured = capsys.readouterr()
    assert f"{newest.name} is damaged" in captured.err
    assert json.loads(captured.out)["num_particles"] == 2
    for checkpoint in (copy / "checkpoints").iterdir():
        (checkpoint / "manifest.json").write_text("{")
    assert "only damaged ones" in fails(capsys, "evaluate", copy)
    assert "only damaged ones" in fails(capsys, "train", "--resume", copy)
    shutil.rmtree(copy / "checkpoints")
    for command in ("sample", "evaluate", "export"):
        said = "where nothing is saved yet and nobody trains now; try beliefnet train --resume"
        assert said in fails(capsys, command, copy)
    # As while this process trains in the folder.
    with RunFolder(copy).lock.held():
        said = fails(capsys, "sample", copy)
    assert f"training goes on (process {os.getpid()} on" in said
    assert "try again in a while" in said
    (copy / "config.toml").unlink()
    assert "expected a run folder" in fails(capsys, "sample", copy)


def test_another_architecture(copy, capsys):
    config = copy / "config.toml"
    config.write_text(config.read_text().replace("    4,", "    5,"))
    assert "net.generative.conditionals[1].network.weight" in fails(capsys, "evaluate", copy)
    config.write_text("hiden = [3]")
    assert "did you mean 'hidden'?" in fails(capsys, "evaluate", copy)


@pytest.mark.full
def test_changed_data_is_noticed(here, capsys, grey_file):
    shutil.copy(grey_file, "mine.npy")
    assert run(["train", "--data", "mine.npy", *SMALL, "--epochs", "2", "--out", "run"]) == 0
    np.save("mine.npy", 1 - np.load("mine.npy"))
    assert "got other contents of" in fails(capsys, "train", "--resume", "run", "--epochs", "3")
    assert "got other contents of" in fails(capsys, "evaluate", "run")
    assert tomllib.loads((here / "run" / "config.toml").read_text())["epochs"] == 2


def test_a_finished_run_can_be_resumed(copy, trained):
    assert run(["train", "--resume", str(copy)]) == 0
    assert leaves(copy) == leaves(trained)
    assert (copy / "metrics.jsonl").read_text() == (trained / "metrics.jsonl").read_text()


def test_divergence(here, capsys, grey_file):
    tokens = ["train", "--data", str(grey_file), "--batch-size", "8", "--learning-rate", "1e30", "--out", "run"]
    assert run(tokens) == 1
    error = capsys.readouterr().err
    assert "(epoch 1)" in error
    assert "the last good checkpoint is" in error
    assert "step_00000000" in error


def test_debug_shows_where(capsys, here):
    assert run(["train", "--debug", "--epochs", "0"]) == 1
    error = capsys.readouterr().err
    assert "Traceback" in error
    assert error.splitlines()[-1] == "error: expected epochs of at least 1, got 0; try 400"


def test_no_arguments_show_the_commands(capsys):
    assert run([]) == 0
    text = capsys.readouterr().out
    assert all(command in text for command in ("train", "evaluate", "sample", "encode", "datasets"))


def test_datasets_are_listed(capsys):
    assert run(["datasets"]) == 0
    lines = capsys.readouterr().out.splitlines()
    # One line of columns for each, and what it is below, as wide as a narrow terminal.
    assert max(len(line) for line in lines if not line.startswith("here: ")) <= 80
    assert lines[0].split() == ["name", "size", "train", "/", "valid", "/", "test", "binarization", "where"]
    assert lines[1:3] == [
        "digits               8x8          1197 / 300 / 300        threshold     built in",
        "    handwritten digits, embedded in scikit-learn",
    ]
    assert run(["datasets"]) == 0
    text = capsys.readouterr().out
    assert "digits" in text
    assert "built in" in text


def start(*tokens, cwd):
    command = [sys.executable, "-c", STEPWISE, *map(str, tokens)]
    return subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ)


def wait_for_step(process, folder, least):
    """Wait until a checkpoint of at least this step is there."""
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        steps = [int(path.name[5:13]) for path in (folder / "checkpoints").glob("step_*")]
        if max(steps, default=-1) >= least:
            return
        time.sleep(0.002)
    pytest.fail(f"no checkpoint of step {least}: {process.communicate()}")


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory, grey_file):
    """What the runs that are shot down should come to."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    assert run(["train", "--data", str(grey_file), *SMALL, "--epochs", "20", "--out", str(folder)]) == 0
    return folder


@pytest.mark.full
def test_killed_and_terminated_runs_go_on(tmp_path, grey_file, uninterrupted):
    folder, random = tmp_path / "run", np.random.default_rng(0)
    tokens = ["--data", grey_file, *SMALL, "--epochs", 20, "--checkpoint-seconds", 0, "--out", folder]
    for number, status, least in ((signal.SIGKILL, -signal.SIGKILL, 5), (signal.SIGTERM, 130, 50)):
        process = start("train", *tokens, cwd=tmp_path)
        wait_for_step(process, folder, least)
        time.sleep(random.uniform(0, 0.05))
        process.send_signal(number)
        process.communicate(timeout=60)
        assert process.returncode == status
        tokens = ["--resume", folder]
    assert len(rows(folder)) < 20
    assert run(["train", "--resume", str(folder)]) == 0
    assert leaves(folder) == leaves(uninterrupted)
    assert rows(folder) == rows(uninterrupted)


@pytest.mark.full
def test_an_interrupt_saves_and_stops(tmp_path, grey_file, uninterrupted):
    folder = tmp_path / "run"
    tokens = ["--data", grey_file, *SMALL, "--epochs", 20, "--checkpoint-seconds", 0, "--out", folder]
    process = start("train", *tokens, cwd=tmp_path)
    wait_for_step(process, folder, 10)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "")
    assert f"go on with: beliefnet train --resume {folder}" in out
    assert len(rows(folder)) < 20
    assert run(["train", "--resume", str(folder)]) == 0
    assert leaves(folder) == leaves(uninterrupted)
    assert rows(folder) == rows(uninterrupted)


@pytest.mark.full
def test_a_closed_terminal_saves_and_stops(tmp_path, grey_file, uninterrupted):
    folder = tmp_path / "run"
    tokens = ["train", "--data", grey_file, *SMALL, "--epochs", 20, "--out", folder]
    end, terminal = os.openpty()
    # Slow steps, so that the terminal is closed in the middle of them.
    slow = (
        "import time; from beliefnet.training import _feed; steps = _feed.run_steps; "
        "_feed.run_steps = lambda *args, **options: (time.sleep(0.02), steps(*args, **options))[1]"
    )
    own = f"import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); {slow}; {STEPWISE}"
    process = subprocess.Popen(
        [sys.executable, "-c", own, *map(str, tokens)],
        cwd=tmp_path,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    )
    os.close(terminal)
    deadline = time.monotonic() + 60
    while not (folder / "metrics.jsonl").exists() and time.monotonic() < deadline:
        if select.select([end], [], [], 0.002)[0]:
            os.read(end, 10_000)
    os.close(end)
    process.wait(timeout=60)
    newest = max(int(path.name[5:13]) for path in (folder / "checkpoints").glob("step_*"))
    assert 6 <= newest < 120
    assert run(["train", "--resume", str(folder)]) == 0
    assert leaves(folder) == leaves(uninterrupted)


MAIN = "from beliefnet.cli import main; main()"


def handles_interrupts(process):
    """Whether the process has got as far as our `main`, which handles ALRM as well as INT."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    caught = int(re.search(r"SigCgt:\s*([0-9a-f]+)", status)[1], 16)
    return bool(caught >> (signal.SIGALRM - 1) & 1)


@pytest.mark.full(but=["0.1", "0.7"])
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")
@pytest.mark.parametrize("moment", [0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 1.0, 1.4, 1.9, 2.5, 3.2])
def test_an_early_interrupt_is_answered(tmp_path, moment):
    begun = time.monotonic()
    command = [sys.executable, "-c", MAIN, "train", "--epochs", "100000", "--patience", "0", "--out", "run"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not handles_interrupts(process):
        time.sleep(0.005)
    time.sleep(max(0, begun + moment - time.monotonic()))
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert (out + err).count("interrupted") == 1
    assert "Traceback" not in err
    assert "Exception ignored" not in err


def test_an_interrupted_command_says_so(monkeypatch, capfd):
    """Wherever the command was: parsers of the command line may end a program on their own."""

    def interrupted(self):
        raise KeyboardInterrupt

    monkeypatch.setattr(TrainConfig, "load_data", interrupted)
    assert run(["train"]) == 130
    assert capfd.readouterr() == ("", "interrupted\n")


def test_the_entry_imports_nothing_heavy():
    heavy = {"jax", "numpy", "equinox", "cyclopts", "rich", "matplotlib", "scipy"}
    program = f"import sys, beliefnet.cli; print(sorted({heavy!r} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout == "[]\n"


def test_help_and_misfits_import_nothing_heavy():
    """One process for all commands: what is imported for one would be there for the next."""
    lines = [[*name.split(), "--help"] for name in described()] + [[], ["--version"], ["train", "--help-all"]]
    program = (
        "import contextlib, io, sys; from beliefnet.cli import run\n"
        "with contextlib.redirect_stdout(io.StringIO()): statuses = {run(words) for words in " + f"{lines!r}" + "}\n"
        "assert statuses == {0}, statuses\n"
        "assert not {'cyclopts', 'rich', 'numpy', 'jax'} & set(sys.modules), 'help'\n"
        "assert run(['train', '--epochs', 'x']) == run(['frobnicate']) == run(['evaluate', 'a', '--jsn']) == 1\n"
        "assert not {'numpy', 'jax', 'matplotlib'} & set(sys.modules), 'misfits'"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stderr.count("error: ")) == (0, 3), done.stderr


def test_help_starts_at_once():
    """As a ratio to Python itself, and generous: the least of a few tries on a machine that does other things."""

    def least(*words):
        times = []
        for _ in range(3):
            begun = time.perf_counter()
            subprocess.run([sys.executable, *words], stdout=subprocess.DEVNULL, check=True)
            times.append(time.perf_counter() - begun)
        return min(times)

    assert least("-m", "beliefnet", "train", "--help") < 20 * least("-c", "pass")


def test_what_is_kept_of_the_commands_is_what_they_take():
    kept = json.loads(FILE.read_text(encoding="utf-8"))
    assert kept == json.loads(json.dumps(_describe.described())), "python -m beliefnet.cli._describe writes it anew"


def test_help_fits_its_page(capsys, monkeypatch):
    for width in (80, 40):
        monkeypatch.setenv("COLUMNS", str(width))
        for name in described():
            assert run([*name.split(), "--help-all"]) == 0
            lines = capsys.readouterr().out.splitlines()
            assert lines[0].startswith(f"Usage: beliefnet {name}"[:width])
            assert [line for line in lines if len(line) > width] == [], name
            texts = " ".join(" ".join(lines).split())
            assert all(argument.name in texts for argument in described()[name].arguments), name
            assert {"Output", "  --json"} <= {line.rstrip()[:8].rstrip() for line in lines}
    monkeypatch.setenv("COLUMNS", "80")
    assert run(["train", "--help"]) == 0
    assert len(capsys.readouterr().out.splitlines()) <= 48


def test_commands_are_listed_by_their_own_first_line():
    for name, (_, line) in COMMANDS.items():
        assert described()[name].text.startswith(line.removesuffix(".")), name


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&- <&-", "| true"])
def test_closed_streams_are_no_crash(closed):
    done = subprocess.run(
        ["bash", "-c", f'"$0" -c "{MAIN}" runs --help {closed}', sys.executable], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.full
def test_an_interruption_leaves_no_part_of_a_file(tmp_path):
    """As while a library is imported in the middle of a write, where nothing can be raised."""
    (tmp_path / "there").write_text("old")
    program = (
        "import signal, sys; from pathlib import Path; from beliefnet.cli import _entry; from beliefnet.runs import "
        "whole_file; context = whole_file(Path(sys.argv[1])); context.__enter__().write(b'new'); "
        "print(len(list(Path(sys.argv[1]).parent.iterdir())), flush=True); "
        "code = compile('_entry._interrupt(signal.SIGINT, sys._getframe())', '<frozen importlib>', 'exec'); exec(code)"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "there")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "2\n", "interrupted\n")
    assert files(tmp_path) == {"there": b"old"}


def test_a_closed_pipe_is_not_a_crash(tmp_path):
    program = "from beliefnet.cli import main; main()"
    command = [sys.executable, "-c", program, "datasets"]
    reading, writing = os.pipe()
    os.close(reading)
    process = subprocess.run(command, cwd=tmp_path, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert process.stderr == ""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="of glibc alone")
@pytest.mark.parametrize("is_shared", [False, True])
def test_threads_share_their_memory(is_shared: bool):
    """What the C library says of its heaps while eight threads hold some memory each; by default there are several."""
    program = f"""
import ctypes, threading
from beliefnet.cli._entry import share_memory_of_threads
if {is_shared}:
    share_memory_of_threads()
library = ctypes.CDLL(None)
library.malloc.restype, library.stdout_ = ctypes.c_void_p, ctypes.c_void_p.in_dll(library, "stdout")
ready = threading.Barrier(9)
def hold():
    held = [library.malloc(1000) for _ in range(100)]
    ready.wait()
    ready.wait()
threads = [threading.Thread(target=hold) for _ in range(8)]
[thread.start() for thread in threads]
ready.wait()
library.malloc_info(0, library.stdout_)
library.fflush(None)
ready.wait()
"""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment)
    assert ran.stderr == ""
    assert (ran.stdout.count("<heap nr=") == 1) == is_shared
