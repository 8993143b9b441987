"""beliefnet runs: a list of runs, tags, and what may be deleted."""

import json
import re
import shutil

import pytest

from beliefnet.cli import run
from beliefnet.runs import RunFolder


@pytest.fixture
def two(trained, tmp_path):
    """Two runs in a folder, one of them evaluated, and a third that has saved nothing."""
    for name in ("one", "deep/two"):
        shutil.copytree(trained, tmp_path / "runs" / name)
    three = tmp_path / "runs" / "three"
    three.mkdir()
    shutil.copy(trained / "config.toml", three)
    assert run(["evaluate", str(tmp_path / "runs" / "one"), "--particles", "7"]) == 0
    return tmp_path / "runs"


def listed(capsys, *tokens):
    capsys.readouterr()
    assert run(["runs", *map(str, tokens), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_runs_are_listed_with_what_they_came_to(two, capsys):
    found = {row["run"].removeprefix(f"{two}/"): row for row in listed(capsys, two)}
    assert [(name, row["state"]) for name, row in found.items()] == [
        ("deep/two", "saved"),
        ("one", "saved"),
        ("three", "nothing saved"),
    ]
    one, nothing = found["one"], found["three"]
    evaluation = json.loads((two / "one" / "evaluation.json").read_text())
    assert (one["nll"], one["num_particles"]) == (evaluation["nll"]["mean"], 7)
    assert (one["net"], one["estimator"], one["epoch"], one["epochs"]) == ("7-4-3 sbn", "nvil", 2, 2)
    assert one["bound"] == json.loads((two / "one" / "metrics.jsonl").read_text().splitlines()[-1])["valid_bound"]
    assert (nothing["bound"], nothing["nll"], nothing["epoch"]) == (None, None, 0)


def test_the_best_come_first_and_those_without_a_number_last(two, capsys):
    for metric in ("bound", "elbo", "nll", "ess", "epoch"):
        assert listed(capsys, two, "--sort", metric)[-1]["run"].endswith("three")
    assert listed(capsys, two, "--sort", "nll")[0]["run"].endswith("one")


def test_an_evaluation_of_an_earlier_net_does_not_count(two, capsys):
    assert run(["train", "--resume", str(two / "one"), "--epochs", "3"]) == 0
    assert listed(capsys, two / "one")[0]["nll"] is None


def test_a_run_that_cannot_be_read_is_listed_as_damaged(two, capsys):
    (two / "one" / "config.toml").write_text("net = [")
    for file in (two / "deep" / "two" / "checkpoints").rglob("manifest.json"):
        file.write_text("{}")
    (two / "link").symlink_to(two)
    assert [row["state"] for row in listed(capsys, two)] == ["damaged", "damaged", "nothing saved"]


def test_the_table_names_everything_in_full(two, capsys):
    capsys.readouterr()
    assert run(["runs", str(two)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("runs on grey")
    assert lines[1].split() == ["run", "net", "estimator", "epochs", "bound", "NLL", "(particles)", "state"]
    assert [line.split()[0] for line in lines[2:]] == ["deep/two", "one", "three"]


def test_tags_are_put_on_and_taken_away(two, capsys):
    one = str(two / "one")
    assert run(["runs", "tag", one, "best", "paper-2"]) == 0
    assert run(["runs", "tag", one, "paper-2", "--remove"]) == 0
    assert [row["tags"] for row in listed(capsys, two)] == [[], ["best"], []]
    assert [row["run"] for row in listed(capsys, two, "--tag", "best")] == [one]
    assert listed(capsys, two, "--tag", "nothing") == []


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        (["runs", "{}/none"], "expected a folder with runs, got .*none .no such folder.; try beliefnet train --out"),
        (["runs", "{}", "--tag", "never"], "runs with the tag never, got none of 3"),
        (["runs", "tag", "{}/one", "a b"], "letters, digits, dots, dashes and underscores, got 'a b'; try best"),
        (["runs", "tag", "{}/one", "x", "--remove"], "expected tags that .*one has, got x; try no --remove"),
        (["runs", "delete", "{}/one"], "expected --yes to delete .*; try beliefnet runs delete .*one --yes"),
        (["runs", "delete", "{}", "--yes"], "expected a run folder"),
    ],
)
def test_what_cannot_be_is_refused(two, capsys, tokens, message):
    capsys.readouterr()
    assert run([token.format(two) for token in tokens]) == 1
    assert re.search(message, capsys.readouterr().err)


def test_only_runs_are_deleted(two, capsys):
    one, other = two / "one", two / "deep" / "two"
    (one / "mine.txt").write_text("kept")
    assert run(["runs", "delete", str(one), str(other), "--yes"]) == 1
    assert "got mine.txt in it; try moving it elsewhere" in capsys.readouterr().err
    with RunFolder(other).lock.held():
        assert run(["runs", "delete", str(other), "--yes"]) == 1
    assert other.is_dir()
    (one / "mine.txt").unlink()
    assert run(["runs", "delete", str(one), str(other), "--yes"]) == 0
    assert not one.exists()
    assert not other.exists()
    assert (two / "three").is_dir()
