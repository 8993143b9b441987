"""Log-probabilities of bits given other bits, without their logits: in C on a processor that has AVX-512."""

import math
from functools import partial

import jax
import jax.numpy as jnp
from jax import Array, ShapeDtypeStruct
from jaxtyping import Float

from beliefnet._mesh import is_for_a_mesh
from beliefnet._numerics import joint_bernoulli_log_prob, over_rows
from beliefnet.native._library import CHUNK, PANEL, PREFIX, ROWS, TERMS, is_loaded

_FEWEST_PARTICLES = 16
"""A vector of rows then belongs to two data at the most."""
_FEWEST_UNITS = 64
_FEWEST_PRODUCTS = 2**23
"""With fewer, a call costs more than it saves."""


def bernoulli_scores(
    parent: Float[Array, "*lead data parents"],
    weight: Float[Array, "parents units"],
    bias: Float[Array, " units"],
    value: Float[Array, "*#lead data units"],
) -> Float[Array, "*lead data"] | None:
    """Return log p(value | parent) of Bernoulli units with logits `parent @ weight + bias`, without making the logits.

    Where each column of the parent has two values, such as zeros and ones, code in C takes less than half of the time
    of XLA's; others are left to XLA. Results differ by rounding. The derivative is that of the logits, by XLA.

    Args:
        parent: The values of the layer above, many particles of each datum.
        weight: Of the dense map.
        bias: Of the dense map.
        value: The bits of each datum, the same ones for all particles.

    Returns:
        In nats; None where code in C is of no use: other shapes, few rows, other types than single precision, devices
        other than processors, or nothing to compile it with.
    """
    if not _is_worth_it(parent, weight, bias, value):
        return None
    *lead, data, parents = parent.shape
    rows = parent.reshape(-1, data, parents)
    return _scores(rows, weight, bias, value.reshape(value.shape[-2:])).reshape(*lead, data)


def _is_worth_it(parent: Array, weight: Array, bias: Array, value: Array) -> bool:
    arrays = (parent, weight, bias, value)
    # A program that is exported for any batch has sizes that are no numbers.
    if not all(type(size) is int for array in arrays for size in array.shape) or not 2 < parent.ndim >= value.ndim > 1:
        return False
    data, units = parent.shape[-2], bias.size
    fits = weight.shape == (parent.shape[-1], units) and bias.ndim == 1 and value.shape[-2:] == (data, units)
    particles = math.prod(parent.shape[:-2])
    is_large = particles >= _FEWEST_PARTICLES and units >= _FEWEST_UNITS and parent.size * units >= _FEWEST_PRODUCTS
    is_single = all(array.dtype == jnp.float32 for array in arrays)
    is_whole = value.size == data * units and not is_for_a_mesh()
    return fits and is_large and is_single and is_whole and is_loaded()


@jax.custom_jvp
def _scores(parent: Array, weight: Array, bias: Array, value: Array) -> Array:
    return _without_logits(parent, weight, bias, value)


@_scores.defjvp
def _scores_jvp(primals, tangents):
    return jax.jvp(_with_logits, primals, tangents)


def _with_logits(parent: Array, weight: Array, bias: Array, value: Array) -> Array:
    return joint_bernoulli_log_prob(over_rows(lambda rows: rows @ weight + bias, parent), value)


@jax.custom_batching.custom_vmap
def _without_logits(parent: Array, weight: Array, bias: Array, value: Array) -> Array:
    return jax.lax.platform_dependent(parent, weight, bias, value, cpu=_in_c, default=_with_logits)


def _in_c(parent: Array, weight: Array, bias: Array, value: Array) -> Array:
    particles, data, parents = parent.shape
    units = weight.shape[1]
    rows = particles * data
    chosen = ShapeDtypeStruct((-(-rows // CHUNK), parents), jnp.float32)
    codes = ShapeDtypeStruct((-(-rows // ROWS), -(-parents // TERMS), ROWS), jnp.int32)
    describe = jax.ffi.ffi_call(f"{PREFIX}describe", (ShapeDtypeStruct((), jnp.bool), chosen, chosen, codes))
    has_two_values, low, high, code = describe(parent)

    def looked_up() -> Array:
        panels = ShapeDtypeStruct((-(-units // PANEL), data, particles), jnp.float32)
        return jax.ffi.ffi_call(f"{PREFIX}score_all", panels)(code, low, high, weight, bias, value).sum(axis=0).T

    return jax.lax.cond(has_two_values, looked_up, partial(_with_logits, parent, weight, bias, value))


@_without_logits.def_vmap
def _without_logits_of_many(axis_size, in_batched, parent, weight, bias, value):
    axes = tuple(0 if is_batched else None for is_batched in in_batched)
    return jax.vmap(_with_logits, axes, axis_size=axis_size)(parent, weight, bias, value), True
