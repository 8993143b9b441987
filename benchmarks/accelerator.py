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
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import jax
import jax.numpy as jnp
from _timing import Product, Runner, binary_rows, forward_runner, products_runner, time_in_turn

from beliefnet import BeliefNet
from beliefnet.data import Observations
from beliefnet.estimators import IWAE, NVIL, VIMCO, AbstractEstimator, VariationalEM
from beliefnet.evaluation import evaluate
from beliefnet.nets import sigmoid_belief_net, vae
from beliefnet.refiners import AIR, Shrinkage
from beliefnet.training import FitOptions, Learner, Plan, TrainState, run_steps

NUM_VISIBLE, REFINEMENT_STEPS, REFINEMENT_DRAWS, NLL_PARTICLES = 784, 20, 20, 1000
CHECKED_STEPS, TOLERANCE = 50, 1e-4
"""The mean objectives of the device and the CPU may differ by this share: rounding can turn a single draw."""

Make = Callable[[BeliefNet], AbstractEstimator]


@dataclass(frozen=True)
class Training:
    """Training steps of one net with one estimator."""

    about: str
    net: Callable[[], BeliefNet]
    estimator: Make
    particles: int
    batch_size: int = 100
    paths: bool = False
    refined: bool = False


def sbn(*hidden: int) -> Callable[[], BeliefNet]:
    return lambda: sigmoid_belief_net(NUM_VISIBLE, hidden, key=jax.random.key(0))


def nvil(net: BeliefNet) -> AbstractEstimator:
    return NVIL(net, num_particles=1, key=jax.random.key(1))


def em(net: BeliefNet) -> AbstractEstimator:
    settings = {"shrinkage": Shrinkage.NONE, "num_checks": 0}
    return VariationalEM(AIR(REFINEMENT_STEPS, REFINEMENT_DRAWS, **settings), REFINEMENT_DRAWS)


WORKLOADS = {
    "nvil": Training("NVIL, SBN 784-200, one draw", sbn(200), nvil, 1),
    "nvil-1000": Training("NVIL, SBN 784-200, one draw", sbn(200), nvil, 1, batch_size=1000),
    "vimco": Training("VIMCO, SBN 784-200-200-200, K = 50", sbn(200, 200, 200), lambda _: VIMCO(50), 50),
    "iwae": Training(
        "IWAE, VAE 784-(500)-200, K = 20",
        lambda: vae(NUM_VISIBLE, (200,), deterministic=(500,), key=jax.random.key(0)),
        lambda net: IWAE(net, 20),
        20,
        paths=True,
    ),
    "em": Training(
        f"EM, SBN 784-200, AIR {REFINEMENT_STEPS} x {REFINEMENT_DRAWS}", sbn(200), em, REFINEMENT_DRAWS, refined=True
    ),
}
NLL = "nll"


@dataclass
class Case:
    """What is timed, ready to run: a run and its floor do `units` steps or images each."""

    about: str
    run: Runner
    floor: Runner
    units: int
    examples: int
    flops: float


def start(work: Training, examples: int) -> tuple[Learner, Callable[[Learner, int], Learner]]:
    """Return the learner before the first step, and a function that takes steps."""
    data = Observations(binary_rows(examples, NUM_VISIBLE)).on_device()
    net, plan, key = work.net(), Plan.of(FitOptions(), 10**6), jax.random.key(2)
    learner = TrainState.start(net, work.estimator(net), plan).learner

    def steps(learner: Learner, count: int) -> Learner:
        found = run_steps(learner, data, plan, jnp.int32(count), batch_size=work.batch_size, key=key)
        return jax.block_until_ready(found)

    return learner, steps


def step_products(work: Training) -> list[Product]:
    """Return the products of a step; what depends on a datum alone is done once for it, not for each particle."""
    net = work.net()
    rows, products = work.batch_size * work.particles, []
    for index, conditional in enumerate((*net.recognition.conditionals, *net.generative.conditionals)):
        is_first = index == 0
        is_generative = index >= len(net.recognition.conditionals)
        matrices = [leaf for leaf in jax.tree.leaves(conditional) if leaf.ndim == 2]
        for depth, matrix in enumerate(matrices):
            gives_input_gradient = depth > 0 or (work.paths and is_generative)
            products.append(Product(work.batch_size if is_first else rows, *matrix.shape, gives_input_gradient))
    baselines = [leaf for leaf in jax.tree.leaves(work.estimator(net)) if leaf.ndim == 2]
    return products + [Product(work.batch_size, *leaf.shape, leaf.shape[0] != NUM_VISIBLE) for leaf in baselines]


def training_case(work: Training, options: argparse.Namespace) -> Case:
    """Return a dispatch of training steps, and one of their products."""
    count = max(1, options.steps // 10) if work.refined else options.steps
    learner, steps = start(work, options.examples)
    products = step_products(work)
    flops = sum((6 if p.has_input_gradient else 4) * p.rows * p.inputs * p.outputs for p in products)
    floors = [products_runner(products, count)]
    if work.refined:
        (shape,) = [(p.inputs, p.outputs) for p in products if p.outputs == NUM_VISIBLE]
        drawn = (work.batch_size * REFINEMENT_DRAWS, *shape)
        floors.append(forward_runner([drawn], count * REFINEMENT_STEPS))
        flops += 2 * REFINEMENT_STEPS * drawn[0] * drawn[1] * drawn[2]

    def run() -> None:
        nonlocal learner
        learner = steps(learner, count)

    return Case(work.about, run, lambda: [floor() for floor in floors] and None, count, work.batch_size, flops)


def evaluation_case(options: argparse.Namespace) -> Case:
    """Return an evaluation, and its products: one pass down for each particle, in passes of 100 x 100 rows."""
    net, images = sbn(200)(), Observations(binary_rows(options.images, NUM_VISIBLE))
    rows = min(10_000, options.images * NLL_PARTICLES)
    floor = forward_runner([(rows, 200, NUM_VISIBLE)], options.images * NLL_PARTICLES // rows)
    return Case(
        f"NLL, SBN 784-200, K = {NLL_PARTICLES}, an image",
        lambda: evaluate(net, images, num_particles=NLL_PARTICLES, key=jax.random.key(1)) and None,
        floor,
        options.images,
        1,
        2.0 * NLL_PARTICLES * 200 * NUM_VISIBLE,
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
        learner, steps = start(WORKLOADS["nvil"], examples)
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
