"""Rows of many files in an order of each epoch, read ahead by grain."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from beliefnet._errors import DataError
from beliefnet.data._observations import Observations
from beliefnet.data.streamed._batches import AbstractStreamed, Read, Taking, together
from beliefnet.data.streamed._files import AbstractShard, Part
from beliefnet.data.streamed._iterated import grain_version
from beliefnet.data.streamed._stacked import stacked

WINDOW_BYTES = 2**26
"""Rows that are in memory at a time, and shuffled, about; those of the next window are read meanwhile."""

_GROUP_BYTES = 2**22
"""Rows that are checked at a time, about: fewer take time, more take memory."""


@dataclass(frozen=True)
class Place:
    """A part of a file among those of all files.

    Attributes:
        shard: The file.
        part: The rows.
        number: The number of the first of them among all training rows.
    """

    shard: AbstractShard
    part: Part
    number: int

    def __str__(self) -> str:
        """Say where it is, counted from 1."""
        return f"rows {self.part.first + 1} to {self.part.last} of {self.shard.path}"

    def limited(self, most: int) -> "Place":
        """Return the first rows."""
        return replace(self, part=Part(self.part.first, min(self.part.last, self.part.first + most)))


@dataclass(frozen=True, eq=False)
class Shards(AbstractStreamed):
    """Training rows in many files.

    Attributes:
        shards: The files.
    """

    shards: Sequence[AbstractShard]

    @property
    def num_rows(self) -> int:
        """Rows of all files."""
        return sum(shard.num_rows for shard in self.shards)

    @property
    def fixed_size(self) -> None:
        """Batches are of any size."""
        return None

    @property
    def versions(self) -> dict[str, str]:
        """That of grain, which shuffles."""
        return grain_version()

    @property
    def places(self) -> list[Place]:
        """The parts of all files, in their order."""
        found, number = [], 0
        for shard in self.shards:
            found += [Place(shard, part, number + part.first) for part in shard.parts]
            number += shard.num_rows
        return found

    def taking(self, read: Read, like: Observations, batch_size: int, *, seed: int) -> Taking:
        """Return what takes rows in the order of an epoch: parts are shuffled, and the rows in a window of parts."""
        windows = Windows(self.places, read, like, seed)

        def take(epoch: int, first: int, count: int) -> tuple[Observations, np.ndarray]:
            return windows.take(epoch, first * batch_size, count * batch_size)

        return take

    def position(self) -> None:
        """The number of steps is the position: the order of an epoch is known without reading."""

    def go_to(self, position: Any) -> None:
        """Do nothing: there are no positions."""


class Windows:
    """Rows in windows of parts.

    grain shuffles the parts of an epoch, takes as many at a time as a window has, shuffles the rows in it, and reads
    the next window in a thread while the rows of this one are used.

    Args:
        places: All parts.
        read: Reads and checks rows.
        like: Rows that are stored as those of windows are to be.
        seed: Of the order.
    """

    def __init__(self, places: Sequence[Place], read: Read, like: Observations, seed: int):
        grain = _grain()
        self._places, self._read, self._like = places, read, like
        self._sizes = np.array([place.part.last - place.part.first for place in places])
        size = np.mean([place.shard.row_bytes for place in places]) * self._sizes.mean()
        count, self._group = max(1, round(WINDOW_BYTES / size)), max(1, round(_GROUP_BYTES / size))
        parts = grain.MapDataset.range(len(places)).seed(seed)
        self._chosen = parts.shuffle().batch(count, drop_remainder=False)
        self._windows = self._chosen.random_map(self._window).repeat()
        # One thread reads, and one window is kept ready.
        self._ahead = grain.ReadOptions(1, 1)
        self._held: dict[int, tuple[Observations, np.ndarray]] = {}
        self._ends: dict[int, np.ndarray] = {}
        self._next, self._iterator = -1, iter(())

    def take(self, epoch: int, first: int, count: int) -> tuple[Observations, np.ndarray]:
        """Return some rows of an epoch, and their numbers."""
        per_epoch, ends = len(self._chosen), self._ends_of(epoch)
        rows, numbers, left = [], [], count
        window = int(np.searchsorted(ends, first, side="right"))
        begin = first - (int(ends[window - 1]) if window else 0)
        while left:
            own, own_numbers = self._at(epoch * per_epoch + window)
            rows.append(own[begin : begin + left])
            numbers.append(own_numbers[begin : begin + left])
            left -= len(rows[-1])
            window, begin = window + 1, 0
        together_numbers = np.concatenate(numbers)
        return together(rows, self._like, together_numbers), together_numbers

    def _ends_of(self, epoch: int) -> np.ndarray:
        """Return how many rows of an epoch have been taken after each of its windows."""
        if epoch not in self._ends:
            first = epoch * len(self._chosen)
            chosen = [self._chosen[first + window] for window in range(len(self._chosen))]
            self._ends = {epoch: np.cumsum([self._sizes[parts].sum() for parts in chosen])}
        return self._ends[epoch]

    def _at(self, index: int) -> tuple[Observations, np.ndarray]:
        """Return a window by its number from the start of the run."""
        if index not in self._held:
            self._held = {}
            if index != self._next:
                self._iterator = iter(self._windows[index:].to_iter_dataset(self._ahead))
            self._held = {index: next(self._iterator)}
            self._next = index + 1
        return self._held[index]

    def _window(self, parts: np.ndarray, rng: np.random.Generator) -> tuple[Observations, np.ndarray]:
        """Return the rows of some parts, in a random order."""
        places = [self._places[part] for part in parts]
        numbers = np.concatenate([np.arange(p.number, p.number + p.part.last - p.part.first) for p in places])
        order = rng.permutation(len(numbers))
        rows = self._moved(places, order)
        if rows is None:
            found = together(list(self._groups(places)), self._like, numbers)
            rows = found[order]
        numbers = numbers[order].astype(np.int32)
        return replace(rows, numbers=numbers), numbers

    def _moved(self, places: Sequence[Place], order: np.ndarray) -> Observations | None:
        """Return rows in an order, each moved once; None where they are sparse, or not all stored as others are."""
        like = self._like
        if like.is_sparse:
            return None
        rows, to, begin = np.empty((len(order), like.num_features), like.rows.dtype), np.argsort(order), 0
        for group in self._groups(places):
            if (group.rows.dtype, group.largest) != (rows.dtype, like.largest):
                return None
            rows[to[begin : begin + len(group)]] = group.rows
            begin += len(group)
        return Observations(rows, like.values, like.largest, like.is_dynamic)

    def _groups(self, places: Sequence[Place]) -> Iterator[Observations]:
        """Yield the rows of some parts at a time, read and checked."""
        for first in range(0, len(places), self._group):
            group = places[first : first + self._group]
            rows = stacked([place.shard.read(place.part).splits["train"] for place in group])
            try:
                yield self._read(rows, "rows of several files")
            except DataError:
                self._check_each(group)
                raise

    def _check_each(self, places: Sequence[Place]) -> None:
        """Read parts one by one, so that an error says which it is of."""
        for place in places:
            rows = place.shard.read(place.part).splits["train"]
            self._read(rows, str(place))


def _grain() -> Any:
    try:
        import grain
    except ImportError as error:
        raise DataError(
            "expected the package grain for data in many files, got none", "pip install 'beliefnet[stream]'"
        ) from error
    return grain
