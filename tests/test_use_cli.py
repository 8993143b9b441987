"""What commands do with a finished run: how files are read, which results are kept, names that are hostile."""

import csv
import errno
import json
import re
import shutil
import tomllib
import warnings
from pathlib import Path

import jax
import numpy as np
import pytest
from commands import fails, files
from conftest import SMALL
from scipy import sparse

from beliefnet._errors import ArgumentError
from beliefnet.catalogue import REFINERS, load_named_run, parse_proposal, parse_refiner
from beliefnet.cli import run
from beliefnet.cli._described import commands
from beliefnet.cli._message import message
from beliefnet.cli._run import in_words
from beliefnet.cli._text import for_terminal
from beliefnet.data import read_rows
from beliefnet.evaluation import Topic, encode, evaluate
from beliefnet.nets import sigmoid_belief_net
from beliefnet.plots import signed_words
from beliefnet.proposals import Annealed, Recognition, Refined
from beliefnet.refiners import AIR, GDIR, ConcreteAscent, MeanPassingAscent, StraightThroughAscent
from beliefnet.samplers import Concrete
from beliefnet.training import Stream, stream

QUICK = (*SMALL, "--epochs", "1")


@pytest.fixture(scope="module")
def threshold_run(tmp_path_factory, grey_file):
    folder = tmp_path_factory.mktemp("threshold") / "run"
    tokens = ["train", "--data", str(grey_file), "--binarization", "threshold", *QUICK, "--out", str(folder)]
    assert run(tokens) == 0
    return folder


