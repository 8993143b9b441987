"""Rows of data in memory, with what they mean."""

from dataclasses import dataclass, field, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from scipy import sparse

from beliefnet._errors import ArgumentTypeError, DataError
from beliefnet._streams import check_key
from beliefnet._types import Key, ValueKind
from beliefnet.data._arrays import as_rows
from beliefnet.data._device_rows import DeviceRows, SparseRows, seen
from beliefnet.data._sparse import Rows


@dataclass(frozen=True, eq=False)
class Observations:
    """Rows of data, and how a net is to see them.

    Attributes:
        rows: Rows `[rows, visible]` as they are stored: a dense array of bytes or floats, or a sparse matrix.
        values: What they hold: `"binary"` (bits, means of bits), `"grey"`, `"counts"`, or `"mixed"`, units of a table.
        largest: What a one is stored as: 255 for bytes of grey levels, the number of levels minus one for other grids.
        is_dynamic: Whether rows are means, of which bits are drawn anew at every use.
        columns: Names of the columns, such as the words of documents.
        names: Names of the rows.
        named_in: The column of a file that these are from, where it has a name.
        label: What to call the rows in an error.
        numbers: The number of each row, `[rows]`; from 0 by default. A key and the number give the bits that are drawn
            of a row: a subset keeps the numbers, so that its rows have the same bits as in the whole.
        room: Rows to make room for on the device, 0 for these alone: data of nearly as many rows then share programs.

    Raises:
        DataError: If there are not as many names or numbers as there are rows and columns.

    Examples:
        >>> means = Observations(np.array([[0, 51, 255]], np.uint8), largest=255, is_dynamic=True)
        >>> [round(float(mean), 3) for mean in means.means()[0]]
        [0.0, 0.2, 1.0]
    """

    rows: Rows
    values: ValueKind = "binary"
    largest: int = 1
    is_dynamic: bool = False
    columns: tuple[str, ...] | None = None
    names: tuple[str, ...] | None = None
    named_in: str | None = None
    label: str = "data"
    numbers: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int32))
    room: int = 0

    def __post_init__(self):
        if not len(self.numbers):
            object.__setattr__(self, "numbers", np.arange(len(self), dtype=np.int32))
        for what, given, expected in (
            ("row numbers", self.numbers, len(self)),
            ("names of rows", self.names, len(self)),
            ("names of columns", self.columns, self.num_features),
        ):
            if given is not None and len(given) != expected:
                raise DataError(
                    f"expected {expected} {what} for {self.label} of shape {list(self.shape)}, got {len(given)}",
                    "leaving them out",
                )

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of rows and columns."""
        return int(self.rows.shape[0]), int(self.rows.shape[1])

    def __len__(self) -> int:
        """Return the number of rows."""
        return self.shape[0]

    @property
    def num_features(self) -> int:
        """Number of columns."""
        return self.shape[1]

    @property
    def is_sparse(self) -> bool:
        """Whether rows are stored in a sparse matrix."""
        return sparse.issparse(self.rows)

    def __getitem__(self, chosen: slice | np.ndarray) -> "Observations":
        """Return some of the rows, by a slice, an array of indices or one of truth values; they keep their numbers."""
        numbers = self.numbers[chosen]
        if not np.ndim(numbers):
            raise ArgumentTypeError(f"expected a slice or an array of rows, got {chosen!r}", f"[{chosen}:{chosen} + 1]")
        names = self.names and tuple(np.asarray(self.names, object)[chosen])
        return replace(self, rows=self.rows[chosen], names=names, numbers=numbers, room=0)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Return what `means` returns, for NumPy and what takes its arrays."""
        return np.asarray(self.means(), dtype)

    def means(self) -> np.ndarray:
        """Return dense rows as a net sees them on average, float32 `[rows, visible]`."""
        return _scaled(self.dense(), self.largest)

    def average(self) -> np.ndarray:
        """Return the average row, float32 `[visible]`, without a copy of the rows; of a table, of what is there."""
        if self.values == "mixed":
            known = np.maximum((~np.isnan(self.rows)).sum(axis=0), 1)
            return (np.nansum(self.rows, axis=0, dtype=np.float64) / known).astype(np.float32)
        # A sparse matrix has a matrix of one row for its mean.
        return _scaled(np.asarray(self.rows.mean(axis=0, dtype=np.float64)).reshape(-1), self.largest)

    def dense(self) -> np.ndarray:
        """Return the rows as they are stored, dense."""
        return self.rows.toarray() if self.is_sparse else self.rows  # pyright: ignore[reportAttributeAccessIssue]

    @property
    def stored(self) -> np.ndarray:
        """All values that are stored, of any shape; of a sparse matrix, what is not zero."""
        return self.rows.data if self.is_sparse else self.dense()  # pyright: ignore[reportReturnType]

    def on_device(self) -> DeviceRows:
        """Put all rows on the device, as they are stored."""
        missing = max(self.room - len(self), 0)
        rows = SparseRows.of(self.rows, self.room) if self.is_sparse else jnp.asarray(_padded(self.rows, missing))
        numbers = jnp.asarray(_padded(self.numbers, missing), jnp.int32)
        count = jnp.asarray(len(self), jnp.int32) if self.room else None
        return DeviceRows(rows, numbers, self.largest, self.is_dynamic, count)

    def take(self, indices: np.ndarray, *, key: Key) -> Float[jax.Array, "batch visible"]:
        """Return some rows as a net sees them, and put no others on the device.

        Args:
            indices: Which rows.
            key: Random key of the bits, where they are drawn; those of a row depend on the key and its number alone.
        """
        check_key(key)
        some = self[indices]
        return seen(replace(some, rows=some.dense()).on_device(), key)


