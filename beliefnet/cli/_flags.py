"""Options as typed flags, made from the catalogue: those of a training run, and how data are read."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, make_dataclass
from typing import Annotated, Any, TypeAlias

from cyclopts import Group, Parameter, Token

from beliefnet._options import REQUIRED, Option, options_of
from beliefnet.catalogue import all_options, sections
from beliefnet.data import Reading


def given_flags(flags: Any) -> dict[str, Any]:
    """Return the options that were given, by their flat names.

    Raises:
        OptionError: If a word does not say a value of the right type.
    """
    given = {field.name.replace("__", "."): getattr(flags, field.name) for field in fields(flags)}
    return {
        name: word if option.values.is_flag else option.read_words(word)
        for name, option in all_options().items()
        if (word := given.get(name)) is not None
    }


def _class_of(name: str, groups: Mapping[str, Mapping[str, Option]]) -> Any:
    """Return a dataclass with a field for each option, None where it is not given; groups are titles of the help."""
    flags = make_dataclass(
        name,
        [
            (_field(option_name), _annotation(option, Group(title, sort_key=place)), None)
            for place, (title, options) in enumerate(groups.items())
            for option_name, option in options.items()
        ],
        frozen=True,
    )
    # A class of one of Python's own modules would be taken for a plain value.
    flags.__module__ = __name__
    return flags


def _field(name: str) -> str:
    return name.replace(".", "__")


def _annotation(option: Option, group: Group) -> Any:
    parameter = Parameter(
        name=f"--{option.flag}",
        help=option.text,
        group=group,
        show_default=option.hint if has_default(option) else False,
        # Words stay words here: the catalogue reads them, with the sentences that TOML and Python get.
        converter=None if option.values.is_flag else _words,
    )
    return Annotated[option.values.annotation | None, parameter]


def has_default(option: Option) -> bool:
    """Whether a default is worth showing, and is not said in the text already."""
    return option.default not in (REQUIRED, None, ()) and "y default" not in option.text


def _words(_: Any, tokens: Sequence[Token]) -> tuple[str, ...]:
    return tuple(token.value for token in tokens)


TrainFlags = _class_of("TrainFlags", {section.title: section.options for section in sections()})
"""All options of a training run."""

_DATA = {name: option for name, option in sections()[0].options.items() if name != "data"}
DataFlags = _class_of("DataFlags", {"Data": _DATA})
"""How data are loaded and divided."""

_READING = {name: option for name, option in _DATA.items() if name in {*options_of(Reading), "binarization"}}
ReadingFlags = _class_of("ReadingFlags", {"Reading a file": _READING})
"""How a file of rows for a trained net is read, where its own data were read in another way."""
AS_IN_TRAINING = ReadingFlags()
AS_LOADED = DataFlags()

HowRead: TypeAlias = Annotated[ReadingFlags, Parameter(name="*")]  # pyright: ignore[reportInvalidTypeForm]
HowLoaded: TypeAlias = Annotated[DataFlags, Parameter(name="*")]  # pyright: ignore[reportInvalidTypeForm]
