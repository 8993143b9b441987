"""Files that commands write: whole or not at all, and none replaced without a word."""

import csv
import errno
import os
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from beliefnet._errors import OptionError
from beliefnet._text import printable
from beliefnet.cli._common import asked
from beliefnet.cli._options import check_suffix
from beliefnet.cli._text import MOST_OF_A_PATH
from beliefnet.runs import DiskFullError, check_writable, whole_file

_SHORT_WRITE = " requested and "


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Blame --out for a file that cannot be written."""
    try:
        yield
    except DiskFullError:
        raise
    except OSError as error:
        # NumPy gives a short write no number.
        reason = "no space left on the disk" if _SHORT_WRITE in str(error) else error.strerror or error
        raise OptionError(
            f"expected --out to be a file that can be written, got {printable(path, MOST_OF_A_PATH)} ({reason})",
            "another --out",
        ) from error


def chosen_file(out: Path | None, default: str, *suffixes: str) -> Path:
    """Return the file to write: the one that was asked for, or the first of default, default-2, ... that is free.

    Args:
        out: What was asked for.
        default: What is written where nothing was.
        *suffixes: What its name can end in.

    Raises:
        OptionError: If it is there already and may not be replaced, or cannot be written.
    """
    path, number = Path(default) if out is None else out, 1
    if suffixes:
        check_suffix(path, *suffixes)
    while out is None and not asked().overwrite and path.exists():
        number += 1
        path = Path(default).with_stem(f"{Path(default).stem}-{number}")
    check_free(path)
    return path


def check_free(path: Path) -> None:
    """Check, before any work, that a file can be written, and is not there already unless it may be replaced.

    Raises:
        OptionError: If it cannot or is.
    """
    given = printable(path, MOST_OF_A_PATH)
    with writing(path):
        if os.path.lexists(path) and not path.is_dir() and not asked().overwrite:
            raise OptionError(
                f"expected --out to be a file that is not there yet, got {given}", "--overwrite", "another --out"
            )
        if not path.parent.exists():
            raise OptionError(
                f"expected --out in a folder that is there, got {given}", f"mkdir -p {shlex.quote(str(path.parent))}"
            )
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        check_writable(path)


def replaced(path: Path) -> str:
    """Return what to say where a file is about to be replaced."""
    return ", in place of the file that was there" if path.exists() else ""


def save_array(path: Path, array: np.ndarray) -> None:
    """Write one array to a .npy; a file that is there is replaced at the end or not at all."""
    save_bytes(path, lambda file: np.save(file, array))


def save_arrays(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write named arrays to a .npz."""
    save_bytes(path, lambda file: np.savez_compressed(file, **arrays))  # pyright: ignore[reportArgumentType]


def save_table(path: Path, rows: np.ndarray, columns: Sequence[str], beside: Mapping[str, Iterable[Any]]) -> None:
    """Write rows to a .csv, under names of columns, after columns of other things, such as names of rows."""

    def write(file: BinaryIO) -> None:
        lines = Lines(file)
        table = csv.writer(lines, lineterminator="\n")
        table.writerow(map(printable, (*beside, *columns)))
        for own, row in zip(zip(*beside.values(), strict=True), rows, strict=True):
            table.writerow([*map(printable, own), *row.astype(str)])

    save_bytes(path, write)


class Lines:
    """What a table is written to: text goes in, and its bytes come out."""

    def __init__(self, file: BinaryIO):
        self.file = file

    def write(self, text: str) -> int:
        """Write text."""
        return self.file.write(text.encode("utf-8"))


def save_bytes(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Write a file by a function of what it is written to, whole or not at all."""
    with writing(path), whole_file(path) as file:
        write(file)
