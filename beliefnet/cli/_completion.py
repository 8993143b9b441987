"""What lets a shell complete commands and options: one script, which starts no Python."""

import os
from collections.abc import Sequence
from pathlib import Path

from beliefnet._errors import OptionError, shown
from beliefnet.cli._text import report, say
from beliefnet.cli._words import reading_app

_SHELLS = ("bash", "zsh", "fish")


def install_completion(words: Sequence[str]) -> None:
    """Write the script where the shell looks for it, and have the shell read it when it starts.

    Args:
        words: The name of the shell; none for the one that the user has.

    Raises:
        OptionError: If there is no such shell, or it is not known.
    """
    given = words[0] if words else Path(os.environ.get("SHELL", "")).name
    if given not in _SHELLS or len(words) > 1:
        raise OptionError(
            f"expected --install-completion to be followed by one of {', '.join(_SHELLS)}, got "
            f"{shown(' '.join(words) or given)}",
            "--install-completion bash",
        )
    file = reading_app().install_completion(shell=given)  # pyright: ignore[reportArgumentType]
    report({"shell": given, "file": str(file)})
    say(f"written to {file}; a new {given} completes commands and options")