def report(capsys, *tokens):
    capsys.readouterr()
    assert run([*map(str, tokens), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.full
def test_a_file_is_read_as_the_run_was_trained(threshold_run, grey_file, here, capsys):
    """By threshold here: codes and likelihood are those of the bits, not of means that are drawn from."""
    grey = np.load(grey_file)
    np.save("other.npy", grey[::-1])
    bits = (grey[::-1] >= 0.5).astype(np.uint8)
    net = load_named_run(threshold_run).net
    assert run(["encode", str(threshold_run), "other.npy", "--layer", "1", "--out", "codes.npy"]) == 0
    np.testing.assert_allclose(np.load("codes.npy"), encode(net, bits)[0], rtol=1e-6)
    found = report(capsys, "evaluate", threshold_run, "--data", "other.npy", "--particles", "20")
    expected = evaluate(net, bits, num_particles=20, key=stream(0, Stream.EVALUATION))
    assert found["nll"]["mean"] == pytest.approx(expected.nll.mean, abs=1e-6)
    assert (found["split"], found["num_examples"]) == ("all", 60)


@pytest.mark.full(but=["float32"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_evaluation_multiplies_at_the_precision_that_it_names(trained, monkeypatch, capsys, precision: str):
    """JAX's default of some GPUs is TF32; what is recorded as float32 must not be."""
    products = []

    def watched(net, *args, **kwargs):
        largest = net.generative.conditionals[-1].network.weight
        products.append((str(largest.dtype), jax.config.jax_default_matmul_precision))
        return evaluate(net, *args, **kwargs)

    monkeypatch.setattr("beliefnet.cli._evaluate.evaluate", watched)
    found = report(capsys, "evaluate", trained, "--particles", "20", "--precision", precision, "--limit", "30")
    assert found["precision"] == precision
    assert products == [(precision, "highest" if precision == "float32" else "default")]


@pytest.mark.full
@pytest.mark.parametrize("count", [12, 2, 1])
def test_a_file_for_a_trained_net_is_not_split(trained, grey_file, here, capsys, count):
    np.save("few.npy", np.load(grey_file)[:count])
    assert report(capsys, "evaluate", trained, "--data", "few.npy", "--particles", "3")["num_examples"] == count


@pytest.mark.full
def test_rows_that_the_net_was_trained_on_are_not_passed_off_as_others(here, grey_file, capsys):
    shutil.copy(grey_file, "mine.npy")
    assert run(["train", "--data", "mine.npy", *QUICK, "--out", "run"]) == 0
    np.save("mine.npy", np.concatenate([np.load("mine.npy")] * 2))
    assert "got other contents of" in fails(capsys, "evaluate", "run")
    assert run(["evaluate", "run", "--data", "mine.npy", "--particles", "3"]) == 0
    captured = capsys.readouterr()
    assert "all 120 rows of mine.npy are used, those that the net was trained on among them" in captured.err
    assert "mine, all rows, 120 examples" in captured.out
    assert "no --split for the rows of mine.npy" in fails(
        capsys, "evaluate", "run", "--data", "mine.npy", "--split", "test"
    )


@pytest.mark.full
def test_a_run_without_test_rows_says_what_to_evaluate_it_on(here, grey_file, capsys):
    assert run(["train", "--data", str(grey_file), *QUICK, "--test-fraction", "0", "--out", "run"]) == 0
    assert "next        beliefnet evaluate run --split valid" in capsys.readouterr().out
    for command in ("evaluate", "gaps"):
        found = fails(capsys, command, "run")
        assert "expected test rows in" in found
        assert found.endswith("try --split valid\n")
    assert "try beliefnet evaluate run --split valid" in fails(capsys, "compare", "--runs", "run")
    assert report(capsys, "evaluate", "run", "--split", "valid", "--particles", "3")["num_examples"] == 6
    assert "try --split valid" in fails(capsys, "compare", "--runs", "run")
    assert run(["compare", "--runs", "run", "--split", "valid"]) == 0


@pytest.mark.full
def test_names_of_rows_and_columns_are_kept(here):
    random = np.random.default_rng(0)
    rows = [["id", "rain", "wind", "snow"]]
    rows += [[f"day-{index}", *map(str, random.integers(0, 2, 3))] for index in range(40)]
    with open("days.csv", "w", newline="") as file:
        csv.writer(file).writerows(rows)
    assert run(["train", "--data", "days.csv", *QUICK, "--out", "run"]) == 0
    assert run(["encode", "run", "days.csv", "--layer", "1", "--out", "codes.csv"]) == 0
    with open("codes.csv", newline="") as file:
        codes = list(csv.reader(file))
    assert codes[0] == ["id", "h1.1", "h1.2", "h1.3", "h1.4"]
    assert [row[0] for row in codes[1:]] == [f"day-{index}" for index in range(40)]
    rows[3][2] = ""
    with open("gaps.csv", "w", newline="") as file:
        csv.writer(file).writerows(rows)
    quick = ["--particles", "8", "--starts", "2", "--rounds", "1"]
    assert run(["impute", "run", "gaps.csv", *quick, "--draws", "2", "--out", "full.csv"]) == 0
    with open("full.csv", newline="") as file:
        full = list(csv.reader(file))
    assert full[0] == ["draw", "id", "rain", "wind", "snow"]
    assert [row[:2] for row in full[1:]] == [[draw, f"day-{index}"] for draw in "12" for index in range(40)]
    assert {full[3][3], full[43][3]} <= {"0.0", "1.0"}
    for drawn in full[1:41], full[41:]:
        known = [drawn[number][2:] for number in range(40) if number != 2]
        assert np.array_equal(np.array(known, float), np.array([r[1:] for r in rows[1:3] + rows[4:]], float))


def test_samples_of_a_table_are_rows_under_the_names_of_its_columns(trained, here):
    for file in ("s.csv", "s.npy", "s.npz", "s.png"):
        assert run(["sample", str(trained), "--num", "5", "--out", file]) == 0
    rows, arrays = read_rows("s.csv", name_column="row"), np.load("s.npz")
    assert rows.names == ("1", "2", "3", "4", "5")
    assert rows.columns == tuple(arrays["columns"]) == tuple(f"column {number}" for number in range(1, 8))
    np.testing.assert_array_equal(rows.rows, np.load("s.npy"))
    np.testing.assert_array_equal(rows.rows, arrays["samples"])
    assert set(np.unique(rows.rows)) == {0, 1}
    assert Path("s.png").stat().st_size > 1000
    assert {path.name for path in (trained / "plots").iterdir()} >= {"samples.png", "columns.png"}


def test_default_files_are_numbered_and_others_are_said_to_be_replaced(trained, grey_file, here, capsys):
    for _ in range(3):
        assert run(["sample", str(trained), "--num", "2"]) == 0
        assert run(["encode", str(trained), str(grey_file)]) == 0
    names = {"samples.csv", "samples-2.csv", "samples-3.csv", "codes.npy", "codes-2.npy", "codes-3.npy"}
    assert {path.name for path in here.iterdir()} == names
    capsys.readouterr()
    assert run(["sample", str(trained), "--num", "2", "--out", "samples.csv", "--overwrite"]) == 0
    assert "in place of the file that was there" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (Recognition(), "recognition"),
        (Recognition(Concrete(0.3)), "recognition (sampler=Concrete(temperature=0.3))"),
        (Refined(AIR()), "refined:refine=air"),
        (Refined(AIR(5)), "refined:refine=air:steps=5"),
        (Annealed(7), "annealed:temperatures=7"),
        (Annealed(7, Refined(AIR(5))), "annealed:temperatures=7,refine=air:steps=5"),
        (AIR(5), "air:steps=5"),
        (GDIR(), "gdir"),
        (MeanPassingAscent(7), "mean-passing:steps=7"),
        (Refined(ConcreteAscent(temperature=0.2)), "refined:refine=concrete:temperature=0.2"),
        (StraightThroughAscent(slope="logits"), "straight-through:slope=logits"),
    ],
)
def test_proposals_are_said_by_their_names(module, words: str):
    assert in_words(module) == words
    if " " not in words:
        net, key = sigmoid_belief_net(3, (2,), key=jax.random.key(0)), jax.random.key(0)
        is_refiner = words.partition(":")[0] in REFINERS
        assert (parse_refiner(words) if is_refiner else parse_proposal(words, net, key=key)) == module


def test_an_evaluation_names_its_proposal(copy, capsys):
    assert run(["evaluate", str(copy), "--particles", "2"]) == 0
    said = capsys.readouterr().out
    assert "particles of recognition\n" in said
    assert "test, 2 particles, recognition: NLL" in said


def test_words_of_negative_strength_have_a_minus():
    topic = Topic(1, 0.5, (2, 0, 1), (0.3, 0.0, -0.1), 0.1)
    assert signed_words(topic, ("a", "b", "c")) == ["c", "a", "-b"]


def test_a_quick_evaluation_does_not_replace_a_long_one(copy, capsys):
    long = report(capsys, "evaluate", copy, "--particles", "50")
    assert run(["evaluate", str(copy), "--particles", "2"]) == 0
    told = capsys.readouterr().out
    assert "test, 50 particles, recognition: NLL" in told
    assert "test, 2 particles, recognition: NLL" in told
    kept = [json.loads(path.read_text())["content"] for path in (copy / "results").iterdir()]
    assert long in kept
    assert len(kept) == 2


@pytest.mark.full
@pytest.mark.parametrize("name", ["run [final]", "a$b$c", "esc\x1b[31m", "\u202ertl", "[bold]x", "caf\u00e9", "a\nb"])
def test_any_name_of_a_run_folder(here, grey_file, capfd, name):
    """The run is complete, and the name is shown as it is, with nothing in it obeyed."""
    assert run(["train", "--data", str(grey_file), *QUICK, "--out", name]) == 0
    out, err = capfd.readouterr()
    assert f"run folder  {for_terminal(name)}\n" in out
    assert not set("\x1b\u202e") & set(out + err)
    assert "could not be drawn" not in err
    assert len(list((here / name / "plots").iterdir())) == 4
    assert run(["evaluate", name, "--particles", "2"]) == 0
    assert run(["gaps", name, "--particles", "2", "--refine", "air:steps=1,samples=2"]) == 0
    assert not set("\x1b\u202e") & set("".join(capfd.readouterr()))


@pytest.mark.full
def test_a_picture_that_cannot_be_drawn_costs_a_warning(here, grey_file, capsys, monkeypatch):
    def fail(*_, **__):
        raise ValueError("no ink")

    monkeypatch.setattr("beliefnet.cli._pictures.table_sheet", fail)
    assert run(["train", "--data", str(grey_file), *QUICK, "--out", "run"]) == 0
    assert "samples.png could not be drawn (ValueError: no ink); the run itself is complete" in capsys.readouterr().err
    assert (here / "run" / "plots" / "training_curve.png").exists()


def test_a_name_that_is_not_utf8_leaves_nothing_behind(here, capsys):
    error = fails(capsys, "train", "--data", "caf\udce9.npy", "--out", "run")
    assert "expected names in UTF-8, got 'caf\\udce9.npy'; try renaming the file" in error
    assert files(here) == {}


def test_messages_are_bounded_and_on_one_line():
    shown = for_terminal("a\nb\x1b[2J" + "x" * 20_000_000)
    assert len(shown) <= 2000
    assert shown.startswith("a\\nb\\x1b[2J")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError(), "ValueError without a message; try --debug"),
        (MemoryError(), "out of memory; try --particle-chunk 10, or a smaller --hidden"),
        (MemoryError("Unable to allocate 7 GiB"), "out of memory (Unable to allocate 7 GiB)"),
        (RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 9 bytes.\n" + "x" * 9000), "allocating 9 bytes.)"),
        (OSError(errno.ENOSPC, "No space left on device", "run/x"), "no space left on the disk (run/x); try making"),
        (ValueError("RESOURCE_EXHAUSTED: Error writing: No space left on device"), "no space left on the disk; try"),
        (
            FileNotFoundError(2, "No such file or directory", "x"),
            "got x (No such file or directory); try another one",
        ),
        (ArgumentError("expected a, got b", "c"), "expected a, got b; try c"),
    ],
)
def test_what_is_said_of_errors(error, said):
    assert said in message(error, "train")
    assert "\n" not in message(error, "train")
    assert len(message(error, "train")) < 400