def _padded(array: Any, missing: int) -> Any:
    """Return an array with zeros after its rows."""
    return np.pad(array, ((0, missing), *[(0, 0)] * (array.ndim - 1))) if missing else array


def _scaled(rows: np.ndarray, largest: int) -> np.ndarray:
    values = rows.astype(np.float32)
    return values if largest == 1 else values / np.float32(largest)


def observations_of(data: Any, values: ValueKind = "binary", *, label: str = "data") -> Observations:
    """Return data in memory as observations, without a look at the values.

    Args:
        data: Rows: an array of NumPy, JAX or anything like it, of any order of bytes; a list of lists; a data frame,
            whose names are kept; or a SciPy matrix of any sparse format. Images `[rows, height, width]` are flattened.
        values: What they hold.
        label: What to call them in an error.

    Raises:
        DataError: If they are no numbers, not rows of one length, or none.
    """
    if isinstance(data, Observations):
        return data
    found = as_rows(data, label)
    rows = found.rows
    if rows.ndim not in (2, 3):
        hint = "array[None] for a single row" if rows.ndim == 1 else "array.reshape(num_rows, -1)"
        raise DataError(f"expected {label} of shape [examples, features], got {list(rows.shape)}", hint)
    if 0 in rows.shape:
        shape = list(rows.shape)
        raise DataError(f"expected at least one row and one column in {label}, got shape {shape}", "other data")
    if sparse.issparse(rows):
        rows = sparse.csr_matrix(rows, dtype=_stored(rows.dtype), copy=True)
        rows.sum_duplicates()
    else:
        rows = rows.reshape(len(rows), -1).astype(_stored(rows.dtype), copy=False)
    return Observations(rows, values, columns=found.columns, names=found.names, label=label)


def masked_entries(data: Any) -> np.ndarray | None:
    """Return which entries of a masked array are missing, None for other data."""
    return np.ma.getmaskarray(data) if np.ma.is_masked(data) else None


def _stored(dtype: np.dtype) -> np.dtype:
    """The type, of this machine's order of bytes, that values are kept in: bytes as they are, all else as floats."""
    return np.dtype(np.uint8 if dtype.kind == "b" or dtype == np.uint8 else np.float32)
