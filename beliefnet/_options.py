"""Options: what the signature and docstring of a thing say can be chosen, checked by the same sentences everywhere."""

import inspect
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from functools import cache
from types import NoneType
from typing import Any, get_args

from beliefnet._docstrings import arguments_of
from beliefnet._errors import OptionError, shown
from beliefnet._values import AbstractValues, Maybe, Unusable, values_of

REQUIRED = inspect.Parameter.empty
"""The default of an option that has none."""


_VALUE = re.compile(r"(?:by default|such as) ([\w-]+(?:\.\d+)?(?: \d+)*)")


@dataclass(frozen=True)
class Option:
    """One thing that can be chosen.

    Attributes:
        name: As in TOML, in small letters with underscores.
        values: What it can be.
        default: Its plain value where nothing is said, or `REQUIRED`.
        text: What it means.
        argument: The argument that takes it.
        group: The thing that it belongs to, where more than one may have an option of this name.
    """

    name: str
    values: AbstractValues
    default: Any
    text: str
    argument: str
    group: str | None = None

    @property
    def flag(self) -> str:
        """The name as on the command line, such as `nvil.baseline-units`."""
        return ".".join(filter(None, [self.group, self.name.replace("_", "-")]))

    @property
    def hint(self) -> str:
        """A value that works, as on the command line; empty where leaving the option out is all that surely does."""
        if self.default is REQUIRED:
            return self.values.example
        return self._said if self.default in (None, ()) else self.values.write(self.default)

    @property
    def _said(self) -> str:
        """The first value that the text names as a default or an example, or else one that always works."""
        for words in _VALUE.findall(self.text):
            with suppress(ValueError):
                self.values.read(words)
                return words
        return self.values.safe_example

    def check(self, value: Any) -> Any:
        """Return a value in its plain form.

        Raises:
            OptionError: If it is of the wrong type, naming the option, the value and one that works.
        """
        try:
            return self.values.check(value)
        except Unusable as error:
            raise self._error(shown(value), error) from None

    def read(self, text: str) -> Any:
        """Return the plain value that a word of the command line says.

        Raises:
            OptionError: If it says none.
        """
        return self.read_words((text,))

    def read_words(self, words: Sequence[str]) -> Any:
        """Return the plain value that words of the command line say.

        Raises:
            OptionError: If they say none.
        """
        try:
            return self.values.read_words(words)
        except Unusable as error:
            raise self._error(shown(" ".join(words)) if words else "none", error) from None

    def _error(self, given: str, error: Unusable) -> OptionError:
        reason = f"expected {self.flag} to be {error.what or self.values.what}, got {given}{error.meant}"
        return OptionError(reason, *([] if error.meant else [error.hint or self.hint or "leaving it out"]))


@dataclass(frozen=True)
class Nested:
    """An argument that takes an object, and the option by which it is chosen.

    Attributes:
        annotation: Class of the object.
        name: Name of the option.
        values: What can be said, and what object it stands for.
    """

    annotation: type
    name: str
    values: AbstractValues

    def fits(self, annotation: Any) -> bool:
        """Whether an argument is annotated with the class, or with that or None."""
        parts = [part for part in (get_args(annotation) or (annotation,)) if part is not NoneType]
        return len(parts) == 1 and isinstance(parts[0], type) and issubclass(parts[0], self.annotation)


@cache
def options_of(make: Callable[..., Any], nested: tuple[Nested, ...] = ()) -> dict[str, Option]:
    """Return the options of a function or class by name: its arguments of plain types, and objects chosen by a word.

    `num_particles` is called particles.

    Examples:
        >>> def wake(net: object, num_steps: int = 3): ...
        >>> options_of(wake)["steps"].default
        3
    """
    texts, found = arguments_of(make), {}
    for argument, parameter in inspect.signature(make).parameters.items():
        name, values = argument.removeprefix("num_"), values_of(parameter.annotation)
        for choice in nested:
            if choice.fits(parameter.annotation):
                name, values = choice.name, Maybe(choice.values)
        if values is not None:
            default = _plain_default(parameter.default, values)
            found[name] = Option(name, values, default, texts.get(argument, ""), argument)
    return found


def _plain_default(default: Any, values: AbstractValues) -> Any:
    """Return a default in its plain form; that of an object has none."""
    try:
        return default if default is REQUIRED else values.check(default)
    except Unusable:
        return None


def check_fields(instance: Any) -> None:
    """Check the fields of a frozen dataclass by their annotations, and give each its plain value.

    Raises:
        OptionError: If a value is of the wrong type.
    """
    known = {option.argument: option for option in options_of(type(instance)).values()}
    for field in fields(instance):
        if field.name in known:
            object.__setattr__(instance, field.name, known[field.name].check(getattr(instance, field.name)))
