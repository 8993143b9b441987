"""Draws that are made in one pass.

JAX makes the words of its generator, Threefry, on a processor in a loop over the rounds, each of which goes through
memory. With the rounds written out, XLA makes a word, and the draw from it, in one pass: three times as fast. A net of
binary units spends a good part of a step on its draws. The program is compiled in half of the time, too. Many draws are
made in C, where that can be.
"""

import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.typing import DTypeLike
from jaxtyping import Float, UInt32

from beliefnet._mesh import is_for_a_mesh
from beliefnet._types import Key
from beliefnet.native._draws import bit_draws, normal_draws

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = 0x1BD11BDA
_ONE = 0x3F800000
"""The bits of 1 in single precision."""
_MOST_WORDS = 2**32
_PARTITIONABLE = "jax_threefry_partitionable"


def bernoulli(key: Key, probabilities: Float[Array, "*#shape"], shape: tuple[int, ...]) -> Float[Array, "*shape"]:
    """Return zeros and ones, as floats of the type of the probabilities, from the words of `jax.random.bits`.

    In single precision a probability is rounded up to a multiple of 2^-24.

    Args:
        key: Random key.
        probabilities: Of a one.
        shape: How many.

    Reference:
        Salmon, Moraes, Dror & Shaw 2011, *Parallel random numbers: as easy as 1, 2, 3* (Threefry).
    """
    dtype = probabilities.dtype
    if not _makes_words(key) or dtype != jnp.float32 or math.prod(shape) >= _MOST_WORDS:
        return (jax.random.uniform(key, shape, dtype) < probabilities).astype(dtype)
    words = jax.random.key_data(key)
    drawn = bit_draws(words, probabilities, shape, by_xla=_bits)
    return _bits(words, probabilities, shape) if drawn is None else drawn


def _bits(key: UInt32[Array, "2"], means: Float[Array, "*#shape"], shape: tuple[int, ...]) -> Float[Array, "*shape"]:
    # Below 2^24 a signed whole number is a float exactly, by one instruction.
    numbers = (_words(key, shape) >> 8).astype(jnp.int32).astype(jnp.float32)
    # XLA holds operations on whole numbers for cheap, and repeats them wherever their result is used; a root it keeps.
    return jnp.sqrt((numbers < jnp.broadcast_to(means, shape) * 2**24).astype(jnp.float32))


def uniform(key: Key, shape: tuple[int, ...]) -> Float[Array, "*shape"]:
    """Return what `jax.random.uniform` does: numbers in [0, 1).

    Args:
        key: Random key.
        shape: How many.
    """
    if not _makes_words(key) or jnp.zeros(()).dtype != jnp.float32 or math.prod(shape) >= _MOST_WORDS:
        return jax.random.uniform(key, shape)
    return _fractions(jax.random.key_data(key), shape)


def normal(key: Key, shape: tuple[int, ...], dtype: DTypeLike) -> Float[Array, "*shape"]:
    """Return what `jax.random.normal` does: independent standard normal numbers. In C, they differ by rounding.

    Args:
        key: Random key.
        shape: How many.
        dtype: Their type.
    """
    if not _makes_words(key) or dtype != jnp.float32 or math.prod(shape) >= _MOST_WORDS:
        return jax.random.normal(key, shape, dtype)
    words = jax.random.key_data(key)
    drawn = normal_draws(words, shape, by_xla=_normals)
    return _normals(words, shape) if drawn is None else drawn


def _normals(key: UInt32[Array, "2"], shape: tuple[int, ...]) -> Float[Array, "*shape"]:
    return _compiled_normals(key, shape, is_branch=jax.default_backend() == "cpu" and not is_for_a_mesh())


@partial(jax.jit, static_argnames=("shape", "is_branch"))
def _compiled_normals(key: UInt32[Array, "2"], shape: tuple[int, ...], *, is_branch: bool) -> Float[Array, "*shape"]:
    """Return normal numbers in single precision.

    On a processor XLA repeats what it holds for cheap wherever it is used, seven times in a step of IWAE. What is in a
    branch it computes once.
    """

    def drawn() -> Array:
        # Uniform above -1 and below 1, rounded as JAX rounds it.
        least = np.nextafter(np.float32(-1), np.float32(0))
        numbers = jnp.maximum(_fractions(key, shape) * (1 - least) + least, least)
        return lax.erf_inv(numbers) * np.float32(math.sqrt(2))

    if not is_branch:
        return drawn()
    always = (key[0] | 1) > 0  # which XLA does not know
    return lax.cond(always, drawn, lambda: jnp.zeros(shape, jnp.float32))


def _fractions(key: UInt32[Array, "2"], shape: tuple[int, ...]) -> Float[Array, "*shape"]:
    """Return uniform numbers in [0, 1) in single precision."""
    # 23 bits after the point of a number from 1 to 2.
    return lax.bitcast_convert_type((_words(key, shape) >> 9) | jnp.uint32(_ONE), jnp.float32) - 1


def _makes_words(key: Key) -> bool:
    """Whether JAX makes each word from its place alone, by Threefry."""
    is_threefry = str(jax.random.key_impl(key)) == "threefry2x32" and getattr(jax.config, _PARTITIONABLE, True)
    # An array of keys is refused by JAX's own functions.
    return is_threefry and jax.random.key_data(key).ndim == 1


def _words(key: UInt32[Array, "2"], shape: tuple[int, ...]) -> UInt32[Array, "*shape"]:
    """Return random words, those of `jax.random.bits`."""
    first, second = key[0], key[1]
    keys = (first, second, first ^ second ^ jnp.uint32(_PARITY))
    place = lax.iota(jnp.uint32, math.prod(shape)).reshape(shape)
    left, right = jnp.full_like(place, keys[0]), place + keys[1]
    for group in range(5):
        for rotation in _ROTATIONS[group % 2]:
            left = left + right
            right = left ^ ((right << rotation) | (right >> (32 - rotation)))
        left = left + keys[(group + 1) % 3]
        right = right + keys[(group + 2) % 3] + jnp.uint32(group + 1)
    return left ^ right
