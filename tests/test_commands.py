"""Laws of all commands: one JSON object, quiet results, nothing overwritten, and every hint works."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from commands import fails, files, words_of

from beliefnet.cli import _progress, run
from beliefnet.cli._commands import COMMANDS
from beliefnet.cli._common import Common, asking
from beliefnet.cli._described import commands as described

QUICK = ["sample", "runs", "schema", "datasets"]
# What --out is, where it is no file of the first suffix that the help names.
SUFFIXES = {"compare": "", "gaps": ".png", "diagnose": ".png", "topics": ".png", "schema": ".toml"}
SUFFIXES |= {
    "bench": ".png",
    "export": ".safetensors",
    "impute": ".npy",
    "encode": ".npy",
    "sample": ".npy",
    "outliers": ".csv",
    "report": ".html",
    "score": ".csv",
}


@pytest.fixture
def usual(place, trained, tmp_path, monkeypatch):
    """What each command is called with, in a folder of its own, on a run of its own."""
    shutil.copytree(trained, tmp_path / "run")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    own = {str(trained): str(tmp_path / "run"), str(trained.parent): str(tmp_path)}
    return {command: {name: own.get(text, text) for name, text in given.items()} for command, given in place[1].items()}


def takes_out(command: str) -> bool:
    return "--out" in {argument.name for argument in described()[command].arguments} and command != "train"


@pytest.mark.full(but=QUICK)
@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_a_command_prints_one_object_and_overwrites_nothing(usual, command: str, capsys):
    given = usual[command] | ({"--out": f"mine{SUFFIXES[command]}"} if takes_out(command) else {})
    words = words_of(command, given)
    assert run([*words, "--json"]) == 0
    captured = capsys.readouterr()
    assert type(json.loads(captured.out)) is dict
    assert captured.out.count("\n") == 1
    assert captured.err.count("\n") == captured.err.count("warning: ")
    if not takes_out(command):
        return
    out = Path(given["--out"]) / ("comparisons.json" if command == "compare" else "")
    outs = [out.with_suffix(".json"), out] if command in ("bench", "diagnose") else [out]
    before = {}
    for path in outs:
        assert path.stat().st_size > 0
        for other in outs:
            other.unlink()
        path.write_bytes(b"precious")
        before = files(Path())
        assert run([*words, "--quiet"]) == 1
        captured = capsys.readouterr()
        assert (captured.out, captured.err.count("\n")) == ("", 1)
        assert captured.err.endswith(f", got {path}; try --overwrite, or another --out\n")
        assert files(Path()) == before
        for other in outs:
            other.write_bytes(b"precious")
    assert run([*words, "--quiet", "--overwrite"]) == 0
    captured = capsys.readouterr()
    assert "written to" not in captured.out
    assert captured.err == ""
    assert out.read_bytes() != b"precious"
    assert set(files(Path())) == set(before) | set(map(str, outs))


def test_a_folder_that_nobody_asked_for_is_not_made(usual, capsys):
    words = words_of("sample", usual["sample"] | {"--num": "2", "--out": "new/s.npy"})
    assert run(words) == 1
    error = capsys.readouterr().err
    assert error == "error: expected --out in a folder that is there, got new/s.npy; try mkdir -p new\n"
    assert not files(Path())
    Path("new").mkdir()
    assert run(words) == 0


def test_every_output_is_tried():
    assert {command for command in COMMANDS if takes_out(command)} == SUFFIXES.keys()


@pytest.mark.full
def test_scores_are_those_of_outliers_in_the_order_of_the_rows(usual, capsys):
    for command in ("score", "outliers"):
        assert run(words_of(command, usual[command] | {"--out": f"{command}.csv"})) == 0
    scores, outliers = (Path(f"{command}.csv").read_text().splitlines() for command in ("score", "outliers"))
    assert scores[0] == "row,log_p,standard_error"
    assert len(scores) == len(outliers) == 61
    assert [line.split(",")[0] for line in scores[1:]] == [str(row) for row in range(1, 61)]
    means = [np.mean([float(line.split(",")[1]) for line in lines[1:]]) for lines in (scores, outliers)]
    # The same estimate by other draws.
    assert means[0] == pytest.approx(means[1], abs=0.3)


def test_runs_that_differ_in_their_seed_alone_are_one(usual, capsys):
    folder = Path(usual["score"]["DIR"])
    for name, old, new in (("other", "\nseed = 0", "\nseed = 1"), ("wider", "batch_size = 8", "batch_size = 9")):
        copy = Path(shutil.copytree(folder, folder.with_name(name)))
        config = (copy / "config.toml").read_text()
        assert old in config
        (copy / "config.toml").write_text(config.replace(old, new))
    capsys.readouterr()
    assert run(["runs", str(folder.parent), "--seeds", "--json"]) == 0
    first, second = sorted(json.loads(capsys.readouterr().out)["groups"], key=lambda group: -len(group["runs"]))
    assert (sorted(first["seeds"]), len(second["runs"])) == ([0, 1], 1)
    assert first["bound"]["standard_deviation"] == 0
    assert second["bound"] == {"mean": first["bound"]["mean"], "standard_deviation": None}
    assert run(["runs", str(folder.parent), "--seeds"]) == 0
    assert f"{first['bound']['mean']:.2f} (0.00)" in capsys.readouterr().out


COMPLETE = """
source $HOME/.local/share/bash-completion/completions/beliefnet
for words in "tr" "train --ep" "train --net d" "evaluate run --js" "runs ta"; do
    COMP_WORDS=(beliefnet $words); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMPREPLY=()
    _beliefnet beliefnet "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
    echo "${COMPREPLY[@]}"
