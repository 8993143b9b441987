"""The errors that users meet: each message says what was expected, what was found and what to try."""

import difflib
import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from numbers import Real
from typing import Any, Self, SupportsIndex

from beliefnet._text import with_short_words

MOST = 2**31 - 1
"""The largest number that a compiled loop counts to."""


@dataclass(frozen=True)
class Use:
    """A hint to use an option: its name and a value that works, from which Python and the command line word it.

    Attributes:
        option: Name of the option, as in Python.
        value: A value that works, or `...` where only the user knows one.
        when: What it is good for, such as "for decimal commas".
        flags: The same, and what belongs to it, for `beliefnet train`, where other options of it say so.
        also: Another option that belongs to it.

    Examples:
        >>> print(Use("decimal", ",", "for decimal commas"))
        decimal=',' for decimal commas
    """

    option: str
    value: Any
    when: str = ""
    flags: str = ""
    also: "Use | None" = None

    def __str__(self) -> str:
        """The hint as Python spells it."""
        also = "" if self.also is None else f" and {self.also}"
        return self.said(f"{self.option}={'...' if self.value is ... else repr(self.value)}{also}")

    def said(self, words: str) -> str:
        """Return words for the option and its value, with what they are good for."""
        return f"{words} {self.when}" if words and self.when else words


class Refusal(Exception):
    """An error of this package: what was expected and what was found, and what to try.

    Args:
        reason: What was expected and found, "expected ..., got ..."; `{option}` in it stands for the option's name.
        *hints: What to try, in words or as options (`Use`).
        option: Name of the option or argument that is at fault.

    Examples:
        >>> print(Refusal("expected {option} above 0, got 0", "0.1", option="rate"))
        expected rate above 0, got 0; try 0.1
    """

    def __init__(self, reason: str, *hints: str | Use, option: str = ""):
        super().__init__(reason, *hints)
        self.hints, self.option, self._reason = hints, option, reason

    @classmethod
    def of(cls, error: "Refusal", *, option: str = "", about: str = "") -> Self:
        """Return another error as one of this class.

        Args:
            error: The error.
            option: Another name of the option that is at fault.
            about: What it is about, which is said in brackets.

        Examples:
            >>> print(Refusal.of(Refusal("expected at least 2, got 1", "10"), about="categories 1"))
            expected at least 2, got 1 (categories 1); try 10
        """
        reason = f"{error._reason} ({about})" if about else error._reason
        return cls(reason, *error.hints, option=option or error.option)

    @property
    def reason(self) -> str:
        """What was expected and found, as Python says it."""
        return self._reason.replace("{option}", self.option) if self.option else self._reason

    def __str__(self) -> str:
        """The whole sentence as Python says it."""
        return sentence(self.reason, self.hints)

    def worded(self, name: Callable[[str], str], hint: Callable[[Use], str]) -> str:
        """Return the whole sentence in other words.

        Args:
            name: What an option is called.
            hint: How a hint to use an option is worded; "" leaves it out.
        """
        hints = [one.said(hint(one)) if type(one) is Use else str(one) for one in self.hints]
        return sentence(self._reason.replace("{option}", name(self.option)) if self.option else self._reason, hints)


def sentence(reason: str, hints: Iterable[object]) -> str:
    """Return what was expected and found, and what to try, in one sentence; a very long word that was found is cut."""
    reason = with_short_words(reason)
    advice = ", or ".join(dict.fromkeys(filter(None, map(str, hints))))
    return f"{reason}; try {advice}" if advice else reason


class Advice(Refusal, UserWarning):
    """A warning with what to try."""


class ArgumentError(Refusal, ValueError):
    """An argument has a value that cannot work."""


class ArgumentTypeError(Refusal, TypeError):
    """An argument is of a type that cannot work."""


class DataError(Refusal, ValueError):
    """Data, or a request for data, that cannot be used as it stands."""


class DataUnavailable(DataError):
    """A data set that is neither on this machine nor could be downloaded."""


class OptionError(Refusal, ValueError):
    """An option has a value that cannot work."""


