"""Things written in one word with their options, such as `vimco:particles=5,local-signals=true`."""

import inspect
import types
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from beliefnet._errors import OptionError, suggestion

T = TypeVar("T")


def read_spec(spec: str, what: str, makers: Mapping[str, Callable[..., T]]) -> T:
    """Make one of the known things from `name` or `name:option=value,option=value`.

    The options are the arguments of what makes it, `num_` left out: `num_steps` is called steps.

    Args:
        spec: The word.
        what: What it should be, for the message where it is not, such as "a refiner".
        makers: What makes each of them, by name.

    Raises:
        OptionError: If there is no such thing or option, or a value cannot be used.
    """
    name, rest = read_name(spec, what, makers)
    make = makers[name]
    hints = get_type_hints(make)
    arguments = {argument.removeprefix("num_"): argument for argument in inspect.signature(make).parameters}
    kinds: dict[str, Any] = {short: hints[argument] for short, argument in arguments.items()}
    values = read_values(rest, kinds, spec)
    try:
        return make(**{arguments[short]: value for short, value in values.items()})
    except ValueError as error:
        raise OptionError(f"{spec!r} cannot be used: {error}") from error


def read_name(spec: str, what: str, known: Mapping[str, Any]) -> tuple[str, str]:
    """Split off the name of one of the known things.

    Raises:
        OptionError: If it is none of them.
    """
    name, _, rest = spec.strip().partition(":")
    if name not in known:
        raise OptionError(
            f"expected the name of {what} ({', '.join(known)}), got {name!r} in {spec!r}" + suggestion(name, known)
        )
    return name, rest


def read_values(rest: str, kinds: Mapping[str, Any], spec: str) -> dict[str, Any]:
    """Read `option=value,option=value`; what kind of value an option takes is given.

    Raises:
        OptionError: If there is no such option, or a value cannot be used.
    """
    values: dict[str, Any] = {}
    for item in filter(None, rest.split(",")):
        name, value = _split(item, spec, list(kinds))
        if name in values:
            raise OptionError(f"expected {_dashes(name)} once, got it twice in {spec!r}; try leaving one out")
        values[name] = _convert(value, kinds[name], name, spec)
    return values


def _dashes(name: str) -> str:
    return name.replace("_", "-")


def _split(item: str, spec: str, known: list[str]) -> tuple[str, str]:
    given, equals, value = (part.strip() for part in item.partition("="))
    name, names = given.replace("-", "_"), [_dashes(name) for name in known]
    if name not in known:
        raise OptionError(
            f"expected one of the options {', '.join(names)}, got {given!r} in {spec!r}"
            + suggestion(_dashes(given), names)
        )
    if not equals or not value:
        raise OptionError(f"expected a value for {given}, got {item!r} in {spec!r}; try {given}=VALUE")
    return name, value


def _convert(text: str, kind: Any, name: str, spec: str) -> Any:
    """Turn text into what an annotation asks for."""
    if get_origin(kind) in (Union, types.UnionType):
        if text.lower() == "none" and type(None) in get_args(kind):
            return None
        kind = next(other for other in get_args(kind) if other is not type(None))
    if get_origin(kind) is Literal:
        by_text = {str(choice): choice for choice in get_args(kind)}
        if text in by_text:
            return by_text[text]
        raise _unusable(text, f"one of {', '.join(by_text)}", name, spec, suggestion(text, by_text))
    if kind not in _READERS:
        raise OptionError(
            f"expected an option of plain type, got {_dashes(name)} in {spec!r}; try leaving {_dashes(name)} out"
        )
    what, example, read = _READERS[kind]
    try:
        return read(text)
    except (ValueError, KeyError):
        raise _unusable(text, what, name, spec, f"; try {_dashes(name)}={example}") from None


def _unusable(text: str, what: str, name: str, spec: str, hint: str) -> OptionError:
    return OptionError(f"expected {_dashes(name)} to be {what}, got {text!r} in {spec!r}{hint}")


def _truth(text: str) -> bool:
    return {"true": True, "false": False}[text.lower()]


_READERS: dict[Any, tuple[str, str, Callable[[str], Any]]] = {
    bool: ("true or false", "true", _truth),
    int: ("a whole number", "5", int),
    float: ("a number", "0.5", float),
    str: ("text", "text", str),
}
