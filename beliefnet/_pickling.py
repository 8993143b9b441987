"""Pickles of nets: functions of JAX in them, such as activations, go by name, as Python's own functions do."""

import copyreg
import importlib
import pickle
import sys
from dataclasses import dataclass
from functools import reduce
from typing import Any

import jax


def _function(module: str, name: str) -> Any:
    return reduce(getattr, name.split("."), importlib.import_module(module))


def _by_name(function: Any) -> tuple[Any, tuple[str, str]]:
    module, name = function.__module__, function.__qualname__
    try:
        found = _function(module, name)
    except (ImportError, AttributeError):
        found = None
    if found is not function:
        raise pickle.PicklingError(
            f"expected a function that is found by its name, got {name} of {module}; try defining it at the top of a "
            "module"
        )
    return _function, (module, name)


@dataclass(frozen=True)
class _Named:
    """A function that is no longer there, to be found by the name it has in a module."""

    module: str
    name: str


def packed(leaf: Any) -> Any:
    """Return what to pickle in the place of a function whose own name is not the one its module knows it by.

    Such as the identity of `equinox.nn.MLP`, which was made by a lambda.
    """
    module = sys.modules.get(getattr(leaf, "__module__", None) or "")
    if "<lambda>" in getattr(leaf, "__qualname__", "") and module is not None:
        names = [name for name, value in vars(module).items() if value is leaf]
        return _Named(module.__name__, names[0]) if names else leaf
    return leaf


def unpacked(leaf: Any) -> Any:
    """Undo `packed`."""
    return _function(leaf.module, leaf.name) if isinstance(leaf, _Named) else leaf


for _kind in (type(jax.nn.relu), type(jax.nn.softplus)):
    # Compiled functions and those with a derivative of their own: pickle looks for what they were made of.
    copyreg.pickle(_kind, _by_name)  # pyright: ignore[reportArgumentType]
