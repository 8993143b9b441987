"""Data sets of binary rows, or of means that are binarised."""

from pathlib import Path

from beliefnet.data._assemble import Provenance, assemble
from beliefnet.data._binarize import binarize, choose_binarization
from beliefnet.data._files import read_file
from beliefnet.data._options import Options
from beliefnet.data._raw import RawData
from beliefnet.data._record import Dataset
from beliefnet.data.sources import Source


def image_source(source: Source[RawData], options: Options) -> Dataset:
    """Load a named data set.

    Args:
        source: A source whose values are binary.
        options: What was asked for.

    Raises:
        DataError: If the binarisation does not suit the data, or they cannot be had.
    """
    raw = source.read()
    mode = choose_binarization(raw.scale, options.binarization, source.binarization, repr(source.name))
    return assemble(
        binarize(raw, mode, options.seed), source.provenance, binarization=mode, image_shape=source.image_shape
    )


def image_file(path: Path, given: str, options: Options) -> Dataset:
    """Load a user's own file.

    Args:
        path: A `.npy`, `.npz` or `.csv` file.
        given: The path as the user gave it.
        options: What was asked for.

    Raises:
        DataError: If the file or the options cannot be used.
    """
    raw, image_shape = read_file(path, seed=options.seed, fractions=options.fractions)
    mode = choose_binarization(raw.scale, options.binarization, "dynamic", given)
    provenance = Provenance(path.stem, "user file", given)
    return assemble(binarize(raw, mode, options.seed), provenance, binarization=mode, image_shape=image_shape)
