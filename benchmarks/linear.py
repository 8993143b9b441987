"""How the time of a step grows with particles, batch, depth and steps of refinement, and of an evaluation with K.

    python benchmarks/linear.py [--rounds 5] [--json FILE]

Each sweep changes one number of a workload of `beliefnet bench`. Its sizes are timed in turn, round after round; shown
are the median time of each, and its ratio to that of a line through the smallest and the largest size: 1 all the way
is a time that is linear in the number.
"""

import argparse
import json
import statistics
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jax
from _timing import Runner, time_in_turn

from beliefnet.bench._definitions import DEFINITIONS, Definition, rows_of
from beliefnet.bench._own import net_of, start
from beliefnet.data import Observations
from beliefnet.estimators import VariationalEM
from beliefnet.evaluation import evaluate
from beliefnet.refiners import AIR
from beliefnet.training import FitOptions, Plan, TrainState, run_steps

NUM_ROWS = 2000
SECONDS = 0.3
"""Of a turn, about."""
VIMCO = replace(DEFINITIONS["vimco"], hidden=(200, 200), particles=20)


@dataclass(frozen=True)
class Sweep:
    """One number that grows.

    Attributes:
        about: What is timed, in words.
        number: What grows.
        sizes: What it takes, from the smallest up.
        runner: Gives what runs so many times at a size.
    """

    about: str
    number: str
    sizes: tuple[int, ...]
    runner: Callable[[int], Callable[[int], None]]


def training(definition: Definition) -> Callable[[int], None]:
    """Return what takes so many steps."""
    learner, steps = start(definition, Observations(rows_of(definition, NUM_ROWS)))

    def run(count: int) -> None:
        nonlocal learner
        learner = steps(learner, count)

    return run


def refining(num_steps: int) -> Callable[[int], None]:
    """Return what takes so many steps of EM, with a refinement of `num_steps` steps in each."""
    definition = DEFINITIONS["em"]
    rows, plan = Observations(rows_of(definition, NUM_ROWS)).on_device(), Plan.of(FitOptions(), 10**6)
    net, draws = net_of(definition), definition.particles
    estimator = VariationalEM(AIR(num_steps, draws, num_checks=0), draws)
    learner = TrainState.start(net, estimator, plan).learner

    def run(count: int) -> None:
        nonlocal learner
        size, key = definition.batch_size, jax.random.key(2)
        learner = jax.block_until_ready(
            run_steps(learner, rows, plan, jax.numpy.int32(count), batch_size=size, key=key)
        )

    return run


def evaluating(num_particles: int) -> Callable[[int], None]:
    """Return what evaluates ten images so many times."""
    net, rows = net_of(DEFINITIONS["nll"]), Observations(rows_of(DEFINITIONS["nll"], 10))

    def run(count: int) -> None:
        for _ in range(count):
            evaluate(net, rows, num_particles=num_particles, key=jax.random.key(1))

    return run


SWEEPS = (
    Sweep(
        "VIMCO, 784-200-200, batch 100",
        "particles",
        (5, 10, 20, 50, 100, 200),
        lambda size: training(replace(VIMCO, particles=size)),
    ),
    Sweep(
        "VIMCO, 784-200-200, K = 20",
        "batch",
        (25, 50, 100, 200, 400),
        lambda size: training(replace(VIMCO, batch_size=size)),
    ),
    Sweep(
        "VIMCO, 784 and layers of 200, K = 20, batch 100",
        "layers",
        (1, 2, 4, 8),
        lambda size: training(replace(VIMCO, hidden=(200,) * size)),
    ),
    Sweep("EM with AIR of 20 draws, 784-200, batch 100", "refinement steps", (5, 10, 20, 40, 80), refining),
    Sweep("evaluation of ten images, 784-200", "particles", (1000, 3000, 10_000, 30_000, 100_000), evaluating),
)


def times_of(sweep: Sweep, rounds: int) -> list[dict[str, Any]]:
    """Time all sizes in turn; return a row for each."""
    runners: dict[str, Runner] = {}
    counts: dict[str, int] = {}
    for size in sweep.sizes:
        run = sweep.runner(size)
        run(1)
        (once,) = time_in_turn({"once": lambda run=run: run(1)}, 1)["once"]
        counts[str(size)] = count = max(1, round(SECONDS / once))
        runners[str(size)] = lambda run=run, count=count: run(count)
    seconds = time_in_turn(runners, rounds)
    middle = {size: statistics.median(seconds[str(size)]) / counts[str(size)] for size in sweep.sizes}
    smallest, largest = sweep.sizes[0], sweep.sizes[-1]
    slope = (middle[largest] - middle[smallest]) / (largest - smallest)
    return [
        {
            sweep.number: size,
            "milliseconds": round(1e3 * found, 3),
            "of_the_line": round(found / (middle[smallest] + slope * (size - smallest)), 3),
        }
        for size, found in middle.items()
    ]


def main() -> None:
    """Print a table for each sweep, and keep all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    found = {}
    for sweep in SWEEPS:
        rows = times_of(sweep, options.rounds)
        found[f"{sweep.number}: {sweep.about}"] = rows
        print(f"\n{sweep.about}\n{sweep.number:>16}          ms  of the line")
        for row in rows:
            print(f"{row[sweep.number]:16,}  {row['milliseconds']:10.3f}  {row['of_the_line']:11.3f}", flush=True)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
