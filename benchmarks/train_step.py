"""Training speed against its floor: the matrix products of the same step alone.

    python benchmarks/train_step.py [--hidden 200] [--batch-size 100] [--particles 1] [--steps 1000] [--rounds 7]

The step is NVIL on a sigmoid belief net with 784 visible units, as `fit` runs it: many steps in one dispatch, data on
the device, baseline networks, Adam. The floor is XLA's own float32 products of that step, in the same kind of loop:
forward and weight gradient of every dense layer of generative net, recognition net and baseline networks. Both are
timed in turn in one process; on a shared machine only the ratio means something. Peak memory is that of the process.
"""

import argparse
import itertools
import resource
import statistics
import time
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from beliefnet.estimators import NVIL
from beliefnet.evaluation import as_floats
from beliefnet.nets import sigmoid_belief_net
from beliefnet.training import OptimizerOptions, TrainState, make_optimizer, make_run_steps

NUM_VISIBLE, NUM_EXAMPLES, BASELINE_UNITS = 784, 50_000, 100


def step_runner(hidden: list[int], batch_size: int, particles: int, num_steps: int) -> Callable[[], None]:
    """Return a function that takes `num_steps` training steps."""
    rows = np.random.default_rng(0).random((NUM_EXAMPLES, NUM_VISIBLE)) < 0.13
    data = jnp.asarray(rows.astype(np.uint8))
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


def floor_runner(hidden: list[int], batch_size: int, particles: int, num_steps: int) -> Callable[[], None]:
    """Return a function that does the matrix products of `num_steps` training steps and nothing else."""
    sizes = [NUM_VISIBLE, *hidden]
    rows = [batch_size] + [batch_size * particles] * len(hidden)
    shapes = []
    for index, (below, above) in enumerate(itertools.pairwise(sizes)):
        shapes.append((rows[index], below, above))  # recognition
        shapes.append((rows[index], below, BASELINE_UNITS))  # baseline network
        shapes.append((rows[index + 1], above, below))  # generative
    keys = jax.random.split(jax.random.key(0), 2 * len(shapes))
    inputs = [jax.random.normal(k, (r, i)) for k, (r, i, _) in zip(keys, shapes, strict=False)]
    weights = [0.01 * jax.random.normal(k, (i, o)) for k, (_, i, o) in zip(keys[len(shapes) :], shapes, strict=True)]

    @jax.jit
    def products(weights: list[Array], inputs: list[Array]) -> list[Array]:
        def body(_: Array, weights: list[Array]) -> list[Array]:
            return [values.T @ (values @ weight) for values, weight in zip(inputs, weights, strict=True)]

        return lax.fori_loop(0, num_steps, body, weights)

    return lambda: jax.block_until_ready(products(weights, inputs)) and None


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
    seconds: dict[str, list[float]] = {name: [] for name in runners}
    for run in runners.values():
        run()
    for _ in range(options.rounds):
        for name, run in runners.items():
            begin = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - begin)
    examples = options.batch_size * options.steps
    for name, values in seconds.items():
        median = statistics.median(values)
        print(f"{name:5}  {median / options.steps * 1e3:.3f} ms a step  {examples / median:,.0f} examples/s")
    ratios = sorted(floor / step for step, floor in zip(seconds["step"], seconds["floor"], strict=True))
    print(f"ratio  {statistics.median(ratios):.2f} of the floor (min {ratios[0]:.2f}, max {ratios[-1]:.2f})")
    print(f"memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB at the peak")


if __name__ == "__main__":
    main()
