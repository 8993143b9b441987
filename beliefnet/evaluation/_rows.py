"""Stored rows on the device, dense or sparse."""

from typing import TypeAlias

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Int

from beliefnet.data import CSR

Stored: TypeAlias = np.ndarray | Array | CSR
"""Rows `[examples, visible]` as a data set keeps them."""


class SparseRows(eqx.Module):
    """Rows in compressed form (CSR); those that are asked for are made dense on the device.

    Attributes:
        values: What is not zero, row by row.
        columns: Where it is.
        starts: Where each row begins, and where the last one ends, `[rows + 1]`.
        width: Number of columns.
        longest: The most values in a row.
    """

    values: Int[Array, " values"]
    columns: Int[Array, " values"]
    starts: Int[Array, " rows_and_end"]
    width: int = eqx.field(static=True)
    longest: int = eqx.field(static=True)

    @classmethod
    def of(cls, matrix: CSR) -> "SparseRows":
        """Put a matrix on the device."""
        parts = (jnp.asarray(part, jnp.int32) for part in (matrix.data, matrix.indices, matrix.indptr))
        return cls(*parts, width=matrix.shape[1], longest=int(np.diff(matrix.indptr).max()))

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of rows and columns."""
        return self.starts.shape[0] - 1, self.width

    def __getitem__(self, rows: Int[Array, " some"]) -> Float[Array, "some width"]:
        """Return some rows, dense."""
        places = self.starts[rows][:, None] + jnp.arange(self.longest)
        # What is past the end of a row goes to a column that does not exist, and is dropped.
        columns = jnp.where(places < self.starts[rows + 1][:, None], self.columns[places], self.width)
        dense = jnp.zeros((rows.shape[0], self.width))
        values = self.values[places].astype(dense.dtype)
        return dense.at[jnp.arange(rows.shape[0])[:, None], columns].add(values, mode="drop")


def on_device(rows: Stored) -> Array | SparseRows:
    """Put rows on the device as they are stored; either result gives dense rows for an array of indices."""
    return jnp.asarray(rows) if isinstance(rows, np.ndarray | Array) else SparseRows.of(rows)


def dense_rows(rows: Stored) -> Array:
    """Put a few rows on the device, dense."""
    return jnp.asarray(rows if isinstance(rows, np.ndarray | Array) else rows.toarray())
