"""Options that every command has: how much is printed and how, and whether files may be replaced."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from beliefnet._options import Option
from beliefnet._values import AbstractValues, Choices, Truth
from beliefnet.cli._described import Described


@dataclass(frozen=True)
class Common:
    """What was asked for, for any command.

    Attributes:
        overwrite: Files that are there may be replaced.
        json: One JSON object is printed, and nothing else.
        quiet: Only results and errors are printed.
        progress: auto, rich, plain or none.
        debug: Errors are shown with where they came from.
    """

    overwrite: bool = False
    json: bool = False
    quiet: bool = False
    progress: str = "auto"
    debug: bool = False


def _described(name: str, text: str, values: AbstractValues, default: object = False) -> Described:
    shown = "" if default is False else str(default)
    return Described(Option(f"--{name}", values, default, "", name), f"--{name}", (), text, "Output", False, shown)


COMMON = (
    _described("overwrite", "Replace files that are there.", Truth()),
    _described("json", "Print one JSON object, and nothing else.", Truth()),
    _described("quiet", "Print results and errors alone.", Truth()),
    _described(
        "progress",
        "A bar (rich) or lines (plain); auto is rich on a terminal, and none is nothing.",
        Choices({name: name for name in ("auto", "rich", "plain", "none")}),
        "auto",
    ),
    _described("debug", "Show where an error came from.", Truth()),
)
"""The options, which can stand anywhere on a command line."""

_asked: ContextVar[Common] = ContextVar("asked")


def asked() -> Common:
    """Return what was asked for."""
    return _asked.get(Common())


def hush() -> None:
    """Say nothing but errors from here on: another process speaks."""
    _asked.set(Common(quiet=True, json=True, progress="none", debug=asked().debug))
    sys.stdout = open(os.devnull, "w")  # noqa: SIM115


@contextmanager
def asking(common: Common) -> Iterator[None]:
    """Have it asked for within the context."""
    token = _asked.set(common)
    try:
        yield
    finally:
        _asked.reset(token)


def split_common(tokens: Sequence[str]) -> tuple[Common, list[str]]:
    """Return the options of every command among the words of a command line, and the other words.

    Raises:
        OptionError: If one of them has a value that cannot work.
    """
    known = {described.name: described.option for described in COMMON}
    given: dict[str, object] = {}
    others: list[str] = []
    words = iter(tokens)
    for word in words:
        name, equals, value = word.partition("=")
        if name not in known:
            others.append(word)
        elif known[name].values.is_flag and not equals:
            given[known[name].argument] = True
        else:
            said = [value] if equals else [next_word for next_word in [next(words, None)] if next_word is not None]
            given[known[name].argument] = known[name].read_words(said)
        if word == "--":
            others.extend(words)
    return Common(**given), others  # pyright: ignore[reportArgumentType]
