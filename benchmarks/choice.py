"""Whether `--estimator auto` chooses well: its choice, beside variance x time of every candidate as measured here.

    python benchmarks/choice.py [--draws 2000] [--rounds 7] [--json FILE]

For three nets on the digits: the choice is made as `beliefnet train` makes it; then each candidate's variance, summed
over all parameters, is that of many estimates at the net after the same few epochs, and its time is the median of
rounds in which all take turns. A choice is good if its product is within 1.5 times the least.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from _timing import Runner, time_in_turn

from beliefnet import BeliefNet
from beliefnet.catalogue import DataShape, TrainConfig, build_estimator, choose_estimator
from beliefnet.catalogue._trials import UNSCALED
from beliefnet.data import load
from beliefnet.estimators import AbstractEstimator
from beliefnet.training import fit

NETS = {
    "64-200 sigmoid belief net": {"hidden": (200,)},
    "64-60-40-20 sigmoid belief net": {"hidden": (60, 40, 20)},
    "64-20x4 categorical": {"net": "categorical", "hidden": (20,), "categories": 4},
}
PILOT = 3
TIMED = 50
WARM_UP = 100


def measured(net: BeliefNet, estimator: AbstractEstimator, x: jax.Array, num_draws: int) -> tuple[float, Runner]:
    """Return the variance of one estimate, and a function that makes `TIMED` of them in one dispatch."""

    @eqx.filter_jit
    def warm(state, keys):
        return jax.lax.scan(lambda s, k: (estimator.estimate(net, x, s, key=k).state, None), state, keys)[0]

    state = warm(estimator.init(net), jax.random.split(jax.random.key(1), WARM_UP))

    @jax.jit
    def sums(keys):
        def add(carry, key):
            grads = eqx.filter(estimator.estimate(net, x, state, key=key).net, eqx.is_inexact_array)
            flat = jnp.concatenate([leaf.ravel() for leaf in jax.tree.leaves(grads)])
            return (carry[0] + flat, carry[1] + flat**2), None

        size = sum(leaf.size for leaf in jax.tree.leaves(eqx.filter(net, eqx.is_inexact_array)))
        return jax.lax.scan(add, (jnp.zeros(size), jnp.zeros(size)), keys)[0]

    total, squares = np.zeros(1), np.zeros(1)
    for part in range(num_draws // 100):
        one, two = sums(jax.random.split(jax.random.key(2 + part), 100))
        total, squares = total + np.asarray(one, np.float64), squares + np.asarray(two, np.float64)
    variance = float((squares / num_draws - (total / num_draws) ** 2).sum() * num_draws / (num_draws - 1))
    keys = jax.random.split(jax.random.key(0), TIMED)
    return variance, lambda: jax.block_until_ready(sums(keys))


def costs(config: TrainConfig, num_draws: int, rounds: int, clock: Callable[[], float]) -> dict[str, dict[str, float]]:
    """Measure every candidate at the net after a few epochs."""
    dataset = load("digits")
    net, usual = config.build(DataShape.of(dataset))
    options = replace(config.fit, epochs=PILOT)
    learner = fit(net, dataset, usual, options=options).state.learner
    net, x = learner.params.net, dataset.train.take(np.arange(50), key=jax.random.key(0))
    variances, runners = {}, {}
    for name, choice in config.candidates.items():
        estimator = build_estimator(choice.replace(**UNSCALED.get(name, {})), net, key=jax.random.key(3))
        if name == config.estimator.name:
            trained = jax.tree.leaves(learner.params.estimator)
            estimator = jax.tree.unflatten(jax.tree.structure(estimator), trained)
        variances[name], runners[name] = measured(net, estimator, x, num_draws)
    times = time_in_turn(runners, rounds, clock=clock)
    ms = {name: 1000 * statistics.median(found) / TIMED for name, found in times.items()}
    return {name: {"variance": variances[name], "ms": ms[name], "cost": variances[name] * ms[name]} for name in ms}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=2000, help="estimates of which the variance is taken")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--cpu-time", action="store_true", help="steady on a shared machine")
    parser.add_argument("--json", type=Path, help="where the numbers go")
    options = parser.parse_args()
    clock = time.process_time if options.cpu_time else time.perf_counter
    record = {}
    for title, chosen in NETS.items():
        config = TrainConfig(estimator="auto", batch_size=50, **chosen)
        dataset = load("digits")
        net, _ = config.build(DataShape.of(dataset))
        choice = choose_estimator(config, dataset, net)[0].estimator.name
        found = costs(config, options.draws, options.rounds, clock)
        least = min(each["cost"] for each in found.values())
        ranked = sorted(found, key=lambda name: found[name]["cost"])
        record[title] = {
            "chosen": choice,
            "of_the_least": round(found[choice]["cost"] / least, 3),
            "candidates": {name: {k: float(f"{v:.4g}") for k, v in found[name].items()} for name in ranked},
        }
        print(title, record[title], flush=True)
    if options.json:
        options.json.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
