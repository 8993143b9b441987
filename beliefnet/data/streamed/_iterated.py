"""Batches as other objects have them: sequences, what is iterated, and the data sets of grain."""

import json
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import numpy as np

from beliefnet._errors import DataError, shown

ENDLESS = 2**31
"""A data set of grain that repeats without end says that it has more batches than this."""
_THREADS, _BUFFERED = 2, 8
"""By how many threads the batches of a map data set of grain are made, and how many are kept ready."""


class Shuffled:
    """Takes batches of a sequence in another order in every epoch."""

    def __init__(self, batches: Any, num_batches: int, seed: int):
        self._batches, self._num_batches, self._seed = batches, num_batches, seed

    def __call__(self, epoch: int, index: int) -> Any:
        """Return a batch."""
        order = np.random.default_rng([self._seed, epoch]).permutation(self._num_batches)
        return self._batches[int(order[index])]


class Iteration:
    """Takes batches as they are yielded, from the start of an epoch."""

    def __init__(self, batches: Any):
        self._batches, self._next = batches, (-1, 0)
        self._iterator: Iterator[Any] = iter(())

    def __call__(self, epoch: int, index: int) -> Any:
        """Return a batch, once those before it were passed over."""
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


def is_grain(batches: Any) -> bool:
    """Whether an object is a data set or a loader of grain."""
    return any(base.__module__.partition(".")[0] == "grain" for base in type(batches).__mro__)


def grain_version() -> dict[str, str]:
    """Return the version of grain, which shuffles, by its name."""
    return {"grain": version("grain")}


class GrainBatches:
    """Takes batches of grain in its order, from one epoch to the next; where they end, they begin anew.

    Args:
        batches: A `MapDataset`, `IterDataset` or `DataLoader`.
        num_batches: Batches of an epoch.
    """

    def __init__(self, batches: Any, num_batches: int):
        self._batches, self._num_batches = _iterable(batches), num_batches
        self._iterator: Any = None
        self._next = 0

    def __call__(self, epoch: int, index: int) -> Any:
        """Return a batch, once those between the last one and it were passed over."""
        place = epoch * self._num_batches + index
        if self._iterator is None or place < self._next:
            self._iterator, self._next = iter(self._batches), 0
        while self._next < place:
            self._batch()
        return self._batch()

    def position(self) -> dict[str, Any]:
        """Return how many batches were taken, and the state of the iterator, as plain values."""
        state = None if self._iterator is None else self._iterator.get_state()
        return {"taken": self._next, "state": json.loads(state) if type(state) is bytes else state}

    def go_to(self, position: dict[str, Any]) -> None:
        """Go on from a position; batches that were taken since then are passed over."""
        iterator, state = iter(self._batches), position["state"]
        if state is not None:
            # A loader's iterator has its state as text.
            is_text = type(iterator.get_state()) is bytes
            try:
                iterator.set_state(json.dumps(state, indent=4).encode() if is_text else state)
            except (ValueError, KeyError, TypeError) as error:
                raise DataError(
                    f"expected the batches of grain that the run was begun with, got others ({shown(str(error), 300)})",
                    "the same data set; a loader takes two sources for the same by their __repr__",
                ) from error
        self._iterator, self._next = iterator, position["taken"]

    def _batch(self) -> Any:
        batch = next(self._iterator, None)
        if batch is None:
            self._iterator = iter(self._batches)
            batch = next(self._iterator, None)
        if batch is None:
            raise DataError("expected batches from grain, got none", "a data set that has some")
        self._next += 1
        return batch


def _iterable(batches: Any) -> Any:
    """Return what yields the batches: of a map data set, one epoch after the other, made in threads."""
    if not hasattr(batches, "to_iter_dataset"):
        return batches
    import grain

    endless = batches if len(batches) >= ENDLESS else batches.repeat()
    return endless.to_iter_dataset(grain.ReadOptions(_THREADS, _BUFFERED))
