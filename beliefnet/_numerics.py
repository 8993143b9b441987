"""Numerically careful sums of log-probabilities, in nats."""

import math
from collections.abc import Callable
from functools import partial, wraps
from typing import ParamSpec, TypeVar

import jax
import jax.numpy as jnp
from jax import Array, lax
from jax.scipy.special import logsumexp
from jax.typing import ArrayLike
from jaxtyping import Float

from beliefnet._mesh import is_for_a_mesh
from beliefnet._random import uniform
from beliefnet._types import Key
from beliefnet.native._products import product

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


def broadcasting(function: Callable[P, R]) -> Callable[P, R]:
    """Let a function broadcast arrays with fewer axes, as all of the library does, where JAX is set to refuse that.

    `jax_numpy_rank_promotion="raise"` then finds what a user's own code broadcasts, and nothing else.
    """

    @wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        with jax.numpy_rank_promotion("allow"):
            return function(*args, **kwargs)

    return wrapped


@partial(jax.jit, static_argnums=1)
def starting_map(key: Key, shape: tuple[int, int]) -> tuple[Float[Array, "inputs outputs"], Float[Array, " outputs"]]:
    """Return weights and biases of a dense map as they start, Glorot-uniform and zero, in one program for each shape.

    Reference:
        Glorot & Bengio 2010, *Understanding the difficulty of training deep feedforward neural networks*.
    """
    widest = jnp.sqrt(3 * jnp.asarray(1 / (sum(shape) / 2), float))
    return (2 * uniform(key, shape) - 1) * widest, jnp.zeros(shape[1])


@jax.jit
def copied(tree: T) -> T:
    """Return a pytree of arrays whose buffers are its own, in one program for all of them."""
    return jax.tree.map(jnp.copy, tree)


def over_rows(
    function: Callable[[Float[Array, "rows inputs"]], Float[Array, "rows outputs"]],
    values: Float[Array, "*lead inputs"],
) -> Float[Array, "*lead outputs"]:
    """Apply a function of rows to values with any leading axes: to all rows under each other, in one matrix product.

    On a mesh of devices, leading axes stay as they are: devices would have to tell each other all rows, since an axis
    that is divided cannot become part of another one.

    Args:
        function: What is applied to rows.
        values: The rows.
    """
    if values.ndim < 2 or not is_for_a_mesh():
        results = function(values.reshape(-1, values.shape[-1]))
        return results.reshape(*values.shape[:-1], results.shape[-1])
    for _ in values.shape[:-2]:
        function = jax.vmap(function)
    return function(values)


def log_mean_exp(values: Float[Array, "..."], axis: int = 0) -> Float[Array, "..."]:
    """Return log(mean(exp(values))) along an axis; entries of -inf are allowed, and all of them give -inf."""
    return logsumexp(values, axis=axis) - jnp.log(values.shape[axis])


def normalised_weights(log_weights: Float[Array, "particles *rest"]) -> Float[Array, "particles *rest"]:
    """Return softmax over the first axis; where every log-weight is -inf, zeros; where one is NaN, all are."""
    largest = jnp.max(log_weights, axis=0)
    weights = jnp.exp(log_weights - jnp.where(jnp.isneginf(largest), 0, largest))
    total = weights.sum(axis=0)
    return weights / jnp.where(total == 0, 1, total)


def leave_one_out_sum(values: Float[Array, "particles *rest"]) -> Float[Array, "particles *rest"]:
    """Return, for each entry of the first axis, the sum of the others; -inf in one leaves the sum without it intact."""
    before = jnp.cumsum(values, axis=0)
    after = jnp.flip(jnp.cumsum(jnp.flip(values, axis=0), axis=0), axis=0)
    zeros = jnp.zeros_like(values[:1])
    return jnp.concatenate([zeros, before[:-1]]) + jnp.concatenate([after[1:], zeros])


def leave_one_out_log_sum_exp(values: Float[Array, "particles *rest"]) -> Float[Array, "particles *rest"]:
    """Return, for each entry of the first axis, the log of the sum of the others' exponentials.

    Sums from both ends are joined instead of subtracting from the total, so that nothing is lost where one entry
    dominates; memory is linear in the number of entries.
    """
    before = lax.associative_scan(jnp.logaddexp, values)
    after = lax.associative_scan(jnp.logaddexp, values, reverse=True)
    nothing = jnp.full_like(values[:1], -jnp.inf)
    return jnp.logaddexp(jnp.concatenate([nothing, before[:-1]]), jnp.concatenate([after[1:], nothing]))


