"""The words of the command line: checked by the sentences that TOML and Python get, before anything is done."""

import contextlib
import inspect
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Annotated, Any

from cyclopts import App, Argument, Parameter, Token
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
from beliefnet._options import Option
from beliefnet.cli._app import make_app
from beliefnet.cli._common import COMMON
from beliefnet.cli._described import Command, Described, commands


def check_words(words: Sequence[str]) -> None:
    """Refuse a command line that does not fit its command, before anything heavy is imported.

    Raises:
        CycloptsError: If a word has no place, or one is missing.
        OptionError: If words are not of the type of their option, naming the option, the word and one that works.
    """
    app = reading_app(words[0])
    with without_pydantic():
        app(words, exit_on_error=False, print_error=False, result_action="return_value")


@contextlib.contextmanager
def without_pydantic() -> Iterator[None]:
    """Have cyclopts leave words alone that options read themselves: with pydantic loaded, it takes them for values."""
    loaded = sys.modules.pop("pydantic", None)
    try:
        yield
    finally:
        if loaded is not None:
            sys.modules["pydantic"] = loaded


def reading_app(first: str | None = None) -> App:
    """Return a command line whose commands do nothing but read their words.

    Args:
        first: The command that is wanted, with its own; by default all.
    """
    app, known = make_app(), commands()
    for name in sorted(known, key=len):
        if first in (None, name.split()[0]):
            _add(app, known[name], () if first else COMMON)
    return app


def _add(app: App, command: Command, common: Sequence[Described]) -> None:
    *path, own = command.name.split()
    for name in path:
        app = app[name]
    if own not in app:
        app.command(App(name=own, help_flags=(), version_flags=()))
    app[own].default(_reader([*command.arguments, *common]))


def _reader(arguments: Sequence[Described]) -> Callable[..., None]:
    """Return a function that takes arguments and checks the words that it gets."""

    def read(*places: Any, **flags: Any) -> None:
        given = dict(zip((name for name, one in found.items() if not one.name.startswith("-")), places, strict=False))
        for name, words in {**given, **flags}.items():
            if words is not None and not found[name].takes_any and type(words) is not bool:
                found[name].option.read_words(words)

    found = {f"argument{place}": argument for place, argument in enumerate(arguments)}
    read.__signature__ = inspect.Signature([_parameter(name, one) for name, one in found.items()])  # pyright: ignore
    return read


def _parameter(name: str, argument: Described) -> inspect.Parameter:
    how = Parameter(
        name=argument.name,
        negative=argument.negatives,
        # Words stay words here: each option reads its own, with the sentences that TOML and Python get.
        converter=None if argument.is_flag else _words_of,
        required=argument.is_required,
        help=argument.text,
    )
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY if argument.name.startswith("-") else inspect.Parameter.POSITIONAL_ONLY,
        default=inspect.Parameter.empty if argument.is_required else None,
        annotation=Annotated[argument.option.values.annotation | None, how],
    )


def _words_of(_: Any, tokens: Sequence[Token]) -> tuple[str, ...]:
    return tuple(token.value for token in tokens)


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
    known += [common.name for common in COMMON]
    hint = suggestion(given.partition("=")[0], known) or f"; try {command} --help"
    return f"expected an option of {command}, got {shown(given)}{hint}"


def _option(argument: Argument, command: str) -> Option:
    own = commands()[command.removeprefix("beliefnet ")].arguments
    return next(described.option for described in own if described.name == argument.name)


def _left_over(error: Any, command: str) -> str:
    given = error.unused_tokens
    if known := _commands(error.app):
        hint = suggestion(given[0], known) or f"; try {command} {known[0]} --help"
        return f"expected {command} by itself or with {listed(known)}, got {listed(given, 3)}{hint}"
    return f"expected no more words for {command}, got {listed(given, 3)} as well; try {command} --help"


def _missing(error: Any, command: str) -> str:
    option = _option(error.argument, command)
    if not option.name.startswith("--"):
        return f"expected {command} {option.name}, got no {option.name}; try {command} --help"
    hint = option.hint.removeprefix("--help")
    return (
        f"expected a value for {option.name}, got none; try {f'{option.name} {hint}' if hint else f'{command} --help'}"
    )


def _uncoerced(error: Any, command: str) -> str:
    try:
        _option(error.argument, command).read_words((error.token.value,))
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
            # In a locale that knows ASCII alone, all other names look like this.
            hint = "renaming the file" if sys.getfilesystemencoding() == "utf-8" else "LC_ALL=C.UTF-8 before beliefnet"
            raise OptionError(f"expected names in UTF-8, got {shown(word)}", hint) from error
