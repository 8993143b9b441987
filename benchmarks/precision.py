"""What products in bfloat16 do to an evaluation: its figures and its time beside those in single precision.

    python benchmarks/precision.py RUN... [--examples 1000] [--particles 1000] [--json FILE]

Each run's best net is evaluated on the first test rows in both precisions, with the same random numbers; the difference
is taken datum by datum. BELIEFNET_DATA is the folder of the data.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import jax
import numpy as np

from beliefnet.conditionals import in_bfloat16
from beliefnet.data import load
from beliefnet.evaluation import particle_bounds
from beliefnet.runs import load_run

KEY = jax.random.key(0)


def compared(run: Path, num_examples: int, num_particles: int) -> dict[str, Any]:
    """Evaluate the net of a run in both precisions."""
    loaded = load_run(run)
    rows = load(loaded.record.name).test[:num_examples]
    found, seconds = {}, {}
    for name, net in (("float32", loaded.net), ("bfloat16", in_bfloat16(loaded.net))):
        particle_bounds(net, rows, num_particles=num_particles, key=KEY)  # compiles
        begin = time.perf_counter()
        found[name] = np.asarray(particle_bounds(net, rows, num_particles=num_particles, key=KEY).bound)
        seconds[name] = time.perf_counter() - begin
    change = found["float32"] - found["bfloat16"]
    return {
        "run": str(run),
        "nll": round(float(-found["float32"].mean()), 3),
        "change": {
            "mean": round(float(change.mean()), 4),
            "stderr": round(float(change.std(ddof=1) / np.sqrt(len(change))), 4),
        },
        "largest": round(float(np.abs(change).max()), 3),
        "times_as_fast": round(seconds["float32"] / seconds["bfloat16"], 2),
    }


def main() -> None:
    """Compare each net, print a table, and write what was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    parser.add_argument("--examples", type=int, default=1000)
    parser.add_argument("--particles", type=int, default=1000)
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    record = {"examples": options.examples, "particles": options.particles, "rows": []}
    print("run                                          NLL, nats   change           largest   times as fast")
    for run in options.runs:
        row = compared(run, options.examples, options.particles)
        record["rows"].append(row)
        mean, stderr = row["change"].values()
        print(
            f"{row['run']:45}{row['nll']:9.3f}   {mean:+.4f} +- {stderr:.4f}   {row['largest']:.3f}"
            f"   {row['times_as_fast']:.2f}",
            flush=True,
        )
        if options.json:
            options.json.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
