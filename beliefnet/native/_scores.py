"""Log-probabilities of bits given other bits, without their logits: in C on a processor that has AVX-512."""

import os
from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from jax import Array, ShapeDtypeStruct
from jaxtyping import Float

from beliefnet.native._described import described
from beliefnet.native._library import CHUNK, PANEL, PREFIX, STRIPE
from beliefnet.native._operation import can_be_in_c, either, is_known

_FEWEST_UNITS = 64
_FEWEST_PRODUCTS = 2**23
"""With fewer, a call costs more than it saves."""
_TASKS_OF_A_CORE, _FEWEST_PANELS = 3, 2
"""So that cores end together; and panels of a task, each of which takes logarithms."""


def bernoulli_scores(
    parent: Float[Array, "*lead data parents"],
    weight: Float[Array, "parents units"],
    bias: Float[Array, " units"],
    value: Float[Array, "*#lead data units"],
    by_xla: Callable[[Array, Array, Array, Array], Array],
) -> Float[Array, "*lead data"] | None:
    """Return log p(value | parent) of Bernoulli units with logits `parent @ weight + bias`, without making the logits.

    Where each column of the parent has two values, such as zeros and ones, code in C takes half of the time of XLA's
    with many particles; others are left to XLA. Results differ by rounding. The derivative is that of the other
    function.

    Args:
        parent: The values of the layer above, one or more particles of each datum.
        weight: Of the dense map.
        bias: Of the dense map.
        value: The bits of each datum, the same ones for all particles.
        by_xla: The same function of the same operands.

    Returns:
        In nats; None where code in C is of no use: other shapes, few units or products, other types than single
        precision, devices other than processors, or nothing to compile it with.
    """
    if not _is_worth_it(parent, weight, bias, value):
        return None
    *lead, data, parents = parent.shape
    rows = parent.reshape(-1, data, parents)
    return _scores(rows, weight, bias, value.reshape(value.shape[-2:]), by_xla).reshape(*lead, data)


def _is_worth_it(parent: Array, weight: Array, bias: Array, value: Array) -> bool:
    arrays = (parent, weight, bias, value)
    if not is_known(*(array.shape for array in arrays)) or not 2 < parent.ndim >= value.ndim > 1:
        return False
    data, units = parent.shape[-2], bias.size
    fits = weight.shape == (parent.shape[-1], units) and bias.ndim == 1 and value.shape[-2:] == (data, units)
    is_large = units >= _FEWEST_UNITS and parent.size * units >= _FEWEST_PRODUCTS
    return fits and is_large and value.size == data * units and can_be_in_c(*arrays)


def _stripes(rows: int, units: int) -> int:
    """Return in how many parts units are scored: enough for all cores, and as few as that takes."""
    panels, chunks, tasks = -(-units // PANEL), -(-rows // CHUNK), _TASKS_OF_A_CORE * (os.cpu_count() or 1)
    return max(-(-panels // STRIPE), min(-(-panels // _FEWEST_PANELS), -(-tasks // chunks)))


@partial(jax.custom_jvp, nondiff_argnums=(4,))
def _scores(parent: Array, weight: Array, bias: Array, value: Array, by_xla: Callable[..., Array]) -> Array:
    return either(partial(_in_c, by_xla), by_xla)(parent, weight, bias, value)


@_scores.defjvp
def _scores_jvp(by_xla, primals, tangents):
    return jax.jvp(by_xla, primals, tangents)


def _in_c(by_xla: Callable[..., Array], parent: Array, weight: Array, bias: Array, value: Array) -> Array:
    particles, data, _ = parent.shape
    units = weight.shape[1]
    has_two_values, low, high, code = described(parent)

    def looked_up() -> Array:
        stripes = ShapeDtypeStruct((_stripes(data * particles, units), data, particles), jnp.float32)
        return jax.ffi.ffi_call(f"{PREFIX}score_all", stripes)(code, low, high, weight, bias, value).sum(axis=0).T

    return jax.lax.cond(has_two_values, looked_up, partial(by_xla, parent, weight, bias, value))
