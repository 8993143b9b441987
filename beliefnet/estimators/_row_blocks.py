"""The rows of a batch, a block at a time."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Float

from beliefnet._streams import split_key
from beliefnet._types import Key
from beliefnet.estimators._base import Estimate


def row_blocks(
    estimate: Callable[[Array, Key], Estimate], x: Float[Array, "batch visible"], size: int | None, *, key: Key
) -> Estimate:
    """Return the mean of the estimates on blocks of rows, one of which is held at a time.

    Of an estimator that takes rows apart (`draws_apart`) this is an estimate on the batch: the same distribution, by
    other draws. Memory is that of a block, nothing is computed twice, and on a CPU what belongs to a block stays in the
    cache.

    Args:
        estimate: Estimates the gradient on some rows with a key.
        x: Observations, `[batch, visible]`.
        size: Rows of a block, a number that divides the batch; None for all, which any estimator takes.
        key: Random key for the draws.
    """
    if size is None:
        return estimate(x, key)
    count = len(x) // size
    blocks, keys = x.reshape(count, size, *x.shape[1:]), split_key(key, count)

    def add(total: Estimate, block: tuple[Array, Key]) -> tuple[Estimate, None]:
        return jax.tree.map(jnp.add, total, estimate(*block)), None

    shapes = jax.eval_shape(estimate, blocks[0], keys[0])
    none = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
    total, _ = lax.scan(add, none, (blocks, keys))
    return jax.tree.map(lambda leaf: leaf / count, total)
