"""The options of `beliefnet train` as typed flags, made from the catalogue."""

import re
import shlex
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields, make_dataclass
from typing import Annotated, Any

from cyclopts import Group, Parameter, Token

from beliefnet._errors import DataError
from beliefnet._options import REQUIRED, Option, options_of
from beliefnet.catalogue import all_options, sections
from beliefnet.data import LoadOptions


def train_flags() -> Any:
    """Return a dataclass with a field for each option of a training run, None where it is not given."""
    flags = make_dataclass(
        "TrainFlags",
        [
            (_field(name), _annotation(option, Group(section.title, sort_key=place)), None)
            for place, section in enumerate(sections())
            for name, option in section.options.items()
        ],
        frozen=True,
    )
    # A class of one of Python's own modules would be taken for a plain value.
    flags.__module__ = __name__
    return flags


def given_flags(flags: Any) -> dict[str, Any]:
    """Return the options that were given, by their flat names.

    Raises:
        OptionError: If a word does not say a value of the right type.
    """
    given = {field.name.replace("__", "."): getattr(flags, field.name) for field in fields(flags)}
    return {
        name: word if option.values.is_flag else option.read_words(word)
        for name, option in all_options().items()
        if (word := given[name]) is not None
    }


@contextmanager
def as_flags() -> Iterator[None]:
    """Say options of data as flags in errors and warnings, `--drop class` for `drop='class'`."""
    show = warnings.showwarning

    def show_flagged(message: Warning | str, *where: Any, **how: Any) -> None:
        show(_flagged(message), *where, **how)

    with warnings.catch_warnings():
        warnings.showwarning = show_flagged
        try:
            yield
        except DataError as error:
            raise type(error)(_flagged(error)) from error


def _flagged(sentence: object) -> str:
    return _ARGUMENT.sub(_flag, _VALUES.sub(_visible, str(sentence)))


_NAMES = options_of(LoadOptions).keys() - {"values"}
_ARGUMENT = re.compile(rf"\b({'|'.join(_NAMES | {name.replace('_', '-') for name in _NAMES})})=('[^']*'|True|\d+)")


# With the flags that a sentence names itself, such as `values='counts' (--net document)`.
_VALUES = re.compile(r"values='(\w+)'(?:[^,;(]* \((--[^)]*)\))?")
_VISIBLE = {"counts": "--visible poisson", "grey": "--visible logistic", "binary": "--visible bernoulli"}


def _visible(found: re.Match[str]) -> str:
    return found[2] or _VISIBLE[found[1]]


def _flag(found: re.Match[str]) -> str:
    name, value = found[1].replace("_", "-"), found[2].strip("'")
    return f"--{name}" if value == "True" else f"--{name} {shlex.quote(value)}"


def _field(name: str) -> str:
    return name.replace(".", "__")


def _annotation(option: Option, group: Group) -> Any:
    parameter = Parameter(
        name=f"--{option.flag}",
        help=option.text,
        group=group,
        show_default=option.hint if _has_default(option) else False,
        # Words stay words here: the catalogue reads them, with the sentences that TOML and Python get.
        converter=None if option.values.is_flag else _words,
    )
    return Annotated[option.values.annotation | None, parameter]


def _has_default(option: Option) -> bool:
    """Whether a default is worth showing, and is not said in the text already."""
    return option.default not in (REQUIRED, None, ()) and "y default" not in option.text


def _words(_: Any, tokens: Sequence[Token]) -> tuple[str, ...]:
    return tuple(token.value for token in tokens)
