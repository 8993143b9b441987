"""Files that appear whole or not at all, under temporary names that nobody can foresee."""

import errno
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from beliefnet._errors import Refusal
from beliefnet._text import in_bytes

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_UNFINISHED = "unfinished"
_unfinished: set[str] = set()
_FULL_TEXTS = ("No space left on device", "Disk quota exceeded")


class DiskFullError(Refusal, OSError):
    """There is no room left where a run is written; what was there before is untouched."""


def write_atomically(path: Path, content: str | bytes) -> None:
    """Replace a file by new text or bytes, so that a crash leaves either the old file or the new one.

    A symbolic link at `path` is replaced, not followed.

    Raises:
        DiskFullError: If there is no room for it.
        OSError: If it cannot be written for another reason.
    """
    with whole_file(path) as file:
        file.write(content if type(content) is bytes else content.encode("utf-8"))  # pyright: ignore


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Return a context that gives a file to write bytes to, which takes the place of `path` at the end or not at all.

    A symbolic link at `path` is replaced, not followed.

    Raises:
        DiskFullError: If there is no room for it.
        OSError: If it cannot be written for another reason.
    """
    temporary = path.with_name(f".{_UNFINISHED}-{secrets.token_hex(8)}")
    _unfinished.add(str(temporary))
    try:
        descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o666)
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        if error.filename == str(temporary):
            error.filename, error.filename2 = str(path), None
        raise described(error, path) from error
    finally:
        temporary.unlink(missing_ok=True)
        _unfinished.discard(str(temporary))


def check_writable(path: Path) -> None:
    """Check that a file can be written where it is to be, which is neither made nor changed.

    Raises:
        OSError: If it cannot.
    """
    place = path.with_name(f".{_UNFINISHED}-{secrets.token_hex(8)}")
    try:
        place.open("xb").close()
    finally:
        place.unlink(missing_ok=True)


def remove_unfinished() -> None:
    """Remove what is being written, before a process ends without a word to the rest of it."""
    for name in list(_unfinished):
        with suppress(OSError):
            os.unlink(name)


def append_line(path: Path, value: Any) -> None:
    """Add a value as a line of JSON to a file; a line that a crash cut short before it stays a line of its own.

    Raises:
        DiskFullError: If there is no room for it.
        OSError: If it cannot be written for another reason, such as a symbolic link in its place.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0)
    try:
        with os.fdopen(os.open(path, flags, 0o666), "rb+", buffering=0) as file:
            size = file.seek(0, os.SEEK_END)
            if size and os.pread(file.fileno(), 1, size - 1) != b"\n":
                file.write(b"\n")
            file.write(json.dumps(value).encode() + b"\n")
    except OSError as error:
        raise described(error, path) from error


def read_lines(path: Path, whole_number: str) -> tuple[list[dict[str, Any]], list[int]]:
    """Return the objects of a file of JSON lines, each with a whole number, and the numbers of other lines, from 1.

    Blank lines are skipped, and so is a last line that a crash cut short.
    """
    rows: list[dict[str, Any]] = []
    bad: list[int] = []
    lines = path.read_bytes().split(b"\n")
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line.decode("utf-8"))
        except ValueError:
            row = None
        if type(row) is dict and type(row.get(whole_number)) is int:
            rows.append(row)
        elif number < len(lines):
            bad.append(number)
    return rows, bad


def reserve(folder: Path, size: int) -> None:
    """Make sure that there is room for so many bytes, before many threads find out that there is none.

    Raises:
        OSError: If the disk is full.
    """
    place = temporary_name(folder / "room")
    try:
        with place.open("xb") as file:
            os.posix_fallocate(file.fileno(), 0, max(size, 1))
    except AttributeError:
        pass
    except OSError as error:
        # Some file systems cannot reserve room.
        if error.errno in _FULL:
            raise
    finally:
        place.unlink(missing_ok=True)


def temporary_name(path: Path, prefix: str = ".") -> Path:
    """Return a hidden name beside a path that no other process can foresee."""
    return path.with_name(f"{prefix}{path.name}-{secrets.token_hex(8)}")


def remove_tree(path: Path) -> None:
    """Remove a file, a symbolic link (not what it leads to) or a folder."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def is_disk_full(error: BaseException | None) -> bool:
    """Whether an error, or one that caused it, says that the disk is full."""
    while error is not None:
        text = str(error)
        if getattr(error, "errno", None) in _FULL or any(sentence in text for sentence in _FULL_TEXTS):
            return True
        error = error.__cause__ or error.__context__
    return False


def described(error: OSError, path: Path) -> OSError:
    """Return an error as a full disk that says what to do, if it is one."""
    if not is_disk_full(error):
        return error
    return DiskFullError(
        f"expected room for {path}, got a full disk ({free_space(path)})", "freeing space, then the same again"
    )


def free_space(path: Path) -> str:
    """Say how much room is left where a path is."""
    place = next((p for p in (path, *path.parents) if p.exists()), Path("/"))
    try:
        return f"{in_bytes(shutil.disk_usage(place).free)} free there"
    except OSError:
        return "how much is free is not known"
