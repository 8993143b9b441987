"""A computation that is in C on a processor, and XLA's elsewhere."""

from collections.abc import Callable
from typing import Any, TypeVar

import jax
from jax import Array

from beliefnet._mesh import is_for_a_mesh
from beliefnet.native._library import is_loaded

T = TypeVar("T")


def either(in_c: Callable[..., T], by_xla: Callable[..., T]) -> Callable[..., T]:
    """Return a function that is computed in C where its program is for a processor.

    On other platforms, and of many operands at once by `jax.vmap`, it is computed by XLA. It has no derivative.

    Args:
        in_c: Calls the code in C.
        by_xla: The same function of the same operands.
    """

    @jax.custom_batching.custom_vmap
    def chosen(*operands: Array) -> T:
        return jax.lax.platform_dependent(*operands, cpu=in_c, default=by_xla)

    @chosen.def_vmap
    def of_many(axis_size: int, in_batched: list[bool], *operands: Array) -> tuple[T, Any]:
        axes = tuple(0 if is_batched else None for is_batched in in_batched)
        found = jax.vmap(by_xla, axes, axis_size=axis_size)(*operands)
        return found, jax.tree.map(lambda _: True, found)

    return chosen


def is_known(*shapes: tuple[object, ...]) -> bool:
    """Return whether sizes are numbers; those of a program that is exported for any batch are not."""
    return all(type(size) is int for shape in shapes for size in shape)


def can_be_in_c(*arrays: Array) -> bool:
    """Return whether operands can be given to code in C: in single precision, on one device.

    Asked last, because the code is compiled where it was not before.
    """
    if any(array.dtype != "float32" or not jax.typeof(array).sharding.mesh.empty for array in arrays):
        return False
    return not is_for_a_mesh() and is_loaded()
