"""Products with matrices whose columns have two values each, such as zeros and ones: in C, where there is AVX-512."""

from functools import partial

import jax
import jax.numpy as jnp
from jax import Array, ShapeDtypeStruct
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir
from jaxtyping import Float

from beliefnet.native._described import described
from beliefnet.native._library import PREFIX
from beliefnet.native._operation import can_be_in_c, is_known

_FEWEST_ROWS, _FEWEST_COLUMNS = 64, 48
_FEWEST_PRODUCTS = 2**22
"""With fewer, a net that is small, the compiler would take more time than all that is saved."""


def product(rows: Float[Array, "rows inputs"], weight: Float[Array, "inputs outputs"]) -> Float[Array, "rows outputs"]:
    """Return `rows @ weight`.

    Where each column of the rows has two values, code in C takes half to two thirds of the time of XLA's, for the
    product and for the derivative of the weights; others are left to XLA. Results differ by rounding, and what is
    infinite may be NaN.

    Args:
        rows: Bits, or what is seen of them.
        weight: Of a dense map.
    """
    rows = jnp.asarray(rows)
    return _product.bind(rows, weight, is_transposed=False) if _is_worth_it(rows, weight) else rows @ weight


def _is_worth_it(rows: Array, weight: Array) -> bool:
    if not is_known(rows.shape, weight.shape) or weight.ndim != 2 or rows.shape[1] != weight.shape[0]:
        return False
    is_large = rows.shape[0] >= _FEWEST_ROWS and weight.shape[1] >= _FEWEST_COLUMNS
    return is_large and rows.size * weight.shape[1] >= _FEWEST_PRODUCTS and can_be_in_c(rows, weight)


def _by_xla(rows: Array, factor: Array, *, is_transposed: bool) -> Array:
    return (rows.T if is_transposed else rows) @ factor


def _in_c(rows: Array, factor: Array, *, is_transposed: bool) -> Array:
    name = f"{PREFIX}multiply{is_transposed * '_across'}"
    made = ShapeDtypeStruct((rows.shape[is_transposed], factor.shape[1]), jnp.float32)
    has_two_values, low, high, code = described(rows[None], across=is_transposed)
    return jax.lax.cond(
        has_two_values,
        lambda: jax.ffi.ffi_call(name, made)(code, low, high, factor),
        lambda: _by_xla(rows, factor, is_transposed=is_transposed),
    )


# A primitive, because a call of C has no derivatives, and these are products of the same kind.
_product = Primitive("beliefnet_product")


@partial(jax.jit, static_argnames="is_transposed")
def _alone(rows: Array, factor: Array, *, is_transposed: bool) -> Array:
    return _product.bind(rows, factor, is_transposed=is_transposed)


def _eagerly(rows, factor, *, is_transposed):
    with jax.disable_jit(False):
        return _alone(rows, factor, is_transposed=is_transposed)


def _shape(rows, factor, *, is_transposed):
    return rows.update(shape=(rows.shape[is_transposed], factor.shape[1]), weak_type=False)


def _transposed(slope, rows, factor, *, is_transposed):
    is_of_rows = ad.is_undefined_primal(rows)
    if type(slope) is ad.Zero:
        found = ad.Zero((rows if is_of_rows else factor).aval)
    elif is_of_rows:
        found = factor @ slope.T if is_transposed else slope @ factor.T
    else:
        found = _product.bind(rows, slope, is_transposed=not is_transposed)
    return (found, None) if is_of_rows else (None, found)


def _of_many(operands, axes, *, is_transposed):
    together = jax.vmap(partial(_by_xla, is_transposed=is_transposed), axes)
    return together(*operands), 0


_product.def_impl(_eagerly)
_product.def_abstract_eval(_shape)
ad.defjvp(
    _product,
    lambda tangent, rows, factor, **about: _by_xla(tangent, factor, **about),
    lambda tangent, rows, factor, **about: _product.bind(rows, tangent, **about),
)
ad.primitive_transposes[_product] = _transposed
batching.primitive_batchers[_product] = _of_many
mlir.register_lowering(_product, mlir.lower_fun(_by_xla, multiple_results=False))
mlir.register_lowering(_product, mlir.lower_fun(_in_c, multiple_results=False), platform="cpu")