done
"""


def test_a_shell_completes_commands_options_and_values(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    for shell in ("bash", "zsh", "fish"):
        assert run(["--install-completion", shell, "--json"]) == 0
        written = json.loads(capsys.readouterr().out)
        assert written["shell"] == shell
        assert "--nvil.smoothing" in Path(written["file"]).read_text()
    said = subprocess.run(["bash", "--norc", "-c", COMPLETE], capture_output=True, text=True, check=True).stdout
    assert said.split("\n")[:5] == ["train", "--epochs", "darn document", "--json", "tag"]
    monkeypatch.setenv("SHELL", "/bin/sh")
    assert run(["--install-completion"]) == 1
    assert capsys.readouterr().err.endswith("one of bash, zsh, fish, got 'sh'; try --install-completion bash\n")


def test_progress_is_lines_with_the_time_left(monkeypatch, capsys):
    clock = iter([0.0, 2.0, 4.0, 12.0, 12.0, 13.0, 31.0, 31.0])
    monkeypatch.setattr(_progress.time, "monotonic", lambda: next(clock))
    with asking(Common(progress="plain")), _progress.progress("rows", 100) as shown:
        for done in (10, 20, 40, 45, 90):
            shown.update(done)
    lines = capsys.readouterr().err.splitlines()
    # The first ten waited for compilation: thirty took ten seconds, eighty 29.
    assert lines == ["rows: compiling", "rows: 40 of 100, 20 s left", "rows: 90 of 100, 4 s left"]


@pytest.mark.parametrize(
    ("common", "is_terminal", "style"),
    [
        (Common(), True, "rich"),
        (Common(), False, "plain"),
        (Common(json=True), True, "none"),
        (Common(quiet=True), False, "none"),
        (Common(json=True, progress="plain"), True, "plain"),
        (Common(progress="none"), True, "none"),
    ],
)
def test_the_style_of_progress(common, is_terminal, style):
    with asking(common):
        assert _progress.chosen_style(is_terminal=is_terminal) == style


def test_words_are_read_the_same_with_pydantic(monkeypatch, capsys):
    """MLflow imports it, and cyclopts then checks words that are still to be read."""
    pydantic = ModuleType("pydantic")
    monkeypatch.setitem(sys.modules, "pydantic", pydantic)
    assert "got '1.5'" in fails(capsys, "train", "--epochs", "1.5")
    assert "no-such-data" in fails(capsys, "train", "--data", "no-such-data", "--epochs", "2")
    assert sys.modules["pydantic"] is pydantic
