"""What a folder exports under a name of its own: how it is made, and by which options."""

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Any, TypeVar, get_args, get_type_hints

from beliefnet._docstrings import summary_of
from beliefnet._errors import ArgumentError, OptionError, Refusal
from beliefnet._naming import name_of
from beliefnet._options import REQUIRED, Nested, Option, options_of

T = TypeVar("T")

NESTED = "refine"
"""The option that is a thing with options itself; in one word it comes last, and all that follows is its own."""


class Misfit(OptionError):
    """An error that names none of the options that were given.

    Args:
        name: Of the thing that cannot be used.
        error: Why not.
    """

    def __init__(self, name: str, error: Refusal):
        super().__init__(f"{error.reason} ({name})", *error.hints)
        self.cause = error

    def __reduce__(self) -> tuple[type[OptionError], tuple[Any, ...]]:
        """Pickle it as the sentence that it says."""
        return OptionError, self.args


@dataclass(frozen=True)
class Entry:
    """A thing with a name.

    Attributes:
        name: One word.
        make: The class, or the function that makes it.
        options: What can be chosen, by name.
        title: What to call it.
        kinds: Kinds of latents that it works with or has; None for any.
        is_default: Whether it is chosen, for its kinds of latents, where nothing else is said.
    """

    name: str
    make: Callable[..., Any]
    options: Mapping[str, Option] = field(repr=False)
    title: str = ""
    kinds: frozenset[Any] | None = None
    is_default: bool = False

    @property
    def summary(self) -> str:
        """The first line of its docstring, within a sentence, without "Make a" or "Return"."""
        text = re.sub(r"^(Make|Return) (an? |the )?", "", summary_of(self.make))
        first = text.partition(" ")[0]
        return text if first[1:] != first[1:].lower() else text[:1].lower() + text[1:]

    def suits(self, kinds: Iterable[Any]) -> bool:
        """Whether it works with latents of these kinds."""
        return self.kinds is None or (set(kinds) <= self.kinds and bool(kinds) == bool(self.kinds))


def entries(module: ModuleType, nested: tuple[Nested, ...] = ()) -> dict[str, Entry]:
    """Return what a folder's `__init__` holds under names of their own, in the order of the names.

    Args:
        module: The folder.
        nested: Which arguments take objects that are chosen by a word, too.
    """
    found = {}
    for thing in vars(module).values():
        own = name_of(thing)
        if own is not None:
            kinds = own.kinds if own.kinds is not None else _kinds_of(thing)
            title = own.title or ""
            found[own.name] = Entry(own.name, thing, options_of(thing, nested), title, kinds, own.is_default)
    return dict(sorted(found.items()))


def _made_by(make: Callable[..., Any]) -> tuple[type, ...]:
    """The classes of what a class or a function makes."""
    if inspect.isclass(make):
        return (make,)
    made = get_type_hints(make).get("return")
    return tuple(part for part in (get_args(made) or (made,)) if inspect.isclass(part))


def _kinds_of(make: Callable[..., Any]) -> frozenset[Any] | None:
    kinds = [getattr(made, "kinds", None) for made in _made_by(make)]
    return kinds[0] if kinds else None


@dataclass(frozen=True)
class Choice:
    """One of the things with a name, and the options that were given; equal if they come to the same.

    Attributes:
        entry: The thing.
        given: Plain values of options by name; the others have their defaults.
    """

    entry: Entry
    given: Mapping[str, Any]

    def __post_init__(self):
        checked = {name: self.entry.options[name].check(value) for name, value in self.given.items()}
        object.__setattr__(self, "given", {name: value for name, value in checked.items() if value is not None})

    @property
    def name(self) -> str:
        """Its name."""
        return self.entry.name

    @property
    def values(self) -> dict[str, Any]:
        """Plain values of all options, with None for what is left to the thing itself."""
        return {name: self.given.get(name, option.default) for name, option in self.entry.options.items()}

    def __eq__(self, other: object) -> bool:
        return type(other) is Choice and (self.name, self.values) == (other.name, other.values)

    def __hash__(self) -> int:
        return hash(self.name)

    def __str__(self) -> str:
        """The thing in one word, such as `vimco:particles=5`."""
        given = sorted(self.given.items(), key=lambda item: item[0] == "refine")
        options = [f"{name.replace('_', '-')}={self.entry.options[name].values.write(v)}" for name, v in given]
        return self.name + (f":{','.join(options)}" if options else "")

    def replace(self, **changes: Any) -> "Choice":
        """Return the same thing with other options."""
        return replace(self, given={**self.given, **changes})

    def make(self, *positional: Any, **supplied: Any) -> Any:
        """Make the thing.

        Args:
            *positional: Arguments that are no options, in their order.
            **supplied: Others by name; those that it does not take are left out.

        Raises:
            OptionError: If it cannot be made so, with the names that options have.
        """
        known = inspect.signature(self.entry.make).parameters
        takes_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in known.values())
        arguments = {name: value for name, value in supplied.items() if takes_any or name in known}
        for name, value in self.values.items():
            option = self.entry.options[name]
            if value is REQUIRED:
                raise OptionError(
                    f"expected {self.name} with {option.flag}, got it without", f"{self.name}:{name}={option.hint}"
                )
            if value is not None:
                arguments[option.argument] = option.values.make(value)
        try:
            return self.entry.make(*positional, **arguments)
        except ArgumentError as error:
            raise self.blamed(error) from error

    def blamed(self, error: ArgumentError) -> OptionError:
        """Return an error of the thing's own with its options under the names that they have here."""
        for option in self.entry.options.values():
            if error.option and option.argument == error.option and option.name != NESTED:
                return OptionError.of(error, option=option.flag)
        return Misfit(self.name, error)


def tried(choice: Choice, make: Callable[[Choice], T]) -> T:
    """Make something of a choice; where that fails for one option, say which.

    Raises:
        OptionError: If it cannot be made.
    """
    try:
        return make(choice)
    except Misfit as error:
        for name, value in choice.given.items():
            option = choice.entry.options[name]
            if _can_be(make, replace(choice, given={n: v for n, v in choice.given.items() if n != name})):
                what = f"{option.flag} {option.values.write(value)}"
                raise OptionError.of(error.cause, about=what) from error
        raise


def _can_be(make: Callable[[Choice], Any], choice: Choice) -> bool:
    try:
        make(choice)
    except OptionError:
        return False
    return True
