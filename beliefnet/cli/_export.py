"""beliefnet export."""

import shlex
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from beliefnet._onnx import to_onnx
from beliefnet._text import in_bytes
from beliefnet.cli._app import command
from beliefnet.cli._files import check_free, replaced, writing
from beliefnet.cli._options import check_suffix
from beliefnet.cli._text import report, say
from beliefnet.runs import LoadedRun, load_run, write_atomically


@command
def export(
    directory: Annotated[Path, Parameter(name="DIR")],
    /,
    *,
    out: Path | None = None,
    file_format: Annotated[Literal["safetensors", "onnx"], Parameter(name="--format")] = "safetensors",
) -> None:
    """Write the best net of a run to one file, with all that it takes to use it and nothing to go on training from.

    It is a safetensors file, which runs no code when it is read. Commands that use a net take it in the place of the
    run folder, as in `beliefnet encode net.safetensors data.npz`; a copy of the folder that has it under the name
    `net.safetensors` needs no checkpoints. For other programs, --format onnx writes `encoder.onnx`, from data to the
    means of each latent layer, and `decoder.onnx`, from the bottom latent layer to the means of the data.

    Args:
        directory: The run folder, or such a file.
        out: A .safetensors to write, by default `net.safetensors` in the run folder; for ONNX, the folder of the two.
        file_format: What is written; onnx is for nets of dense layers, and takes pip install "beliefnet[onnx]".
    """
    if file_format == "onnx":
        _export_onnx(load_run(directory), out)
        return
    if out is not None:
        check_suffix(out, ".safetensors")
    run = load_run(directory)
    path = run.folder.net_file.path if out is None else out
    check_free(path)
    note = replaced(path)
    with writing(path):
        run.export(path)
    report({"files": [str(path)]})
    say(f"written to {path} ({in_bytes(path.stat().st_size)}){note}")
    if out is None:
        say(f"without its checkpoints, the run is still there for: beliefnet evaluate {shlex.quote(str(directory))}")


def _export_onnx(run: LoadedRun, out: Path | None) -> None:
    folder = run.folder.home if out is None else out
    if folder.exists():
        for name in ("encoder", "decoder"):
            check_free(folder / f"{name}.onnx")
    contents = {folder / f"{name}.onnx": content for name, content in to_onnx(run.net).items()}
    for path, content in contents.items():
        note = replaced(path)
        with writing(path):
            folder.mkdir(parents=True, exist_ok=True)
            write_atomically(path, content)
        say(f"written to {path} ({in_bytes(len(content))}){note}")
    report({"files": list(map(str, contents))})
