"""Data sets of grey values that stay grey."""

from pathlib import Path

import numpy as np

from beliefnet._errors import DataError
from beliefnet.data._assemble import Provenance, assemble
from beliefnet.data._files import read_file
from beliefnet.data._levels import levels_of, to_levels
from beliefnet.data._options import Options
from beliefnet.data._raw import RawData
from beliefnet.data._record import Dataset
from beliefnet.data._values import check_grey_values
from beliefnet.data.sources import Source


def grey_source(source: Source[RawData], options: Options) -> Dataset:
    """Load a named data set.

    Args:
        source: A source whose values are grey.
        options: What was asked for.

    Raises:
        DataError: If the data cannot be had.
    """
    return _assembled(source.read(), source.provenance, source.image_shape)


def grey_file(path: Path, given: str, options: Options) -> Dataset:
    """Load a user's own file.

    Args:
        path: A `.npy`, `.npz` or `.csv` file.
        given: The path as the user gave it.
        options: What was asked for.

    Raises:
        DataError: If the file or the options cannot be used, or it holds only zeros and ones.
    """
    raw, shape = read_file(path, seed=options.seed, fractions=options.fractions, check=check_grey_values)
    if all(np.isin(rows, (0, 1)).all() for rows in raw.arrays):
        raise DataError(f"expected grey values in {given}, got only zeros and ones; try --visible bernoulli")
    return _assembled(raw, Provenance(path.stem, "user file", given), shape)


def _assembled(raw: RawData, provenance: Provenance, image_shape: tuple[int, int] | None) -> Dataset:
    """Store values on a grid of levels as bytes: a quarter of the memory, on the device too."""
    levels = 256 if raw.scale == "bytes" else levels_of(raw.arrays)
    splits = {"train": raw.train, "valid": raw.valid, "test": raw.test}
    if raw.scale != "bytes" and levels is not None:
        splits = {split: to_levels(rows, levels) for split, rows in splits.items()}
    return assemble(splits, provenance, values="grey", levels=levels, image_shape=image_shape)
