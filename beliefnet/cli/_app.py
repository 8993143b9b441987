"""The command line: what is common to all commands."""

import contextlib
import os
import signal
import sys
import traceback
import warnings
from collections.abc import Sequence
from pathlib import Path

from cyclopts import App, CycloptsError
from cyclopts.config import Toml
from rich.console import Console

from beliefnet import __version__

app = App(
    name="beliefnet",
    help="Train and use deep directed latent-variable models with discrete codes.\n\n"
    "Bounds and likelihoods are in nats per example. Errors end with status 1 and one message; put --debug anywhere "
    "on the command line to see where they came from.",
    version=__version__,
    console=Console(),
    error_console=Console(stderr=True),
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
        result = app(tokens, exit_on_error=False, print_error=True, result_action="return_value")
        sys.stdout.flush()
    except CycloptsError:
        return 1
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


def _config_files(tokens: Sequence[str]) -> tuple[Toml, ...]:
    """The TOML file that gives options their defaults: one named for `train`, or that of the run to be resumed."""
    with contextlib.suppress(CycloptsError, SystemExit):
        _, bound, *_ = app.parse_args(tokens, exit_on_error=False, print_error=False)
        named = bound.arguments.get("config_file")
        if named is None and bound.arguments.get("resume") is not None:
            named = Path(bound.arguments["resume"]) / "config.toml"
            if not named.exists():
                return ()
        if named is not None:
            return (Toml(named, use_commands_as_keys=False, must_exist=True),)
    return ()


def _message(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        place = f": {error.filename}" if error.filename else ""
        return f"{error.strerror}{place}"
    return str(error) or type(error).__name__


def _show_warning(message: Warning | str, category: type[Warning], *_, **__) -> None:
    print(f"warning: {message}", file=sys.stderr)