@pytest.mark.parametrize("words", ["report {0} {0}/", "gaps {0} {0}", "compare --runs {0} --runs {0}"])
def test_a_run_that_is_given_twice_is_refused(trained, words, here, capsys):
    error = fails(capsys, *words.format(trained).split())
    assert f"expected different run folders, got {trained} twice; try {trained} once" in error


def test_out_of_memory_names_only_what_the_command_takes():
    for name, command in commands().items():
        tried = message(MemoryError(), name).partition("; try ")[2]
        options = set(re.findall(r"--[a-z-]+", tried))
        assert options <= {argument.name for argument in command.arguments}
        assert options or tried.startswith("fewer rows")
    assert message(MemoryError(), "evaluate").endswith("try fewer rows, or a machine with more memory")


def test_a_cause_on_a_full_disk_is_found():
    error = RuntimeError("RESOURCE_EXHAUSTED: something else")
    error.__cause__ = OSError(errno.ENOSPC, "No space left on device")
    assert message(error, "train").startswith("no space left on the disk")


def test_warnings_are_shown_our_way_only_while_a_command_runs(trained, here, capsys):
    before = warnings.showwarning
    assert run(["sample", str(trained), "--num", "2"]) == 0
    fails(capsys, "sample", "nothere")
    assert warnings.showwarning is before


