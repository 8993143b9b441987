"""One file of many that make a data set: how many rows it has, and some of them."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from beliefnet._errors import DataError, listed, shown
from beliefnet.data._files import opened, readable
from beliefnet.data._record import LoadOptions, Reading
from beliefnet.data._split import Contents
from beliefnet.data.readers._arrays import npz_names, read_npz
from beliefnet.data.readers._contents import read_contents
from beliefnet.data.readers._matrix import matrix_contents

PART_BYTES = 2**19
"""Rows that are read at a time from a file that can be read in parts, at most."""

NPY, NPZ = ".npy", ".npz"


@dataclass(frozen=True)
class Part:
    """Rows of a file that are read at a time, from the first to the one before the last."""

    first: int
    last: int


@dataclass(frozen=True)
class AbstractShard(ABC):
    """One file of a data set.

    Attributes:
        path: The file.
        options: How it is read.
        num_rows: Its rows.
        row_bytes: Size of a row as it is read.
        form: What all files of a data set have in common, in words, by the name of what that is.
    """

    path: Path
    options: LoadOptions
    num_rows: int
    row_bytes: int
    form: dict[str, str]

    @property
    @abstractmethod
    def parts(self) -> list[Part]:
        """The rows that are read at a time, in their order."""

    @abstractmethod
    def read(self, part: Part) -> Contents:
        """Return some rows as contents; `DataError` if they cannot be read."""


@dataclass(frozen=True)
class Array(AbstractShard):
    """An array in a `.npy` file, which is mapped into memory while some of its rows are copied.

    Attributes:
        layout: How `numpy.memmap` is to map it.
    """

    layout: dict[str, Any]

    @classmethod
    def of(cls, path: Path, options: LoadOptions) -> "Array":
        """Return the file, once its header is read."""
        check_reading(path, options, ())
        rows = _mapped(path)
        if rows.ndim not in (2, 3) or 0 in rows.shape[1:]:
            raise DataError(
                f"expected shape [rows, features] or [rows, height, width] in {path}, got {list(rows.shape)}",
                "array.reshape(num_rows, -1) before saving",
            )
        size = int(np.prod(rows.shape[1:])) * rows.dtype.itemsize
        order = "C" if rows.flags.c_contiguous else "F"
        layout = {"dtype": rows.dtype, "shape": rows.shape, "offset": rows.offset, "order": order}
        return cls(path, options, len(rows), size, _form(rows.shape, rows.dtype, options), layout)

    @property
    def parts(self) -> list[Part]:
        """Parts of one size, but for the last."""
        return evenly(self.num_rows, self.row_bytes)

    def read(self, part: Part) -> Contents:
        """Return a copy of some rows."""
        with readable(self.path):
            rows = np.array(np.memmap(self.path, mode="r", **self.layout)[part.first : part.last])
        return matrix_contents(self.path, rows, self.options)


class Archive(AbstractShard):
    """A dense array or a sparse matrix in a `.npz` file, which is read as a whole."""

    @classmethod
    def of(cls, path: Path, options: LoadOptions) -> "Archive":
        """Return the file; of what `scipy.sparse.save_npz` writes, only the shape is read."""
        check_reading(path, options, ("array",))
        size, stored = path.stat().st_size, npz_names(path)
        if options.array is None and {"format", "shape", "data"} <= set(stored):
            shape = tuple(map(int, read_npz(path, ["shape"])["shape"]))
            form = {"columns": str(list(shape[1:]))}
        else:
            rows = _whole(path, options).splits["train"]
            shape, form = tuple(map(int, rows.shape)), _form(rows.shape, rows.dtype, options)
        return cls(path, options, shape[0], -(-size // max(shape[0], 1)), form)

    @property
    def parts(self) -> list[Part]:
        """The whole."""
        return [Part(0, self.num_rows)]

    def read(self, part: Part) -> Contents:
        """Return all rows, or the first ones."""
        contents = _whole(self.path, self.options)
        chosen = slice(part.first, part.last)
        return contents.holding({"train": contents.splits["train"][chosen]}, names={})


def _form(shape: Sequence[int], dtype: np.dtype, options: LoadOptions) -> dict[str, str]:
    """Return what all files have in common: of grey values also whether they are floats, which are of another scale."""
    columns = {"columns": str(list(map(int, shape[1:])))}
    return (
        columns | {"numbers": "floats" if dtype.kind == "f" else "whole ones"} if options.values == "grey" else columns
    )


def evenly(num_rows: int, row_bytes: int) -> list[Part]:
    """Return parts of one size, but for the last."""
    size = max(1, PART_BYTES // row_bytes)
    return [Part(first, min(first + size, num_rows)) for first in range(0, num_rows, size)]


def check_reading(path: Path, options: LoadOptions, known: tuple[str, ...]) -> None:
    """Check that every option of reading has a meaning for a file of a folder; `DataError` if not."""
    for name in (*(option.name for option in fields(Reading)), "split_column"):
        if name not in (*known, "levels") and getattr(options, name) != getattr(LoadOptions(), name):
            raise DataError(
                f"expected no {{option}} for {path}, one of many files that are read by {listed(known) or 'no options'}"
                f", got {shown(getattr(options, name))}",
                "leaving it out",
                option=name,
            )


def _mapped(path: Path) -> np.memmap:
    with opened(path):
        return np.lib.format.open_memmap(path, mode="r")


def _whole(path: Path, options: LoadOptions) -> Contents:
    contents = read_contents(path, options)
    if set(contents.splits) != {"train"}:
        raise DataError(
            f"expected rows of one split in {path}, one of many files, got {listed(contents.splits)}",
            "array='train', to read that alone",
        )
    return contents
