"""beliefnet runs: a list of runs, tags, and what may be deleted."""

import json
import re
import shlex
import shutil

import pytest
from commands import fails

from beliefnet.cli import run
from beliefnet.cli._runs import _sorted
from beliefnet.runs import Overview, RunFolder


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
    return json.loads(capsys.readouterr().out)["runs"]


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


def test_the_best_come_first_and_those_without_a_number_last(tmp_path):
    def overview(name, value):
        evaluation = {} if value is None else {metric: {"mean": value} for metric in ("nll", "elbo", "ess")}
        return Overview(RunFolder(tmp_path / name), "saved", epoch=int(value or 0), bound=value, evaluation=evaluation)

    runs = [overview("none", None), overview("low", 1.0), overview("high", 2.0)]

    def ranked(metric):
        return [run.folder.path.name for run in _sorted(runs, metric)]

    assert ranked("nll") == ["low", "high", "none"]
    assert ranked("bound") == ranked("elbo") == ranked("ess") == ["high", "low", "none"]
    assert ranked("epoch") == ["high", "low", "none"]
    assert ranked("name") == ["none", "low", "high"]


@pytest.mark.full
def test_an_evaluation_of_an_earlier_net_does_not_count(two, capsys):
    assert run(["train", "--resume", str(two / "one"), "--epochs", "3"]) == 0
    assert listed(capsys, two / "one")[0]["nll"] is None


def test_a_run_that_cannot_be_read_is_listed_as_damaged(two, capsys):
    (two / "one" / "config.toml").write_text("net = [")
    for file in (two / "deep" / "two" / "checkpoints").rglob("manifest.json"):
        file.write_text("{}")
    (two / "link").symlink_to(two)
    assert [row["state"] for row in listed(capsys, two)] == ["damaged", "damaged", "nothing saved"]


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("config.toml", "hidden = 20"),
        ("config.toml", "estimator = 3"),
        ("metrics.jsonl", '{"step": 1, "epoch": null}'),
        ("tags.json", '["' + "x" * 5000 + '", 3]'),
        ("results/evaluation-x.json", "[]"),
    ],
)
def test_an_edited_run_hides_no_other(two, capsys, file, content):
    (two / "one" / file).write_text(content)
    found = {row["run"].removeprefix(f"{two}/"): row for row in listed(capsys, two)}
    assert found["deep/two"]["state"] == "saved"
    assert found["one"]["tags"] == []
    capsys.readouterr()
    assert run(["runs", str(two)]) == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) < 200


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


@pytest.mark.parametrize("place", ["mine.txt", "plots/mine.png", "results/thesis.txt", "checkpoints/notes.txt"])
def test_files_of_ones_own_are_not_deleted(two, capsys, place):
    own = two / "one" / place
    own.write_text("kept")
    assert f"but a run, got {place} in it; try moving it elsewhere" in fails(
        capsys, "runs", "delete", two / "one", two / "deep" / "two", "--yes"
    )
    assert own.read_text() == "kept"
    assert (two / "deep" / "two").is_dir()


def test_another_project_is_not_deleted(two, capsys):
    project = two / "project"
    project.mkdir()
    (project / "config.toml").write_text("title = 'mine'")
    assert "got config.toml in it" in fails(capsys, "runs", "delete", project, "--yes")


def test_only_runs_are_deleted(two, capsys):
    one, other, link = two / "one", two / "deep" / "two", two / "a link"
    with RunFolder(other).lock.held():
        assert "expected a run that nobody trains" in fails(capsys, "runs", "delete", one, other, "--yes")
    link.symlink_to(one)
    assert f"got the link {link}; try {one.resolve()}" in fails(capsys, "runs", "delete", link, "--yes")
    spaced = one.rename(two / "one more")
    advised = fails(capsys, "runs", "delete", spaced).partition("try ")[2]
    assert run([*shlex.split(advised)[1:-1], str(other), str(other), "--yes"]) == 0
    assert not spaced.exists()
    assert not other.exists()
    assert (two / "three").is_dir()
