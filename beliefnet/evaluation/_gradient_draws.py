"""Moments of a stochastic gradient from many draws, in the memory of a few nets."""

import itertools
import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jaxtyping import Float

from beliefnet._net import BeliefNet
from beliefnet._types import Key
from beliefnet.estimators import AbstractEstimator

TOTALS = ("theta", "phi")
_GROUP = 4
_BLOCK = 64
_TIMED_BLOCKS = 5
_TIMED_SECONDS = 0.02

Parts = dict[str, Float[Array, "... _"]]


def part_names(net: BeliefNet) -> list[str]:
    """Name the conditionals, bottom first: `theta x|h1`, ..., `theta hL` (the prior), `phi h1|x`, ..."""
    names = ["x", *(f"h{index + 1}" for index in range(len(net.layer_sizes)))]
    down = [f"theta {below}|{above}" for below, above in itertools.pairwise(names)]
    up = [f"phi {above}|{below}" for below, above in itertools.pairwise(names)]
    return [*down, f"theta {names[-1]}", *up]


def split_parts(net: BeliefNet) -> Parts:
    """Flatten a net, or a gradient shaped like it, into one vector per conditional, by name, bottom first."""
    conditionals = (*net.generative.conditionals[::-1], *net.recognition.conditionals)
    parts: Parts = {}
    for name, conditional in zip(part_names(net), conditionals, strict=True):
        leaves = jax.tree.leaves(eqx.filter(conditional, eqx.is_inexact_array))
        parts[name] = jnp.concatenate([jnp.zeros(0), *(leaf.ravel() for leaf in leaves)])
    return parts


def with_totals(values: Mapping[str, Any]) -> dict[str, Any]:
    """Add to what is known of every part its sum over theta and over phi."""
    totals = {
        total: sum((value for name, value in values.items() if name.split()[0] == total), start=0.0) for total in TOTALS
    }
    return {**values, **totals}


@dataclass(frozen=True)
class Moments:
    """What many draws of a gradient said, in double precision.

    Attributes:
        num_draws: How many draws.
        mean: By part, the mean of the draws, `[coordinates]`.
        variance: By part, the variance of one draw, `[coordinates]`.
        covariance_square: By part and total, the sum of the squared entries of the covariance matrix of one draw.
        cosine: By part and total, the mean cosine between a draw and the direction that was given.
    """

    num_draws: int
    mean: dict[str, np.ndarray]
    variance: dict[str, np.ndarray]
    covariance_square: dict[str, float]
    cosine: dict[str, float]


class Draws(eqx.Module):
    """The last four of some estimates, by part, and the state after the last.

    Attributes:
        parts: By part, `[4, coordinates]`.
        state: Arrays of the estimator's state.
    """

    parts: Parts
    state: Any


class _Block(eqx.Module):
    """Single-precision moments of the draws of one block: means, sums of squared deviations, and sums over groups."""

    mean: Parts
    deviations: Parts
    covariance_square: dict[str, Array]
    cosine: dict[str, Array]


