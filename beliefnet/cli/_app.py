"""The command line as cyclopts reads it: what is common to all commands."""

import contextlib
from functools import partial
from importlib import import_module
from typing import Any

from cyclopts import App, Parameter

from beliefnet.cli._commands import COMMANDS


def make_app() -> App:
    """Return a command line with the names of all commands, and none of them."""
    made = App(
        name="beliefnet",
        help_flags=(),
        version_flags=(),
        # An interruption is answered in one place, `_entry`, and never without a word.
        suppress_keyboard_interrupt=False,
        # `--hidden 200 200` gives both sizes; a folder named [x] is no list.
        default_parameter=Parameter(consume_multiple=True, negative_iterable=(), json_list=False),
    )
    for name, (_, line) in COMMANDS.items():
        made.command(App(name=name, help=line, help_flags=(), version_flags=()))
    return made


app = make_app()


def command(target: Any = None, *, name: str | None = None) -> Any:
    """Register a function, or an app of its own, as a command, in the place that its name and a line held so far."""
    if target is None:
        return partial(command, name=name)
    own = name or getattr(target, "__name__", None) or target.name[0]
    with contextlib.suppress(KeyError):
        del app[own]
    return app.command(target, name=own)


def load_command(name: str) -> None:
    """Import the module of a command, which registers it."""
    if name in COMMANDS:
        import_module(f"beliefnet.cli.{COMMANDS[name][0]}")


def load_all() -> App:
    """Return the command line with all its commands."""
    for name in COMMANDS:
        load_command(name)
    return app
