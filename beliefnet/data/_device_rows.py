"""Rows of data on the device, where a net sees them."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int, Num

from beliefnet._random import bernoulli
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

    values: Num[jax.Array, " values"]
    columns: Int[jax.Array, " values"]
    starts: Int[jax.Array, " rows_and_end"]
    width: int = eqx.field(static=True)
    longest: int = eqx.field(static=True)

    @classmethod
    def of(cls, matrix: CSR, room: int = 0) -> "SparseRows":
        """Put a matrix on the device; with room for so many rows, sizes are rounded up, that of the longest too."""
        is_whole, longest = matrix.data.dtype.kind in "biu", int(np.diff(matrix.indptr).max(initial=0))
        values, columns, starts = matrix.data, matrix.indices, matrix.indptr
        if room:
            longest = rounded_up(longest, least=16)
            values, columns = (np.pad(part, (0, rounded_up(len(part)) - len(part))) for part in (values, columns))
            starts = np.pad(starts, (0, room + 1 - len(starts)), mode="edge")
        values = jnp.asarray(values, jnp.int32 if is_whole else jnp.float32)
        return cls(values, jnp.asarray(columns, jnp.int32), jnp.asarray(starts, jnp.int32), matrix.shape[1], longest)

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of rows and columns."""
        return self.starts.shape[0] - 1, self.width

    def __getitem__(self, rows: Int[jax.Array, " some"]) -> Float[jax.Array, "some width"]:
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
        count: How many of the rows are data, the first ones, where room was made for more; None stands for all.
    """

    rows: Num[jax.Array, "rows visible"] | SparseRows
    numbers: Int[jax.Array, " rows"]
    largest: int = eqx.field(static=True)
    is_dynamic: bool = eqx.field(static=True)
    count: Int[jax.Array, ""] | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of rows that there is room for, and of columns."""
        rows, width = self.rows.shape
        return rows, width

    @property
    def num_rows(self) -> int | Int[jax.Array, ""]:
        """How many rows are data."""
        return self.shape[0] if self.count is None else self.count

    def shuffled(self, *, key: Key) -> Int[jax.Array, " rows"]:
        """Return the indices of the rows in a random order; those that are no data come last."""
        if self.count is None:
            return jax.random.permutation(key, self.shape[0])
        places = jax.random.bits(key, (self.shape[0],))
        return jnp.argsort(jnp.where(jnp.arange(len(places)) < self.count, places, ~jnp.zeros_like(places)))

    def take(self, indices: Int[jax.Array, " batch"] | slice, *, key: Key) -> Float[jax.Array, "batch visible"]:
        """Return some rows as a net sees them.

        Args:
            indices: Which rows; a slice of dense ones.
            key: Random key of the bits. Row i draws its own with `fold_in(key, numbers[i])`: they are the same in any
                batch, and whatever net looks at them.
        """
        check_key(key)
        values = self.rows[indices].astype(float)  # pyright: ignore[reportArgumentType]
        if self.largest > 1:
            values = values / self.largest
        if not self.is_dynamic:
            return values
        keys = jax.vmap(jax.random.fold_in, (None, 0))(key, self.numbers[indices])
        bits = jax.vmap(lambda own, means: bernoulli(own, means, means.shape))(keys, values)
        # A missing mean stays missing.
        return jnp.where(jnp.isnan(values), values, bits)


@jax.jit
def seen(rows: DeviceRows, key: Key) -> Float[jax.Array, "batch visible"]:
    """Return all rows as a net sees them, in one program."""
    return rows.take(slice(None), key=key)


def rounded_up(count: int, *, least: int = 64) -> int:
    """Return a number that nearby ones are rounded up to as well: at most a sixteenth more, or the least step.

    Examples:
        >>> [rounded_up(count) for count in (60, 64, 66, 1797, 59_999, 60_000)]
        [64, 64, 128, 1856, 61440, 61440]
    """
    step = max(least, 1 << max(count.bit_length() - 5, 0))
    return max(1, -(-count // step)) * step