class Draw:
    """Gradient estimates at a fixed net and batch: one compiled program, for measuring as for timing.

    Args:
        estimator: What is drawn from.
        net: Where the gradient is taken.
        x: Observations, `[batch, visible]`.
        state: The estimator's state, the same for all draws.
    """

    def __init__(self, estimator: AbstractEstimator, net: BeliefNet, x: Float[Array, "batch visible"], state: Any):
        self.estimator, self.net, self.x, self.state = estimator, net, x, state

    def __call__(self, num: int, *, key: Key) -> Draws:
        """Draw a number of estimates; all but the last four are forgotten."""
        return _draw(self.estimator, self.net, self.x, self.state, key, jnp.asarray(num))

    def warm_up(self, num: int, *, key: Key) -> None:
        """Replace the state by that after a number of estimates whose gradients are not used."""
        fixed = eqx.filter(self.state, eqx.is_array, inverse=True)
        for index in range(num):
            self.state = eqx.combine(self(1, key=jax.random.fold_in(key, index)).state, fixed)

    def milliseconds(self, *, key: Key) -> float:
        """Return the time that one compiled estimate takes: the median over blocks of some 20 ms each."""

        def seconds(num: int) -> float:
            begin = time.perf_counter()
            jax.block_until_ready(self(num, key=key))
            return time.perf_counter() - begin

        seconds(1)
        num, taken = 1, seconds(1)
        while taken < _TIMED_SECONDS / 2:
            num *= 2
            taken = seconds(num)
        return 1e3 * statistics.median(seconds(num) / num for _ in range(_TIMED_BLOCKS))

    def moments(self, direction: Mapping[str, np.ndarray], *, num: int, key: Key) -> Moments:
        """Measure moments over many draws.

        Deviations are kept relative to the running mean, in single precision within a block of 64 draws, and blocks are
        joined in double precision, so no digits are lost however many draws there are.

        Args:
            direction: By part, the vector that cosines are taken with, `[coordinates]`.
            num: How many draws; rounded up to a multiple of four.
            key: Random key for the draws.
        """
        num = _GROUP * -(-num // _GROUP)
        along = {name: jnp.asarray(value, jnp.float32) for name, value in direction.items()}
        nothing = jax.tree.map(jnp.zeros_like, along)
        scalars = dict.fromkeys((*along, *TOTALS), jnp.zeros(()))
        mean, deviations = ({name: np.zeros(len(value)) for name, value in direction.items()} for _ in range(2))
        squares, cosine = dict.fromkeys(scalars, 0.0), dict.fromkeys(scalars, 0.0)
        for count in range(0, num, _BLOCK):
            new = min(_BLOCK, num - count)
            block = _Block(nothing, nothing, scalars, scalars)
            for old in range(0, new, _GROUP):
                group = self(_GROUP, key=jax.random.fold_in(key, count + old)).parts
                block = _add_group(block, group, along, jnp.asarray(old))
            for name in mean:
                step = np.asarray(block.mean[name], np.float64) - mean[name]
                mean[name] += step * (new / (count + new))
                spread = np.asarray(block.deviations[name], np.float64)
                deviations[name] += spread + step**2 * (count * new / (count + new))
            for name in scalars:
                squares[name] += float(block.covariance_square[name]) * _GROUP / num
                cosine[name] += float(block.cosine[name]) / num
        variance = {name: value / (num - 1) for name, value in deviations.items()}
        return Moments(num, mean, variance, squares, cosine)


@eqx.filter_jit
def _draw(estimator: AbstractEstimator, net: BeliefNet, x: Array, state: Any, key: Key, num: Array) -> Draws:
    leaves, structure = jax.tree.flatten(net)

    def step(index: Array, draws: Draws) -> Draws:
        # Without the barrier the compiler lifts out of the loop what does not depend on the draw.
        guarded, data, turn = lax.optimization_barrier((leaves, x, index))
        own = structure.unflatten(guarded)
        estimate = estimator.estimate(own, data, state, key=jax.random.fold_in(key, turn))
        new, place = split_parts(estimate.net), index % _GROUP
        parts = {name: old.at[place].set(new[name]) for name, old in draws.parts.items()}
        return Draws(parts, eqx.filter(estimate.state, eqx.is_array))

    parts = {name: jnp.zeros((_GROUP, value.size)) for name, value in split_parts(net).items()}
    return lax.fori_loop(0, num, step, Draws(parts, eqx.filter(state, eqx.is_array)))


@eqx.filter_jit
def _add_group(block: _Block, group: Parts, along: Parts, count: Array) -> _Block:
    """Take four new draws into a block of `count` draws."""
    total = count + _GROUP
    mean, deviations = {}, {}
    for name, draws in group.items():
        centre = draws.mean(axis=0)
        step = centre - block.mean[name]
        mean[name] = block.mean[name] + step * (_GROUP / total)
        spread = jnp.square(draws - centre).sum(axis=0)
        deviations[name] = block.deviations[name] + spread + step**2 * (count * _GROUP / total)
    # Two independent differences of draws have mean zero and this covariance, wherever the mean of the draws lies: the
    # square of their inner product is unbiased for the sum of the squared entries.
    inner = with_totals({name: jnp.vdot(d[0] - d[1], d[2] - d[3]) / 2 for name, d in group.items()})
    dots = with_totals({name: draws @ along[name] for name, draws in group.items()})
    norms = with_totals({name: jnp.square(draws).sum(axis=1) for name, draws in group.items()})
    lengths = with_totals({name: jnp.square(value).sum() for name, value in along.items()})
    cosines = {}
    for name, dot in dots.items():
        length = jnp.sqrt(norms[name]) * jnp.sqrt(lengths[name])
        cosines[name] = jnp.where(length > 0, dot / jnp.where(length > 0, length, 1.0), 0.0).sum()
    return _Block(
        mean,
        deviations,
        {name: value + inner[name] ** 2 for name, value in block.covariance_square.items()},
        {name: value + cosines[name] for name, value in block.cosine.items()},
    )
