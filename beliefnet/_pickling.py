"""Pickles of nets: functions of JAX in them, such as activations, go by name, as Python's own functions do."""

import copyreg
import importlib
import pickle
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


for _kind in (type(jax.nn.relu), type(jax.nn.softplus)):
    # Compiled functions and those with a derivative of their own: pickle looks for what they were made of.
    copyreg.pickle(_kind, _by_name)  # pyright: ignore[reportArgumentType]
