"""Training speed against its floor: the matrix products of the same step alone.

    python benchmarks/train_step.py [--hidden 200] [--batch-size 100] [--particles 1] [--steps 1000] [--rounds 7]

The step is NVIL on a sigmoid belief net with 784 visible units, as `fit` runs it: many steps in one dispatch, data on
the device, baseline networks, Adam. The floor is XLA's own float32 products of that step, in the same kind of loop:
forward and weight gradient of every dense layer of generative net, recognition net and baseline networks. Both are
timed in turn in one process; on a shared machine only the ratio means something. Peak memory is that of the process.
"""

import argparse
import itertools
import statistics

import jax
import jax.numpy as jnp
from _timing import Product, Runner, binary_rows, peak_megabytes, products_runner, time_in_turn

from beliefnet.estimators import NVIL
from beliefnet.evaluation import as_floats
from beliefnet.nets import sigmoid_belief_net
from beliefnet.training import OptimizerOptions, TrainState, make_optimizer, make_run_steps

NUM_VISIBLE, NUM_EXAMPLES, BASELINE_UNITS = 784, 50_000, 100


def step_runner(hidden: list[int], batch_size: int, particles: int, num_steps: int) -> Runner:
    """Return a function that takes `num_steps` training steps."""
    data = binary_rows(NUM_EXAMPLES, NUM_VISIBLE)
    mean = data.mean(axis=0, dtype=jnp.float32)
    net = sigmoid_belief_net(NUM_VISIBLE, hidden, key=jax.random.key(0), input_mean=mean, visible_mean=mean)
    estimator = NVIL(net, num_particles=particles, key=jax.random.key(1))
    optimizer = make_optimizer(OptimizerOptions(), 10**6)
    run_steps = make_run_steps(as_floats, optimizer, batch_size=batch_size, key=jax.random.key(2))
    learner = TrainState.start(net, estimator, optimizer).learner

    def run() -> None:
        nonlocal learner
        learner = jax.block_until_ready(run_steps(learner, data, jnp.int32(num_steps)))

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
    return products_runner(products, num_steps)


def main() -> None:
    """Time both, in turn, and print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hidden", type=int, nargs="+", default=[200])
    parser.add_argument("--batch-size", type=int, default=100)
    parser.add_argument("--particles", type=int, default=1)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    arguments = (options.hidden, options.batch_size, options.particles, options.steps)
    runners = {"step": step_runner(*arguments), "floor": floor_runner(*arguments)}
    seconds = time_in_turn(runners, options.rounds)
    examples = options.batch_size * options.steps
    for name, values in seconds.items():
        median = statistics.median(values)
        print(f"{name:5}  {median / options.steps * 1e3:.3f} ms a step  {examples / median:,.0f} examples/s")
    ratios = sorted(floor / step for step, floor in zip(seconds["step"], seconds["floor"], strict=True))
    print(f"ratio  {statistics.median(ratios):.2f} of the floor (min {ratios[0]:.2f}, max {ratios[-1]:.2f})")
    print(f"memory {peak_megabytes():.0f} MB at the peak")


if __name__ == "__main__":
    main()
