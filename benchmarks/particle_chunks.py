"""Memory and time of a training step of many particles, whole and in pieces.

    python benchmarks/particle_chunks.py [--nets sbn vae] [--particles 50 200 1000] [--chunks 240 60 20]
        [--batch-size 100] [--steps 2] [--rounds 3] [--json FILE]

The step is that of `fit`, many in one dispatch, with Adam: VIMCO on a sigmoid belief net 784-200-200-200, or IWAE on a
variational autoencoder 784-500-200. Every measurement is a process of its own, all in turn: its most resident memory,
the memory that the compiled program says it takes beside parameters and data, and its fastest step. Beside
chunks of fewer particles than there are, of whole batches, there are the step at once, and what `fit` takes by default:
blocks of rows.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
from _timing import peak_megabytes

from beliefnet.bench._definitions import binary_rows
from beliefnet.data import Observations
from beliefnet.estimators import IWAE, VIMCO, Pieces, pieces_for
from beliefnet.nets import sigmoid_belief_net, vae
from beliefnet.training import FitOptions, Plan, TrainState, run_steps

NUM_VISIBLE, NUM_EXAMPLES = 784, 1000


def measured(kind: str, particles: int, chunk: int, batch_size: int, num_steps: int) -> dict[str, Any]:
    """Return the memory and the time of a step, by this process."""
    data, key = Observations(binary_rows(NUM_EXAMPLES, NUM_VISIBLE)).on_device(), jax.random.key(0)
    if kind == "sbn":
        net, estimator = sigmoid_belief_net(NUM_VISIBLE, (200, 200, 200), key=key), VIMCO(particles)
    else:
        net = vae(NUM_VISIBLE, (200,), deterministic=(500,), key=key)
        estimator = IWAE(net, particles)
    pieces = Pieces(particles=chunk if chunk < particles else None)
    if not chunk:
        pieces = pieces_for(net, estimator, batch_size)
    plan = Plan.of(FitOptions(), 10**6, pieces=pieces)
    learner = TrainState.start(net, estimator, plan).learner
    given = {"batch_size": batch_size, "key": key}
    temporary = run_steps.lower(learner, data, plan, jnp.int32(1), **given).compile().memory_analysis()
    learner, seconds = run_steps(learner, data, plan, jnp.int32(0), **given), []
    for _ in range(num_steps):
        begin = time.perf_counter()
        learner = jax.block_until_ready(run_steps(learner, data, plan, jnp.int32(1), **given))
        seconds.append(time.perf_counter() - begin)
    return {
        "peak_megabytes": round(peak_megabytes()),
        "program_megabytes": round(temporary.temp_size_in_bytes / 1e6),
        "seconds": round(min(seconds), 3),
    }


def main() -> None:
    """Measure every chunk in a process of its own, in turn, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nets", nargs="+", default=["sbn", "vae"], choices=["sbn", "vae"])
    parser.add_argument("--particles", nargs="+", type=int, default=[50, 200, 1000])
    parser.add_argument("--chunks", type=int, nargs="+", default=[240, 60, 20])
    parser.add_argument("--batch-size", type=int, default=100)
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--alone", action="store_true", help="measure one net and one chunk, in this process")
    options = parser.parse_args()
    numbers = (options.batch_size, options.steps)
    if options.alone:
        print(json.dumps(measured(options.nets[0], options.particles[0], options.chunks[0], *numbers)))
        return
    found: dict[str, dict[str, Any]] = {}
    cases = [
        (kind, count, chunk)
        for kind in options.nets
        for count in options.particles
        for chunk in (0, count, *(chunk for chunk in options.chunks if chunk < count / 2))
    ]
    for _ in range(options.rounds):
        for kind, count, chunk in cases:
            piece = f"{chunk} at a time" if chunk else "by default"
            name = f"{kind}, {count} particles, {piece}"
            again = [sys.executable, __file__, "--alone", "--nets", kind, "--chunks", str(chunk)]
            again += ["--particles", str(count), "--batch-size", str(numbers[0])]
            once = json.loads(subprocess.check_output([*again, "--steps", str(numbers[1])]))
            before = found.get(name, once)
            found[name] = {
                what: min(number, before[what]) if what == "seconds" else max(number, before[what])
                for what, number in once.items()
            }
    for name, one in found.items():
        print(f"{name}: {one['peak_megabytes']} MB at the peak, {one['seconds']:.2f} s per step")
    if options.json:
        about = {"jax": jax.__version__, "device": str(jax.devices()[0]), "batch_size": options.batch_size}
        options.json.write_text(json.dumps({**about, "found": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