def shown(value: object, limit: int = 60) -> str:
    """Return a value as a message shows it, of bounded length.

    Examples:
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

    Examples:
        >>> listed(["a", "b"]), listed(range(99), limit=2)
        ("'a', 'b'", '0, 1 and 97 more')
    """
    texts = [shown(value) for value in values]
    more = f" and {len(texts) - limit} more" if len(texts) > limit else ""
    return ", ".join(texts[:limit]) + more


def entry(row: int, column: int) -> str:
    """Return the place of an entry of data as every message says it: rows and columns are counted from 1.

    Examples:
        >>> entry(0, 4)
        'row 1, column 5 (counted from 1)'
    """
    return f"row {row + 1}, column {column + 1} (counted from 1)"


def check_type(name: str, value: object, *wanted: type, good: str) -> None:
    """Check that an argument is a thing of a type, and not its name or its class.

    Args:
        name: Of the argument.
        value: What was given.
        *wanted: The type, or some.
        good: What works.

    Raises:
        TypeError: If it is something else.

    Examples:
        >>> check_type("steps", "many", int, good="20")
        Traceback (most recent call last):
        ...
        beliefnet._errors.ArgumentTypeError: expected steps to be of type int, got 'many'; try 20
    """
    if not issubclass(type(value), wanted):
        kinds, found = " or ".join(kind.__name__.removeprefix("Abstract") for kind in wanted), shown(value)
        found = type(value).__name__ if "\n" in found else found
        raise ArgumentTypeError(f"expected {{option}} to be of type {kinds}, got {found}", good, option=name)


def as_whole(value: SupportsIndex) -> int:
    """Return a whole number of any library as Python's; a truth value is none.

    Raises:
        TypeError: If it is no whole number.
    """
    if type(value) is bool:
        raise TypeError
    return operator.index(value)


def whole_number(
    name: str, value: SupportsIndex, *, good: int, least: int = 1, most: int = MOST, whose: str = ""
) -> int:
    """Return a number of something, checked.

    Args:
        name: Of the argument.
        value: What was given.
        good: One that works.
        least: The least one that does.
        most: The largest one that does.
        whose: What stands before the name, such as "VIMCO's ".

    Raises:
        ValueError: If it is no whole number, or out of range.

    Examples:
        >>> whole_number("num_particles", 1.5, good=1000)
        Traceback (most recent call last):
        ...
        beliefnet._errors.ArgumentError: expected num_particles to be a whole number, got 1.5; try 1000
    """
    try:
        number = as_whole(value)
    except TypeError:
        raise ArgumentError(
            f"expected {whose}{{option}} to be a whole number, got {shown(value)}", str(good), option=name
        ) from None
    if number < least:
        raise ArgumentError(f"expected {whose}{{option}} of at least {least}, got {number}", str(good), option=name)
    if number > most:
        raise ArgumentError(f"expected {whose}{{option}} of at most {most}, got {number}", str(good), option=name)
    return number


def real_number(name: str, value: Any, fits: Callable[[float], bool], *, expected: str, good: str) -> float:
    """Return a number, checked.

    Args:
        name: Of the argument.
        value: What was given.
        fits: Whether a number can be used.
        expected: Which ones can, in words.
        good: What works.

    Raises:
        ValueError: If it is no number, or cannot be used.

    Examples:
        >>> real_number("share", "x", lambda share: 0 <= share < 1, expected="in [0, 1)", good="0.1")
        Traceback (most recent call last):
        ...
        beliefnet._errors.ArgumentError: expected share in [0, 1), got 'x'; try 0.1
    """
    if not issubclass(type(value), Real) or type(value) is bool or not fits(value):
        raise ArgumentError(f"expected {{option}} {expected}, got {shown(value)}", good, option=name)
    return float(value)


def check_axes(shape: object) -> None:
    """Check that leading axes are a tuple of lengths.

    Raises:
        TypeError: If they are no tuple or list.
        ValueError: If a length is no whole number, or negative.

    Examples:
        >>> check_axes(10)
        Traceback (most recent call last):
        ...
        beliefnet._errors.ArgumentTypeError: expected shape to be of type tuple or list, got 10; try (10,)
    """
    check_type("shape", shape, tuple, list, good=f"({shape},)" if type(shape) is int else "(100,)")
    for length in tuple(shape):  # pyright: ignore[reportArgumentType]
        whole_number("each axis of shape", length, good=100, least=0)
