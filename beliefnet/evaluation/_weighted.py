"""Weighted particles, taken in a chunk at a time: all that is ever said of importance weights comes from here."""

import itertools
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array
from jax.scipy.special import logsumexp
from jaxtyping import Bool, Float, Int

from beliefnet.evaluation._largest import Largest

Numbers = Int[Array, ""] | int


class WeightedSample(eqx.Module):
    """What the particles of each datum come to so far; memory does not grow with their number.

    Weights are kept relative to the largest, so that none overflows, and as means over particles: sums of many terms
    would lose digits. A log-weight of -inf is a weight of zero, in any chunk; nothing becomes NaN by it.

    Attributes:
        largest: The largest log-weight, `[batch]`; -inf before any is above it.
        weights: Mean of the weights, relative to the largest, `[batch]`.
        squares: Mean of their squares, `[batch]`.
        weighted: Means of whatever is averaged by weight, before normalisation: a tree of `[batch, ...]`.
        ladder: Log-mean-exp of the first `steps` log-weights, `[batch, rungs]`; -inf where they have not come yet.
        largest_few: The largest log-weights.
        count: Number of particles so far.
        steps: Where the ladder is noted, `[rungs]`.
    """

    largest: Float[Array, " batch"]
    weights: Float[Array, " batch"]
    squares: Float[Array, " batch"]
    weighted: Any
    ladder: Float[Array, "batch rungs"]
    largest_few: Largest
    count: Int[Array, ""]
    steps: Int[Array, " rungs"]

    @classmethod
    def start(
        cls, batch: int, *, weighted: Any = None, rungs: tuple[int, ...] = (), tail: int = 0, room: int = 0
    ) -> "WeightedSample":
        """Return a sample without particles.

        Args:
            batch: Number of data.
            weighted: Zeros in the shape of what is averaged by weight: a tree of `[batch, ...]`.
            rungs: Numbers of particles at which the bound is noted on the way.
            tail: How many of the largest log-weights are kept.
            room: How many log-weights may wait to be sorted in among these.
        """
        nothing, steps = jnp.zeros(batch), jnp.asarray(rungs, jnp.int32)
        ladder, few = jnp.full((batch, len(rungs)), -jnp.inf), Largest.start(batch, tail, room)
        return cls(nothing - jnp.inf, nothing, nothing, weighted, ladder, few, jnp.zeros((), jnp.int32), steps)

    @classmethod
    def of(cls, log_weight: Float[Array, "particles batch"]) -> "WeightedSample":
        """Return the sample of log-weights that are all there."""
        return cls.start(log_weight.shape[1]).add(log_weight)

    def add(
        self, log_weight: Float[Array, "particles batch"], values: Any = None, *, num: Numbers | None = None
    ) -> "WeightedSample":
        """Return the sample with a chunk of particles taken in.

        Args:
            log_weight: Log-weights of the chunk.
            values: What is averaged by weight, for each particle: a tree of `[particles, batch, ...]`.
            num: How many particles of the chunk count, from the first on; all by default.
        """
        size = log_weight.shape[0]
        num = size if num is None else num
        total, counts = self.count + jnp.asarray(num, self.count.dtype), jnp.arange(size) < num
        log_weight = jnp.where(counts[:, None], log_weight, -jnp.inf)
        largest = jnp.maximum(self.largest, log_weight.max(axis=0))
        # Where no weight is finite yet, any finite reference keeps -inf - (-inf) from becoming NaN.
        reference = jnp.where(jnp.isneginf(largest), 0.0, largest)
        rescale, weights = jnp.exp(self.largest - reference), jnp.exp(log_weight - reference)

        def blend(old: Array, new: Array) -> Array:
            return old + (new / num - old) * (num / total)

        def blend_values(old: Array, new: Array) -> Array:
            scale = rescale.reshape(-1, *[1] * (old.ndim - 1))
            # A weight of zero hides whatever its value is.
            kept = jnp.where((weights > 0).reshape(*weights.shape, *[1] * (old.ndim - 1)), new, 0)
            return blend(old * scale, jnp.einsum("kb,kb...->b...", weights, kept))

        return WeightedSample(
            largest=largest,
            weights=blend(self.weights * rescale, weights.sum(axis=0)),
            squares=blend(self.squares * rescale**2, (weights**2).sum(axis=0)),
            weighted=None if values is None else jax.tree.map(blend_values, self.weighted, values),
            ladder=self._climb(log_weight, total),
            largest_few=self.largest_few.add(log_weight.T),
            count=total,
            steps=self.steps,
        )

    def _climb(self, log_weight: Float[Array, "particles batch"], total: Array) -> Float[Array, "batch rungs"]:
        """Note the bound at each rung that lies among new particles.

        Each is relative to its own largest weight, because a later particle may outweigh all before it by more than
        single precision can tell. Most chunks have no rung, and nothing is computed for them.
        """
        if not self.steps.size:
            return self.ladder
        is_new = (self.steps > self.count) & (self.steps <= total)
        return jax.lax.cond(is_new.any(), lambda: self._noted(log_weight, is_new), lambda: self.ladder)

    def _noted(
        self, log_weight: Float[Array, "particles batch"], is_new: Bool[Array, " rungs"]
    ) -> Float[Array, "batch rungs"]:
        up_to = jnp.arange(log_weight.shape[0]) < (self.steps - self.count)[:, None]
        new = logsumexp(jnp.where(up_to[..., None], log_weight, -jnp.inf), axis=1)
        # Logarithms of what is positive: the weight of nothing is -inf in the place of a logarithm of zero.
        so_far = jnp.where(self.weights > 0, self.weights, 1.0) * jnp.maximum(self.count, 1)
        old = jnp.where(self.weights > 0, self.largest + jnp.log(so_far), -jnp.inf)
        ladder = (jnp.logaddexp(new, old) - jnp.log(self.steps)[:, None]).T
        return jnp.where(is_new, ladder, self.ladder)

    @property
    def tail(self) -> Float[Array, "batch tail"]:
        """The largest log-weights, largest first; -inf where there are fewer."""
        return self.largest_few.values

    @property
    def bound(self) -> Float[Array, " batch"]:
        """Log-mean-exp of the log-weights, in nats; -inf where all weights are zero."""
        return jnp.where(
            self.weights > 0, self.largest + jnp.log(jnp.where(self.weights > 0, self.weights, 1)), self.largest
        )

    @property
    def ess(self) -> Float[Array, " batch"]:
        """Effective sample size, between 1 and the number of particles; 0 where all weights are zero."""
        return self.count * self.weights**2 / jnp.where(self.squares > 0, self.squares, 1)

    @property
    def means(self) -> Any:
        """Means by normalised weight of what was averaged, a tree of `[batch, ...]`; zeros where all weights are."""
        total = jnp.where(self.weights > 0, self.weights, 1)
        return jax.tree.map(lambda sums: sums / total.reshape(-1, *[1] * (sums.ndim - 1)), self.weighted)


def running_mean(mean: Array, new: Array, share: Array | float) -> Array:
    """Return a mean that is moved towards that of new values; -inf on either side gives -inf, and never NaN."""
    is_lost = jnp.isneginf(mean) | jnp.isneginf(new)
    old, new = jnp.where(is_lost, 0.0, mean), jnp.where(is_lost, 0.0, new)
    return jnp.where(is_lost, -jnp.inf, old + share * (new - old))


def rungs(num_particles: int) -> list[int]:
    """Return the numbers of particles at which the bound is noted on the way: 10, 100, ..., and all."""
    powers = itertools.takewhile(lambda count: count < num_particles, (10**i for i in itertools.count(1)))
    return [*powers, num_particles]
