"""beliefnet sample: observations drawn from a trained net."""

from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from cyclopts import Parameter

from beliefnet._errors import OptionError
from beliefnet._text import printable
from beliefnet._uses import sample_means
from beliefnet.cli._app import command
from beliefnet.cli._files import chosen_file, replaced, save_array, writing
from beliefnet.cli._options import check_counts, check_suffix
from beliefnet.cli._rows import words_or_numbers
from beliefnet.cli._run import open_run
from beliefnet.cli._text import say
from beliefnet.plots import image_sheet
from beliefnet.runs import write_atomically
from beliefnet.training import Stream, stream

_STORED = {"binary": np.uint8, "grey": np.float32, "counts": np.int32}


@command
def sample(
    directory: Annotated[Path, Parameter(name="DIR")],
    /,
    *,
    num: int = 100,
    out: Path | None = None,
    values: Literal["draws", "means"] | None = None,
    seed: int = 0,
) -> None:
    """Draw observations from a trained net.

    Args:
        directory: Run folder of `beliefnet train`.
        num: How many.
        out: A .png for a sheet of images, a .txt for documents, one a line, or a .npy for an array [num, visible]. By
            default samples.png or samples.txt, or samples-2 and so on where that is there already.
        values: Draws, or the means that they are drawn with; by default means in a .png, draws otherwise.
        seed: Seed of the draws.
    """
    check_counts(num=num, seed=seed)
    run = open_run(directory)
    kind = ".txt" if run.record.values == "counts" else ".png"
    file = chosen_file(out, f"samples{kind}")
    check_suffix(file, kind, ".npy")
    wants_means = values == "means" or (values is None and file.suffix == ".png")
    if wants_means and file.suffix == ".txt":
        raise OptionError(f"expected --values draws for documents in {file}, got means", "--out samples.npy")
    key = stream(seed, Stream.SAMPLES)
    drawn = np.asarray(sample_means(run.net, (num,), key=key) if wants_means else run.net.dream((num,), key=key)[0])
    note = replaced(file)
    if file.suffix == ".png":
        with writing(file):
            image_sheet(drawn, run.record.image_shape, file)
    elif file.suffix == ".txt":
        names = np.asarray([printable(word) for word in words_or_numbers(run)])
        with writing(file):
            write_atomically(file, "".join(f"{' '.join(np.repeat(names, row))}\n" for row in drawn.astype(int)))
    else:
        save_array(file, drawn if wants_means else drawn.astype(_STORED[run.record.values]))
    say(f"{num} samples written to {file}{note}")
