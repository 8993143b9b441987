"""Writes down what each command takes, from its signature and docstring: `python -m beliefnet.cli._describe`."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from cyclopts import App, Argument

from beliefnet._docstrings import arguments_of
from beliefnet._options import REQUIRED, Option
from beliefnet._values import (
    AbstractValues,
    Choices,
    Maybe,
    Number,
    Several,
    Single,
    Text,
    Truth,
    Whole,
    WithOptions,
    values_of,
)
from beliefnet.catalogue import all_options
from beliefnet.cli._app import load_all
from beliefnet.cli._described import FILE, exports
from beliefnet.cli._flags import has_default

READING = "Reading a file"
_GROUPS = {
    "Rows": "data models runs split limit hide hide-half share contamination below sort tag seeds",
    "Draws": "particles refine ais proposal steps starts rounds draws estimators num seed batch-size",
    "Output": "out values layer format words parts resume yes remove open live live-port tensorboard mlflow",
}
_GROUP_OF = {f"--{name}": group for group, names in _GROUPS.items() for name in names.split()}
_PLAIN = {Whole: "whole", Number: "number", Truth: "truth"}
_NESTED = {Several: "several", Single: "single", Maybe: "maybe"}


def described() -> dict[str, Any]:
    """Return what each command takes, as JSON has it."""
    return {
        "exports": exports(),
        "commands": {" ".join(path): _command(app, " ".join(path)) for path, app in _commands(load_all(), ())},
    }


def _commands(app: App, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], App]]:
    for name in app:
        if not name.startswith("-"):
            yield (*path, name), app[name]
            yield from _commands(app[name], (*path, name))


def _command(app: App, name: str) -> dict[str, Any]:
    function = app.default_command
    text, _, _ = (function.__doc__ or "").partition("\n    Args:")
    # A command that has commands of its own says so first.
    text = f"{app.help}\n\n{text}" if list(_commands(app, ())) else text
    paragraphs = [" ".join(part.split()) for part in text.split("\n\n")]
    texts = arguments_of(function)
    found = [_argument(one, texts, name) for one in app.assemble_argument_collection() if one.name != "*"]
    return {"text": "\n\n".join(filter(None, paragraphs)), "arguments": found}


def _argument(argument: Argument, texts: dict[str, str], command: str) -> dict[str, Any]:
    """Return an argument in plain values; what the catalogue has is as the catalogue has it."""
    known = all_options().get(argument.name.removeprefix("--").replace("-", "_"))
    option = known if known is not None and argument.keys else _option(argument, texts)
    group = _GROUP_OF.get(argument.name, "Options") if argument.name.startswith("-") else "Arguments"
    if option is known:
        group = _title(argument) if command == "train" else READING
    plain: dict[str, Any] = {
        "name": argument.name,
        "group": group,
        "text": option.text,
        "option": {"name": option.name, "values": _values(option.values)},
    }
    if option.group:
        plain["option"]["group"] = option.group
    if option is known and option.default in (None, ()):
        # Where there is no default, the text names a value that works.
        plain["option"]["text"] = f"such as {option.hint}" if option.hint != option.values.safe_example else ""
    if option.default is not REQUIRED:
        plain["option"]["default"] = _plain(option.default)
    if argument.negatives and option.values.is_flag:
        plain["negatives"] = list(argument.negatives)
    if _is_opaque(option.values):
        plain["takes_any"] = True
    if has_default(option) and (option.default is not False or plain.get("negatives")):
        plain["default"] = option.hint if option is known else option.values.write(option.default)
    return plain


def _title(argument: Argument) -> str:
    return argument.parameter.group[0].name  # pyright: ignore


def _option(argument: Argument, texts: dict[str, str]) -> Option:
    """Return an argument of a command as an option with a value that works; of what must be given, only --help does."""
    default = argument.field_info.default
    values = _values_of(argument.hint, "--help" if default is REQUIRED else "")
    return Option(argument.name, values, default, texts.get(argument.field_info.name, ""), argument.name)


def _values_of(hint: Any, example: str) -> AbstractValues:
    parts = {hint, *get_args(hint)}
    for plain, what in ((Path, "a path"), (str, "text")):
        if plain in parts:
            text = Text(what, example)
            return Several(text) if ... in parts else text
    return values_of(hint) or Text(example=example)


def _values(values: AbstractValues) -> Any:
    """Return what an option can be as plain values."""
    kind = type(values)
    if kind in _PLAIN:
        return _PLAIN[kind]
    match values:
        case Maybe(each=each) | Several(each=each):
            return {_NESTED[kind]: _values(each)}
        case WithOptions(members=members):
            return {"with options": list(members)}
        case Choices(members=members):
            return {"choices": list(members)}
    return {"text": [values.what, values.example]}


def _is_opaque(values: AbstractValues) -> bool:
    """Whether words of it are read by something else than their type."""
    match values:
        case Maybe(each=each) | Several(each=each):
            return _is_opaque(each)
    return type(values) not in {*_PLAIN, Choices, Text, WithOptions}


def _plain(default: Any) -> Any:
    return str(default) if issubclass(type(default), Path) else default


def _lines(kept: dict[str, Any]) -> Iterator[str]:
    """Yield JSON with a line for each argument, so that changes can be read and merged."""
    yield f'{{"exports": {json.dumps(kept["exports"])}, "commands": {{'
    for name, command in kept["commands"].items():
        yield f'{json.dumps(name)}: {{"text": {json.dumps(command["text"], ensure_ascii=False)}, "arguments": ['
        arguments = [json.dumps(argument, ensure_ascii=False) for argument in command["arguments"]]
        yield ",\n".join(arguments)
        yield "]}" if name == list(kept["commands"])[-1] else "]},"
    yield "}}"


if __name__ == "__main__":
    FILE.write_text("\n".join(filter(None, _lines(described()))) + "\n", encoding="utf-8")
    print(f"written to {FILE}")
