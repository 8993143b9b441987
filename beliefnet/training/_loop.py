"""The training loop, of one run, or of several side by side."""

import contextlib
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp

from beliefnet._errors import OptionError, check_type, listed
from beliefnet._net import BeliefNet, check_net
from beliefnet.data import Dataset
from beliefnet.devices import MeshLike, is_first, mesh_text, together
from beliefnet.estimators import AbstractEstimator
from beliefnet.runs import RunFolder
from beliefnet.training._callback import Callback, NoCallback
from beliefnet.training._monitor import Monitor
from beliefnet.training._options import FitOptions
from beliefnet.training._run import Fitted, Rows, Run, Start
from beliefnet.training._state import Learner
from beliefnet.training._step import run_steps_side_by_side


def fit(
    net: BeliefNet,
    dataset: Dataset,
    estimator: AbstractEstimator,
    *,
    options: FitOptions | None = None,
    folder: RunFolder | Path | str | None = None,
    callback: Callback | None = None,
    mesh: MeshLike | None = None,
) -> Fitted:
    """Train a net.

    The data stays on the device, where it fits (`FitOptions.rows_on`), and many steps run in one dispatch. The result
    depends on the arguments alone: not on interruptions, nor on how often progress is reported. A folder that holds
    checkpoints of this run is resumed: the call is then the same as the one that was interrupted. Runs of the same
    shapes share their compiled programs.

    Args:
        net: The net to start from.
        dataset: Training and validation data.
        estimator: Where gradients come from.
        options: How to train.
        folder: Where metrics and checkpoints go, all that `load_run` needs; nothing is written without one.
        callback: Is told of progress, and may ask to stop, add columns to the history, or change the learning rate.
        mesh: Devices to train on, as a `jax.sharding.Mesh` with the axes "data" and "model" or one of them, or how many
            along each: "data=4,model=2", `{"data": 4}`. By default as the options say. The result is that of one device
            but for the order in which numbers are added up.

    Returns:
        The best net and the history.

    Raises:
        TypeError: If an argument is of another type.
        OptionError: If the batch is larger than the training split, the epochs have no column that is to be monitored,
            or the folder holds a run of another net or estimator, or with other options; or if there are no such
            devices, or they cannot divide a batch or the net.
        DataError: If the folder holds a run on other data, or the net's visible units are no model of such values.
        TrainingDiverged: If the objective or a parameter is not finite any more, or the objective makes no sense.
        CheckpointError: If a checkpoint cannot be written.
        RunFolderError: If the folder cannot be written, or version 0.1.0 wrote it.
        RunLocked: If another process trains in the folder.
        ProcessLost: If one of several processes that train the net together has ended.
    """
    check_net(net)
    check_type("dataset", dataset, Dataset, good="data.Dataset.from_arrays(rows)")
    check_type("estimator", estimator, AbstractEstimator, good="estimators.VIMCO(5)")
    options = FitOptions() if options is None else options
    check_type("options", options, FitOptions, good="FitOptions(epochs=1)")
    mesh = options.mesh if mesh is None else mesh
    options = replace(options, mesh=None if mesh is None else mesh_text(mesh))
    if callback is None:
        Monitor.of(options.monitor).check_without_callback()
        callback = NoCallback()
    check_type("callback", callback, Callback, good="one that extends NoCallback")
    place = None if folder is None else RunFolder.at(folder)
    with together(), contextlib.nullcontext() if place is None or not is_first() else place.lock.held():
        rows = Rows.of(net, dataset, options, mesh)
        run = Run(Start(net, estimator, options, place), rows, callback)
        feed = run.feed(rows)
        if run.ending is None:
            # Compiled here, so that the time it takes is not that of steps.
            run.state = eqx.tree_at(lambda s: s.learner, run.state, feed.take_steps(run.state.learner, run.plan, 0))
        while (reason := run.ending) is None:
            count, begin = min(run.next_count, feed.most_steps(run.step)), time.perf_counter()
            learner = jax.block_until_ready(feed.take_steps(run.state.learner, run.plan, count))
            run.go_on(learner, count, time.perf_counter() - begin)
        return run.outcome(reason)


def fit_side_by_side(
    starts: Sequence[Start], dataset: Dataset, *, callback: Callback | None = None
) -> tuple[Fitted, ...]:
    """Train several nets on the same data at the same time, one step of all after another.

    What differs between them is numbers alone: initial parameters, seeds, learning rates. Each net ends as `fit` would
    end it but for the order in which numbers are added up: its first steps agree to rounding, until a rounding decides
    a draw. The steps of all are one program, which on an accelerator, and with small nets on a processor, takes less
    time than one after the other. A run that ends early takes its part of the time until the last one has ended.

    Args:
        starts: What the runs start from; their folders are resumed as by `fit`.
        dataset: Training and validation data.
        callback: Is told of the progress of all of them, in their order.

    Returns:
        What came of each.

    Raises:
        OptionError: As for `fit`, or if runs have batches of other sizes or a mesh, or the rows are too many for the
            device.
    """
    check_type("dataset", dataset, Dataset, good="data.Dataset.from_arrays(rows)")
    sizes = {start.options.batch_size for start in starts}
    if len(sizes) > 1:
        raise OptionError(f"expected runs with batches of one size, got {listed(sizes)}", "one batch_size for all")
    if mesh := next(filter(None, (start.options.mesh for start in starts)), None):
        raise OptionError(f"expected one device for runs side by side, got mesh {mesh}", "fit for each")
    if callback is None:
        Monitor.of(starts[0].options.monitor).check_without_callback()
        callback = NoCallback()
    with contextlib.ExitStack() as locks:
        for start in starts:
            if start.folder is not None:
                locks.enter_context(start.folder.lock.held())
        rows = Rows.of(starts[0].net, dataset, starts[0].options)
        if rows.are_on_host:
            raise OptionError("expected rows on the device for runs side by side, got some on the host", "fit for each")
        runs = [Run(start, rows, callback) for start in starts]
        return _run_side_by_side(runs, rows)


def _run_side_by_side(runs: Sequence[Run], rows: Rows) -> tuple[Fitted, ...]:
    plans, keys = tuple(run.plan for run in runs), tuple(run.key for run in runs)

    def take(count: int) -> tuple[Learner, ...]:
        learners, size = tuple(run.state.learner for run in runs), runs[0].batch_size
        steps = run_steps_side_by_side(learners, rows.on_device, plans, jnp.int32(count), batch_size=size, keys=keys)
        return jax.block_until_ready(steps)

    take(0)
    found: dict[int, Fitted] = {}
    while True:
        for number, run in enumerate(runs):
            if number not in found and (reason := run.ending) is not None:
                found[number] = run.outcome(reason)
        going = [number for number in range(len(runs)) if number not in found]
        if not going:
            return tuple(found[number] for number in range(len(runs)))
        count, begin = min(runs[number].next_count for number in going), time.perf_counter()
        learners = take(count)
        seconds = time.perf_counter() - begin
        for number in going:
            runs[number].go_on(learners[number], count, seconds)
