"""Memory of an evaluation: it must grow neither with the number of rows nor with that of particles.

    python benchmarks/evaluate_memory.py [--rows 10000] [--particles 100000] [--visible 8] [--hidden 4]
        [--json FILE]

A small net, so that the particles are many and cheap. What is printed is the most resident memory that the process has
had, before the evaluation and after it, and the seconds that it took.
"""

import argparse
import json
import time
from pathlib import Path

import jax
import numpy as np
from _timing import peak_megabytes

from beliefnet.bench._definitions import binary_rows
from beliefnet.data import Observations
from beliefnet.evaluation import evaluate
from beliefnet.nets import sigmoid_belief_net


def main() -> None:
    """Evaluate, and print the peaks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--particles", type=int, default=100_000)
    parser.add_argument("--visible", type=int, default=8)
    parser.add_argument("--hidden", type=int, nargs="+", default=[4])
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    net = sigmoid_belief_net(options.visible, options.hidden, key=jax.random.key(0))
    data = Observations(binary_rows(options.rows, options.visible).astype(np.uint8))
    evaluate(net, data[:2], num_particles=100, key=jax.random.key(1))
    before, begin = peak_megabytes(), time.perf_counter()
    found = evaluate(net, data, num_particles=options.particles, key=jax.random.key(1))
    seconds, peak = time.perf_counter() - begin, peak_megabytes()
    print(
        f"{options.rows} rows, {options.particles} particles: {peak:.0f} MB at the peak, {before:.0f} MB before, "
        f"{seconds:.0f} s; NLL {found.nll.mean:.3f}, k-hat {found.pareto_k}"
    )
    if options.json:
        asked = {name: value for name, value in vars(options).items() if name != "json"}
        memory = {"peak_megabytes": round(peak), "before_megabytes": round(before), "seconds": round(seconds)}
        about = {"jax": jax.__version__, "device": str(jax.devices()[0])}
        said = {"nll": found.nll.mean, "pareto_k": found.pareto_k}
        options.json.write_text(json.dumps({**about, **asked, **memory, **said}, indent=1) + "\n")


if __name__ == "__main__":
    main()
