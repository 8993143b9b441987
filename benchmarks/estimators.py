"""Time and memory of every estimator, against the matrix products of the same step.

    python benchmarks/estimators.py [--hidden 200 200] [--particles 1 5 50] [--estimators nvil vimco] [--peak]

Each is built by its command-line name with its default options, and estimates many gradients in one dispatch on a
sigmoid belief net with 784 visible units; one that refuses binary units is given a VAE of the same sizes. One that
needs two particles is given two in place of one.

The floor is XLA's own float32 products of one pass up and one down: forward and weight gradient of every dense layer of
both nets, and of the estimator's own networks, on the rows that it really has (the first recognition layer once per
datum, all others once per particle); for estimators that differentiate through draws also the input gradients.
Everything at one number of particles is timed in turn in one process: on a shared machine only the ratio means
something, and with `--cpu-time` and one thread (`taskset -c 1`) it is steady even there. An estimator that makes more
passes than one, such as wake-sleep with its dreams, has its floor below what it needs.

temp is what the compiled loop needs beside its arguments; peak is the resident memory of a fresh process that runs this
estimator alone.
"""

import argparse
import dataclasses
import itertools
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import optax
from _timing import Runner, peak_megabytes, time_in_turn
from jax import Array, lax

from beliefnet import BeliefNet
from beliefnet.bench._contestant import Product
from beliefnet.bench._definitions import binary_rows
from beliefnet.bench._floors import products_runner
from beliefnet.catalogue import ESTIMATORS, Choice, build_estimator
from beliefnet.estimators import AbstractEstimator
from beliefnet.nets import sigmoid_belief_net, vae

NUM_VISIBLE = 784
TAKES_PATHS = {"sgvb", "stl", "iwae", "dreg", "concrete", "straight-through", "half", "rebar", "relax", "muprop"}
"""Estimators that differentiate through drawn values: they also need the input gradient of each layer."""


@dataclasses.dataclass
class Case:
    """An estimator at one number of particles, ready to run, and what was measured of it."""

    name: str
    net: str
    particles: int
    steps: int
    run: Runner = dataclasses.field(repr=False)
    products: tuple[Product, ...] = dataclasses.field(repr=False)
    temp_megabytes: float
    milliseconds: float = float("nan")
    of_floor: float = float("nan")
    peak_megabytes: float | None = None

    def record(self) -> dict[str, object]:
        """Return what was measured, as JSON takes it."""
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.repr}


def nets(hidden: list[int], batch: Array) -> Iterator[tuple[str, BeliefNet]]:
    """Yield the nets to try, in order."""
    mean = batch.mean(axis=0)
    yield "sbn", sigmoid_belief_net(NUM_VISIBLE, hidden, key=jax.random.key(0), input_mean=mean, visible_mean=mean)
    yield "vae", vae(NUM_VISIBLE, hidden, key=jax.random.key(0))


def dense_products(
    net: BeliefNet, estimator: AbstractEstimator, batch_size: int, particles: int, paths: bool
) -> list[Product]:
    """Return the products of every matrix among the parameters."""
    matrices = [leaf for leaf in jax.tree.leaves((net, estimator)) if getattr(leaf, "ndim", 0) == 2]
    first = net.recognition.conditionals[0].num_parents
    return [
        Product(batch_size * (1 if m.shape[0] == first else particles), *m.shape, paths and m.shape[0] != first)
        for m in matrices
    ]


def loop_of_estimates(net: BeliefNet, estimator: AbstractEstimator, batch: Array, steps: int) -> tuple[Runner, float]:
    """Return a function that makes `steps` estimates, and the megabytes that its compiled form needs."""

    def loop(params, state, batch):
        def body(index, carry):
            (net, estimator), state, total = carry
            estimate = estimator.estimate(net, batch, state, key=jax.random.fold_in(jax.random.key(1), index))
            # The parameters move a little, so that no part of an estimate can be taken out of the loop.
            moves = jax.tree.map(lambda gradient: 1e-6 * gradient, (estimate.net, estimate.estimator))
            return optax.apply_updates((net, estimator), moves), estimate.state, total + estimate.objective

        return lax.fori_loop(0, steps, body, (params, state, jnp.zeros(())))

    arguments = ((net, estimator), estimator.init(net), batch)
    compiled = jax.jit(loop).lower(*arguments).compile()
    memory = compiled.memory_analysis()
    megabytes = memory.temp_size_in_bytes / 2**20 if memory is not None else float("nan")
    return lambda: jax.block_until_ready(compiled(*arguments)) and None, megabytes


