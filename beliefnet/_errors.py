"""The errors that users meet: each message says what was expected, what was found and what to try."""

import difflib
from collections.abc import Iterable


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
