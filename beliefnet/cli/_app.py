"""The command line: what is common to all commands."""

import contextlib
import os
import signal
import sys
import tomllib
import traceback
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, get_args

from cyclopts import App, ArgumentCollection, CycloptsError, Parameter
from cyclopts.config import Toml
from rich.console import Console

from beliefnet import __version__
from beliefnet._errors import OptionError

app = App(
    name="beliefnet",
    help="Train and use deep directed latent-variable models with discrete codes.\n\n"
    "Bounds and likelihoods are in nats per example. Errors end with status 1 and one message; put --debug anywhere "
    "on the command line to see where they came from.",
    version=__version__,
    console=Console(),
    error_console=Console(stderr=True),
    # `--hidden 200 200` gives both sizes.
    default_parameter=Parameter(consume_multiple=True, negative_iterable=()),
)


def main() -> None:
    """Run the command line and exit."""
    sys.exit(run(sys.argv[1:]))


def run(tokens: Sequence[str]) -> int:
    """Run one command.

    Returns:
        The exit status: 0 only on success.
    """
    is_debugging = "--debug" in tokens
    tokens = [token for token in tokens if token != "--debug"]
    warnings.showwarning = _show_warning
    try:
        app.config = _config_files(tokens)
        result = app(tokens, exit_on_error=False, print_error=False, result_action="return_value")
        sys.stdout.flush()
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 128 + signal.SIGINT
    except BrokenPipeError:
        # The reader of a pipe has seen enough; the interpreter must not complain about it on its way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        if is_debugging:
            traceback.print_exc()
        print(f"error: {_message(error)}", file=sys.stderr)
        return 1
    return result if isinstance(result, int) else 0


def _config_files(tokens: Sequence[str]) -> tuple[Callable, ...]:
    """The TOML file that gives options their defaults: one named for `train`, or that of the run to be resumed."""
    app.config = (_check_whole,)
    with contextlib.suppress(CycloptsError, SystemExit):
        _, bound, *_ = app.parse_args(tokens, exit_on_error=False, print_error=False)
        named = bound.arguments.get("config_file")
        if named is None and bound.arguments.get("resume") is not None:
            named = Path(bound.arguments["resume"]) / "config.toml"
            if not named.exists():
                named = None
        if named is not None:
            _check_toml(named)
            return (Toml(named, use_commands_as_keys=False), _check_whole)
    return (_check_whole,)


def _check_whole(app: App, commands: tuple[str, ...], arguments: ArgumentCollection) -> None:
    """Refuse a fraction where an option counts something; it would be rounded without a word."""
    for argument in arguments:
        if _counts(argument.hint):
            for token in argument.tokens:
                if not _is_whole(token.value):
                    name = argument.name.removeprefix("--")
                    raise OptionError(f"expected {name} to be a whole number, got {token.value}; try 1")


def _counts(hint: Any) -> bool:
    """Whether a type is a whole number, or one is among its parts."""
    return hint is int or any(map(_counts, get_args(hint)))


def _is_whole(text: str) -> bool:
    try:
        return float(text).is_integer()
    except ValueError:
        # Not a decimal number: the conversion that follows knows the other ways to write one.
        return True


def _check_toml(path: Path) -> None:
    if path.is_dir():
        raise OptionError(f"expected a TOML file with options, got the folder {path}; try --resume {path}")
    if not path.exists():
        raise OptionError(f"expected a TOML file with options, got {path}, which does not exist; try --data {path}")
    try:
        tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise OptionError(
            f"expected TOML in {path}, got a file that does not parse: {error}; try --data {path} if these are data"
        ) from error


def _message(error: Exception) -> str:
    if isinstance(error, CycloptsError):
        return " ".join(str(error).split())
    if isinstance(error, OSError) and error.strerror:
        place = f": {error.filename}" if error.filename else ""
        return f"{error.strerror}{place}"
    if "RESOURCE_EXHAUSTED" in str(error) or "Out of memory" in str(error) or isinstance(error, MemoryError):
        wanted = str(error).splitlines()[0].rpartition(": ")[2] or "no more to be had"
        return f"out of memory ({wanted}); try a smaller --hidden, --batch-size, --particles, --ais or --num"
    return str(error) or type(error).__name__


def _show_warning(message: Warning | str, category: type[Warning], *_, **__) -> None:
    print(f"warning: {message}", file=sys.stderr)
