"""beliefnet convert."""

import shlex
from pathlib import Path

from beliefnet.catalogue import convert_run
from beliefnet.cli._app import command
from beliefnet.cli._text import report, say


@command
def convert(old: Path, new: Path, /) -> None:
    """Write a run folder of version 0.1.0 anew, so that it can be evaluated, used and trained on.

    Args:
        old: The folder, which is left as it is.
        new: A folder that does not exist yet.
    """
    folder = convert_run(old, new)
    report({"run": str(folder.path)})
    say(f"written to {folder.path}; go on with: beliefnet evaluate {shlex.quote(str(folder.path))}")
