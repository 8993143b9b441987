"""Training rows that are made batch by batch."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from beliefnet._errors import ArgumentError, ArgumentTypeError, DataError, shown, whole_number
from beliefnet.data._arrays import as_rows

_SAMPLE_ROWS = 2000
_UNFIT = {"vocabulary_size": None, "binarization": "static"}
"""Options that look at all rows at once, or draw once of each."""


@dataclass(frozen=True, eq=False)
class Batches:
    """Training rows that are made batch by batch: more than can be kept, or read or drawn as they are needed.

    Attributes:
        make: Returns the rows `[batch_size, num_features]` of a batch, as `Dataset.from_arrays` takes them, given the
            epoch and the number of the batch in it, both from 0. It is called once for a batch, in their order, and
            from the middle of an epoch when a run goes on: where the same numbers give the same rows, a run that was
            stopped ends as if it never had been, to the bit.
        num_batches: Batches of an epoch.
        batch_size: Rows of every batch.

    Raises:
        ArgumentError: If a number is none.

    Examples:
        >>> def make(epoch, index):
        ...     return np.random.default_rng([epoch, index]).integers(0, 2, (8, 3))
        >>> Batches(make, num_batches=10, batch_size=8).num_rows
        80
    """

    make: Callable[[int, int], Any]
    num_batches: int
    batch_size: int

    def __post_init__(self):
        if not callable(self.make):
            found = f"expected make to be a function of epoch and batch, got {shown(self.make)}"
            raise ArgumentTypeError(found, "Batches.of(batches, batch_size=50)")
        for name, good in (("num_batches", 100), ("batch_size", 50)):
            object.__setattr__(self, name, whole_number(name, getattr(self, name), good=good))

    @classmethod
    def of(cls, batches: Any, *, batch_size: int, num_batches: int | None = None, seed: int = 0) -> "Batches":
        """Return the batches of an object that has them.

        Args:
            batches: A sequence of batches (`__getitem__` and `__len__`), which are taken in another order in every
                epoch; or an object that yields them when it is iterated, anew in every epoch, in its own order. A run
                that goes on passes over the batches that it had: it ends as if it never had been stopped where every
                iteration yields the same.
            batch_size: Rows of every batch.
            num_batches: Batches of an epoch; by default `len(batches)`.
            seed: Of the order in which a sequence is taken.

        Raises:
            ArgumentError: If it is no such object, can be iterated once only, or does not say how many it has.
        """
        kind = type(batches)
        if not callable(getattr(kind, "__iter__", None)) and not callable(getattr(kind, "__getitem__", None)):
            raise ArgumentTypeError(f"expected an object that yields batches, got {shown(batches)}", "a list of arrays")
        if callable(getattr(kind, "__next__", None)):
            raise ArgumentError(
                f"expected batches that can be iterated in every epoch, got {kind.__name__}, which ends once",
                "a list, or an object whose __iter__ begins anew",
            )
        if num_batches is None:
            if not callable(getattr(kind, "__len__", None)):
                raise ArgumentError(f"expected num_batches for {kind.__name__}, which has no length", "num_batches=100")
            num_batches = len(batches)
        has_places = callable(getattr(kind, "__getitem__", None)) and callable(getattr(kind, "__len__", None))
        make = _Sequence(batches, num_batches, seed) if has_places else _Iteration(batches)
        return cls(make, num_batches, batch_size)

    @property
    def num_rows(self) -> int:
        """Rows of an epoch."""
        return self.num_batches * self.batch_size

    def take(self, epoch: int, index: int) -> Any:
        """Return the rows of a batch: an array of NumPy, or a sparse matrix.

        Raises:
            DataError: If they are no rows, or not as many as a batch has.
        """
        where = f"batch {index + 1} of epoch {epoch + 1}"
        rows = as_rows(self.make(epoch, index), where).rows
        if rows.shape[:1] != (self.batch_size,):
            raise DataError(
                f"expected {self.batch_size} rows in {where}, got shape {list(rows.shape)}",
                f"num_batches={index}, without the last one"
                if index == self.num_batches - 1 > 0
                else f"batch_size={rows.shape[0] if rows.ndim else 1}",
            )
        return rows

    def sample(self) -> Any:
        """Return the rows of the first batches of the first epoch, 2000 or somewhat more."""
        count = min(self.num_batches, -(-_SAMPLE_ROWS // self.batch_size))
        parts = [self.take(0, index) for index in range(count)]
        return sparse.vstack(parts, "csr") if sparse.issparse(parts[0]) else np.concatenate(parts)


class _Sequence:
    """Takes batches of a sequence in another order in every epoch."""

    def __init__(self, batches: Any, num_batches: int, seed: int):
        self._batches, self._num_batches, self._seed = batches, num_batches, seed

    def __call__(self, epoch: int, index: int) -> Any:
        order = np.random.default_rng([self._seed, epoch]).permutation(self._num_batches)
        return self._batches[int(order[index])]


class _Iteration:
    """Takes batches as they are yielded, from the start of an epoch."""

    def __init__(self, batches: Any):
        self._batches, self._next = batches, (-1, 0)
        self._iterator: Iterator[Any] = iter(())

    def __call__(self, epoch: int, index: int) -> Any:
        if self._next != (epoch, index):
            self._iterator = iter(self._batches)
            for place in range(index):
                self._batch(place)
        self._next = (epoch, index + 1)
        return self._batch(index)

    def _batch(self, index: int) -> Any:
        for batch in self._iterator:
            return batch
        raise DataError(f"expected another batch in the epoch, got {index} in all", f"num_batches={index}")


def check_batch_options(options: Mapping[str, Any]) -> None:
    """Check that no option of data needs all rows at once.

    Raises:
        DataError: If one does.
    """
    for name, unfit in _UNFIT.items():
        given = options.get(name)
        if given is not None and unfit in (None, given):
            raise DataError(
                f"expected no {{option}} that needs all rows at once for batches, got {shown(given)}",
                "leaving it out",
                option=name,
            )
