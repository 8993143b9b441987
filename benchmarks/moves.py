"""What annealing gains in equal time by the moves of discrete layers.

    python benchmarks/moves.py RUN... [--budgets 50 250] [--rows 30] [--particles 20] [--out FILE.json]

Every move has as many temperatures as take the time that Gibbs with gradients, one change a stop, has for those of the
budget: costs are measured first, as processor time, in turn. Of each, over the first test rows of a run:

gap     log p(x) less the mean log-weight, in nats: what the ELBO of annealed particles still lacks
error   log p(x) less the log-mean-exp of the weights
ess     effective particles, by their weights
ess/s   of a datum, per second of processor time

log p(x) is that of `--exact` particles of the recognition net.
"""

import argparse
import json
import statistics
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from _timing import Runner, time_in_turn

from beliefnet import BeliefNet, Trace
from beliefnet.data import load
from beliefnet.evaluation import particle_bounds
from beliefnet.moves import DiscreteMoves
from beliefnet.proposals import Annealed, Recognition
from beliefnet.runs import load_run

GIBBS, LANGEVIN, PATH = DiscreteMoves
BASE = "gibbs"
MOVES = {
    BASE: Annealed(2),
    "gibbs, 5 changes": Annealed(2, num_changes=5),
    **{f"langevin, step {step}": Annealed(2, moves=LANGEVIN, langevin_step=step) for step in (0.1, 0.2, 0.4)},
    "langevin, step 0.2, 5 proposals": Annealed(2, moves=LANGEVIN, num_changes=5),
    **{f"path, {num} changes": Annealed(2, moves=PATH, num_changes=num) for num in (2, 5)},
}


@jax.jit
def log_weights(net: BeliefNet, x: jax.Array, annealed: Annealed, like: jax.Array, key: jax.Array) -> jax.Array:
    """Log-weights `[particles, batch]`, as many particles as `like` is long."""
    return Trace.record(net, annealed.draw(net, x, len(like), key=key)).log_weight


def measured(net: BeliefNet, x: jax.Array, options: argparse.Namespace) -> dict[str, Any]:
    """Return the rows of one net."""
    like, key = jnp.zeros(options.particles), jax.random.key(0)

    def runner(annealed: Annealed) -> Runner:
        def run() -> None:
            jax.block_until_ready(log_weights(net, x, annealed, like, key))

        return run

    pilots = {name: runner(replace(annealed, num_temperatures=options.pilot + 1)) for name, annealed in MOVES.items()}
    seconds = time_in_turn(pilots, options.rounds, clock=time.process_time)
    cost = {name: statistics.median(values) / options.pilot for name, values in seconds.items()}
    bounds = particle_bounds(net, x, num_particles=options.exact, key=jax.random.key(1), proposal=Recognition())
    truth, found = np.asarray(bounds.bound, np.float64), {}
    for budget in options.budgets:
        for name, annealed in MOVES.items():
            stops = max(1, round(budget * cost[BASE] / cost[name]))
            one = replace(annealed, num_temperatures=stops + 1)
            found[budget, name] = stops, np.asarray(log_weights(net, x, one, like, jax.random.key(2)), np.float64)
    rows = []
    for (budget, name), (stops, f) in found.items():
        weights = np.exp(f - np.logaddexp.reduce(f, axis=0))
        ess = float(np.mean(1 / np.sum(weights**2, axis=0)))
        error = truth - np.logaddexp.reduce(f, axis=0) + np.log(len(f))
        each = stops * cost[name] / len(x)
        gap = truth - f.mean(axis=0)
        rows.append(
            {
                "budget": budget,
                "move": name,
                "stops": stops,
                "ms_per_datum": 1e3 * each,
                "gap": float(gap.mean()),
                "gap_stderr": float(f.std(axis=0).mean() / f.size**0.5),
                "error": float(error.mean()),
                "ess": ess,
                "ess_per_second": ess / each,
            }
        )
    start = np.asarray(log_weights(net, x, Annealed(1), like, jax.random.key(2)))
    return {
        "log_likelihood": float(truth.mean()),
        "gap_of_start": float((truth - start.mean(axis=0)).mean()),
        "rows": rows,
    }


def main() -> None:
    """Print a table of each run, and write them where they are wanted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--budgets", type=int, nargs="+", default=[50, 250])
    parser.add_argument("--rows", type=int, default=30)
    parser.add_argument("--particles", type=int, default=20)
    parser.add_argument("--exact", type=int, default=20_000)
    parser.add_argument("--pilot", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    settings = {name: value for name, value in vars(options).items() if name not in ("runs", "out")}
    x = jnp.asarray(load("digits").test.rows[: options.rows], jnp.float32)
    table: dict[str, Any] = {**settings, "jax": jax.__version__, "device": str(jax.devices()[0]), "nets": {}}
    for run in options.runs:
        result = table["nets"][run.name] = measured(load_run(run).net, x, options)
        print(f"{run.name}: log p(x) {result['log_likelihood']:.3f}, gap of the start {result['gap_of_start']:.3f}\n")
        print(f"{'move':32} {'stops':>6} {'ms':>7} {'gap':>7} {'+-':>6} {'error':>7} {'ess':>6} {'ess/s':>7}")
        for row in result["rows"]:
            print(
                f"{row['move']:32} {row['stops']:6} {row['ms_per_datum']:7.1f} {row['gap']:7.3f} "
                f"{row['gap_stderr']:6.3f} {row['error']:7.3f} {row['ess']:6.2f} {row['ess_per_second']:7.1f}"
            )
        print()
    if options.out:
        options.out.write_text(json.dumps(table, indent=1) + "\n")


if __name__ == "__main__":
    main()