def hint(error: str) -> str:
    return error.strip().rpartition("; try ")[2]


@pytest.mark.full
def test_hints_work_when_followed(trained, grey_file, here, capsys):
    """Each hint is followed once, as it stands."""
    run_folder, data = str(trained), str(grey_file)
    for tokens in (
        ["sample", run_folder, "--num", "2", "--out", "s.txt"],
        ["encode", run_folder, data, "--out", "c.txt"],
        ["encode", run_folder, data, "--out", "."],
        ["evaluate", run_folder, "--particles", "0"],
        ["evaluate", run_folder, "--seed", "-1"],
        ["sample", run_folder, "--num", "0"],
        ["impute", run_folder, data, "--particles", "8", "--starts", "2", "--rounds", "1", "--hide", "2"],
        ["impute", run_folder, data, "--particles", "8", "--starts", "2", "--rounds", "1"],
        ["gaps", run_folder, "--particles", "2", "--refine", "air:steps=1,samples=1", "--out", "x.pdf"],
    ):
        words = hint(fails(capsys, *tokens)).split()
        option = words[0] if words[0].startswith("--") else tokens[-2]
        value = words[1] if words[0].startswith("--") else words[0]
        if option in tokens:
            tokens = [*tokens[: tokens.index(option)], *tokens[tokens.index(option) + 2 :]]
        assert run([*tokens, option, value.strip(",")]) == 0, (tokens, words)
        capsys.readouterr()


