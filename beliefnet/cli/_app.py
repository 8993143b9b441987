"""The command line: what is common to all commands."""

import contextlib
import os
import sys
import traceback
import warnings
from collections.abc import Sequence
from functools import partial
from importlib import import_module
from typing import Any

from cyclopts import App, Parameter

from beliefnet import __version__
from beliefnet.cli._message import message, said_by
from beliefnet.cli._text import for_terminal, make_console, warn
from beliefnet.cli._words import check_utf8, check_words

COMMANDS = {
    "compare": ("_compare", "Fit simpler models to data, and score them as nets are scored."),
    "convert": ("_convert", "Write a run folder of version 0.1.0 anew."),
    "datasets": ("_datasets", "List the data sets that can be named, or fetch one."),
    "diagnose": ("_diagnose", "Compare gradient estimators at a trained net."),
    "encode": ("_encode", "Write the codes of data."),
    "evaluate": ("_evaluate", "Estimate ELBO, K-particle bound and negative log-likelihood of a trained net."),
    "export": ("_export", "Write the best net of a run to one file."),
    "gaps": ("_gaps", "Refine the posteriors of trained nets step by step."),
    "impute": ("_impute", "Fill in missing entries of data."),
    "outliers": ("_outliers", "Score every row of data by log p(x)."),
    "report": ("_report", "Write one HTML page about one or several runs."),
    "runs": ("_runs", "List the runs of a folder, put tags on them, or delete some."),
    "sample": ("_sample", "Draw observations from a trained net."),
    "schema": ("_schema", "Show what the columns of a table are taken for."),
    "sandwich": ("_sandwich", "Bound log p(x) from both sides on data that the net itself draws."),
    "topics": ("_topics", "Show the words that each latent of a document net stands for."),
    "train": ("_train", "Train a net and leave a run folder."),
}
"""The module of each command, and a line about it: a command is imported when it is used."""

app = App(
    name="beliefnet",
    help="Train and use deep directed latent-variable models: binary, one-hot or normal latents, in layers.\n\n"
    "Bounds and likelihoods are in nats per example. Errors end with status 1 and one message; put --debug anywhere "
    "on the command line to see where they came from.",
    version=__version__,
    console=make_console(),
    error_console=make_console(stderr=True),
    # An interruption is answered in one place, `_entry`, and never without a word.
    suppress_keyboard_interrupt=False,
    # `--hidden 200 200` gives both sizes; a folder named [x] is no list.
    default_parameter=Parameter(consume_multiple=True, negative_iterable=(), json_list=False),
)
for _name, (_, _line) in COMMANDS.items():
    app.command(App(name=_name, help=_line))


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


def run_command(tokens: Sequence[str]) -> int:
    """Run one command, and say what is wrong in one line.

    Returns:
        The exit status: 0 only on success.
    """
    is_debugging = "--debug" in tokens
    tokens = [token for token in tokens if token != "--debug"]
    name = next((token for token in tokens if not token.startswith("-")), "")
    with warnings.catch_warnings():
        warnings.showwarning = lambda given, *_, **__: warn(said_by(given, name))
        try:
            check_utf8(tokens)
            load_command(name)
            app.config = (check_words,)
            result = app(tokens, exit_on_error=False, print_error=False, result_action="return_value")
            sys.stdout.flush()
        except SystemExit as stop:
            return stop.code if type(stop.code) is int else 1
        except BrokenPipeError:
            # The reader of a pipe has seen enough; the interpreter must not complain about it on its way out.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1
        except Exception as error:
            if is_debugging:
                traceback.print_exc()
            # The terminal may be gone.
            with contextlib.suppress(OSError):
                print(f"error: {for_terminal(message(error, name))}", file=sys.stderr)
            return 1
    return result or 0
