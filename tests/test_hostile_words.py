"""Bad words in the place of every argument of every command: one message, and nothing is left behind."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from commands import owner, words_of

from beliefnet._options import options_of
from beliefnet.catalogue import all_options
from beliefnet.cli import run
from beliefnet.cli._app import COMMANDS, load_all
from beliefnet.data import Reading

# What no argument of a type can be.
WHOLE = ["", "abc", "1.5", "nan", "1e400", "-1", "9" * 20, "0x10"]
REAL = ["", "abc", "nan", "inf", "-inf", "1e999", "1,5"]
TEXT = ["", "no-such-thing", "\udcff", "[bold]", "a" * 5000, "\x1b[31m"]
INPUT = ["", "no/such/thing", "\udcff", "a" * 5000, "/dev/null/x", "[bold]"]
OUTPUT = ["", "\udcff", "a" * 5000, "/dev/null/x", "taken"]
TRUTH = ["maybe", ""]
BY_TYPE = {int: WHOLE, float: REAL, str: TEXT, bool: TRUTH}
OUTPUTS = {"--out", "NEW"}
# What an option has an effect with, where the thing that it belongs to does not say it.
WITH = {"levels": ["--visible", "logistic"], "smallest-scale": ["--visible", "grey-normal"]}
# Any text names an encoding, a separator or a column only for files that have some.
OPEN = {"array", "columns", "drop", "name-column", "delimiter", "encoding", "text-column", "item-separator"}
SAID = re.compile(r"error: expected [^\n]+, got [^\n]+; (try|did you mean) [^\n]+\n")


def arguments(command: str) -> list[Any]:
    found = load_all()[command].assemble_argument_collection()
    return [argument for argument in found if argument.name != "*"]


def types_in(hint: Any) -> Iterator[type]:
    """Yield the plain types in an annotation; a few names in a literal are text."""
    if isinstance(hint, type) and issubclass(hint, (*BY_TYPE, Path)):
        yield hint
    for part in get_args(hint):
        yield from (str,) if isinstance(part, str) else types_in(part)


def bad_words(argument: Any) -> list[str]:
    kind = next(types_in(argument.hint))
    if issubclass(kind, Path):
        return OUTPUT if argument.name in OUTPUTS else INPUT
    if argument.name.removeprefix("--") in OPEN:
        return ["", "\udcff"]
    return BY_TYPE[kind]


def test_every_command_is_tried(place):
    assert place[1].keys() == COMMANDS.keys()


def tree(folder: Path) -> list[str]:
    return sorted(map(str, folder.rglob("*")))


def command_line(command: str, argument: Any, word: str, usual: dict[str, str]) -> list[str]:
    given = {**usual, argument.name: word}
    if argument.name == "--resume":
        del given["--out"]
    flag = argument.name.removeprefix("--")
    return [*words_of(command, given), *(owner(flag) + WITH.get(flag, []) if command == "train" else [])]


READING = {f"--{option.flag}" for option in options_of(Reading).values()} | {"--binarization"}
"""Flags of how a file is read, which are one class for all commands."""
CASES = [
    (command, argument)
    for command in sorted(COMMANDS)
    for argument in arguments(command)
    if argument.name not in READING or command in ("train", "compare", "evaluate")
]


QUICK = [
    "train --epochs",
    "train --data",
    "train --out",
    "train --resume",
    "evaluate --particles",
    "encode DATA",
    "sample --out",
]


@pytest.mark.full(but=QUICK)
@pytest.mark.parametrize(
    ("command", "argument"), CASES, ids=[f"{command} {argument.name}" for command, argument in CASES]
)
def test_bad_words_cost_one_message(place, command: str, argument: Any, capsys, monkeypatch):
    folder, usual = place
    monkeypatch.chdir(folder)
    before = tree(folder)
    for word in bad_words(argument):
        tokens = command_line(command, argument, word, usual[command])
        status = run(tokens)
        captured = capsys.readouterr()
        assert (status, captured.out) == (1, ""), tokens
        assert SAID.fullmatch(captured.err), (tokens, captured.err)
        assert len(captured.err) < 1000, tokens
        assert tree(folder) == before, tokens


def test_all_options_of_training_are_tried():
    names = {argument.name.removeprefix("--") for command, argument in CASES if command == "train"}
    assert {option.flag for option in all_options().values()} <= names
    assert len(CASES) > 150


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        ("frobnicate", "expected a command (bench, compare, "),
        ("trian", "got 'trian'; did you mean 'train'?"),
        ("--foo", "got '--foo'; try beliefnet --help"),
        ("train --debgu", "expected an option of beliefnet train, got '--debgu'; did you mean '--debug'?"),
        ("train --xyzzy", "expected an option of beliefnet train, got '--xyzzy'; try beliefnet train --help"),
        ("train --progress some", "expected --progress to be one of auto, rich, plain, none, got 'some'; try auto"),
        ("evaluate", "expected beliefnet evaluate DIR, got no DIR; try beliefnet evaluate --help"),
        ("evaluate a b", "expected no more words for beliefnet evaluate, got 'b' as well; try"),
        ("evaluate a --particles", "expected a value for --particles, got none; try --particles 1000"),
        ("evaluate a --seed 1 --seed 2", "expected --seed once, got it twice; try leaving one out"),
        ("datasets ftch", "got 'ftch'; did you mean 'fetch'?"),
        ("datasets fetch", "got no NAME; try beliefnet datasets fetch --help"),
        ("compare --data", "expected a value for --data, got none; try beliefnet compare --help"),
        ("compare", "expected --models or --runs, got neither; try --models mixture, or --runs runs/mine"),
        ("train --columns", "expected columns to be texts, got none; try leaving it out"),
        ("train --estimator tvo --tvo.intervals 10001", "expected tvo.intervals of at most 10000, got 10001; try 5"),
        (f"train --net darn --nade-units {2**62}", "try a smaller --nade-units"),
    ],
)
def test_command_lines_that_do_not_fit(tokens: str, message: str, capsys):
    assert run(tokens.split()) == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_a_column_may_be_called_anything(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("x.csv").write_text("first name,none of it,c\n" + "0,1,0\n" * 9)
    assert run(["train", "--data", "x.csv", "--columns", "first name", "none at all"]) == 1
    assert "expected a column 'none at all'" in capsys.readouterr().err
    assert all_options()["columns"].read_words(["first name", "c"]) == ("first name", "c")
    assert all_options()["hidden"].read_words(["4 3", "2"]) == (4, 3, 2)
