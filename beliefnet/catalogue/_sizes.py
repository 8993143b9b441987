"""How much memory a run takes, added up before anything is allocated."""

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import numpy as np

from beliefnet._errors import OptionError
from beliefnet._net import BeliefNet
from beliefnet._options import REQUIRED, Option
from beliefnet._text import in_bytes
from beliefnet.catalogue._config import TrainConfig
from beliefnet.catalogue._flat import all_options, flatten
from beliefnet.catalogue._methods import build_estimator
from beliefnet.catalogue._nets import DataShape, build_net
from beliefnet.data import Dataset
from beliefnet.estimators import AbstractEstimator, pieces_for
from beliefnet.training import default_batch_size, stay_on_host

_COPIES = 5
"""Copies of all parameters in training: themselves, their gradient, two moments of the optimiser, the best so far."""
_PASSES = 3
"""Arrays of the size of a layer that one pass and its derivative hold at a time, at least."""
_BYTES = 4


@dataclass(frozen=True)
class Size:
    """How large a run is.

    Attributes:
        num_parameters: Of the net and the estimator.
        parameters: Bytes of all copies of them.
        draws: Bytes of one batch of draws and what is computed of them.
        kept: Bytes of what the estimator keeps, such as a chain for each training row.
        data: Bytes of the training and validation rows on the device.
    """

    num_parameters: int
    parameters: int
    draws: int
    kept: int
    data: int

    @property
    def total(self) -> int:
        """Bytes of all together."""
        return self.parameters + self.draws + self.kept + self.data


def size_of(config: TrainConfig, data: DataShape, *, num_rows: int = 0, data_bytes: int = 0) -> Size:
    """Return how large a run is; nothing is allocated.

    Args:
        config: What is to be trained, and how.
        data: Width of the observation, and the shape of images.
        num_rows: Rows of the training set.
        data_bytes: Of the data on the device.

    Raises:
        OptionError: If a chunk of particles was asked for, and the estimator takes all of them at once.
    """
    net, estimator, state = eqx.filter_eval_shape(lambda: _built(config, data, num_rows))
    num_parameters, num_kept = _count((net, estimator)), _count(state)
    parameters = _COPIES * _BYTES * num_parameters
    draws = _draws(net, estimator, config, num_rows)
    return Size(num_parameters, parameters, draws, _BYTES * num_kept, data_bytes)


def _built(config: TrainConfig, data: DataShape, num_rows: int) -> tuple[BeliefNet, AbstractEstimator, Any]:
    net = build_net(config.net, data, key=jax.random.key(0))
    estimator = build_estimator(config.estimator, net, key=jax.random.key(0))
    return net, estimator, estimator.begin(net, num_rows)


def _count(tree: Any) -> int:
    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(tree) if hasattr(leaf, "shape"))


def _draws(net: BeliefNet, estimator: AbstractEstimator, config: TrainConfig, num_rows: int) -> int:
    units, particles = net.num_visible + sum(net.layer_sizes), config.estimator.values.get("particles", 1)
    options = config.fit
    batch_size, is_on_mesh = options.batch_size or default_batch_size(num_rows), options.mesh is not None
    held = pieces_for(net, estimator, batch_size, particle_chunk=options.particle_chunk, is_on_mesh=is_on_mesh)
    rows = held.rows or batch_size
    # Gradients of blocks are added up beside that of the block.
    summed = _BYTES * _count((net, estimator)) if held.rows else 0
    if held.particles is None:
        return summed + _PASSES * _BYTES * rows * units * particles
    # Of all particles the log-probabilities are kept: of the layers under both nets, and of the draw.
    return summed + _BYTES * rows * (_PASSES * units * held.particles + (3 * len(net.layer_sizes) + 2) * particles)


def check_memory(config: TrainConfig, dataset: Dataset, available: int | None = None) -> None:
    """Check that a run fits into memory.

    Args:
        config: What is to be trained, and how.
        dataset: The data.
        available: Bytes; by default what the device has, or what is left of the machine's memory.

    Raises:
        OptionError: If it does not, naming the option that takes most.
    """
    record = dataset.record
    data, num_rows = replace(DataShape.like(record), mean=None), record.splits["train"]
    size = size_of(config, data, num_rows=num_rows, data_bytes=_data_bytes(config, dataset))
    available = available_memory() if available is None else available
    if available is None or size.total <= available:
        return
    name, value = _largest(config, size, data, num_rows)
    kept = f", {in_bytes(size.kept)} that the estimator keeps of the rows" if size.kept > size.total / 100 else ""
    raise OptionError(
        f"expected a run that fits into the {in_bytes(available)} of memory there are, got {size.num_parameters:,} "
        f"parameters ({in_bytes(size.parameters)} with the optimiser's copies), {in_bytes(size.draws)} of draws{kept} "
        f"and {in_bytes(size.data)} of data, most of it by {name} {value}",
        f"a smaller --{name}",
    )


def _largest(config: TrainConfig, size: Size, data: DataShape, num_rows: int) -> tuple[str, str]:
    """Return the option that saves most when it has its default instead, or the size of the data."""
    best, chosen = size.total, ("batch-size", str(config.fit.batch_size))
    for name, value, option in _sized(config):
        saved = size_of(config.replace(**{name: option.default}), data, num_rows=num_rows).total
        if saved < best:
            best, chosen = saved, (option.flag, option.values.write(value))
    return chosen


def _sized(config: TrainConfig) -> Iterator[tuple[str, Any, Option]]:
    """Yield the options with whole numbers that are larger than by default."""
    for name, value in flatten(config.to_dict()).items():
        option = all_options()[name]
        default = 0 if option.default in (REQUIRED, None) else option.default
        is_counted = option.values.what.endswith(("whole number", "whole numbers"))
        if is_counted and np.sum(value) > np.sum(default):
            yield name, value, option


def available_memory() -> int | None:
    """Return how many bytes can still be had on the device, None where nobody knows."""
    limit = (jax.local_devices()[0].memory_stats() or {}).get("bytes_limit")
    if limit is not None:
        return int(limit)
    found = [value for value in (_left_on_machine(), _limit_of_group()) if value is not None]
    return min(found, default=None)


def _left_on_machine() -> int | None:
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, AttributeError):
        return None


def _limit_of_group() -> int | None:
    """Return what the container that this process runs in may use, if it is limited."""
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            return int(Path(path).read_text())
        except (OSError, ValueError):
            continue
    return None


def _data_bytes(config: TrainConfig, dataset: Dataset) -> int:
    splits = (dataset.train, dataset.valid)
    rows = [split.rows for split in splits if not stay_on_host(split, config.fit)]
    return sum(getattr(each, "nbytes", 0) or 8 * getattr(each, "nnz", 0) for each in rows)
