"""beliefnet encode: the codes of data."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from beliefnet._errors import OptionError
from beliefnet.cli._app import command
from beliefnet.cli._files import chosen_file, replaced, save_array, save_arrays
from beliefnet.cli._flags import AS_IN_TRAINING, HowRead
from beliefnet.cli._progress import progress
from beliefnet.cli._rows import Split, chosen_rows
from beliefnet.cli._run import open_latent_run
from beliefnet.cli._tables import SUFFIXES, beside, save_columns
from beliefnet.cli._text import report, say
from beliefnet.evaluation import encode as codes_of


@command
def encode(
    directory: Annotated[Path, Parameter(name="DIR")],
    data: Annotated[str, Parameter(name="DATA")],
    /,
    *,
    out: Path | None = None,
    layer: int | None = None,
    split: Split | None = None,
    reading: HowRead = AS_IN_TRAINING,
) -> None:
    """Write the codes of data: the mean of each latent unit under the recognition net, layer means fed upward.

    Args:
        directory: Run folder of `beliefnet train`.
        data: A file of rows, read as the run's own data were, or the name of a data set.
        out: A .npy for one layer, [examples, units]; a .csv or .parquet for one layer, with the names and labels of the
            rows; or a .npz for all (`h1` is the one next to the data). By default codes.npy, or codes.csv of a table,
            or codes-2 and so on where that is there already.
        layer: Which layer goes into any file but a .npz, 1 being the one next to the data; the top one by default.
        split: Which part of a named data set (the test split by default), or which array of a .npz.
        reading: How a file is read, where the run's own data were read in another way.
    """
    run = open_latent_run(directory)
    file = chosen_file(out, "codes.npy" if run.record.schema is None else "codes.csv", ".npy", *SUFFIXES, ".npz")
    depth = len(run.net.layer_sizes)
    if layer is not None and not 1 <= layer <= depth:
        raise OptionError(f"expected --layer from 1 to {depth}, got {layer}", f"{depth}, the top one")
    if layer is not None and file.suffix == ".npz":
        raise OptionError(f"expected no --layer for {file}, which holds all layers, got {layer}", "--out codes.npy")
    found = chosen_rows(run, data, split, reading)
    rows = found.rows
    note = replaced(file)
    with progress("encoding", len(rows)) as shown:
        codes = codes_of(run.net, rows, progress=shown.update)
    if file.suffix == ".npz":
        save_arrays(file, {f"h{index + 1}": code for index, code in enumerate(codes)})
        report({"file": str(file), "num_examples": len(rows), "units": list(run.net.layer_sizes)})
        say(f"codes of {len(rows)} examples, {depth} layers, written to {file}{note}")
        return
    chosen = depth if layer is None else layer
    code = codes[chosen - 1]
    if file.suffix == ".npy":
        save_array(file, code)
    else:
        units = {f"h{chosen}.{unit + 1}": code[:, unit] for unit in range(code.shape[1])}
        save_columns(file, beside(found, run.record.schema) | units)
    report({"file": str(file), "num_examples": len(rows), "layer": chosen, "units": code.shape[1]})
    say(f"codes of {len(rows)} examples, layer {chosen}, {code.shape[1]} units, written to {file}{note}")
