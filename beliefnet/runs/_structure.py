"""What a net or an estimator is, in plain values that JSON can hold: described, compared, and rebuilt.

A description names classes and functions and holds every static field; of arrays it keeps shapes and types. Nothing is
pickled and nothing in a description is executed: rebuilding looks up names in a few packages, and refuses all others.
"""

import dataclasses
import hashlib
import importlib
import json
import sys
from collections.abc import Iterator
from enum import Enum
from functools import partial, singledispatch
from types import NoneType
from typing import Any, NamedTuple

import equinox as eqx
import jax
import numpy as np

from beliefnet._errors import Refusal
from beliefnet.conditionals import EquinoxNetwork

Description = Any
"""Nested dictionaries, lists and plain values, as JSON has them."""

_CLASSES = ("beliefnet", "equinox")
"""Packages whose classes can be rebuilt."""
_FUNCTIONS = ("jax.nn", "jax.numpy", "jax.lax", "equinox.nn", "beliefnet")
"""Where functions are looked for."""
_LONGEST = 100


class StructureError(Refusal, ValueError):
    """A description names what cannot be rebuilt, such as a class of one's own."""


class Difference(NamedTuple):
    """One place where two descriptions differ, and what each has there."""

    place: str
    one: str
    other: str

    @property
    def is_added(self) -> bool:
        """Whether the first description has nothing there: written, it may be, before there was such a field."""
        return self.one == _short(_ABSENT)

    def __str__(self) -> str:
        return f"{self.place}: {self.one}, {self.other}"


def describe(tree: Any) -> Description:
    """Return what a tree of modules, arrays and static values is, without the values of its arrays.

    Args:
        tree: A net, an estimator, or anything made of modules, dataclasses, tuples, dictionaries, enumerations,
            functions, arrays and plain values.

    Examples:
        >>> from beliefnet.estimators import VIMCO
        >>> describe(VIMCO(5))["fields"]["num_particles"]
        5
    """
    return _describe(tree)


def skeleton(description: Description) -> Any:
    """Return the tree that was described, with a `jax.ShapeDtypeStruct` in the place of each array.

    Raises:
        StructureError: If it names a class or function that is not part of this package, JAX or Equinox.
    """
    if type(description) is list:
        return [skeleton(item) for item in description]
    if type(description) is not dict:
        return description
    kind = next(iter(description), None)
    if kind not in _BUILDERS:
        raise StructureError(
            f"expected a description of {', '.join(_BUILDERS)}, got {_short(description)}", "another copy"
        )
    return _BUILDERS[kind](description)


def modules_of(tree: Any) -> Iterator[eqx.Module]:
    """Yield every module in a tree, itself first."""
    if issubclass(type(tree), eqx.Module):
        yield tree
    for part in jax.tree.leaves(tree, is_leaf=lambda node: node is not tree):
        if part is not tree:
            yield from modules_of(part)


def differences(one: Description, other: Description, place: str = "") -> list[Difference]:
    """Return where two descriptions differ, in their own order; nothing if they are the same.

    Args:
        one: A description.
        other: Another one.
        place: What the descriptions are of, such as "net"; it begins every place.

    Examples:
        >>> from beliefnet.estimators import VIMCO
        >>> [str(found) for found in differences(describe(VIMCO(5)), describe(VIMCO(3)), "estimator")]
        ['estimator.num_particles: 5, 3']
    """
    if type(one) is type(other) is list and len(one) == len(other):
        return [
            d
            for i, pair in enumerate(zip(one, other, strict=True))
            for d in differences(pair[0], pair[1], f"{place}[{i}]")
        ]
    if type(one) is type(other) is dict and _head(one) == _head(other):
        inner = next(name for name in _INNER if name in one)
        parts = one[inner], other[inner]
        if inner == "tuple":
            return differences(*parts, place)
        prefix = f"{place}." if place else ""
        pairs = {name: tuple(part.get(name, _ABSENT) for part in parts) for name in parts[0] | parts[1]}
        return [found for name, pair in pairs.items() for found in differences(pair[0], pair[1], f"{prefix}{name}")]
    return [] if _is_same(one, other) else [Difference(place or "it", _short(one), _short(other))]


