"""Training steps and evaluation on an accelerator, against the matrix products of the same work.

    python benchmarks/accelerator.py [--workloads nvil vimco iwae em nll ...] [--precisions default highest]
        [--steps 200] [--rounds 5] [--images 2000] [--json FILE]

Runs on the device that JAX has. Steps run as `fit` runs them: many in one dispatch, data on the device, Adam. The floor
is XLA's own products of that work in the same kind of loop on the same device and at the same precision. A GPU's
default precision of float32 products may be TF32, with 10 bits of the fraction; `highest` is float32. Step and floor
are timed in turn, and the share is the median over the rounds; compilation is apart. `--json` is written anew after
each row, so that a run that is stopped leaves what it had.

Before all this, 50 steps of NVIL at the highest precision are taken on the device and on the CPU from the same seed,
and the mean objective of both is compared. `--steps 2 --rounds 1 --images 20 --examples 1000` suits a CPU.
"""

import argparse
import json
import statistics
import sys
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import jax
from _timing import Runner, time_in_turn

from beliefnet.bench._definitions import DEFINITIONS, Definition, rows_of
from beliefnet.bench._floors import forward_runner, products_runner
from beliefnet.bench._own import net_of, start, work_of
from beliefnet.data import Observations
from beliefnet.evaluation import evaluate

WORKLOADS = {name: own for name, own in DEFINITIONS.items() if own.is_training and name != "documents"}
WORKLOADS["nvil-1000"] = replace(DEFINITIONS["nvil"], batch_size=1000)
NLL = "nll"
CHECKED_STEPS, TOLERANCE = 50, 1e-4
"""The mean objectives of the device and the CPU may differ by this share: rounding can turn a single draw."""


@dataclass
class Case:
    """What is timed, ready to run: a run and its floor do `units` steps or images each."""

    about: str
    run: Runner
    floor: Runner
    units: int
    examples: int
    flops: float


