"""Names of options, and hints to use them, in the words of a command."""

import shlex
from collections.abc import Mapping
from functools import partial

from beliefnet._errors import Refusal, Use

RUN_COMMANDS = frozenset({"diagnose", "encode", "evaluate", "gaps", "impute", "outliers", "score", "topics"})
"""The commands that read rows for a trained net: what values it is a model of is settled."""

_RUNS = {"binary": "bits", "counts": "counts", "grey": "grey values"}
_MODELS: Mapping[str, str] = {
    "binary": "--models mixture",
    "counts": "--models lda",
    "grey": "dividing by the largest value, and --binarization threshold",
}


def flag(option: str) -> str:
    """Return the name of an option as on the command line.

    Examples:
        >>> flag("num_particles")
        'particles'
    """
    return option.removeprefix("num_").replace("_", "-")


def for_command(error: Refusal, command: str) -> str:
    """Return what is said of an error or in a warning, with options as a command has them.

    Args:
        error: The error.
        command: The name of the command.
    """
    return error.worded(flag, partial(_worded, command=command))


def _worded(use: Use, command: str) -> str:
    """Return one option with its value in the words of a command; nothing if it has no meaning there."""
    if use.option == "values" and use.value == "mixed" and command != "train":
        return ""
    if use.option == "values" and command == "compare":
        return _MODELS[use.value]
    if use.option == "values" and command in RUN_COMMANDS:
        return f"the run of a net over {_RUNS[use.value]} (beliefnet train {use.flags})"
    if use.option == "keep_empty" or (use.option == "text_column" and command != "train"):
        return ""
    return use.flags or _as_flag(use)


def _as_flag(use: Use) -> str:
    if use.value is True or use.value is False:
        return f"--{'' if use.value else 'no-'}{flag(use.option)}"
    value = flag(use.option).upper() if use.value is ... else shlex.quote(str(use.value))
    return f"--{flag(use.option)} {value}"
