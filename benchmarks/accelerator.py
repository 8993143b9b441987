"""Training steps and evaluation on an accelerator, against the matrix products of the same work.

    python benchmarks/accelerator.py [--workloads nvil vimco iwae em nll] [--batch-sizes 100 1000]
        [--precisions float32 tf32 bf16] [--steps 100] [--rounds 3] [--images 2000] [--seconds 270] [--json FILE]

Runs on the device that JAX has. Steps run as `fit` runs them: many in one dispatch, data on the device, Adam. The floor
is XLA's own products of that work in the same kind of loop on the same device and at the same precision: inputs of
products as they are, or rounded to TF32 (10 bits of the fraction) or bfloat16 (7 bits), with sums in float32. Step and
floor are timed in turn, and the share is the median over the rounds; compilation is apart. `--json` is written anew
after each row, so that a run that is stopped leaves what it had. Where the device lacks a precision, or memory, the row
says so, and the status is 1; a CPU computes in float32 alone.

On a GPU, XLA tries many forms of each product when it compiles, on the GPU itself: a row takes some 15 seconds, and
several at a time disturb each other. Rows of float32 come first, and those that have not begun after `--seconds` are
left out.

Before all this, 50 steps of NVIL in float32 are taken on the device and on the CPU from the same seed, and the mean
objective of both is compared. `--steps 2 --rounds 1 --images 20 --examples 1000 --batch-sizes 100` suits a CPU.
"""

import argparse
import itertools
import json
import statistics
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jax

# The machine with the accelerator may have no way to install a package: this runs from the source tree.
sys.path.insert(1, str(Path(__file__).resolve().parents[1]))

from _timing import Runner, time_in_turn

from beliefnet._errors import Refusal
from beliefnet.bench._definitions import DEFINITIONS, Definition, rows_of
from beliefnet.bench._floors import forward_runner, products_runner
from beliefnet.bench._own import net_of, start, work_of
from beliefnet.data import Observations
from beliefnet.evaluation import evaluate

WORKLOADS = ("nvil", "vimco", "iwae", "em", "nll")
PRECISIONS = {"float32": "highest", "tf32": "TF32_TF32_F32", "bf16": "BF16_BF16_F32"}
"""What JAX calls them."""
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
    work = DEFINITIONS["nll"]
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


def measure(work: Definition, precision: str, options: argparse.Namespace) -> dict[str, object]:
    """Time one workload at one precision."""
    with jax.default_matmul_precision(PRECISIONS[precision]):
        case = training_case(work, options) if work.is_training else evaluation_case(options)
        seconds = time_in_turn({"run": case.run, "floor": case.floor}, options.rounds)
    each = [value / case.units for value in seconds["run"]]
    of_floor = statistics.median(f / s for s, f in zip(seconds["run"], seconds["floor"], strict=True))
    middle = statistics.median(each)
    return {
        "milliseconds": round(middle * 1e3, 5),
        "slowest_over_fastest": round(max(each) / min(each), 3),
        "examples_per_second": round(case.examples / middle, 1),
        "of_floor": round(of_floor, 4),
        "floor_teraflops_per_second": round(case.flops / (statistics.median(seconds["floor"]) / case.units) / 1e12, 3),
    }


def row_of(work: Definition, precision: str, options: argparse.Namespace) -> dict[str, object]:
    """Return what was measured, or what went wrong."""
    size = work.batch_size if work.is_training else 1
    row: dict[str, object] = {"workload": work.name, "about": work.about, "batch_size": size, "precision": precision}
    try:
        return row | measure(work, precision, options)
    except Refusal:
        raise
    except (ValueError, RuntimeError) as error:
        # What JAX and its backends say where they lack a precision, or memory.
        return row | {"error": f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"}


def works(options: argparse.Namespace) -> list[Definition]:
    """Return the workloads in their sizes; an evaluation has one, of images."""
    sizes = {name: options.batch_sizes if DEFINITIONS[name].is_training else [1] for name in options.workloads}
    return [replace(DEFINITIONS[name], batch_size=size) for name in options.workloads for size in sizes[name]]


def mean_objective(device: jax.Device, examples: int) -> float:
    """Return the mean objective of the first steps of NVIL on a device, in nats per example."""
    with jax.default_device(device), jax.default_matmul_precision("highest"):
        work = DEFINITIONS["nvil"]
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


def shown(row: dict[str, Any]) -> str:
    """Return a line of the table."""
    begin = f"{row['about']:37}  {row['batch_size']:5}  {row['precision']:9}"
    if "error" in row:
        return f"{begin}  {row['error']}"
    return (
        f"{begin} {row['milliseconds']:9.4f}  {row['examples_per_second']:10,.0f}  {row['of_floor']:8.3f}"
        f"  {row['floor_teraflops_per_second']:13.2f}"
    )


def main() -> int:
    """Time all, print a table, check, write what was measured, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workloads", nargs="+", default=WORKLOADS, choices=WORKLOADS)
    parser.add_argument("--batch-sizes", nargs="+", type=int, default=[100, 1000])
    parser.add_argument("--precisions", nargs="+", choices=PRECISIONS, help="all; on a CPU float32")
    parser.add_argument("--steps", type=int, default=100, help="in a dispatch; a tenth of it for em")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--images", type=int, default=2000, help="images of the evaluation")
    parser.add_argument("--examples", type=int, default=50_000, help="rows of the training data")
    parser.add_argument("--seconds", type=float, default=270, help="rows that have not begun by then are left out")
    parser.add_argument("--no-check", action="store_true", help="leave out the comparison with the CPU")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    begin = time.perf_counter()
    device = jax.devices()[0]
    precisions = options.precisions or (["float32"] if device.platform == "cpu" else list(PRECISIONS))
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
    rows = list(itertools.product(precisions, works(options)))
    while rows and time.perf_counter() - begin < options.seconds:
        precision, work = rows.pop(0)
        row = row_of(work, precision, options)
        record["rows"].append(row | {"seconds": round(time.perf_counter() - begin)})
        write()
        print(shown(row), flush=True)
    record["left_out"] = [f"{work.name} {work.batch_size} {precision}" for precision, work in rows]
    if rows:
        print(f"left out, for want of time (--seconds): {', '.join(record['left_out'])}")
    stats = device.memory_stats() or {}
    if "peak_bytes_in_use" in stats:
        record["peak_megabytes"] = round(stats["peak_bytes_in_use"] / 2**20)
        print(f"memory of the device: {record['peak_megabytes']} MB at the peak")
    write()
    return int(any("error" in row for row in record["rows"]))


if __name__ == "__main__":
    sys.exit(main())
