"""The errors that users meet: each message says what was expected, what was found and what to try."""

import difflib
import operator
from collections.abc import Iterable
from typing import SupportsIndex

MOST = 2**31 - 1
"""The largest number that a compiled loop counts to."""


class DataError(ValueError):
    """Data, or a request for data, that cannot be used as it stands."""


class DataUnavailable(DataError):
    """A data set that is neither on this machine nor could be downloaded."""


class OptionError(ValueError):
    """An option has a value that cannot work."""


def shown(value: object, limit: int = 60) -> str:
    """Return a value as a message shows it, of bounded length.

    >>> shown("x" * 100, limit=9)
    "'xxx...'"
    """
    text = repr(value)
    return text if len(text) <= limit else f"{text[: limit - 5]}...{text[-1]}"


def suggestion(given: str, known: Iterable[str]) -> str:
    """Return "; did you mean ...?" where something close is known, else nothing."""
    by_lower = {name.lower(): name for name in known}
    close = difflib.get_close_matches(given.lower(), list(by_lower), n=1)
    return f"; did you mean {by_lower[close[0]]!r}?" if close else ""


def listed(values: Iterable[object], limit: int = 12) -> str:
    """Return values as a list in words, the first few of a long one.

    >>> listed(["a", "b"]), listed(range(99), limit=2)
    ("'a', 'b'", '0, 1 and 97 more')
    """
    texts = [shown(value) for value in values]
    more = f" and {len(texts) - limit} more" if len(texts) > limit else ""
    return ", ".join(texts[:limit]) + more


def check_type(name: str, value: object, *wanted: type, good: str) -> None:
    """Check that an argument is a thing of a type, and not its name or its class.

    Args:
        name: Of the argument.
        value: What was given.
        *wanted: The type, or some.
        good: What works.

    Raises:
        TypeError: If it is something else.

    Example:
        >>> check_type("steps", "many", int, good="20")
        Traceback (most recent call last):
        ...
        TypeError: expected steps to be of type int, got 'many'; try 20
    """
    if not issubclass(type(value), wanted):
        kinds, found = " or ".join(kind.__name__ for kind in wanted), shown(value)
        found = type(value).__name__ if "\n" in found else found
        raise TypeError(f"expected {name} to be of type {kinds}, got {found}; try {good}")


def whole_number(name: str, value: SupportsIndex, *, good: int, least: int = 1, most: int = MOST) -> int:
    """Return a number of something, checked.

    Args:
        name: Of the argument.
        value: What was given.
        good: One that works.
        least: The least one that does.
        most: The largest one that does.

    Raises:
        ValueError: If it is no whole number, or out of range.

    Example:
        >>> whole_number("num_particles", 1.5, good=1000)
        Traceback (most recent call last):
        ...
        ValueError: expected num_particles to be a whole number, got 1.5; try 1000
    """
    try:
        number = operator.index(value)
    except TypeError:
        raise ValueError(f"expected {name} to be a whole number, got {shown(value)}; try {good}") from None
    if number < least:
        raise ValueError(f"expected {name} of at least {least}, got {number}; try {good}")
    if number > most:
        raise ValueError(f"expected {name} of at most {most}, got {number}; try {good}")
    return number


def check_axes(shape: object) -> None:
    """Check that leading axes are a tuple of lengths.

    Raises:
        TypeError: If they are no tuple or list.
        ValueError: If a length is no whole number, or negative.

    Example:
        >>> check_axes(10)
        Traceback (most recent call last):
        ...
        TypeError: expected shape to be of type tuple or list, got 10; try (10,)
    """
    check_type("shape", shape, tuple, list, good=f"({shape},)" if type(shape) is int else "(100,)")
    for length in tuple(shape):  # pyright: ignore[reportArgumentType]
        whole_number("each axis of shape", length, good=100, least=0)
