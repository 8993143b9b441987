"""What each command takes, as it is kept beside this module: help and the check of words do without JAX."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from beliefnet._options import REQUIRED, Option
from beliefnet._values import AbstractValues, Choices, Maybe, Number, Several, Single, Text, Truth, Whole, WithOptions
from beliefnet.cli._commands import COMMANDS

FILE = Path(__file__).with_name("arguments.json")
_PACKAGE = Path(__file__).parents[1]
_PLAIN: Mapping[str, type[AbstractValues]] = {"whole": Whole, "number": Number, "truth": Truth}
_NAMES: Mapping[str, type[Choices]] = {"choices": Choices, "with options": WithOptions}
_NESTED: Mapping[str, type[Several | Maybe]] = {"several": Several, "single": Single, "maybe": Maybe}


@dataclass(frozen=True)
class Described:
    """An argument of a command.

    Attributes:
        option: What it can be, under the name that messages say.
        name: As on the command line: `--epochs`, or `DIR` for one by its place.
        negatives: The flags that say no to it, such as `--no-signs`.
        text: What it means.
        group: What it is for: a title in the help.
        takes_any: Whether its words are read only with the data or the net at hand.
        default: As the help shows it; empty where there is none worth it.
    """

    option: Option
    name: str
    negatives: tuple[str, ...]
    text: str
    group: str
    takes_any: bool
    default: str

    @property
    def is_flag(self) -> bool:
        """Whether the name alone says something."""
        return self.option.values.is_flag

    @property
    def is_required(self) -> bool:
        """Whether it must be given."""
        return self.option.default is REQUIRED


@dataclass(frozen=True)
class Command:
    """A command, or a command of a command, such as `runs tag`.

    Attributes:
        name: Its words.
        text: What it does, in paragraphs.
        arguments: What it takes.
    """

    name: str
    text: str
    arguments: tuple[Described, ...]


@cache
def commands() -> Mapping[str, Command]:
    """Return all commands by their names: as they are kept, or made anew where the package has changed since."""
    kept = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
    if kept.get("exports") != exports() or not COMMANDS.keys() <= kept["commands"].keys():
        from beliefnet.cli._describe import described

        kept = described()
    return {name: _command(name, plain) for name, plain in kept["commands"].items()}


@cache
def exports() -> str:
    """Return a checksum of what has a name of its own on the command line: what the folders of the package export."""
    found = hashlib.sha256()
    for path in sorted(_PACKAGE.glob("*/__init__.py")):
        if path.parent.name in _NAMED:
            found.update(path.read_bytes())
    return found.hexdigest()[:16]


_NAMED = frozenset(
    {"baselines", "comparisons", "distributions", "estimators", "moves", "nets", "proposals", "refiners", "samplers"}
)


def _command(name: str, plain: Mapping[str, Any]) -> Command:
    return Command(name, plain["text"], tuple(map(_argument, plain["arguments"])))


def _argument(plain: Mapping[str, Any]) -> Described:
    default = plain["option"].get("default", REQUIRED)
    option = Option(
        plain["option"]["name"],
        _values(plain["option"]["values"]),
        tuple(default) if type(default) is list else default,
        plain["option"].get("text", ""),
        plain["name"],
        plain["option"].get("group"),
    )
    return Described(
        option,
        plain["name"],
        tuple(plain.get("negatives", ())),
        plain["text"],
        plain["group"],
        plain.get("takes_any", False),
        plain.get("default", ""),
    )


def _values(plain: Any) -> AbstractValues:
    if type(plain) is str:
        return _PLAIN[plain]()
    (kind, inner), *_ = plain.items()
    if kind in _NAMES:
        return _NAMES[kind]({name: name for name in inner})
    if kind == "text":
        text = Text(*inner)
        text.annotation = Path if text.what == "a path" else str
        return text
    return _NESTED[kind](_values(inner))
