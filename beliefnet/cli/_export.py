"""beliefnet export."""

import shlex
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from beliefnet._text import in_bytes
from beliefnet.cli._app import command
from beliefnet.cli._files import replaced, writing
from beliefnet.cli._options import check_suffix
from beliefnet.cli._text import say
from beliefnet.runs import load_run


@command
def export(directory: Annotated[Path, Parameter(name="DIR")], /, *, out: Path | None = None) -> None:
    """Write the best net of a run to one file, with all that it takes to use it and nothing to go on training from.

    It is a safetensors file, which runs no code when it is read. Commands that use a net take it in the place of the
    run folder, as in `beliefnet encode net.safetensors data.npz`; a copy of the folder that has it under the name
    `net.safetensors` needs no checkpoints.

    Args:
        directory: The run folder, or such a file.
        out: A .safetensors to write; by default `net.safetensors` in the run folder.
    """
    if out is not None:
        check_suffix(out, ".safetensors")
    run = load_run(directory)
    path = run.folder.net_file.path if out is None else out
    note = replaced(path)
    with writing(path):
        run.export(path)
    say(f"written to {path} ({in_bytes(path.stat().st_size)}){note}")
    if out is None:
        say(f"without its checkpoints, the run is still there for: beliefnet evaluate {shlex.quote(str(directory))}")