def fingerprint(description: Description) -> str:
    """Return a short name of a description: the same for equal ones, another for any other."""
    return hashlib.sha256(json.dumps(description, sort_keys=True).encode()).hexdigest()[:16]


@singledispatch
def _describe(value: Any) -> Description:
    if hasattr(value, "__dataclass_fields__"):
        return {"class": _public_name(type(value)), "fields": _fields(value)}
    if hasattr(value, "_fields"):
        return {"class": _public_name(type(value)), "fields": {n: _describe(v) for n, v in value._asdict().items()}}
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return {"array": str(value.dtype), "shape": list(value.shape)}
    if callable(value):
        return {"function": _public_name(value)}
    text = repr(value)
    return {"value": _public_name(type(value)), "text": "" if " at 0x" in text else text}


def _fields(value: Any) -> dict[str, Description]:
    return {
        field.name: _describe(getattr(value, field.name))
        for field in dataclasses.fields(value)
        # What is left at the default of the class is no part of the instance.
        if field.name in vars(value)
    }


for _plain in (bool, int, str, NoneType):
    _describe.register(_plain, lambda value: value)


@_describe.register(float)
def _(value: float) -> Description:
    # JSON has no infinities.
    return float(value) if abs(value) < float("inf") else {"float": str(value)}


@_describe.register(np.generic)
def _(value: np.generic) -> Description:
    return _describe(value.item())


@_describe.register(Enum)
def _(value: Enum) -> Description:
    return {"enum": _public_name(type(value)), "name": value.name}


@_describe.register(type)
def _(value: type) -> Description:
    return {"type": _public_name(value)}


@_describe.register(list)
def _(value: list) -> Description:
    return [_describe(item) for item in value]


@_describe.register(tuple)
def _(value: tuple) -> Description:
    return _describe.dispatch(object)(value) if hasattr(value, "_fields") else {"tuple": [_describe(v) for v in value]}


@_describe.register(dict)
def _(value: dict) -> Description:
    return {"dict": {str(name): _describe(item) for name, item in value.items()}}


@_describe.register(partial)
def _(value: partial) -> Description:
    parts = (
        _describe(value.func),
        [_describe(v) for v in value.args],
        {k: _describe(v) for k, v in value.keywords.items()},
    )
    return {"partial": {"function": parts[0], "arguments": parts[1], "keywords": {"dict": parts[2]}}}


@_describe.register(EquinoxNetwork)
def _(value: EquinoxNetwork) -> Description:
    shapes = {"input_shape": _describe(value.input_shape), "output_shape": _describe(value.output_shape)}
    return {"equinox": {"module": _describe(value.module), **shapes}}


def _array(description: dict[str, Any]) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(tuple(description["shape"]), description["array"])


def _instance(description: dict[str, Any]) -> Any:
    made = _look_up(description["class"], _CLASSES)
    fields = {name: skeleton(item) for name, item in description["fields"].items()}
    if not dataclasses.is_dataclass(made) and not hasattr(made, "_fields"):
        raise StructureError(f"expected the name of a module, got {description['class']}", "another copy")
    if not issubclass(made, eqx.Module):  # pyright: ignore[reportArgumentType]
        return made(**fields)  # pyright: ignore[reportCallIssue]
    # As pytrees are put together again: without `__init__`, which would draw weights.
    module = object.__new__(made)  # pyright: ignore[reportArgumentType]
    for name, value in fields.items():
        object.__setattr__(module, name, value)
    return module


def _equinox_network(description: dict[str, Any]) -> EquinoxNetwork:
    parts = {name: skeleton(item) for name, item in description["equinox"].items()}
    is_trained = lambda leaf: hasattr(leaf, "shape")  # noqa: E731
    arrays, rest = eqx.partition(parts["module"], is_trained)
    leaves, structure = jax.tree.flatten(rest)
    network = object.__new__(EquinoxNetwork)
    fields = {"arrays": arrays, "fixed": (tuple(leaves), structure)}
    for name, value in (fields | {n: parts[n] for n in ("input_shape", "output_shape")}).items():
        object.__setattr__(network, name, value)
    return network


