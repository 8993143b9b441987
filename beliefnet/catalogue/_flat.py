"""All options of a training run under the flat names of the command line and of `config.toml`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from beliefnet._errors import OptionError, shown, suggestion
from beliefnet._options import Option, options_of
from beliefnet._values import Choices, Text, WithOptions
from beliefnet.catalogue._entries import Entry
from beliefnet.catalogue._families import FAMILIES
from beliefnet.catalogue._methods import ESTIMATORS, parse_estimator
from beliefnet.catalogue._nets import FROM_DATA, NETS
from beliefnet.catalogue._overview import data_text, estimator_text, net_text
from beliefnet.data import LoadOptions, load
from beliefnet.training import FitOptions

AUTO = "auto"
"""In the place of an estimator: the one that is measured to be the best."""
_OF_NET_AND_RUN = {"values", "seed", "levels", "keep_empty"}
"""Options of the data that follow from the net, and the seed, which is that of the run."""

DATA = Entry(
    "data",
    load,
    {"data": Option("data", Text("the name or path of a data set"), "digits", data_text(), "data")}
    | {name: option for name, option in options_of(LoadOptions).items() if name not in _OF_NET_AND_RUN},
)


@dataclass(frozen=True)
class Section:
    """Options that belong together.

    Attributes:
        title: What they are about.
        options: By their flat names, such as `hidden` or `nvil.smoothing`.
    """

    title: str
    options: Mapping[str, Option]


@cache
def sections() -> tuple[Section, ...]:
    """Return all options that a training run can be given."""
    start = Option("start", Text("the folder of a run", "runs/digits-200-nvil"), None, _START, "start")
    nets, estimators = (
        _choice("net", Choices, NETS, "sbn", net_text()),
        _choice("estimator", WithOptions, [*ESTIMATORS, AUTO], None, estimator_text()),
    )
    return (
        Section("Data", DATA.options),
        Section("Net", {"net": nets, **_shared(NETS, "sbn"), **_shared(FAMILIES)}),
        Section("Estimator", {"estimator": estimators, **_shared(ESTIMATORS)}),
        *(Section(f"Estimator {name}", _of_group(entry)) for name, entry in ESTIMATORS.items() if _of_group(entry)),
        Section("Training", {**options_of(FitOptions), "start": start}),
    )


_START = "Folder of a finished run with the same net: training starts from its best net, not from random weights."


def _choice(name: str, of: type[Choices], known: Iterable[str], default: str | None, text: str) -> Option:
    return Option(name, of({word: word for word in known}, str), default, text, name)


def _of_group(entry: Entry) -> dict[str, Option]:
    return {key(option): option for option in entry.options.values() if option.group}


@cache
def all_options() -> dict[str, Option]:
    """Return all options that a training run can be given by their flat names."""
    return {name: option for section in sections() for name, option in section.options.items()}


def key(option: Option) -> str:
    """Return the flat name of an option in Python, such as `nvil.baseline_units`."""
    return option.flag.replace("-", "_")


def flatten(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return options, some of them in tables of their own as in TOML, under their flat names; None is left out.

    Raises:
        OptionError: If there is no such option, or one is given twice.
    """
    flat: dict[str, Any] = {}
    groups = {name.partition(".")[0] for name in all_options() if "." in name}
    for given, value in values.items():
        name = given.replace("-", "_")
        if name in groups and name not in all_options():
            if not isinstance(value, Mapping):
                raise OptionError(f"expected {given} to be a table of options, got {shown(value)}", f"[{given}]")
            inner = {f"{name}.{option}".replace("-", "_"): one for option, one in value.items()}
        else:
            inner = _with_its_options(value) if name == "estimator" else {name: value}
        for option, one in inner.items():
            if option not in all_options():
                meant = suggestion(_flag(option), map(_flag, all_options()))
                raise OptionError(
                    f"expected the name of an option, got {shown(_flag(option))}{meant}",
                    *([] if meant else ["beliefnet train --help"]),
                )
            if option in flat:
                raise OptionError(f"expected {_flag(option)} once, got it twice", "leaving one out")
            if one is not None:
                flat[option] = one
    return flat


def _with_its_options(estimator: Any) -> dict[str, Any]:
    """Return an estimator, and the options that its word may hold, under their flat names."""
    if type(estimator) is not str or ":" not in estimator:
        return {"estimator": estimator}
    choice = parse_estimator(estimator)
    return {"estimator": choice.name, **{key(choice.entry.options[name]): one for name, one in choice.given.items()}}


def nest(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Return options as TOML has them: groups in tables of their own, at the end."""
    plain = {name: list(value) if type(value) is tuple else value for name, value in flat.items()}
    nested: dict[str, Any] = {name: value for name, value in plain.items() if "." not in name}
    for name, value in plain.items():
        group, dot, option = name.partition(".")
        if dot:
            nested.setdefault(group, {})[option] = value
    return nested


def _flag(name: str) -> str:
    return name.replace("_", "-")


def _shared(things: Mapping[str, Entry], first: str = "") -> dict[str, Option]:
    """Return the options without a group, one for all things that have an option of that name.

    Args:
        things: The things.
        first: The one whose words are taken; where it does not have an option, the shortest are.
    """
    having: dict[str, dict[str, Option]] = {}
    for entry in things.values():
        for name, option in entry.options.items():
            if option.group is None and option.argument:
                having.setdefault(name, {})[entry.name] = option
    shared = {name: _union(options, first, len(things)) for name, options in having.items()}
    for name in FROM_DATA & shared.keys():
        shared[name] = replace(shared[name], text=f"{shared[name].text} By default that of the data.", default=None)
    return shared


def _union(options: Mapping[str, Option], first: str, num_things: int) -> Option:
    """Return one option for those of several things; its text says whose it is, and what each has by default."""
    usual = options.get(first) or min(options.values(), key=lambda option: len(option.text))
    text = usual.text
    if len(options) <= num_things // 2 and usual.name != first:
        text += f" (For {', '.join(options)}.)"
    differing = {name: option for name, option in options.items() if option.default != usual.default}
    if not differing:
        return replace(usual, text=text)
    others = ", ".join(f"{option.values.write(option.default)} for {name}" for name, option in differing.items())
    return replace(usual, text=f"{text} (By default {usual.values.write(usual.default)}, {others}.)")
