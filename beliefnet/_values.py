"""What an option can be: how a value of each type is checked, and read from a word."""

import math
import types
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from numbers import Integral, Real
from typing import Any, Literal, Union, get_args, get_origin

from beliefnet._errors import suggestion

LARGEST_WHOLE = 2**63 - 1
"""The largest whole number that TOML and arrays hold."""


class Unusable(ValueError):
    """A value that is not of the right type: what to try, what says more than the type does, and what was meant."""

    def __init__(self, hint: str = "", what: str = "", meant: str = ""):
        super().__init__(hint)
        self.hint, self.what, self.meant = hint, what, meant


class AbstractValues(ABC):
    """A type of values.

    Attributes:
        what: What they are, as in "expected epochs to be a whole number".
        example: One of them, as on the command line.
        annotation: Their Python type.
        is_flag: Whether the name of an option alone says one of them on the command line.
    """

    what: str
    example: str
    annotation: Any
    is_flag: bool = False

    @property
    def safe_example(self) -> str:
        """A value that can be used whatever the other options are; empty where there is none."""
        return ""

    @abstractmethod
    def check(self, value: Any) -> Any:
        """Return a value as a plain one, as TOML would give it.

        Raises:
            Unusable: If it is none of them.
        """

    @abstractmethod
    def read(self, text: str) -> Any:
        """Read one word of the command line as a value.

        Raises:
            Unusable: If it does not say one.
        """

    def read_words(self, words: Sequence[str]) -> Any:
        """Read the words that follow an option of the command line.

        Raises:
            Unusable: If they do not say one of the values.
        """
        return self.read(" ".join(words))

    def split(self, text: str) -> Sequence[str]:
        """Return the parts of a word that say one value each, where it may say several."""
        return text.split() or (text,)

    def make(self, value: Any) -> Any:
        """Return what a plain value stands for."""
        return value

    def write(self, value: Any) -> str:
        """Return a plain value as on the command line."""
        return str(value)


class Whole(AbstractValues):
    """Whole numbers."""

    what, example, annotation = "a whole number", "5", int

    def check(self, value: Any) -> int:
        """Return a whole number; neither a fraction, a truth value nor text is taken for one."""
        if type(value) is bool or not isinstance(value, Integral):
            raise Unusable
        if abs(int(value)) > LARGEST_WHOLE:
            raise Unusable(what="a whole number of 64 bits or fewer")
        return int(value)

    def read(self, text: str) -> int:
        """Read digits, or another way to write a whole number, such as 1e5."""
        try:
            return self.check(int(text) if text.strip("+-").isdigit() else _whole(float(text)))
        except Unusable:
            raise
        except (ValueError, OverflowError):
            raise Unusable from None


def _whole(number: float) -> int:
    if not number.is_integer():
        raise ValueError
    return int(number)


class Number(AbstractValues):
    """Finite numbers."""

    what, example, annotation = "a finite number", "0.5", float

    def check(self, value: Any) -> float:
        """Return a finite number; neither a truth value nor text is taken for one."""
        if type(value) is bool or not isinstance(value, Real) or not math.isfinite(value):
            raise Unusable
        return float(value)

    def read(self, text: str) -> float:
        """Read a finite number."""
        try:
            return self.check(float(text))
        except ValueError:
            raise Unusable from None


class Truth(AbstractValues):
    """True and false."""

    what, example, annotation, is_flag = "true or false", "true", bool, True

    def check(self, value: Any) -> bool:
        """Return true or false; no number is taken for one."""
        if type(value) is not bool:
            raise Unusable
        return value

    def read(self, text: str) -> bool:
        """Read `true` or `false`."""
        try:
            return {"true": True, "false": False}[text.lower()]
        except KeyError:
            raise Unusable from None

    def write(self, value: bool) -> str:
        """Return `true` or `false`."""
        return str(value).lower()


class Text(AbstractValues):
    """Text that says something.

    Args:
        what: What it is.
        example: Some; none where nothing would do for all data.
    """

    annotation = str

    def __init__(self, what: str = "text", example: str = ""):
        self.what, self.example = what, example

    @property
    def safe_example(self) -> str:
        """The example."""
        return self.example

    def check(self, value: Any) -> str:
        """Return text."""
        if not isinstance(value, str) or not value:
            raise Unusable
        return value

    def read(self, text: str) -> str:
        """Return the word."""
        return self.check(text)

    def split(self, text: str) -> Sequence[str]:
        """Return the word: the name of a column may hold spaces."""
        return (text,)


