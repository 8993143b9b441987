"""Log-probabilities of bits given other bits, without their logits: in C on a processor that has AVX-512.

In training, the derivatives by the logits are written in their place.
"""

import os
from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from jax import Array, ShapeDtypeStruct
from jax.custom_derivatives import SymbolicZero
from jaxtyping import Float

from beliefnet.native._described import described
from beliefnet.native._library import CHUNK, PANEL, PREFIX, STRIPE
from beliefnet.native._operation import can_be_in_c, either, is_known
from beliefnet.native._products import product

ByXla = Callable[[Array, Array, Array, Array], tuple[Array, Array]]
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
    by_xla: ByXla,
) -> Float[Array, "*lead data"] | None:
    """Return log p(value | parent) of Bernoulli units with logits `parent @ weight + bias`, without making the logits.

    Where each column of the parent has two values, such as zeros and ones, code in C takes half of the time of XLA's
    with many particles; others are left to XLA. Results differ by rounding, and what is infinite may be NaN. The
    derivatives by the logits, if they are needed, are written in the same pass; those by the value are the other
    function's, as second derivatives are.

    Args:
        parent: The values of the layer above, one or more particles of each datum.
        weight: Of the dense map.
        bias: Of the dense map.
        value: The bits of each datum, the same ones for all particles, or those of each particle.
        by_xla: The same function of the same operands, which returns the derivatives by the logits, too.

    Returns:
        In nats; None where code in C is of no use: other shapes, few units or products, other types than single
        precision, devices other than processors, or nothing to compile it with.
    """
    if not _is_worth_it(parent, weight, bias, value):
        return None
    *lead, data, parents = parent.shape
    rows = parent.reshape(-1, data, parents)
    return _scores(rows, weight, bias, value.reshape(-1, data, value.shape[-1]), by_xla).reshape(*lead, data)


def _is_worth_it(parent: Array, weight: Array, bias: Array, value: Array) -> bool:
    arrays = (parent, weight, bias, value)
    if not is_known(*(array.shape for array in arrays)) or not 2 < parent.ndim >= value.ndim > 1:
        return False
    data, units = parent.shape[-2], bias.size
    fits = weight.shape == (parent.shape[-1], units) and bias.ndim == 1 and value.shape[-2:] == (data, units)
    is_shared_or_own = value.size == data * units or value.shape[:-1] == parent.shape[:-1]
    is_large = units >= _FEWEST_UNITS and parent.size * units >= _FEWEST_PRODUCTS
    return fits and is_shared_or_own and is_large and can_be_in_c(*arrays)


def _stripes(rows: int, units: int) -> int:
    """Return in how many parts units are scored: enough for all cores, and as few as that takes."""
    panels, chunks, tasks = -(-units // PANEL), -(-rows // CHUNK), _TASKS_OF_A_CORE * (os.cpu_count() or 1)
    return max(-(-panels // STRIPE), min(-(-panels // _FEWEST_PANELS), -(-tasks // chunks)))


@partial(jax.custom_jvp, nondiff_argnums=(4,))
def _scores(parent: Array, weight: Array, bias: Array, value: Array, by_xla: ByXla) -> Array:
    in_c = partial(_in_c, by_xla, has_slopes=False)
    return either(in_c, lambda *operands: by_xla(*operands)[:1])(parent, weight, bias, value)[0]


@partial(_scores.defjvp, symbolic_zeros=True)
def _scores_jvp(by_xla, primals, tangents):
    if not _is_none(tangents[3]):
        tangents = tuple(jnp.zeros(each.shape, each.dtype) if _is_none(each) else each for each in tangents)
        return jax.jvp(lambda *operands: by_xla(*operands)[0], primals, tangents)
    (parent, weight, *_), (of_parent, of_weight, of_bias, _) = primals, tangents
    scores, slopes = _with_slopes(*primals, by_xla)
    # Of all rows under each other, and of the bias apart: its derivative is then a product of the slopes themselves.
    rows, slopes = (array.reshape(-1, array.shape[-1]) for array in (parent, slopes))
    tangent = jnp.zeros(len(rows), scores.dtype)
    if not _is_none(of_weight):
        tangent += (slopes * product(rows, of_weight)).sum(axis=-1)
    if not _is_none(of_parent):
        tangent += (slopes * (of_parent.reshape(rows.shape) @ weight)).sum(axis=-1)
    if not _is_none(of_bias):
        tangent += slopes @ of_bias
    return scores, tangent.reshape(scores.shape)


def _is_none(tangent: Array | SymbolicZero) -> bool:
    return type(tangent) is SymbolicZero


@partial(jax.custom_jvp, nondiff_argnums=(4,))
def _with_slopes(parent: Array, weight: Array, bias: Array, value: Array, by_xla: ByXla) -> tuple[Array, ...]:
    return either(partial(_in_c, by_xla, has_slopes=True), by_xla)(parent, weight, bias, value)


@_with_slopes.defjvp
def _with_slopes_jvp(by_xla, primals, tangents):
    return jax.jvp(by_xla, primals, tangents)


def _in_c(by_xla: ByXla, *operands: Array, has_slopes: bool) -> tuple[Array, ...]:
    parent, weight, bias, value = operands
    (particles, data, parents), units = parent.shape, weight.shape[1]
    rows = particles * data
    # A value that is used again and again stays in the cache; derivatives and other values are in the parent's order.
    is_by_datum = not has_slopes and len(value) == 1
    groups, times = (data, particles) if is_by_datum else (rows, 1)
    has_two_values, low, high, code = described(parent if is_by_datum else parent.reshape(1, rows, parents))

    def looked_up() -> tuple[Array, ...]:
        stripes = ShapeDtypeStruct((_stripes(rows, units), groups, times), jnp.float32)
        shapes = (stripes, ShapeDtypeStruct((rows, units), jnp.float32)) if has_slopes else (stripes,)
        name = f"{PREFIX}score_{'with_slopes' if has_slopes else 'all'}"
        parts, *slopes = jax.ffi.ffi_call(name, shapes)(code, low, high, weight, bias, value.reshape(-1, units))
        scores = parts.sum(axis=0).T if is_by_datum else parts.sum(axis=0).reshape(particles, data)
        return scores, *(each.reshape(particles, data, units) for each in slopes)

    return jax.lax.cond(has_two_values, looked_up, lambda: by_xla(*operands)[: 1 + has_slopes])
