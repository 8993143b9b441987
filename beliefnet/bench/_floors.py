"""The floor: the matrix products of a step in one dispatch of XLA, and nothing else."""

from collections.abc import Callable, Iterable

import jax
from jax import Array, lax

from beliefnet.bench._contestant import AbstractContestant, Product, Task

Runner = Callable[[int], None]
"""What does the products of so many steps."""


def products_runner(products: Iterable[Product]) -> Runner:
    """Return a function that does the matrix products of training steps, in one dispatch, and nothing else."""
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
    def loop(weights: list[Array], inputs: list[Array], count: int) -> list[Array]:
        def body(_: Array, weights: list[Array]) -> list[Array]:
            return [through(p, v, w) for p, v, w in zip(products, inputs, weights, strict=True)]

        return lax.fori_loop(0, count, body, weights)

    return lambda count: jax.block_until_ready(loop(weights, inputs, count)) and None


def forward_runner(products: Iterable[tuple[int, int, int]]) -> Runner:
    """Return a function that does products of `(rows, inputs, outputs)` so many times over, and nothing else."""
    products = tuple(products)
    keys = jax.random.split(jax.random.key(0), 2 * len(products))
    inputs = [jax.random.normal(k, (rows, width)) for k, (rows, width, _) in zip(keys, products, strict=False)]
    weights = [0.01 * jax.random.normal(k, p[1:]) for k, p in zip(keys[len(products) :], products, strict=True)]

    @jax.jit
    def loop(weights: list[Array], inputs: list[Array], count: int) -> list[Array]:
        def body(_: Array, weights: list[Array]) -> list[Array]:
            # One element of each product is kept, times zero, so that every step has to make it anew.
            return [w + 0 * lax.optimization_barrier(v @ w)[0, 0] for v, w in zip(inputs, weights, strict=True)]

        return lax.fori_loop(0, count, body, weights)

    return lambda count: jax.block_until_ready(loop(weights, inputs, count)) and None


class XLAFloor(AbstractContestant):
    """The products of a step by XLA."""

    def __init__(self, task: Task):
        self._trained, self._forward = products_runner(task.work.trained), forward_runner(task.work.forward)
        self._times, self._parts = task.work.times, (bool(task.work.trained), bool(task.work.forward))

    def run(self, count: int) -> None:
        """Do the products of so many steps."""
        if self._parts[0]:
            self._trained(count)
        if self._parts[1]:
            self._forward(count * self._times)

    def bound(self) -> float:
        """Return not a number: there is none."""
        return float("nan")
