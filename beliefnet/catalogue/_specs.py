"""Things written in one word with their options, such as `vimco:particles=5,local-signals=true`."""

from collections.abc import Mapping
from typing import Any

from beliefnet._errors import OptionError, shown, suggestion
from beliefnet._options import Option
from beliefnet._values import AbstractValues, Unusable
from beliefnet.catalogue._entries import NESTED, Choice, Entry


def parse(spec: str, what: str, known: Mapping[str, Entry]) -> Choice:
    """Read `name` or `name:option=value,option=value`; dashes and underscores are the same.

    `refine` comes last: all that follows it is the refiner, as in `rws:particles=5,refine=air:steps=3,samples=5`.

    Args:
        spec: The word.
        what: What it should be, for the message where it is not, such as "a refiner".
        known: What there is.

    Raises:
        OptionError: If there is no such thing or option, or a value cannot be used.
    """
    name, _, rest = spec.strip().partition(":")
    if name not in known:
        meant = suggestion(name, known)
        raise OptionError(
            f"expected the name of {what} ({', '.join(known)}), got {shown(name)} in {shown(spec)}{meant}",
            *([] if meant else list(known)[:1]),
        )
    options, given = known[name].options, {}
    while rest:
        item, _, rest = (rest, "", "") if _is_nested(rest) else rest.partition(",")
        if item:
            option, text = _split(item, spec, options)
            if option.name in given:
                raise OptionError(f"expected {option.flag} once, got it twice in {shown(spec)}", "leaving one out")
            given[option.name] = option.read(text)
    return Choice(known[name], given)


def _is_nested(rest: str) -> bool:
    return rest.lstrip().partition("=")[0].strip() == NESTED


def _split(item: str, spec: str, options: Mapping[str, Option]) -> tuple[Option, str]:
    given, equals, text = (part.strip() for part in item.partition("="))
    names = [name.replace("_", "-") for name in options]
    option = options.get(given.replace("-", "_"))
    if option is None:
        those = f"one of the options {', '.join(names)}" if names else "no options"
        raise OptionError(f"expected {those}, got {shown(given)} in {shown(spec)}{suggestion(given, names)}")
    if not equals or not text:
        raise OptionError(f"expected a value for {given}, got {shown(item)} in {shown(spec)}", f"{given}=VALUE")
    return option, text


class Specified(AbstractValues):
    """Things of a folder, written in one word.

    Args:
        what: What they are, such as "a refiner".
        known: What there is.
        example: One of them.
    """

    def __init__(self, what: str, known: Mapping[str, Entry], example: str):
        self.what, self.known, self.example, self.annotation = what, known, example, str

    @property
    def safe_example(self) -> str:
        """The example."""
        return self.example

    def check(self, value: Any) -> str:
        """Return the word, if it says one of them.

        Raises:
            OptionError: If it does not.
        """
        if not isinstance(value, str):
            raise Unusable(self.example)
        self.make(value)
        return value

    def read(self, text: str) -> str:
        """Return the word."""
        return self.check(text)

    def make(self, value: str) -> Any:
        """Return what the word says."""
        return parse(value, self.what, self.known).make()
