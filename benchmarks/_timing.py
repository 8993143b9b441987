"""What the benchmarks share: runs timed in turn, and the floor of matrix products."""

import resource
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import jax
import numpy as np
from jax import Array, lax

Runner = Callable[[], None]


@dataclass(frozen=True)
class Product:
    """The products of one dense layer in a step: forward, weight gradient and, for path gradients, input gradient."""

    rows: int
    inputs: int
    outputs: int
    has_input_gradient: bool = False


def time_in_turn(
    runners: dict[str, Runner], rounds: int, *, clock: Callable[[], float] = time.perf_counter
) -> dict[str, list[float]]:
    """Return the seconds of each runner in each round, the first, uncounted run apart."""
    seconds: dict[str, list[float]] = {name: [] for name in runners}
    for run in runners.values():
        run()
    for _ in range(rounds):
        for name, run in runners.items():
            begin = clock()
            run()
            seconds[name].append(clock() - begin)
    return seconds


def products_runner(products: Iterable[Product], num_steps: int) -> Runner:
    """Return a function that does the matrix products of `num_steps` steps, in one dispatch, and nothing else."""
    products = tuple(products)
    keys = jax.random.split(jax.random.key(0), 2 * len(products))
    inputs = [jax.random.normal(k, (p.rows, p.inputs)) for k, p in zip(keys, products, strict=False)]
    weights = [
        0.01 * jax.random.normal(k, (p.inputs, p.outputs)) for k, p in zip(keys[len(products) :], products, strict=True)
    ]

    def through(product: Product, values: Array, weight: Array) -> Array:
        outputs = values @ weight
        gradient = values.T @ outputs
        if not product.has_input_gradient:
            return gradient
        # One element of the input gradient is added, times zero, so that the product is not removed as unused.
        return gradient + 0 * lax.optimization_barrier(outputs @ weight.T)[0, 0]

    @jax.jit
    def loop(weights: list[Array], inputs: list[Array]) -> list[Array]:
        def body(_: Array, weights: list[Array]) -> list[Array]:
            return [through(p, v, w) for p, v, w in zip(products, inputs, weights, strict=True)]

        return lax.fori_loop(0, num_steps, body, weights)

    return lambda: jax.block_until_ready(loop(weights, inputs)) and None


def forward_runner(products: Iterable[tuple[int, int, int]], num_steps: int) -> Runner:
    """Return a function that does products of `(rows, inputs, outputs)` `num_steps` times over, and nothing else."""
    products = tuple(products)
    keys = jax.random.split(jax.random.key(0), 2 * len(products))
    inputs = [jax.random.normal(k, (rows, width)) for k, (rows, width, _) in zip(keys, products, strict=False)]
    weights = [0.01 * jax.random.normal(k, p[1:]) for k, p in zip(keys[len(products) :], products, strict=True)]

    @jax.jit
    def loop(weights: list[Array], inputs: list[Array]) -> list[Array]:
        def body(_: Array, weights: list[Array]) -> list[Array]:
            # One element of each product is kept, times zero, so that every step has to make it anew.
            return [w + 0 * lax.optimization_barrier(v @ w)[0, 0] for v, w in zip(inputs, weights, strict=True)]

        return lax.fori_loop(0, num_steps, body, weights)

    return lambda: jax.block_until_ready(loop(weights, inputs)) and None


def binary_rows(num_examples: int, num_visible: int) -> np.ndarray:
    """Return random bytes of zeros and ones, with as many ones as binarised MNIST has."""
    return (np.random.default_rng(0).random((num_examples, num_visible)) < 0.13).astype(np.uint8)


def peak_megabytes() -> float:
    """Return the most resident memory that this process has had."""
    status = Path("/proc/self/status")
    if status.exists():
        # Not what getrusage says: on Linux a process inherits the peak of the one that started it.
        return int(status.read_text().partition("VmHWM:")[2].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