def _partial(description: dict[str, Any]) -> partial:
    parts = description["partial"]
    return partial(skeleton(parts["function"]), *skeleton(parts["arguments"]), **skeleton(parts["keywords"]))


def _own(description: dict[str, Any]) -> Any:
    raise _unknown(description["value"])


_BUILDERS = {
    "class": _instance,
    "equinox": _equinox_network,
    "array": _array,
    "tuple": lambda d: tuple(skeleton(d["tuple"])),
    "dict": lambda d: {name: skeleton(item) for name, item in d["dict"].items()},
    "float": lambda d: float(d["float"]),
    "enum": lambda d: _look_up(d["enum"], _CLASSES)[d["name"]],
    "function": lambda d: _look_up(d["function"], _FUNCTIONS),
    "type": lambda d: _look_up(d["type"], _CLASSES),
    "partial": _partial,
    "value": _own,
}
_INNER = ("fields", "tuple", "dict", "equinox", "partial")
"""Where the parts of a description are that has any."""
_ABSENT = {"value": "nothing", "text": ""}


def _look_up(name: str, packages: tuple[str, ...]) -> Any:
    """Return a class or function of one of these packages by its dotted name."""
    place, _, last = name.rpartition(".")
    inside = any(place == package or place.startswith(f"{package}.") for package in packages)
    if not inside or "__" in name or not all(part.isidentifier() for part in name.split(".")):
        raise _unknown(name)
    try:
        found = getattr(importlib.import_module(place), last)
    except (ImportError, AttributeError):
        raise _unknown(name) from None
    if not callable(found):
        raise _unknown(name)
    return found


def _unknown(name: str) -> StructureError:
    return StructureError(
        f"expected classes and functions of beliefnet, JAX or Equinox, got {name[:_LONGEST]}",
        "giving back what was trained: load_run(path, net=net), or estimator=estimator",
    )


def _public_name(thing: Any) -> str:
    """Return the most public name that leads to a class or function: moving a private module is then harmless."""
    name = getattr(thing, "__qualname__", None) or getattr(thing, "__name__", None) or type(thing).__name__
    module = getattr(thing, "__module__", None) or type(thing).__module__
    parts = module.split(".")
    places = [".".join(parts[: i + 1]) for i in range(len(parts))]
    for place in (*_FUNCTIONS, *places):
        if getattr(sys.modules.get(place), name, None) is thing:
            return f"{place}.{name}"
    return f"{module}.{name}"


def _head(description: dict[str, Any]) -> list[Any] | float:
    """What two descriptions must share for a comparison of their parts; nan, equal to nothing, where there are none."""
    inner = next((name for name in _INNER if name in description), None)
    if inner is None:
        return float("nan")
    return [inner, description.get("class"), len(description["tuple"]) if inner == "tuple" else None]


def _is_same(one: Description, other: Description) -> bool:
    """Whether plain values are equal; True and 1 are not, although Python says so, but 1 and 1.0 are."""
    if {type(one), type(other)} <= {int, float}:
        return one == other
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _short(description: Description) -> str:
    """Return a description in a few words."""
    if type(description) is list:
        return f"[{', '.join(map(_short, description))}]"[:_LONGEST]
    if type(description) is not dict:
        return str(description)[:_LONGEST]
    kind = next(iter(description), "")
    if kind == "array":
        return f"{description['array']}[{', '.join(map(str, description['shape']))}]"
    if kind == "tuple":
        return f"({', '.join(map(_short, description['tuple']))})"[:_LONGEST]
    if kind == "enum":
        return f"{_last(description['enum'])}.{description['name']}"
    if kind == "value":
        return (description["text"] or description["value"])[:_LONGEST]
    if kind == "float":
        return description["float"]
    if kind in ("class", "function", "type"):
        return _last(description[kind])
    return kind if kind in _BUILDERS else str(description)[:_LONGEST]


def _last(name: str) -> str:
    return name.rpartition(".")[2][:_LONGEST]