def prepare(name: str, particles: int, options: argparse.Namespace) -> Case | str:
    """Build and compile an estimator on the first net that it takes, or return why it takes none."""
    batch = jnp.asarray(binary_rows(options.batch_size, NUM_VISIBLE), float)
    steps, reason = max(4, options.steps // particles), ""
    for (kind, net), count in itertools.product(nets(options.hidden, batch), sorted({particles, max(particles, 2)})):
        try:
            given = {"particles": count} if "particles" in ESTIMATORS[name].options else {}
            estimator = build_estimator(Choice(ESTIMATORS[name], given), net, key=jax.random.key(1))
            run, megabytes = loop_of_estimates(net, estimator, batch, steps)
        except ValueError as error:
            reason = str(error)
            continue
        products = dense_products(net, estimator, options.batch_size, count, name in TAKES_PATHS)
        return Case(name, kind, count, steps, run, tuple(products), megabytes)
    return reason


def measure(cases: list[Case], rounds: int, clock: Callable[[], float]) -> None:
    """Time cases of one number of steps in turn, together with the floor of each."""
    floors = {str(case.products): partial(products_runner(case.products), case.steps) for case in cases if rounds}
    seconds = time_in_turn(floors | {case.name: case.run for case in cases}, rounds, clock=clock)
    for case in cases if rounds else []:
        floor, own = seconds[str(case.products)], seconds[case.name]
        case.milliseconds = statistics.median(own) / case.steps * 1e3
        case.of_floor = statistics.median(f / s for f, s in zip(floor, own, strict=True))


def peak_of_fresh_process(case: Case, options: argparse.Namespace) -> float:
    """Return the peak resident memory, in megabytes, of a process that runs one estimator once."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "one.json"
        command = [sys.executable, __file__, "--estimators", case.name, "--particles", str(case.particles)]
        command += ["--hidden", *map(str, options.hidden), "--batch-size", str(options.batch_size)]
        command += ["--rounds", "0", "--json", str(file)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return json.loads(file.read_text())["process_peak_megabytes"]


def main() -> None:
    """Measure, print a table and, if asked, write the numbers to a file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hidden", type=int, nargs="+", default=[200, 200])
    parser.add_argument("--batch-size", type=int, default=100)
    parser.add_argument("--estimators", nargs="+", default=list(ESTIMATORS), choices=list(ESTIMATORS), metavar="NAME")
    parser.add_argument("--particles", type=int, nargs="+", default=[1, 5, 50])
    parser.add_argument(
        "--steps", type=int, default=100, help="particles per datum in a dispatch, at least 4 estimates"
    )
    parser.add_argument("--rounds", type=int, default=5, help="0 runs everything once and times nothing")
    parser.add_argument("--cpu-time", action="store_true", help="count processor time: steadier on a shared core")
    parser.add_argument("--peak", action="store_true", help="measure peak memory, in a fresh process for each row")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()

    print(f"784-{'-'.join(map(str, options.hidden))}, batch {options.batch_size}, median of {options.rounds} rounds\n")
    print("estimator           net    K  ms/estimate  of floor  ms/particle  temp MB  peak MB")
    records, skipped = [], {}
    for particles in options.particles:
        found = {name: prepare(name, particles, options) for name in options.estimators}
        cases = [case for case in found.values() if isinstance(case, Case)]
        skipped |= {name: reason for name, reason in found.items() if isinstance(reason, str)}
        measure(cases, options.rounds, time.process_time if options.cpu_time else time.perf_counter)
        for case in cases:
            case.peak_megabytes = peak_of_fresh_process(case, options) if options.peak else None
            peak = f"{case.peak_megabytes:7.0f}" if case.peak_megabytes is not None else "      -"
            print(
                f"{case.name:18}  {case.net:3}  {case.particles:3}  {case.milliseconds:11.2f}  {case.of_floor:8.2f}  "
                f"{case.milliseconds / case.particles:11.2f}  {case.temp_megabytes:7.1f}  {peak}",
                flush=True,
            )
        records += [case.record() for case in cases]
    for name, reason in skipped.items():
        print(f"{name:18}  skipped: {reason}")
    if options.json:
        facts = {"jax": jax.__version__, "device": str(jax.devices()[0]), "process_peak_megabytes": peak_megabytes()}
        settings = {
            "hidden": options.hidden,
            "batch_size": options.batch_size,
            "rounds": options.rounds,
            "cpu_time": options.cpu_time,
        }
        options.json.write_text(json.dumps({**facts, **settings, "rows": records, "skipped": skipped}, indent=2) + "\n")


if __name__ == "__main__":
    main()
