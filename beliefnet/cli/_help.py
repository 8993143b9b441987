"""Help: what commands there are, and what each takes, by what it is for."""

import shutil
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from beliefnet._values import AbstractValues, Choices, Maybe, Number, Several, Whole
from beliefnet.cli._commands import ABOUT, COMMANDS
from beliefnet.cli._common import COMMON
from beliefnet.cli._described import Command, Described, commands

_WIDTH = 80
_LEAST = 30
_INDENT = 24
_NARROW = 60
_RARE = "Reading a file"
_OFTEN = {
    "train": frozenset(
        {"CONFIG.toml", "--out", "--resume", "--data", "--schema", "--binarization", "--net", "--hidden", "--visible"}
        | {"--estimator", "--particles", "--refine", "--epochs", "--batch-size", "--learning-rate", "--patience"}
        | {"--seed", "--live"}
    )
}
"""The options of a command that has too many for a page which most people need."""


def help_lines(words: Sequence[str], *, is_whole: bool = False) -> Iterator[str]:
    """Yield the help of a command, or of the program.

    Args:
        words: The words of the command line, the command first.
        is_whole: Show every option, with all that is said of it.
    """
    width = max(_LEAST, min(_WIDTH, shutil.get_terminal_size((_WIDTH, 24)).columns))
    known = commands()
    name = next((name for name in (" ".join(words[:2]), *words[:1]) if name in known), None)
    if name is None:
        yield from _overview(width)
    else:
        yield from _of_command(known[name], [other for other in known if other.startswith(f"{name} ")], is_whole, width)


def _overview(width: int) -> Iterator[str]:
    yield "Usage: beliefnet COMMAND [OPTIONS]"
    for paragraph in ABOUT:
        yield ""
        yield from textwrap.wrap(paragraph, width)
    yield from ("", "Commands")
    for name, (_, line) in COMMANDS.items():
        yield from _entry(name, line, width)
    yield from ("", "Options")
    yield from _entry("--help, --version", "This help, or the version; beliefnet COMMAND --help for a command.", width)
    yield from _entry("--install-completion", "Have the shell complete commands and options (bash, zsh, fish).", width)


def _of_command(command: Command, inner: Iterable[str], is_whole: bool, width: int) -> Iterator[str]:
    places = [_place(argument) for argument in command.arguments if not argument.name.startswith("-")]
    yield from textwrap.wrap(
        " ".join(["Usage: beliefnet", command.name, *places, "[OPTIONS]"]), width, subsequent_indent=" " * 8
    )
    for paragraph in command.text.split("\n\n"):
        yield ""
        yield from textwrap.wrap(paragraph, width)
    if inner:
        yield from ("", "Commands")
        for name in inner:
            yield from _entry(name, commands()[name].text.partition("\n")[0], width)
    shown = [argument for argument in command.arguments if is_whole or _is_often(command.name, argument)]
    is_brief = not is_whole and command.name in _OFTEN
    for group, some in _by_group([*shown, *COMMON]):
        yield from ("", group)
        for argument in some:
            yield from _entry(_name(argument), _text(argument, is_brief), width)
    hidden = len(command.arguments) - len(shown)
    if hidden:
        yield ""
        yield from textwrap.wrap(f"{hidden} more options: beliefnet {command.name} --help-all", width)


def _is_often(command: str, argument: Described) -> bool:
    return argument.name in _OFTEN[command] if command in _OFTEN else argument.group != _RARE


def _by_group(arguments: Iterable[Described]) -> Iterator[tuple[str, Iterable[Described]]]:
    """Yield the arguments of each group, the groups in the order of their first argument, what is printed last."""
    found = list(arguments)
    order = list(dict.fromkeys(argument.group for argument in found))
    order.sort(key=lambda group: group == "Output")
    yield from groupby(sorted(found, key=lambda one: order.index(one.group)), key=lambda one: one.group)


def _place(argument: Described) -> str:
    several = " ..." if type(argument.option.values) is Several else ""
    return f"{argument.name}{several}" if argument.is_required else f"[{argument.name}{several}]"


def _name(argument: Described) -> str:
    if not argument.name.startswith("-"):
        return argument.name
    if argument.is_flag:
        return ", ".join((argument.name, *argument.negatives))
    choices = "|".join(_choices(argument.option.values))
    is_short = bool(choices) and len(f"  {argument.name} {choices}") <= _INDENT - 2
    return f"{argument.name} {choices if is_short else _word(argument.option.values)}"


def _choices(values: AbstractValues) -> tuple[str, ...]:
    match values:
        case Choices(members=members):
            return tuple(members)
        case Maybe(each=each):
            return _choices(each)
    return ()


def _word(values: AbstractValues) -> str:
    """Return what stands for a value, such as N."""
    match values:
        case Maybe(each=each):
            return _word(each)
        case Several(each=each):
            return f"{_word(each)} ..."
        case Whole():
            return "N"
        case Number():
            return "X"
        case Choices():
            return "NAME"
    return "PATH" if values.what == "a path" else "TEXT"


def _text(argument: Described, is_brief: bool) -> str:
    said, default = argument.text, f"[default: {argument.default}]" if argument.default else ""
    if is_brief:
        first, stop, _ = said.partition(". ")
        said = textwrap.shorten(first + stop.strip(), _WIDTH - _INDENT - len(default) - 1, placeholder=" ...")
    choices = _choices(argument.option.values)
    if not is_brief and "|" not in _name(argument) and any(choice not in said for choice in choices):
        said = f"{said.removesuffix('.')}: {', '.join(choices)}."
    return f"{said} {default}".strip()


def _entry(name: str, text: str, width: int) -> Iterator[str]:
    """Yield a name, and what is said of it beside it, or below it where there is no room."""
    indent = _INDENT if width >= _NARROW else 6
    lines = textwrap.wrap(text, width - indent, break_on_hyphens=False)
    beside = f"  {name}".ljust(indent)
    if not beside.endswith(" ") or not lines:
        yield from textwrap.wrap(beside.rstrip(), width, subsequent_indent=" " * 6, break_on_hyphens=False) or [""]
    else:
        yield f"{beside}{lines.pop(0)}"
    for line in lines:
        yield f"{' ' * indent}{line}"
