"""Training speed against its floor: the matrix products of the same step alone.

    python benchmarks/train_step.py [--nets sbn fdarn] [--hidden 200] [--batch-size 100] [--particles 1]
        [--steps 1000] [--rounds 7]

The step is NVIL on a net with 784 visible units, as `fit` runs it: many steps in one dispatch, data on the device,
baseline networks, Adam. The floor is XLA's own float32 products of that step on a sigmoid belief net, in the same kind
of loop: forward and weight gradient of every dense layer of generative net, recognition net and baseline networks. All
are timed in turn in one process; on a shared machine only the ratio means something. Peak memory is that of the
process. The nets beside `sbn` have connections within layers: `fdarn` among its latents in the generative net,
`fdarn-both` also in the recognition net, whose units are drawn one after the other, `darn` also among visible units.
"""

import argparse
import itertools
import statistics
from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from _timing import Runner, peak_megabytes, time_in_turn

from beliefnet import BeliefNet
from beliefnet.bench._contestant import Product
from beliefnet.bench._definitions import binary_rows
from beliefnet.bench._floors import products_runner
from beliefnet.data import Observations
from beliefnet.estimators import NVIL
from beliefnet.nets import darn, sigmoid_belief_net
from beliefnet.training import FitOptions, Plan, TrainState, run_steps

NUM_VISIBLE, NUM_EXAMPLES, BASELINE_UNITS = 784, 50_000, 100
NETS: dict[str, Callable[..., BeliefNet]] = {
    "sbn": sigmoid_belief_net,
    "fdarn": partial(darn, autoregressive_visible=False),
    "fdarn-both": partial(darn, autoregressive_visible=False, autoregressive_recognition=True),
    "darn": darn,
}


def step_runner(kind: str, hidden: list[int], batch_size: int, particles: int, num_steps: int) -> Runner:
    """Return a function that takes `num_steps` training steps."""
    observations = Observations(binary_rows(NUM_EXAMPLES, NUM_VISIBLE))
    mean, data = jnp.asarray(observations.average()), observations.on_device()
    net = NETS[kind](NUM_VISIBLE, hidden, key=jax.random.key(0), input_mean=mean, visible_mean=mean)
    estimator = NVIL(net, num_particles=particles, key=jax.random.key(1))
    plan = Plan.of(FitOptions(), 10**6)
    key = jax.random.key(2)
    learner = TrainState.start(net, estimator, plan).learner

    def run() -> None:
        nonlocal learner
        after = run_steps(learner, data, plan, jnp.int32(num_steps), batch_size=batch_size, key=key)
        learner = jax.block_until_ready(after)

    return run


def floor_runner(hidden: list[int], batch_size: int, particles: int, num_steps: int) -> Runner:
    """Return a function that does the matrix products of `num_steps` training steps and nothing else."""
    sizes = [NUM_VISIBLE, *hidden]
    rows = [batch_size] + [batch_size * particles] * len(hidden)
    products = []
    for index, (below, above) in enumerate(itertools.pairwise(sizes)):
        products.append(Product(rows[index], below, above))  # recognition
        products.append(Product(rows[index], below, BASELINE_UNITS))  # baseline network
        products.append(Product(rows[index + 1], above, below))  # generative
    return partial(products_runner(products), num_steps)


def main() -> None:
    """Time all, in turn, and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nets", nargs="+", default=["sbn", "fdarn"], choices=list(NETS))
    parser.add_argument("--hidden", type=int, nargs="+", default=[200])
    parser.add_argument("--batch-size", type=int, default=100)
    parser.add_argument("--particles", type=int, default=1)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    arguments = (options.hidden, options.batch_size, options.particles, options.steps)
    runners = {kind: step_runner(kind, *arguments) for kind in options.nets}
    runners["floor"] = floor_runner(*arguments)
    seconds = time_in_turn(runners, options.rounds)
    first, floor = options.nets[0], seconds["floor"]
    for name, values in seconds.items():
        milliseconds = statistics.median(values) / options.steps * 1e3
        of_floor = statistics.median(f / s for s, f in zip(values, floor, strict=True))
        times = statistics.median(s / f for s, f in zip(values, seconds[first], strict=True))
        rate = options.batch_size / milliseconds * 1e3
        print(
            f"{name:10}  {milliseconds:7.3f} ms a step  {rate:8,.0f} examples/s  {of_floor:.2f} of the floor  "
            f"{times:.2f} times {first}"
        )
    print(f"memory {peak_megabytes():.0f} MB at the peak")


if __name__ == "__main__":
    main()
