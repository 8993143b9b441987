"""Opening the files of strangers: regular files alone, memory in proportion to them, errors that name the place."""

import csv
import gzip
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TypeAlias

from beliefnet._errors import DataError, Use, entry, shown
from beliefnet._text import in_bytes

Place: TypeAlias = Callable[[int, int], str]
"""Says where an entry is, given the numbers of its row and column of data, from 0."""

LEAST_EXPANSION = 2**26
"""Bytes that a compressed file may always expand to."""
LARGEST_EXPANSION = 100
"""How many times its size a larger one may expand to."""
FEWEST_EXTENT = 2**20
"""Rows or columns that a file may always state."""
LARGEST_EXTENT = 10
"""How many of them it may state for each entry that it holds."""

_LOOK = 10_000
_MOST_CONTROL = 0.02

_BYTE_ORDER_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb\xbf": "utf-8-sig"}
_DAMAGE = (
    ValueError,
    EOFError,
    OverflowError,
    MemoryError,
    NotImplementedError,
    zipfile.BadZipFile,
    zlib.error,
    gzip.BadGzipFile,
    csv.Error,
    struct.error,
)
_KINDS = {
    stat.S_ISDIR: "a folder",
    stat.S_ISFIFO: "a named pipe",
    stat.S_ISCHR: "a device",
    stat.S_ISBLK: "a device",
    stat.S_ISSOCK: "a socket",
}


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turn whatever goes wrong while reading a file into a `DataError` that names it."""
    try:
        yield
    except DataError:
        raise
    except UnicodeDecodeError as error:
        raise DataError(
            f"expected a text file in UTF-8, got {path} ({error.reason} at byte {error.start})",
            "saving it as UTF-8",
            Use("encoding", "latin-1", "or what else it was written in"),
        ) from error
    except _DAMAGE as error:
        reason = shown(str(error) or type(error).__name__, 200).strip("'\"")
        raise DataError(f"expected a complete file, got a damaged {path} ({reason})", "writing it again") from error
    except OSError as error:
        reason = error.strerror or error
        raise DataError(f"expected a readable file, got {path} ({reason})", "checking its permissions") from error


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open a regular file for reading.

    Raises:
        DataError: If there is none, or it is a folder, a pipe or a device.
    """
    with readable(path):
        try:
            # Without O_NONBLOCK, a pipe that nobody writes to would be waited for.
            descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        except (FileNotFoundError, NotADirectoryError) as error:
            raise DataError(
                f"expected an existing file, got {path}, which does not exist", "checking the path"
            ) from error
        _check_regular(descriptor, path)
        with os.fdopen(descriptor, "rb") as file:
            yield file


def read_bytes(path: Path) -> bytes:
    """Return what a file holds, expanded where its name ends in `.gz`; `DataError` if it expands beyond all measure."""
    with opened(path) as file:
        if path.suffix.lower() != ".gz":
            return file.read()
        limit = expansion_limit(os.fstat(file.fileno()).st_size)
        with gzip.open(file) as expanding:
            content = expanding.read(limit + 1)
    check_expansion(len(content), limit, str(path))
    return content


def read_text(path: Path, encoding: str | None = None) -> str:
    """Return the text of a file, each line ended by a line feed.

    Args:
        path: The file; expanded where its name ends in `.gz`.
        encoding: What it is written in; None for what its byte order mark says, or else UTF-8.

    Raises:
        DataError: If it cannot be read, or is no text.
    """
    content = read_bytes(path)
    marked = next((name for mark, name in _BYTE_ORDER_MARKS.items() if content.startswith(mark)), "utf-8")
    with readable(path):
        try:
            text = content.decode(encoding or marked)
        except LookupError as error:
            raise DataError(f"expected the name of an encoding, got {shown(encoding)}", "'latin-1'") from error
    if "\0" in text:
        raise DataError(
            f"expected a text file, got {path} with a zero byte (character {text.index(chr(0)) + 1})",
            "another file",
            Use("encoding", "utf-16", "for a text of two bytes a letter"),
        )
    control = sum(character < " " and character not in "\t\n\r\f\v\b\x1b" for character in text[:_LOOK])
    if control > _MOST_CONTROL * min(len(text), _LOOK):
        raise DataError(f"expected a text file, got {path} with {control} control characters", "another file")
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def is_of_single_bytes(encoding: str | None) -> bool:
    """Whether an encoding has one byte for each letter, as latin-1 has; `DataError` if there is no such encoding."""
    if encoding is None:
        return False
    try:
        return len(bytes(range(256)).decode(encoding, "replace")) == 256
    except (LookupError, ValueError) as error:
        raise DataError(f"expected the name of an encoding, got {shown(encoding)}", "'latin-1'") from error


def has_own_encoding(path: Path) -> bool:
    """Whether a file says what it is written in: by a byte order mark, or by letters that only UTF-8 writes so."""
    content = read_bytes(path)
    if any(map(content.startswith, _BYTE_ORDER_MARKS)):
        return True
    try:
        return not content.isascii() and bool(content.decode("utf-8"))
    except UnicodeDecodeError:
        return False


def split_lines(text: str) -> list[str]:
    """Return the lines of a text; only a line feed ends a line, not what else Unicode breaks lines at."""
    lines = text.split("\n")
    return lines if lines[-1] else lines[:-1]


def plain_suffix(path: Path) -> str:
    """Return the suffix in lower case, that before `.gz` for a compressed file."""
    suffix = path.suffix.lower()
    return Path(path.stem).suffix.lower() if suffix == ".gz" else suffix


def expansion_limit(compressed: int) -> int:
    """Return how many bytes a compressed file of a size may expand to."""
    return max(LEAST_EXPANSION, LARGEST_EXPANSION * compressed)


def check_expansion(size: int, limit: int, label: str) -> None:
    """Check that something compressed does not expand beyond a limit, in bytes; `DataError` if it does."""
    if size > limit:
        raise DataError(
            f"expected {label} to expand to at most {in_bytes(limit)}, got {in_bytes(size)} or more",
            "an uncompressed file, or scipy.sparse.save_npz for a matrix of few values",
        )


def check_extent(shape: tuple[int, int], entries: int, label: str) -> None:
    """Check that the rows and columns that a file states are in proportion to its entries; `DataError` if not."""
    limit = max(FEWEST_EXTENT, LARGEST_EXTENT * entries)
    for size, what in zip(shape, ("rows", "columns"), strict=True):
        if size > limit:
            raise DataError(
                f"expected at most {limit} {what} for the {entries} entries in {label}, got {size}",
                f"leaving out {what} without entries",
            )


def _check_regular(descriptor: int, path: Path) -> None:
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return
    os.close(descriptor)
    kind = next((name for is_kind, name in _KINDS.items() if is_kind(mode)), "something else")
    hint = "a file inside it" if stat.S_ISDIR(mode) else "writing the data to a file first"
    raise DataError(f"expected a regular file, got {kind} at {path}", hint)


class Label(str):
    """What to call rows of a text file, whose entries are found by their lines.

    Args:
        text: What to call them.
        place: Where an entry is.
    """

    place: Place

    def __new__(cls, text: str, place: Place) -> "Label":
        """Make a string that knows where entries are."""
        label = super().__new__(cls, text)
        label.place = place
        return label


def labelled(text: str, place: Place | None) -> str:
    """Return what to call rows, with the places of their entries where these are known."""
    return text if place is None else Label(text, place)


def place_in(label: str, row: int, column: int) -> str:
    """Return where an entry is: by its line in a text file, and by its row otherwise; all are counted from 1."""
    place: Place = getattr(label, "place", entry)
    return place(row, column)
