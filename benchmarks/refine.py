"""Time and memory of refinement and of the likelihood estimate, against the matrix products of the same work.

    python benchmarks/refine.py [--hidden 200] [--steps 5 20] [--samples 5 20] [--particles 100 1000]

The rows are: adaptive importance refinement (AIR) for each number of steps and of samples, and the likelihood estimate
with each number of particles from the recognition net. The floor of each is XLA's own float32 products of one pass down
for every draw and, for the estimate, of the passes up that it makes. All rows are timed in turn in one process: on a
shared machine only the ratio means something, and with `--cpu-time` and one thread (`taskset -c 1`) it is steady even
there. temp is what the compiled program needs beside its arguments.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import jax
from _timing import Runner, time_in_turn

from beliefnet import BeliefNet
from beliefnet.bench._definitions import binary_rows
from beliefnet.bench._floors import forward_runner
from beliefnet.evaluation._bounds import bounds_of_batch, rows_per_pass
from beliefnet.nets import sigmoid_belief_net
from beliefnet.proposals import Recognition
from beliefnet.refiners import AIR

NUM_VISIBLE = 784


@dataclass
class Case:
    """One row: what is run, the shapes of its products, and what was measured."""

    name: str
    draws: int
    run: Runner = field(repr=False)
    floor: Runner = field(repr=False)
    temp_megabytes: float = float("nan")
    milliseconds: float = float("nan")
    of_floor: float = float("nan")


def compiled(function: Callable[..., Any], *arguments: Any) -> tuple[Runner, float]:
    """Compile a function of arrays, and return a run of it and the megabytes that it needs."""
    program = jax.jit(function).lower(*arguments).compile()
    memory = program.memory_analysis()
    megabytes = memory.temp_size_in_bytes / 2**20 if memory is not None else float("nan")
    return lambda: jax.block_until_ready(program(*arguments)) and None, megabytes


def shapes(net: BeliefNet, up: bool) -> list[tuple[int, int]]:
    """Return the shapes of the matrices that every draw goes through."""
    down = [leaf.shape for leaf in jax.tree.leaves(net.generative) if leaf.ndim == 2]
    # The first recognition layer is computed once per datum, so that only the others count.
    return down + [leaf.shape for leaf in jax.tree.leaves(net.recognition) if leaf.ndim == 2][1:] * up


def refinement(net: BeliefNet, x: jax.Array, steps: int, samples: int) -> Case:
    """Refine the posterior of a batch."""
    refiner = AIR(steps, samples)
    run, megabytes = compiled(lambda net, x, key: refiner.refine(net, x, key=key), net, x, jax.random.key(1))
    floor = partial(forward_runner([(samples * len(x), *shape) for shape in shapes(net, up=False)]), steps)
    return Case(f"air, {steps} steps of {samples}", steps * samples, run, floor, megabytes)


def likelihood(net: BeliefNet, x: jax.Array, particles: int) -> Case:
    """Estimate the likelihood of a batch."""
    chunk = min(max(1, rows_per_pass(net) // len(x)), particles)

    def estimate(net: BeliefNet, x: jax.Array, key: jax.Array) -> Any:
        return bounds_of_batch(net, x, Recognition(), num_particles=particles, chunk=chunk, key=key)

    run, megabytes = compiled(estimate, net, x, jax.random.key(1))
    passes = -(-particles // chunk)
    floor = partial(forward_runner([(chunk * len(x), *shape) for shape in shapes(net, up=True)]), passes)
    return Case(f"nll, {particles} particles", particles, run, floor, megabytes)


def main() -> None:
    """Measure, print a table and, if asked, write the numbers to a file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hidden", type=int, nargs="+", default=[200])
    parser.add_argument("--batch-size", type=int, default=100)
    parser.add_argument("--steps", type=int, nargs="+", default=[5, 20])
    parser.add_argument("--samples", type=int, nargs="+", default=[5, 20])
    parser.add_argument("--particles", type=int, nargs="+", default=[100, 1000])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cpu-time", action="store_true", help="count processor time: steadier on a shared core")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()

    x = jnp.asarray(binary_rows(options.batch_size, NUM_VISIBLE), float)
    mean = x.mean(axis=0)
    net = sigmoid_belief_net(NUM_VISIBLE, options.hidden, key=jax.random.key(0), input_mean=mean, visible_mean=mean)
    cases = [refinement(net, x, steps, samples) for steps in options.steps for samples in options.samples]
    cases += [likelihood(net, x, particles) for particles in options.particles]
    runners = {f"floor of {case.name}": case.floor for case in cases} | {case.name: case.run for case in cases}
    seconds = time_in_turn(runners, options.rounds, clock=time.process_time if options.cpu_time else time.perf_counter)
    print(f"784-{'-'.join(map(str, options.hidden))}, batch {options.batch_size}, median of {options.rounds} rounds\n")
    print("what                        ms  of floor  us/draw/datum  temp MB")
    for case in cases:
        own, floor = seconds[case.name], seconds[f"floor of {case.name}"]
        case.milliseconds = statistics.median(own) * 1e3
        case.of_floor = statistics.median(f / s for f, s in zip(floor, own, strict=True))
        each = 1e3 * case.milliseconds / case.draws / options.batch_size
        print(
            f"{case.name:20}  {case.milliseconds:8.1f}  {case.of_floor:8.2f}  {each:13.2f}  {case.temp_megabytes:7.1f}"
        )
    if options.json:
        rows = [{name: value for name, value in asdict(case).items() if name not in ("run", "floor")} for case in cases]
        facts = {"jax": jax.__version__, "device": str(jax.devices()[0]), "cpu_time": options.cpu_time}
        settings = {"hidden": options.hidden, "batch_size": options.batch_size, "rounds": options.rounds}
        options.json.write_text(json.dumps({**facts, **settings, "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
