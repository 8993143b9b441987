"""What tests of commands share: how they fail, what they leave in a folder, which options go together."""

import json

from beliefnet.catalogue import ESTIMATORS, NETS
from beliefnet.cli import run
from beliefnet.cli._described import commands as described


def files(folder):
    """Return what is in every file of a folder, by its name; None for a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def rows(folder):
    """Return the metrics of a run, but for times."""
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if "second" not in k} for line in lines]


def fails(capsys, *tokens):
    """Run a command that must fail politely, and return its one message."""
    capsys.readouterr()
    assert run([str(token) for token in tokens]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ")
    assert captured.err.count("\n") == 1
    assert "Traceback" not in captured.err
    return captured.err


def owner(flag: str) -> list[str]:
    """Return the options that choose the thing which an option belongs to."""
    for option, things, usual in (("--estimator", ESTIMATORS, "nvil"), ("--net", NETS, "sbn")):
        names = [name for name, entry in things.items() if flag in {own.flag for own in entry.options.values()}]
        if names:
            return [] if usual in names else [option, names[0]]
    return []


def words_of(command: str, given: dict[str, str]) -> list[str]:
    """Return a command line of what is given: names of options, and of places in their order."""
    places = [one.name for one in described()[command].arguments if not one.name.startswith("-")]
    options = [f"{name}={text}" for name, text in given.items() if name.startswith("--")]
    return [command, *(given[name] for name in places if name in given), *options]
