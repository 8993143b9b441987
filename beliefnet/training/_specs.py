"""Estimators written in one word, such as `nvil` or `vimco:particles=5,local-signals=true`."""

import types
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from beliefnet.training._checks import OptionError, suggestion
from beliefnet.training._estimators import ESTIMATORS, EstimatorOptions


def parse_estimator(spec: str) -> EstimatorOptions:
    """Read `name` or `name:option=value,option=value`.

    The options are those that every estimator has (such as `particles`) and those of the estimator's own group, without
    the name of the group; dashes and underscores are the same.

    Raises:
        OptionError: If there is no such estimator or option, or a value cannot be used.

    Example:
        >>> parse_estimator("vimco:particles=5").particles
        5
    """
    estimator, _, rest = spec.strip().partition(":")
    if estimator not in ESTIMATORS:
        raise OptionError(
            f"expected the name of an estimator ({', '.join(ESTIMATORS)}), got {estimator!r} in {spec!r}"
            + suggestion(estimator, ESTIMATORS)
        )
    group = estimator.replace("-", "_")
    kinds = get_type_hints(EstimatorOptions)
    own = kinds.get(group)
    own_kinds = get_type_hints(own) if is_dataclass(own) else {}
    common = {f.name for f in fields(EstimatorOptions) if not is_dataclass(kinds[f.name])} - {"estimator"}
    chosen: dict[str, Any] = {}
    inside: dict[str, Any] = {}
    for item in filter(None, rest.split(",")):
        name, value = _split(item, spec, [*sorted(common), *own_kinds])
        if name in chosen or name in inside:
            raise OptionError(f"expected {_dashes(name)} once, got it twice in {spec!r}; try leaving one out")
        if name in own_kinds:
            inside[name] = _convert(value, own_kinds[name], name, spec)
        else:
            chosen[name] = _convert(value, kinds[name], name, spec)
    if is_dataclass(own) and isinstance(own, type):
        chosen[group] = own(**inside)
    options = EstimatorOptions(estimator=estimator, **chosen)
    options.check_estimator()
    return options


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
