"""One command line: help and errors are seen to before anything heavy is imported."""

import contextlib
import os
import sys
import traceback
import warnings
from collections.abc import Sequence

from beliefnet.cli._common import Common, asking, split_common
from beliefnet.cli._text import for_terminal, warn

_HELP = frozenset({"--help", "-h", "--help-all"})


def run_command(tokens: Sequence[str]) -> int:
    """Run one command, and say what is wrong in one line.

    Returns:
        The exit status: 0 only on success.
    """
    common, words = Common(), list(tokens)
    try:
        common, words = split_common(tokens)
        with asking(common):
            status = _run(words)
        sys.stdout.flush()
    except SystemExit as stop:
        return stop.code if type(stop.code) is int else 1
    except BrokenPipeError:
        # The reader of a pipe has seen enough; the interpreter must not complain about it on its way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        from beliefnet.cli._message import message

        if common.debug or "--debug" in tokens:
            traceback.print_exc()
        # The terminal may be gone.
        with contextlib.suppress(OSError):
            print(f"error: {for_terminal(message(error, _name(words)))}", file=sys.stderr)
        return 1
    return status


def _run(words: list[str]) -> int:
    if not words or _HELP.intersection(words):
        return _help(words)
    if words[0] in ("--version", "-V"):
        from beliefnet import __version__

        print(__version__)
        return 0
    if words[0] == "--install-completion":
        from beliefnet.cli._completion import install_completion

        install_completion(words[1:])
        return 0
    # cyclopts alone is light; what a command itself needs is imported once its words are fit.
    from beliefnet.cli._app import app, load_command
    from beliefnet.cli._programs import keep_programs
    from beliefnet.cli._words import check_utf8, check_words, without_pydantic

    name = _name(words)
    check_utf8(words)
    check_words(words)
    with warnings.catch_warnings():
        warnings.showwarning = lambda given, *_, **__: _show_warning(given, name)
        load_command(name)
        keep_programs()
        with without_pydantic():
            target, bound, _ = app.parse_args(words, exit_on_error=False, print_error=False)
        return target(*bound.args, **bound.kwargs) or 0


def _help(words: list[str]) -> int:
    from beliefnet.cli._help import help_lines

    named = [word for word in words if not word.startswith("-")]
    for line in help_lines(named, is_whole="--help-all" in words):
        print(line)
    return 0


def _show_warning(given: Warning | str, name: str) -> None:
    from beliefnet.cli._message import said_by

    warn(said_by(given, name))


def _name(words: Sequence[str]) -> str:
    return next((word for word in words if not word.startswith("-")), "")
