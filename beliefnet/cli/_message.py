"""What is said of an error: one line."""

import errno
from collections.abc import Iterator

from cyclopts.exceptions import CycloptsError

from beliefnet._errors import Refusal
from beliefnet._text import printable, with_short_words
from beliefnet.cli._described import commands
from beliefnet.cli._hints import for_command
from beliefnet.cli._text import MOST_OF_A_PATH
from beliefnet.cli._words import usage

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_FULL_WORDS = ("No space left on device", "Disk quota exceeded")
_MEMORY_WORDS = ("RESOURCE_EXHAUSTED", "Out of memory", "out of memory")
_SMALLER = ("--hidden", "--batch-size", "--draws", "--num")
_MOST_OF_A_REASON = 120


def message(error: BaseException, command: str) -> str:
    """Return what to say of an error, on one line.

    An error of our own says what to try; what JAX, the system or a library says is cut down to what helps. A full disk
    comes before memory: array files report it as an exhausted resource.

    Args:
        error: The error.
        command: Name of the command that met it.
    """
    said = said_by(error, command)
    match error:
        case Refusal():
            return said
        case CycloptsError():
            return with_short_words(usage(error))
    full = next(filter(_is_full_disk, _chain(error)), None)
    if full is not None:
        place = getattr(full, "filename", None)
        return f"no space left on the disk{f' ({place})' if place else ''}; try making room on it, or another folder"
    match error:
        case MemoryError():
            return _out_of_memory(error, command)
        case _ if any(word in said for word in _MEMORY_WORDS):
            return _out_of_memory(error, command)
        case OSError(strerror=str(reason), filename=place) if place is not None:
            given = printable(place, MOST_OF_A_PATH)
            return f"expected a file or folder that can be used, got {given} ({reason}); try another one"
    said = with_short_words(said)
    return f"{said or f'{type(error).__name__} without a message'}; try --debug to see where it came from"


def said_by(error: object, command: str) -> str:
    """Return what an error or a warning says, on one line, with options as a command has them."""
    match error:
        case Refusal():
            said = for_command(error, command)
        case _:
            said = str(error)
    return " ".join(said.split())


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error, and those that it came from."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        yield error
        seen.add(id(error))
        error = error.__cause__ or error.__context__


def _is_full_disk(error: BaseException) -> bool:
    return getattr(error, "errno", None) in _FULL or any(word in str(error) for word in _FULL_WORDS)


def _out_of_memory(error: BaseException, command: str) -> str:
    known = commands().get(command)
    names = {argument.name for argument in known.arguments} if known is not None else set()
    smaller = [name for name in _SMALLER if name in names]
    tries = ["--particle-chunk 10"] if "--particle-chunk" in names else []
    if smaller:
        tries.append(f"a smaller {' or '.join(smaller)}")
    return f"out of memory{_wanted(error)}; try {', or '.join(tries) or 'fewer rows, or a machine with more memory'}"


def _wanted(error: BaseException) -> str:
    """Say how much was asked for, where the first line of an error ends with it."""
    first = next(iter(str(error).splitlines()), "")
    reason = first.rpartition(": ")[2].strip()
    return f" ({reason})" if 0 < len(reason) <= _MOST_OF_A_REASON else ""