class Choices(AbstractValues):
    """A few values with names.

    Args:
        members: What each name stands for.
        annotation: The Python type; by default the literal names.
    """

    def __init__(self, members: Mapping[str, Any], annotation: Any = None):
        self.members = dict(members)
        self.annotation = Literal[tuple(members)] if annotation is None else annotation
        self.what, self.example = f"one of {', '.join(members)}", next(iter(members), "")

    @property
    def safe_example(self) -> str:
        """The first name."""
        return self.example

    def check(self, value: Any) -> str:
        """Return the name; what it stands for is taken as well."""
        names = [name for name, member in self.members.items() if value is member or value == name]
        if not names:
            raise Unusable(meant=suggestion(str(value), self.members))
        return names[0]

    def read(self, text: str) -> str:
        """Return the name."""
        return self.check(text)

    def make(self, value: str) -> Any:
        """Return what a name stands for."""
        return self.members[value]


class WithOptions(Choices):
    """Names that options of the thing may follow, as in `vimco:particles=5`; those are checked where it is made."""

    def check(self, value: Any) -> str:
        """Return the word, if it begins with one of the names."""
        if type(value) is str and ":" in value:
            return self.check(value.partition(":")[0]) + value[value.index(":") :]
        return super().check(value)


class Several(AbstractValues):
    """Lists of values of one type; one alone is a list of one."""

    def __init__(self, each: AbstractValues):
        self.each, self.annotation = each, tuple[each.annotation, ...]
        one_of, _, choices = each.what.partition("one of ")
        self.what = f"some of {choices}" if choices and not one_of else f"{each.what.removeprefix('a ')}s"
        self.example = each.example

    def check(self, value: Any) -> tuple:
        """Return the values as a tuple."""
        is_list = isinstance(value, Sequence) and not isinstance(value, str)
        return tuple(self.each.check(one) for one in (value if is_list else (value,)))

    def read(self, text: str) -> tuple:
        """Read values with spaces between them."""
        return self.read_words((text,))

    def read_words(self, words: Sequence[str]) -> tuple:
        """Read the values in each word."""
        if not words:
            raise Unusable
        return tuple(self.each.read(part) for word in words for part in self.each.split(word))

    def write(self, value: tuple) -> str:
        """Return the values with spaces between them."""
        return " ".join(map(self.each.write, value)) or "none"


class Single(Several):
    """Lists of one value, for what takes one where others take several."""

    def __init__(self, each: AbstractValues):
        super().__init__(each)
        self.what = each.what.replace("a ", "one ", 1)

    def check(self, value: Any) -> tuple:
        """Return the value in a tuple."""
        values = super().check(value)
        if len(values) != 1:
            raise Unusable
        return values

    def make(self, value: tuple) -> Any:
        """Return the value itself."""
        return value[0]


@dataclass(frozen=True)
class Maybe(AbstractValues):
    """Values of a type, or none."""

    each: AbstractValues

    @property
    def what(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        """What they are."""
        return self.each.what

    @property
    def example(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        """One of them."""
        return self.each.example

    @property
    def annotation(self) -> Any:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Their Python type."""
        return self.each.annotation

    @property
    def is_flag(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Whether those of the type are."""
        return self.each.is_flag

    @property
    def safe_example(self) -> str:
        """That of the type."""
        return self.each.safe_example

    def check(self, value: Any) -> Any:
        """Return none, or what the type makes of the value."""
        return None if value is None else self.each.check(value)

    def read(self, text: str) -> Any:
        """Read `none`, or a value."""
        return self.read_words((text,))

    def read_words(self, words: Sequence[str]) -> Any:
        """Read `none`, or a value."""
        return None if [word.lower() for word in words] == ["none"] else self.each.read_words(words)

    def make(self, value: Any) -> Any:
        """Return what a value stands for."""
        return None if value is None else self.each.make(value)

    def write(self, value: Any) -> str:
        """Return a value as on the command line."""
        return "none" if value is None else self.each.write(value)


_PLAIN: dict[Any, Callable[[], AbstractValues]] = {int: Whole, float: Number, bool: Truth, str: Text}


def values_of(annotation: Any) -> AbstractValues | None:
    """Return what values an annotation allows, None where it is none of plain values.

    Examples:
        >>> values_of(tuple[int, ...]).what
        'whole numbers'
    """
    origin, parts = get_origin(annotation), get_args(annotation)
    if annotation in _PLAIN:
        return _PLAIN[annotation]()
    if origin is Literal:
        return Choices({str(part): part for part in parts}, annotation)
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return Choices({str(member.value): member for member in annotation})
    if origin in (Union, types.UnionType):
        inner = [values_of(part) for part in parts if part is not type(None)]
        return Maybe(inner[0]) if len(inner) == 1 and inner[0] is not None else None
    if origin in (tuple, list, Sequence):
        each = values_of(parts[0]) if parts else None
        return None if each is None else Several(each)
    return None
