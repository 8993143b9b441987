"""Where training steps take their rows from: all on the device, or those of the next steps."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Int

from beliefnet._net import BeliefNet
from beliefnet._types import Key
from beliefnet.data import AbstractStreamed, DataError, Dataset, DeviceRows, Observations, Taking, rows_like
from beliefnet.devices import ONE_DEVICE, Layout
from beliefnet.evaluation import observe_scored
from beliefnet.training._options import FitOptions
from beliefnet.training._plan import Plan
from beliefnet.training._state import Learner
from beliefnet.training._step import run_block, run_steps

_BLOCK_BYTES = 2**25
"""Rows of the next steps that are put on the device at a time, at most."""

_ALL = slice(None)

Place: TypeAlias = tuple[int, int]
"""An epoch, and the number of a block in it."""


class AbstractFeed(ABC):
    """Training rows, as steps take them."""

    @abstractmethod
    def most_steps(self, step: int) -> int:
        """Return how many steps can be taken at once after so many, at least one."""

    @abstractmethod
    def take_steps(self, learner: Learner, plan: Plan, count: int) -> Learner:
        """Return the learner after so many steps of one epoch, whose arrays are reused; it may not be computed yet."""

    def position(self, step: int) -> Any:
        """Return what a checkpoint keeps beside the number of steps, to take their rows from: by default nothing."""
        return None


@dataclass(frozen=True, eq=False)
class DeviceFeed(AbstractFeed):
    """Rows that are all on the device.

    Attributes:
        rows: The training rows.
        batch_size: Rows of a step.
        key: Random key of the run's steps.
    """

    rows: DeviceRows
    batch_size: int
    key: Key

    def most_steps(self, step: int) -> int:
        """Return a number that is no limit."""
        return 2**31 - 1

    def take_steps(self, learner: Learner, plan: Plan, count: int) -> Learner:
        """Take steps on rows in the order of the epoch."""
        return run_steps(learner, self.rows, plan, jnp.int32(count), batch_size=self.batch_size, key=self.key)


@dataclass(frozen=True, eq=False)
class Block:
    """Rows of the next steps: on the device, in the order of the steps, and their numbers among all training rows."""

    rows: DeviceRows
    numbers: Int[Array, " rows"]


@dataclass(frozen=True, eq=False)
class Source:
    """Rows on the host.

    Attributes:
        take: Takes those of some batches.
        row_bytes: Size of a row on the device.
        streamed: Where they come from, if that has a position of its own.
    """

    take: Taking
    row_bytes: int
    streamed: AbstractStreamed | None = None


class HostFeed(AbstractFeed):
    """Rows of which those of the next steps are put on the device, a block of batches at a time.

    A block is taken while the device works on the last steps of the one before.

    Args:
        source: Where rows come from.
        num_steps: Steps of the whole run.
        epoch_steps: Steps of an epoch.
        batch_size: Rows of a step.
        key: Random key of the run's steps.
        layout: Where rows are on a mesh of devices.
        position: Where a run that goes on takes its rows from.
    """

    def __init__(
        self,
        source: Source,
        num_steps: int,
        epoch_steps: int,
        *,
        batch_size: int,
        key: Key,
        layout: Layout = ONE_DEVICE,
        position: Any = None,
    ):
        self._layout, self._part = layout, layout.part(batch_size)
        self._source, self._num_steps, self._epoch_steps = source, num_steps, epoch_steps
        most = max(1, _BLOCK_BYTES // (batch_size * source.row_bytes))
        # Blocks of one length, as the last one is filled up to it.
        self._block_steps = -(-epoch_steps // -(-epoch_steps // most))
        self._batch_size, self._key = batch_size, key
        self._held: dict[Place, Block] = {}
        self._positions: dict[int, Any] = {}
        if source.streamed is not None and position is not None:
            source.streamed.go_to(position)

    def position(self, step: int) -> Any:
        """Return where the rows came from before the block of a step was taken."""
        begun = [first for first in self._positions if first <= step]
        return self._positions[max(begun)] if begun else None

    def most_steps(self, step: int) -> int:
        """Return how many steps the block has left."""
        return self._block_steps - step % self._epoch_steps % self._block_steps

    def take_steps(self, learner: Learner, plan: Plan, count: int) -> Learner:
        """Take steps on the rows of a block, and the next block where they are its last."""
        step = int(learner.step)
        place, end = self._place(step), step + count
        block = self._block(place)
        first = jnp.int32(step - step % self._epoch_steps + place[1] * self._block_steps)
        steps, size = (first, jnp.int32(count)), self._batch_size
        found = run_block(learner, block.rows, block.numbers, plan, steps, batch_size=size, key=self._key)
        if end < self._num_steps and self._place(end) != place:
            self._held = {self._place(end): self._block(self._place(end))}
        return found

    def _place(self, step: int) -> Place:
        return step // self._epoch_steps, step % self._epoch_steps // self._block_steps

    def _block(self, place: Place) -> Block:
        if place not in self._held:
            epoch, number = place
            first = number * self._block_steps
            self._note_position(epoch * self._epoch_steps + first)
            rows, numbers = self._source.take(epoch, first, min(self._block_steps, self._epoch_steps - first))
            of_rows, all_numbers = rows.numbers.astype(np.int32), numbers.astype(np.int32)
            parts = [self._layout.divided(self._arranged(part)) for part in (rows.dense(), of_rows, all_numbers)]
            block = Block(DeviceRows(parts[0], parts[1], rows.largest, rows.is_dynamic), parts[2])
            self._held = {place: block}
        return self._held[place]

    def _note_position(self, step: int) -> None:
        if self._source.streamed is not None:
            last = dict(list(self._positions.items())[-1:])
            self._positions = last | {step: self._source.streamed.position()}

    def _arranged(self, rows: np.ndarray) -> np.ndarray:
        """Return rows of batches as a block has them: those of each device in turn, `[rows, ...]`.

        Blocks of one size share a program: what is missing is never looked at.
        """
        each, own = self._batch_size // self._layout.size("data"), self._part.stop - self._part.start
        missing = self._block_steps * own - len(rows)
        padded = np.pad(rows, ((0, missing), *[(0, 0)] * (rows.ndim - 1))) if missing else rows
        by_device = padded.reshape(self._block_steps, own // each, each, *rows.shape[1:]).swapaxes(0, 1)
        return by_device.reshape(padded.shape)


def in_order(rows: Observations, batch_size: int, *, key: Key, part: slice = _ALL) -> Taking:
    """Return what takes rows of batches on the host, in the order in which `run_steps` takes them on the device.

    Args:
        rows: The training rows, which may be a memory-mapped array: no others are read.
        batch_size: Rows of a batch.
        key: Random key of the run's steps.
        part: Which rows of each batch are taken.
    """
    bare, order_key = replace(rows, names=None, room=0), jax.random.split(key)[0]
    orders: dict[int, np.ndarray] = {}

    def take(epoch: int, first: int, count: int) -> tuple[Observations, np.ndarray]:
        if epoch not in orders:
            orders.clear()
            orders[epoch] = np.asarray(jax.random.permutation(jax.random.fold_in(order_key, epoch), len(bare)))
        batches = orders[epoch][first * batch_size : (first + count) * batch_size].reshape(count, batch_size)
        chosen = batches[:, part].reshape(-1)
        return bare[chosen], chosen

    return take


def streamed_in(dataset: Dataset, net: BeliefNet, batch_size: int, *, seed: int, part: slice = _ALL) -> Source:
    """Return rows that are streamed, read as the sample of them was, and checked.

    Args:
        dataset: What has the stream, and the sample.
        net: The net that is to see them.
        batch_size: Rows of a batch.
        seed: Of their order, where it is not fixed.
        part: Which rows of each batch are taken; all are made or read.
    """
    streamed, record, like = dataset.batches, dataset.record, dataset.train
    assert streamed is not None

    def read(rows: Any, label: str) -> Observations:
        try:
            return observe_scored(net, rows_like(record, rows, are_own=True))
        except DataError as error:
            raise DataError.of(error, about=label) from None

    whole = streamed.taking(read, like, batch_size, seed=seed)

    def take(epoch: int, first: int, count: int) -> tuple[Observations, np.ndarray]:
        rows, numbers = whole(epoch, first, count)
        if part in (_ALL, slice(0, batch_size)):
            return rows, numbers
        chosen = np.arange(len(rows)).reshape(count, batch_size)[:, part].reshape(-1)
        return rows[chosen], numbers[chosen]

    return Source(take, like.num_features * like.stored.itemsize, streamed)


def is_mapped(rows: Observations) -> bool:
    """Whether rows are in a file that is mapped into memory."""
    array = rows.stored
    while array is not None and not issubclass(type(array), np.memmap):
        array = getattr(array, "base", None)
    return array is not None


def fits_device(rows: Observations) -> bool:
    """Whether rows take at most half of the device's free memory, where it says how much that is."""
    stats = jax.local_devices()[0].memory_stats() or {}
    free = stats.get("bytes_limit", 0) - stats.get("bytes_in_use", 0)
    return free <= 0 or rows.stored.nbytes <= free / 2


def stay_on_host(rows: Observations, options: FitOptions) -> bool:
    """Whether rows are not put on the device as a whole."""
    if options.rows_on == "auto":
        return is_mapped(rows) or not fits_device(rows)
    return options.rows_on == "host"
