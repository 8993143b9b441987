"""What code in C does to an evaluation: its figures and its time beside XLA's, on a processor.

    python benchmarks/native.py RUN... [--examples 400] [--particles 1000] [--rounds 5] [--json FILE]

Each run's best net is evaluated on the first test rows by both, in turn, with the same random numbers; the difference
is taken datum by datum, and the time as the median over the rounds. BELIEFNET_DATA is the folder of the data.
"""

import argparse
import json
import os
import statistics
import time
from pathlib import Path
from typing import Any

import jax
import numpy as np

from beliefnet._net import BeliefNet
from beliefnet.data import load
from beliefnet.evaluation import particle_bounds
from beliefnet.native import native_code
from beliefnet.runs import environment, load_run

KEY = jax.random.key(0)
BATCH = 50
SWITCH = {"XLA": "0", "C": "1"}


def bounds(net: BeliefNet, rows: np.ndarray, num_particles: int) -> np.ndarray:
    """Return the bound of each row, some rows at a time."""
    batches = [rows[start : start + BATCH] for start in range(0, len(rows), BATCH)]
    return np.concatenate([particle_bounds(net, x, num_particles=num_particles, key=KEY).bound for x in batches])


def compared(run: Path, num_examples: int, num_particles: int, num_rounds: int) -> dict[str, Any]:
    """Evaluate the net of a run with and without code in C."""
    loaded = load_run(run)
    rows = load(loaded.record.name).test[:num_examples]
    found, ratios = {}, []
    for _ in range(num_rounds):
        seconds = {}
        for name, switch in SWITCH.items():
            # What was compiled with the other is forgotten.
            os.environ["BELIEFNET_NATIVE"] = switch
            jax.clear_caches()
            bounds(loaded.net, rows[:BATCH], num_particles)  # compiles
            begin = time.perf_counter()
            found[name] = bounds(loaded.net, rows, num_particles)
            seconds[name] = time.perf_counter() - begin
        ratios.append(seconds["XLA"] / seconds["C"])
    change = np.abs(found["XLA"] - found["C"])
    return {
        "run": str(run),
        "nll": round(float(-found["C"].mean()), 4),
        "nll_by_xla": round(float(-found["XLA"].mean()), 4),
        "largest_change": float(f"{change.max():.2g}"),
        "times_as_fast": round(statistics.median(ratios), 2),
    }


def main() -> None:
    """Compare each net, print a table, and write what was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    parser.add_argument("--examples", type=int, default=400)
    parser.add_argument("--particles", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    if native_code().startswith("none"):
        parser.error(f"expected code in C, got {native_code()}; try a machine with AVX-512 and a C compiler")
    about = {name: environment()[name] for name in ("processor", "cores", "jax")}
    record = {**about, "examples": options.examples, "particles": options.particles, "rows": []}
    print("run                                             NLL, nats    by XLA   largest change   times as fast")
    for run in options.runs:
        row = compared(run, options.examples, options.particles, options.rounds)
        record["rows"].append(row)
        print(
            f"{row['run']:45}{row['nll']:12.4f}{row['nll_by_xla']:10.4f}{row['largest_change']:17.2g}"
            f"{row['times_as_fast']:16.2f}",
            flush=True,
        )
        if options.json:
            options.json.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
