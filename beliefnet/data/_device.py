"""Rows on the device, dense or sparse, and what a net sees of them."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Int, Num

from beliefnet._streams import check_key
from beliefnet._types import Key
from beliefnet.data._sparse import CSR


class SparseRows(eqx.Module):
    """Rows in compressed form (CSR); those that are asked for are made dense on the device.

    Attributes:
        values: What is not zero, row by row.
        columns: Where it is.
        starts: Where each row begins, and where the last one ends, `[rows + 1]`.
        width: Number of columns.
        longest: The most values in a row.
    """

    values: Num[Array, " values"]
    columns: Int[Array, " values"]
    starts: Int[Array, " rows_and_end"]
    width: int = eqx.field(static=True)
    longest: int = eqx.field(static=True)

    @classmethod
    def of(cls, matrix: CSR) -> "SparseRows":
        """Put a matrix on the device."""
        is_whole = matrix.data.dtype.kind in "biu"
        values = jnp.asarray(matrix.data, jnp.int32 if is_whole else jnp.float32)
        columns, starts = (jnp.asarray(part, jnp.int32) for part in (matrix.indices, matrix.indptr))
        return cls(values, columns, starts, matrix.shape[1], int(np.diff(matrix.indptr).max(initial=0)))

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


class DeviceRows(eqx.Module):
    """The rows of `Observations` on the device.

    Attributes:
        rows: As they are stored, dense or sparse, `[rows, visible]`.
        numbers: The number of each row, which its bits are drawn by, `[rows]`.
        largest: What a one is stored as.
        is_dynamic: Whether rows are means, of which bits are drawn at every use.
    """

    rows: Num[Array, "rows visible"] | SparseRows
    numbers: Int[Array, " rows"]
    largest: int = eqx.field(static=True)
    is_dynamic: bool = eqx.field(static=True)

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of rows and columns."""
        rows, width = self.rows.shape
        return rows, width

    def take(self, indices: Int[Array, " batch"], *, key: Key) -> Float[Array, "batch visible"]:
        """Return some rows as a net sees them.

        Args:
            indices: Which rows.
            key: Random key of the bits. Row i draws its own with `fold_in(key, numbers[i])`: they are the same in any
                batch, and whatever net looks at them.
        """
        check_key(key)
        values = self.rows[indices].astype(float)
        if self.largest > 1:
            values = values / self.largest
        if not self.is_dynamic:
            return values
        keys = jax.vmap(jax.random.fold_in, (None, 0))(key, self.numbers[indices])
        uniform = jax.vmap(lambda own: jax.random.uniform(own, values.shape[1:]))(keys)
        return (uniform < values).astype(values.dtype)
