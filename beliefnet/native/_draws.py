"""Many draws, in C: the words of JAX's own generator, and the draws from them, in one pass."""

import math
from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from jax import Array, ShapeDtypeStruct
from jaxtyping import Float, UInt32

from beliefnet.native._library import PREFIX
from beliefnet.native._operation import can_be_in_c, either, is_known

_FEWEST = 2**16
"""Of fewer draws than these, a net that is small, the compiler would take more time than all that is saved."""
_FEWEST_MEANS = 128
"""Means are read in vectors: of fewer, most of a vector would be empty."""


def bit_draws(
    key: UInt32[Array, "2"],
    means: Float[Array, "*#shape"],
    shape: tuple[int, ...],
    by_xla: Callable[[Array, Array, tuple[int, ...]], Array],
) -> Float[Array, "*shape"] | None:
    """Return zeros and ones drawn with these means, those that XLA draws.

    Args:
        key: The words of a key of Threefry.
        means: Of a one.
        shape: How many; fewer than 2^32.
        by_xla: Draws the same of the same key, means and shape.

    Returns:
        None where code in C is of no use: few draws or means, other types than single precision, or no code in C.
    """
    if not is_known(shape, means.shape) or math.prod(shape) < _FEWEST:
        return None
    sizes = means.shape
    while sizes and sizes[0] == 1:
        sizes = sizes[1:]
    rest = shape[len(shape) - len(sizes) :]
    if math.prod(rest) < _FEWEST_MEANS or not can_be_in_c(means):
        return None
    return _drawn_bits(key, jnp.broadcast_to(means.reshape(sizes), rest), shape=shape, by_xla=by_xla)


def normal_draws(
    key: UInt32[Array, "2"], shape: tuple[int, ...], by_xla: Callable[[Array, tuple[int, ...]], Array]
) -> Float[Array, "*shape"] | None:
    """Return standard normal numbers in single precision, those that XLA draws but for rounding.

    Args:
        key: The words of a key of Threefry.
        shape: How many; fewer than 2^32.
        by_xla: Draws the same of the same key and shape.

    Returns:
        None where code in C is of no use: few draws, or no code in C.
    """
    are_many = is_known(shape) and math.prod(shape) >= _FEWEST
    return _drawn_normals(key, shape=shape, by_xla=by_xla) if are_many and can_be_in_c() else None


# Compiled, so that draws outside of a program are, too, and once for each shape.
@partial(jax.jit, static_argnames=("shape", "by_xla"))
def _drawn_bits(key: Array, means: Array, *, shape: tuple[int, ...], by_xla: Callable[..., Array]) -> Array:
    drawn = either(_call("draw_bits", shape), lambda key, means: by_xla(key, means, shape))
    return drawn(key, jax.lax.stop_gradient(means))


@partial(jax.jit, static_argnames=("shape", "by_xla"))
def _drawn_normals(key: Array, *, shape: tuple[int, ...], by_xla: Callable[..., Array]) -> Array:
    return either(_call("draw_normals", shape), lambda key: by_xla(key, shape))(key)


def _call(name: str, shape: tuple[int, ...]) -> Callable[..., Array]:
    return jax.ffi.ffi_call(PREFIX + name, ShapeDtypeStruct(shape, jnp.float32))
