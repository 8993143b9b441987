"""The words of the command line: checked by the sentences that TOML and Python get, before anything is done."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, get_args

from cyclopts import App, Argument, ArgumentCollection
from cyclopts.exceptions import (
    CoercionError,
    CycloptsError,
    MissingArgumentError,
    RepeatArgumentError,
    UnknownCommandError,
    UnknownOptionError,
    UnusedCliTokensError,
)

from beliefnet._errors import OptionError, listed, shown, suggestion
from beliefnet._options import REQUIRED, Option
from beliefnet._values import AbstractValues, Several, Text, values_of


def check_words(app: App, commands: tuple[str, ...], arguments: ArgumentCollection) -> None:
    """Refuse words that are not of the type of their option.

    Raises:
        OptionError: If there is one, naming the option, the word and one that works.
    """
    for argument in arguments:
        words = [token.value for token in argument.tokens if token.value or token.keyword is None or _takes_word(token)]
        if words and argument.parameter.converter is None:
            _option(argument).read_words(words)


def _takes_word(token: Any) -> bool:
    """Whether a flag was followed by a word, rather than standing for true or false itself."""
    return type(token.implicit_value) is not bool


def _option(argument: Argument) -> Option:
    """Return an argument of a command as an option with a value that works; of what must be given, only --help does."""
    default = argument.field_info.default
    values = _values(argument.hint, "--help" if default is REQUIRED else "")
    return Option(argument.name, values, default, argument.parameter.help or "", argument.name)


def _values(hint: Any, example: str) -> AbstractValues:
    parts = {hint, *get_args(hint)}
    for plain, what in ((Path, "a path"), (str, "text")):
        if plain in parts:
            text = Text(what, example)
            return Several(text) if ... in parts else text
    return values_of(hint) or Text(example=example)


def usage(error: CycloptsError) -> str:
    """Return what to say of a command line that does not fit the command."""
    command = " ".join(("beliefnet", *(error.command_chain or ())))
    write = _SENTENCES.get(type(error), _unfit)
    return write(error, command)


def _unknown_command(error: Any, command: str) -> str:
    known, given = _commands(error.app), error.unused_tokens[0]
    hint = suggestion(given, known) or f"; try {command} --help"
    return f"expected a command ({', '.join(known)}), got {shown(given)}{hint}"


def _unknown_option(error: Any, command: str) -> str:
    given = error.token.keyword or error.token.value
    known = [name for argument in error.argument_collection for name in argument.names if name.startswith("--")]
    hint = suggestion(given.partition("=")[0], known) or f"; try {command} --help"
    return f"expected an option of {command}, got {shown(given)}{hint}"


def _left_over(error: Any, command: str) -> str:
    given = error.unused_tokens
    if known := _commands(error.app):
        hint = suggestion(given[0], known) or f"; try {command} {known[0]} --help"
        return f"expected {command} by itself or with {listed(known)}, got {listed(given, 3)}{hint}"
    return f"expected no more words for {command}, got {listed(given, 3)} as well; try {command} --help"


def _missing(error: Any, command: str) -> str:
    option = _option(error.argument)
    if not option.name.startswith("--"):
        return f"expected {command} {option.name}, got no {option.name}; try {command} --help"
    hint = option.hint.removeprefix("--help")
    return (
        f"expected a value for {option.name}, got none; try {f'{option.name} {hint}' if hint else f'{command} --help'}"
    )


def _uncoerced(error: Any, command: str) -> str:
    try:
        _option(error.argument).read_words((error.token.value,))
    except OptionError as own:
        return str(own)
    return _unfit(error, command)


def _repeated(error: Any, command: str) -> str:
    return f"expected {error.token.keyword} once, got it twice; try leaving one out"


def _unfit(error: Any, command: str) -> str:
    return (
        f"expected a command line as `{command} --help` describes it, got one of which: {error}; try {command} --help"
    )


_SENTENCES: dict[type, Callable[[Any, str], str]] = {
    UnknownCommandError: _unknown_command,
    UnknownOptionError: _unknown_option,
    UnusedCliTokensError: _left_over,
    CoercionError: _uncoerced,
    MissingArgumentError: _missing,
    RepeatArgumentError: _repeated,
}


def _commands(app: App | None) -> list[str]:
    return sorted(name for name in (app or ()) if not name.startswith("-"))


def check_utf8(words: Iterable[str]) -> None:
    """Refuse names of files that no text file, such as the configuration of a run, can hold.

    Raises:
        OptionError: If there is one.
    """
    for word in words:
        try:
            word.encode("utf-8")
        except UnicodeEncodeError as error:
            raise OptionError(f"expected names in UTF-8, got {shown(word)}", "renaming the file") from error