@pytest.mark.full
def test_stale_results_are_refused(here, capsys):
    np.save("bits.npy", np.random.default_rng(0).integers(0, 2, (60, 7)).astype(np.uint8))
    assert run(["train", "--data", "bits.npy", *QUICK, "--out", "run"]) == 0
    table = ["compare", "--data", "bits.npy", "--models", "mixture:components=2", "--runs", "run"]
    assert run(["evaluate", "run", "--particles", "9"]) == 0
    assert run(["evaluate", "run", "--particles", "2"]) == 0
    assert report(capsys, *table)["models"][1]["method"] == "bound of 9 particles"
    assert run(["train", "--resume", "run", "--epochs", "8"]) == 0
    error = fails(capsys, *table)
    assert "the run was trained on since; try beliefnet evaluate run" in error
    assert run(["evaluate", "run", "--particles", "3"]) == 0
    assert report(capsys, *table)["models"][1]["method"] == "bound of 3 particles"
    assert tomllib.loads((here / "run" / "config.toml").read_text())["epochs"] == 8


def test_numbers_that_do_not_fit_are_refused(trained, capsys):
    for option in ("--particles", "--limit", "--ais"):
        assert "at most 2147483647" in fails(capsys, "evaluate", trained, option, str(2**31))
    assert jax.config.jax_enable_x64 is False


def svmlight(path: Path, rows: np.ndarray, first: int) -> str:
    lines = (" ".join(f"{column + first}:{row[column]}" for column in np.flatnonzero(row)) for row in rows)
    path.write_text("".join(f"0 {line}\n" for line in lines))
    return str(path)


@pytest.mark.full
def test_svmlight_is_read_by_the_convention_of_the_run(here, capsys):
    """A file in which the first column never occurs says nothing of where columns start: the run does."""
    counts = np.random.default_rng(0).poisson(1, (60, 7)) + np.eye(60, 7, dtype=int)
    others = counts.copy()
    others[:, 0], others[:, 1] = 0, others[:, 1] + 1
    zero, one = svmlight(here / "zero.svm", counts, 0), svmlight(here / "one.svm", counts, 1)
    small = ("--net", "document", "--hidden", "3", "--batch-size", "8", "--epochs", "1")
    assert run(["train", "--data", zero, *small, "--out", "from-0"]) == 0
    assert run(["train", "--data", one, *small, "--out", "from-1"]) == 0
    sparse.save_npz("others.npz", sparse.csr_matrix(others))
    codes = {}
    for name, file in (
        ("from-0", svmlight(here / "others-0.svm", others, 0)),
        ("from-1", svmlight(here / "others-1.svm", others, 1)),
        ("matrix", "others.npz"),
    ):
        folder = "from-0" if name == "matrix" else name
        assert run(["encode", folder, file, "--out", f"{name}.npy"]) == 0
        codes[name] = np.load(f"{name}.npy")
    np.testing.assert_array_equal(codes["from-0"], codes["matrix"])
    np.testing.assert_array_equal(codes["from-1"], codes["from-0"])
    # A file by the other convention that shows it is refused.
    assert "first_column" in fails(capsys, "encode", "from-1", zero)
    assert "7 columns" in fails(capsys, "encode", "from-0", one)