def spread(values: Float[Array, "..."], shape: tuple[int, ...]) -> Float[Array, "..."]:
    """Return values repeated over new leading axes, with a derivative that is summed over them by a matrix product.

    On a CPU, XLA's own sum over a leading axis takes several times as long.

    Args:
        values: Of the last axes of the shape; axes of length one are repeated too.
        shape: That of the result.
    """
    rest = shape[len(shape) - values.ndim :]
    lead = shape[: len(shape) - values.ndim]
    values = jnp.broadcast_to(values, rest)
    if not lead:
        return values
    ones = jnp.ones(math.prod(lead), values.dtype)
    if is_for_a_mesh():  # where an axis that is divided cannot become part of another one
        repeated = jnp.tensordot(ones, values, axes=0, precision=lax.Precision.HIGHEST)
    else:  # of matrices, so that no operand of the sum is transposed first
        repeated = jnp.matmul(ones[:, None], values.reshape(1, -1), precision=lax.Precision.HIGHEST)
    return repeated.reshape(shape)


@jax.custom_jvp
def softplus(values: Float[Array, "..."]) -> Float[Array, "..."]:
    """Return log(1 + exp(values)), to single precision of the larger of the result and 1.

    A Bernoulli net spends a good part of its time here: the plain logarithm costs half of `log1p`, and what it loses
    is relative precision of results below 1e-7 nats.
    """
    return jnp.maximum(values, 0) + jnp.log(1 + jnp.exp(-jnp.abs(values)))


@softplus.defjvp
def _softplus_jvp(primals, tangents):
    (values,), (tangent,) = primals, tangents
    return softplus(values), jax.nn.sigmoid(values) * tangent


def unsoftplus(values: Float[Array, "..."]) -> Float[Array, "..."]:
    """Return what `softplus` turns into these values, which are positive."""
    return values + jnp.log(-jnp.expm1(-values))


def bernoulli_log_prob(logits: Float[Array, "..."], value: ArrayLike) -> Float[Array, "..."]:
    """Return the elementwise log-probability of binary values under Bernoulli logits, finite for every finite logit."""
    return jnp.asarray(value) * logits - softplus(logits)


@jax.custom_jvp
def joint_bernoulli_log_prob(
    logits: Float[Array, "*#lead units"], value: Float[Array, "*#lead units"]
) -> Float[Array, "*lead"]:
    """Return the log-probability of all units together under Bernoulli logits, summed over the last axis.

    Units are taken in groups: the logarithm of a product of terms between 1 and 2 is one logarithm and loses nothing.
    The groups' terms are then summed as a product with ones: on a CPU, XLA's own sum first writes out whatever was
    broadcast into its operand, such as an observation over particles, while this takes one fused pass. On a mesh, where
    units of a group can be on different devices, each is a group of its own.
    """
    units = logits.shape[-1]
    size = 1 if is_for_a_mesh() else _group_size(units)
    logits, value = (array.reshape(*array.shape[:-1], size, units // size) for array in (logits, value))
    linear, product = (jnp.full((), start, logits.dtype) for start in (0, 1))
    for member in range(size):
        one = logits[..., member, :]
        linear += value[..., member, :] * one - jnp.maximum(one, 0)
        product *= 1 + jnp.exp(-jnp.abs(one))
    return _sum_last(linear - jnp.log(product))


@joint_bernoulli_log_prob.defjvp
def _joint_bernoulli_log_prob_jvp(primals, tangents):
    (logits, value), (logits_tangent, value_tangent) = primals, tangents
    slope = (value - jax.nn.sigmoid(logits)) * logits_tangent + logits * value_tangent
    return joint_bernoulli_log_prob(logits, value), _sum_last(slope)


def dense_bernoulli(
    parent: Float[Array, "*lead parents"],
    weight: Float[Array, "parents units"],
    bias: Float[Array, " units"],
    value: Float[Array, "*#lead units"],
) -> tuple[Float[Array, "*lead"], Float[Array, "*lead units"]]:
    """Return the log-probability of all units together under Bernoulli logits `parent @ weight + bias`.

    Returns:
        The log-probabilities in nats, and their derivatives by the logits.
    """
    logits = over_rows(lambda rows: product(rows, weight) + bias, parent)
    return joint_bernoulli_log_prob(logits, value), value - jax.nn.sigmoid(logits)


def _sum_last(terms: Float[Array, "*lead units"]) -> Float[Array, "*lead"]:
    return jnp.matmul(terms, jnp.ones(terms.shape[-1], terms.dtype), precision=lax.Precision.HIGHEST)


def _group_size(units: int) -> int:
    """The largest divisor up to 14 that leaves vectors of a multiple of 8, or else the largest."""
    divisors = [size for size in range(1, 15) if units % size == 0]
    return max(divisors, key=lambda size: (units // size % 8 == 0, size))


def stable_logit(means: Float[Array, "..."], floor: ArrayLike) -> Float[Array, "..."]:
    """Return the logit of means that were first moved into [floor, 1 - floor]."""
    inside = jnp.clip(means, floor, 1 - floor)
    return jnp.log(inside) - jnp.log1p(-inside)
