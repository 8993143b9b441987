"""Variance x time of the unbiased estimators of each net, and whether `--estimator auto` chooses well among them.

    python benchmarks/choice.py [--draws 2000] [--rounds 7] --json FILE [--page FILE]

For five nets on the digits: the choice is made as `beliefnet train` makes it; then each candidate's variance, summed
over all parameters, is that of many estimates at the net after the same few epochs, and its time is the median of
rounds in which all take turns. A choice is good if its product is within 1.5 times the least. The estimators of the
ELBO draw 4 particles, those of the K-particle bound 10. `--page` writes the tables of a record into a page, and its
picture beside it, instead.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
from _timing import Runner, time_in_turn

from beliefnet import BeliefNet
from beliefnet._errors import OptionError
from beliefnet.catalogue import ESTIMATORS, DataShape, TrainConfig, build_estimator, choose_estimator
from beliefnet.catalogue._entries import Choice
from beliefnet.catalogue._trials import UNSCALED
from beliefnet.data import load
from beliefnet.estimators import AbstractEstimator
from beliefnet.proposals import Recognition
from beliefnet.training import fit

NETS = {
    "64-200 sigmoid belief net": {"hidden": (200,)},
    "64-60-40-20 sigmoid belief net": {"hidden": (60, 40, 20)},
    "64-20x4 categorical": {"net": "categorical", "hidden": (20,), "categories": 4},
    "64-50 fDARN": {"net": "fdarn", "hidden": (50,)},
    "64-20 VAE": {"net": "vae", "hidden": (20,)},
}
NUM_PARTICLES = 10
"""K of the K-particle bound."""
PILOT = 3
TIMED = 50
WARM_UP = 100
_BEGIN = "<!-- measured: python benchmarks/choice.py --json results/benchmarks/choice.json --page PAGE -->\n"
_END = "<!-- end -->\n"


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


def of_many_particles(options: dict[str, Any]) -> dict[str, Choice]:
    """Return the estimators that climb the K-particle bound of a net without bias."""
    kept = {}
    for name in ESTIMATORS:
        try:
            config = TrainConfig(estimator=name, particles=NUM_PARTICLES, **options)
        except OptionError:
            continue  # not for this net, or not of many particles
        estimator = config.build(DataShape.of(load("digits")))[1]
        bound = estimator.bound
        if estimator.is_unbiased and bound.num_particles == NUM_PARTICLES and type(bound.proposal) is Recognition:
            kept[name] = config.estimator
    return kept


def costs(
    config: TrainConfig, candidates: Mapping[str, Choice], num_draws: int, rounds: int, clock: Callable[[], float]
) -> dict[str, dict[str, float]]:
    """Measure every candidate at the net after a few epochs, the least variance x time first."""
    dataset = load("digits")
    net, usual = config.build(DataShape.of(dataset))
    options = replace(config.fit, epochs=PILOT)
    learner = fit(net, dataset, usual, options=options).state.learner
    net, x = learner.params.net, dataset.train.take(np.arange(50), key=jax.random.key(0))
    variances, runners = {}, {}
    for name, choice in candidates.items():
        estimator = build_estimator(choice.replace(**UNSCALED.get(name, {})), net, key=jax.random.key(3))
        if name == config.estimator.name:
            trained = jax.tree.leaves(learner.params.estimator)
            estimator = jax.tree.unflatten(jax.tree.structure(estimator), trained)
        variances[name], runners[name] = measured(net, estimator, x, num_draws)
    times = time_in_turn(runners, rounds, clock=clock)
    found = {}
    for name, seconds in times.items():
        ms = 1000 * statistics.median(seconds) / TIMED
        found[name] = {"variance": variances[name], "ms": ms, "cost": variances[name] * ms}
    ranked = sorted(found, key=lambda name: found[name]["cost"])
    return {name: {key: float(f"{value:.4g}") for key, value in found[name].items()} for name in ranked}


def table(record: dict[str, Any]) -> str:
    """Return a record as tables in Markdown: variance and time as multiples of those of the cheapest estimator."""
    lines = []
    for title, found in record.items():
        for key, bound in (("candidates", "the ELBO"), (f"particles_{NUM_PARTICLES}", f"L_{NUM_PARTICLES}")):
            if not found[key]:
                continue
            best = next(iter(found[key].values()))
            lines += [
                f"**{title}, {bound}**",
                "",
                "| estimator | variance | time | variance x time |",
                "|---|---|---|---|",
            ]
            for name, each in found[key].items():
                ratios = " | ".join(f"{each[unit] / best[unit]:.2f}" for unit in ("variance", "ms", "cost"))
                lines.append(f"| `{name}` | {ratios} |")
            lines.append("")
    return "\n".join(lines)


def draw(record: dict[str, Any], path: Path) -> None:
    """Draw variance x time of the estimators of each net and bound, as multiples of the least."""
    rows = [("candidates", "the ELBO"), (f"particles_{NUM_PARTICLES}", f"L_{NUM_PARTICLES}")]
    figure, places = plt.subplots(
        len(rows), len(record), figsize=(15, 5.2), height_ratios=(11, 4), layout="constrained", sharex="row"
    )
    for row, (key, bound) in zip(places, rows, strict=True):
        for axes, (title, found) in zip(row, record.items(), strict=True):
            least = next(iter(found[key].values()))["cost"]
            ratios = {name: each["cost"] / least for name, each in found[key].items()}
            bars = axes.barh(list(ratios), list(ratios.values()), color="C0")
            axes.bar_label(bars, [f"{ratio:.3g}" for ratio in ratios.values()], padding=2, fontsize=7)
            axes.set(title=f"{title}, {bound}", xscale="log", xlim=(0.7, 1000))
            axes.invert_yaxis()
            axes.title.set_size(9)
            axes.tick_params(labelsize=8)
    figure.supxlabel("variance x time, as multiples of the least", fontsize=9)
    figure.savefig(path, dpi=80)


def with_tables(page: str, record: dict[str, Any]) -> str:
    """Return a page with its tables as a record has them."""
    before, rest = page.split(_BEGIN)
    return before + _BEGIN + "\n" + table(record) + _END + rest.split(_END)[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=2000, help="estimates of which the variance is taken")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--cpu-time", action="store_true", help="steady on a shared machine")
    parser.add_argument("--json", type=Path, required=True, help="where the numbers go, or come from")
    parser.add_argument("--page", type=Path, help="measure nothing, and write the tables into a page")
    options = parser.parse_args()
    if options.page:
        record = json.loads(options.json.read_text())
        options.page.write_text(with_tables(options.page.read_text(), record))
        draw(record, options.page.parent / "images" / "estimators.png")
        return
    clock = time.process_time if options.cpu_time else time.perf_counter
    record = {}
    for title, chosen in NETS.items():
        config = TrainConfig(estimator="auto", batch_size=50, **chosen)
        dataset = load("digits")
        net, _ = config.build(DataShape.of(dataset))
        choice = choose_estimator(config, dataset, net)[0].estimator.name
        found = costs(config, config.candidates, options.draws, options.rounds, clock)
        many = of_many_particles(dict(chosen))
        least = next(iter(found.values()))["cost"]
        record[title] = {
            "chosen": choice,
            "of_the_least": round(found[choice]["cost"] / least, 3),
            "candidates": found,
            f"particles_{NUM_PARTICLES}": costs(config, many, options.draws, options.rounds, clock),
        }
        print(title, record[title], flush=True)
        options.json.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