def training_case(work: Definition, options: argparse.Namespace) -> Case:
    """Return a dispatch of training steps, and one of their products."""
    is_refined = work.name == "em"
    count = max(1, options.steps // 10) if is_refined else options.steps
    learner, steps = start(work, Observations(rows_of(work, options.examples)))
    products = work_of(work)
    trained, forward = products_runner(products.trained), forward_runner(products.forward)

    def floor() -> None:
        trained(count)
        if is_refined:
            forward(count * products.times)

    def run() -> None:
        nonlocal learner
        learner = steps(learner, count)

    return Case(work.about, run, floor, count, work.batch_size, products.flops)


def evaluation_case(options: argparse.Namespace) -> Case:
    """Return an evaluation, and its products."""
    work = DEFINITIONS[NLL]
    net, images = net_of(work), Observations(rows_of(work, options.images))
    products = work_of(replace(work, batch_size=options.images))
    forward = forward_runner(products.forward)
    return Case(
        work.about,
        lambda: evaluate(net, images, num_particles=work.particles, key=jax.random.key(1)) and None,
        lambda: forward(products.times),
        options.images,
        1,
        products.flops / options.images,
    )


def at_precision(name: str) -> AbstractContextManager:
    """Return JAX's setting of the precision of matrix products; `default` leaves it to the device."""
    return nullcontext() if name == "default" else jax.default_matmul_precision(name)


def measure(workload: str, precision: str, options: argparse.Namespace) -> dict[str, object]:
    """Time one workload at one precision."""
    with at_precision(precision):
        case = evaluation_case(options) if workload == NLL else training_case(WORKLOADS[workload], options)
        seconds = time_in_turn({"run": case.run, "floor": case.floor}, options.rounds)
    each = [value / case.units for value in seconds["run"]]
    of_floor = statistics.median(f / s for s, f in zip(seconds["run"], seconds["floor"], strict=True))
    middle = statistics.median(each)
    return {
        "workload": workload,
        "about": case.about,
        "batch_size": case.examples,
        "precision": precision,
        "milliseconds": round(middle * 1e3, 5),
        "slowest_over_fastest": round(max(each) / min(each), 3),
        "examples_per_second": round(case.examples / middle, 1),
        "of_floor": round(of_floor, 4),
        "floor_teraflops_per_second": round(case.flops / (statistics.median(seconds["floor"]) / case.units) / 1e12, 3),
    }


def mean_objective(device: jax.Device, examples: int) -> float:
    """Return the mean objective of the first steps of NVIL on a device, in nats per example."""
    with jax.default_device(device), jax.default_matmul_precision("highest"):
        work = WORKLOADS["nvil"]
        learner, steps = start(work, Observations(rows_of(work, examples)))
        return float(steps(learner, CHECKED_STEPS).objective_sum) / CHECKED_STEPS


def check(examples: int) -> dict[str, object]:
    """Compare the device with the CPU, and print how it went."""
    device = jax.devices()[0]
    if device.platform == "cpu":
        print("no accelerator: nothing to compare with the CPU\n")
        return {}
    try:
        cpu = jax.devices("cpu")[0]
    except RuntimeError as error:
        print(f"not compared with the CPU: {error}\n")
        return {}
    found, expected = (mean_objective(place, examples) for place in (device, cpu))
    difference = abs(found - expected) / abs(expected)
    verdict = "agree" if difference <= TOLERANCE else "DIFFER"
    print(
        f"mean objective of {CHECKED_STEPS} steps of NVIL: {found:.5f} nats on {device.device_kind}, {expected:.5f} "
        f"on the CPU: they {verdict} (relative difference {difference:.1e}, at most {TOLERANCE:.0e})\n"
    )
    return {"device": found, "cpu": expected, "relative_difference": difference, "tolerance": TOLERANCE}


def main() -> None:
    """Time all, print a table, check, and write what was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [*WORKLOADS, NLL]
    parser.add_argument("--workloads", nargs="+", default=names, choices=names)
    parser.add_argument("--precisions", nargs="+", default=["default", "highest"], choices=["default", "highest"])
    parser.add_argument("--steps", type=int, default=200, help="in a dispatch; a tenth of it for em")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--images", type=int, default=2000, help="images of the evaluation")
    parser.add_argument("--examples", type=int, default=50_000, help="rows of the training data")
    parser.add_argument("--no-check", action="store_true", help="leave out the comparison with the CPU")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    device = jax.devices()[0]
    record = {
        "device": device.device_kind,
        "platform": device.platform,
        "jax": jax.__version__,
        "python": sys.version.split()[0],
        "command": " ".join(["python", "benchmarks/accelerator.py", *sys.argv[1:]]),
        "check": {},
        "rows": [],
    }

    def write() -> None:
        if options.json:
            options.json.write_text(json.dumps(record, indent=1) + "\n")

    print(f"{device.device_kind}, JAX {jax.__version__}, median of {options.rounds} rounds\n", flush=True)
    if not options.no_check:
        record["check"] = check(options.examples)
    print("workload                               batch  precision        ms  examples/s  of floor  floor TFLOP/s")
    for workload in options.workloads:
        for precision in options.precisions:
            row = measure(workload, precision, options)
            record["rows"].append(row)
            write()
            print(
                f"{row['about']:37}  {row['batch_size']:5}  {precision:9} {row['milliseconds']:9.4f}"
                f"  {row['examples_per_second']:10,.0f}  {row['of_floor']:8.3f}"
                f"  {row['floor_teraflops_per_second']:13.2f}",
                flush=True,
            )
    stats = device.memory_stats() or {}
    if "peak_bytes_in_use" in stats:
        record["peak_megabytes"] = round(stats["peak_bytes_in_use"] / 2**20)
        print(f"memory of the device: {record['peak_megabytes']} MB at the peak")
    write()


if __name__ == "__main__":
    main()
