"""Training rows that are made batch by batch, or streamed."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from scipy import sparse

from beliefnet._errors import ArgumentError, ArgumentTypeError, DataError, shown, whole_number
from beliefnet.data._arrays import as_rows
from beliefnet.data._observations import Observations
from beliefnet.data.streamed._iterated import ENDLESS, GrainBatches, Iteration, Shuffled, grain_version, is_grain

_SAMPLE_ROWS = 2000
_UNFIT = {"vocabulary_size": None, "binarization": "static"}
"""Options that look at all rows at once, or draw once of each."""

Read: TypeAlias = Callable[[Any, str], Observations]
"""From rows as they are taken, and what to call them in an error, to rows that were checked and read as others were."""
Taking: TypeAlias = Callable[[int, int, int], tuple[Observations, np.ndarray]]
"""From an epoch, the first of some batches and how many they are to their rows, and the numbers of the rows among all
training rows."""


class AbstractStreamed(ABC):
    """Training rows that are not kept in memory: a data set has them beside a sample."""

    @property
    @abstractmethod
    def num_rows(self) -> int:
        """Rows of an epoch."""

    @property
    @abstractmethod
    def fixed_size(self) -> int | None:
        """Rows of every batch, where they are not for the run to choose."""

    @property
    @abstractmethod
    def versions(self) -> dict[str, str]:
        """What the order of the rows depends on besides the arguments, such as versions of packages."""

    @abstractmethod
    def taking(self, read: Read, like: Observations, batch_size: int, *, seed: int) -> Taking:
        """Return what takes the rows of some batches.

        Args:
            read: Reads and checks rows.
            like: Rows that are stored as those of batches are to be, where their values can be.
            batch_size: Rows of a batch.
            seed: Of the order of the rows, where it is not fixed.
        """

    @abstractmethod
    def position(self) -> Any:
        """Return what a checkpoint keeps, to go on from before the next batch: plain values, or None for nothing."""

    @abstractmethod
    def go_to(self, position: Any) -> None:
        """Go on from a position."""


@dataclass(frozen=True, eq=False)
class Batches(AbstractStreamed):
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
                iteration yields the same. Or a `MapDataset`, `IterDataset` or `DataLoader` of grain, whose elements
                are batches: they are taken in its order, one epoch after the other, and begin anew where it ends; a
                checkpoint keeps its state, by which a run goes on without reading what it had.
            batch_size: Rows of every batch.
            num_batches: Batches of an epoch; by default `len(batches)`.
            seed: Of the order in which a sequence is taken; that of grain is its own.

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
            num_batches = _length(batches)
        has_places = callable(getattr(kind, "__getitem__", None)) and callable(getattr(kind, "__len__", None))
        if is_grain(batches):
            return cls(GrainBatches(batches, num_batches), num_batches, batch_size)
        make = Shuffled(batches, num_batches, seed) if has_places else Iteration(batches)
        return cls(make, num_batches, batch_size)

    @property
    def num_rows(self) -> int:
        """Rows of an epoch."""
        return self.num_batches * self.batch_size

    @property
    def fixed_size(self) -> int:
        """Rows of every batch."""
        return self.batch_size

    @property
    def versions(self) -> dict[str, str]:
        """That of grain, where it gives the batches."""
        return grain_version() if type(self.make) is GrainBatches else {}

    def taking(self, read: Read, like: Observations, batch_size: int, *, seed: int) -> Taking:
        """Return what takes the rows of batches, each read by itself, in the order in which they are made."""

        def take(epoch: int, first: int, count: int) -> tuple[Observations, np.ndarray]:
            numbers = np.arange(first * batch_size, (first + count) * batch_size, dtype=np.int32)
            parts = [
                read(self.take(epoch, index), f"batch {index + 1} of epoch {epoch + 1}")
                for index in range(first, first + count)
            ]
            return together(parts, like, numbers), numbers

        return take

    def position(self) -> Any:
        """Return where the batches of grain are, None for others, which have places of their own."""
        match self.make:
            case GrainBatches() as batches:
                return batches.position()
        return None

    def go_to(self, position: Any) -> None:
        """Go on from a position of batches of grain."""
        match self.make:
            case GrainBatches() as batches:
                batches.go_to(position)

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


def _length(batches: Any) -> int:
    """Return how many batches an object says it has; a dataset of grain that repeats without end does not say it."""
    kind = type(batches)
    if not callable(getattr(kind, "__len__", None)) or len(batches) >= ENDLESS:
        raise ArgumentError(f"expected num_batches for {kind.__name__}, which has no length", "num_batches=100")
    return len(batches)


def together(parts: Sequence[Observations], like: Observations, numbers: np.ndarray) -> Observations:
    """Return rows that were read in parts, one part after the other: stored as others are, or as means.

    Args:
        parts: The rows.
        like: Rows that are stored as these are to be, where all parts are.
        numbers: The number of each row, `[rows]`.
    """
    largest, dtype = like.largest, like.rows.dtype
    if not all(part.largest == largest and part.rows.dtype == dtype for part in parts):
        rows, largest = np.concatenate([part.means() for part in parts]), 1
    elif parts[0].is_sparse:
        rows = sparse.vstack([part.rows for part in parts], "csr")
    else:
        rows = np.concatenate([part.dense() for part in parts]) if len(parts) > 1 else parts[0].dense()
    return Observations(rows, like.values, largest, is_dynamic=like.is_dynamic, numbers=numbers)


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
