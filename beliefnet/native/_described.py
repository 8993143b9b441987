"""The two values that each column of a matrix has, such as zeros and ones."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import Array, ShapeDtypeStruct

from beliefnet.native._library import GROUPS, PREFIX, TASK, TERMS


def described(values: Array, *, across: bool = False) -> Sequence[Array]:
    """Return whether each column has two values at the most, both of each column, and codes of which there are.

    Args:
        values: `[particles, data, columns]`, whose rows are particles of a datum, datum after datum.
        across: Whether codes are those of a column, in which terms are rows; of a row, in which they are columns,
            otherwise.

    Returns:
        A truth value, low values `[columns]`, high ones of each task `[tasks, columns]`, of which the first are those
        of all, and codes, `[stretches of terms, rows or columns, GROUPS]`. If there are other values, only that is
        true.
    """
    particles, data, columns = values.shape
    rows = particles * data
    results, terms = (columns, rows) if across else (rows, columns)
    shapes = (
        ShapeDtypeStruct((), jnp.bool),
        ShapeDtypeStruct((columns,), jnp.float32),
        ShapeDtypeStruct((-(-rows // TASK), columns), jnp.float32),
        ShapeDtypeStruct((-(-terms // (GROUPS * TERMS)), results, GROUPS), jnp.uint16),
    )
    return jax.ffi.ffi_call(f"{PREFIX}describe{across * '_across'}", shapes)(values)
