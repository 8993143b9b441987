"""beliefnet sample: observations drawn from a trained net."""

from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from cyclopts import Parameter

from beliefnet._errors import OptionError
from beliefnet._text import printable
from beliefnet._uses import sample_means
from beliefnet.cli._app import command
from beliefnet.cli._files import chosen_file, replaced, save_array, save_arrays, save_table, writing
from beliefnet.cli._options import check_counts
from beliefnet.cli._rows import words_or_numbers
from beliefnet.cli._run import open_run
from beliefnet.cli._tables import NUMBERED, SUFFIXES, save_columns
from beliefnet.cli._text import report, say
from beliefnet.plots import image_sheet, table_sheet
from beliefnet.runs import write_atomically
from beliefnet.training import Stream, stream

_STORED = {"binary": np.uint8, "grey": np.float32, "counts": np.int32, "mixed": np.float32}


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
        out: A .png for a sheet of images, or for a heat map of a table; a .txt for documents, one a line; a .csv for
            rows under the names of the columns, or a .parquet for a table of mixed columns; a .npy for an array
            [num, visible]; or a .npz for it and the names (`samples`, `columns`). By default samples.png, samples.csv
            of a table, or samples.txt; or samples-2 and so on where that is there already.
        values: Draws, or the means that they are drawn with; by default means in a .png, draws otherwise.
        seed: Seed of the draws.
    """
    check_counts(num=num, seed=seed)
    run = open_run(directory)
    shape = run.record.image_shape
    kinds = (
        (".txt", ".csv") if run.record.values == "counts" else (".csv", ".png") if shape is None else (".png", ".csv")
    )
    schema = run.record.schema
    kinds = kinds if schema is None else SUFFIXES
    file = chosen_file(out, f"samples{kinds[0]}", *kinds, ".npy", ".npz")
    wants_means = values == "means" or (values is None and file.suffix == ".png")
    if wants_means and file.suffix == ".txt":
        raise OptionError(f"expected --values draws for documents in {file}, got means", "--out samples.npy")
    if values == "means" and schema is not None and file.suffix in SUFFIXES:
        raise OptionError(
            f"expected --values draws for the columns of a table in {file}, got means",
            "--out samples.npy, which holds units",
        )
    key = stream(seed, Stream.SAMPLES)
    drawn = np.asarray(sample_means(run.net, (num,), key=key) if wants_means else run.net.dream((num,), key=key)[0])
    note = replaced(file)
    if schema is not None and file.suffix in SUFFIXES:
        save_columns(file, schema.decode(drawn), schema.dates)
    else:
        stored = drawn if wants_means else drawn.astype(_STORED[run.record.values])
        _write(file, stored, words_or_numbers(run), shape)
    report({"file": str(file), "num_samples": num, "values": "means" if wants_means else "draws", "seed": seed})
    say(f"{num} samples written to {file}{note}")


def _write(file: Path, drawn: np.ndarray, columns: tuple[str, ...], image_shape: tuple[int, int] | None) -> None:
    if file.suffix == ".png":
        with writing(file):
            if image_shape is None:
                table_sheet({"samples": drawn}, columns, file)
            else:
                image_sheet(drawn, image_shape, file)
    elif file.suffix == ".txt":
        names = np.asarray([printable(word) for word in columns])
        with writing(file):
            write_atomically(file, "".join(f"{' '.join(np.repeat(names, row))}\n" for row in drawn))
    elif file.suffix == ".csv":
        save_table(file, drawn, columns, {NUMBERED: range(1, len(drawn) + 1)})
    elif file.suffix == ".npz":
        save_arrays(file, {"samples": drawn, "columns": np.asarray(columns)})
    else:
        save_array(file, drawn)
