"""Mixtures of independent Bernoullis by expectation-maximisation."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.scipy.special import logsumexp
from jaxtyping import Float

from beliefnet._errors import ArgumentError
from beliefnet._naming import named
from beliefnet.comparisons._base import (
    AbstractComparison,
    ProgressCallback,
    Rows,
    binary_rows,
    counted_from,
    fitted,
    in_blocks,
)

_BLOCK_ROWS = 5000


class _Mixture(eqx.Module):
    """Parameters in the form that log p(x, component) is linear in."""

    logits: Float[Array, "components visible"]
    offsets: Float[Array, " components"]

    def log_joint(self, x: Float[Array, "batch visible"]) -> Float[Array, "batch components"]:
        """Return log p(x, component) of every row and component."""
        return self.offsets + jnp.matmul(x, self.logits.T, precision=lax.Precision.HIGHEST)


@dataclass(frozen=True)
class _Statistics:
    """How many examples each component has, and their sum; with those that it starts with, all that EM needs."""

    counts: Float[np.ndarray, " components"]
    sums: Float[np.ndarray, "components visible"]

    def mixture(self) -> _Mixture:
        """Return the most probable parameters."""
        log_on = np.log(self.sums) - np.log(self.counts)[:, None]
        log_off = np.log(self.counts[:, None] - self.sums) - np.log(self.counts)[:, None]
        log_weights = np.log(self.counts / self.counts.sum())
        offsets = log_weights + log_off.sum(axis=1)
        return _Mixture(jnp.asarray(log_on - log_off, jnp.float32), jnp.asarray(offsets, jnp.float32))


@named("mixture")
@dataclass(eq=False)
class MixtureOfBernoullis(AbstractComparison):
    """A mixture of products of independent Bernoullis; log p(x) is exact.

        p(x) = sum_k w_k prod_i m_ki^x_i (1 - m_ki)^(1 - x_i)

    Expectation-maximisation climbs the log-likelihood of the training rows plus that of `smoothing` examples for every
    component, each of them the average row. It stops where the log-likelihood of the validation rows has
    not improved for `patience` iterations, and keeps the best parameters seen; of several starts, the best.

    Attributes:
        num_components: Components, K.
        smoothing: Average rows that each component counts beside its own, a pseudo-count; above 0.
        num_restarts: Starts, each from other training rows.
        max_iterations: Iterations of one start at most.
        patience: Iterations without a better validation log-likelihood after which a start is given up.

    Raises:
        ValueError: If a setting cannot work.

    Reference:
        McLachlan & Peel 2000, *Finite mixture models*; as a comparison of binary images, Salakhutdinov & Murray 2008,
        *On the quantitative analysis of deep belief networks*.

    Examples:
        >>> rows = np.array([[0, 0], [1, 1]] * 20, np.uint8)
        >>> model = MixtureOfBernoullis(num_components=2, smoothing=0.1).fit(rows, rows, seed=0)
        >>> bool(abs(np.exp(model.log_likelihood(rows)).mean() - 0.5) < 0.01)
        True
    """

    method: ClassVar[str] = "exact"
    values: ClassVar[str] = "binary"

    num_components: int = 500
    smoothing: float = 1.0
    num_restarts: int = 1
    max_iterations: int = 200
    patience: int = 5
    mixture_: _Mixture | None = field(init=False, repr=False, default=None)
    history_: list[dict[str, float]] = field(init=False, repr=False, default_factory=list)

    def __post_init__(self):
        self._at_least(1, "num_components", "num_restarts", "max_iterations", "patience")
        self._above_zero("smoothing")

    @property
    def num_steps(self) -> int:
        """Iterations of all starts, at most."""
        return self.num_restarts * self.max_iterations

    def fit(self, train: Rows, valid: Rows, *, seed: int, progress: ProgressCallback = None) -> Self:
        """Fit by expectation-maximisation; `history_` has objective and validation log-likelihood per iteration.

        Both are nats per example; the objective, which never falls, has the log-probability of the smoothing in it.

        Args:
            train: Zeros and ones, `[examples, visible]`.
            valid: More of them: they say when to stop.
            seed: Of the rows that the components start from.
            progress: Called with the number of iterations done so far; those that a start was spared count as done.

        Raises:
            ValueError: If the rows are not binary, or there are more components than different training rows.
        """
        train = binary_rows(train)
        valid = binary_rows(valid, train.shape[1])
        # Components that start from the same row would stay the same.
        distinct = np.unique(train, axis=0)
        if self.num_components > len(distinct):
            raise ArgumentError(
                f"expected at most the {len(distinct)} different training rows as {{option}}, got "
                f"{self.num_components}",
                f"{max(1, len(distinct) // 10)}",
                option="num_components",
            )
        random, found = np.random.default_rng(seed), -np.inf
        for restart in range(self.num_restarts):
            before = restart * self.max_iterations
            start = distinct[random.choice(len(distinct), self.num_components, replace=False)]
            mixture, history = self._climb(start, train, valid, counted_from(before, progress))
            best = max(row["valid"] for row in history)
            if best > found:
                found, self.mixture_, self.history_ = best, mixture, history
        return self

    def log_likelihood(self, rows: Rows, *, progress: ProgressCallback = None) -> Float[np.ndarray, " examples"]:
        """Return log p(x) of each row, exact up to rounding, in nats.

        Raises:
            ValueError: If the model was not fitted, or the rows are not binary or of another width.
        """
        mixture = fitted(self.mixture_, self)
        return _log_likelihood(mixture, binary_rows(rows, mixture.logits.shape[1]), progress)

    @property
    def findings(self) -> dict[str, Any]:
        """The validation log-likelihood (nats per example), and the iterations of the best start."""
        fitted(self.mixture_, self)
        return {"valid_log_likelihood": max(row["valid"] for row in self.history_), "iterations": len(self.history_)}

    def _climb(
        self, start: np.ndarray, train: np.ndarray, valid: np.ndarray, progress: ProgressCallback
    ) -> tuple[_Mixture, list[dict[str, float]]]:
        # The average row with half an example of either kind, so that no probability is 0 or 1.
        average = (train.sum(axis=0, dtype=np.float64) + 0.5) / (len(train) + 1)
        mixture = _Statistics(np.full(len(start), 2.0), start + average).mixture()
        best, history, best_at = mixture, [], 0
        for iteration in range(self.max_iterations):
            log_likelihood, statistics = _expect(mixture, train)
            objective = log_likelihood + self.smoothing * _log_prior(mixture, average)
            reached = float(_log_likelihood(mixture, valid).mean())
            if not history or reached > history[best_at]["valid"]:
                best, best_at = mixture, iteration
            history.append({"objective": objective / len(train), "valid": reached})
            if progress is not None:
                progress(iteration + 1)
            if iteration - best_at >= self.patience:
                break
            counts, sums = statistics.counts + self.smoothing, statistics.sums + self.smoothing * average
            mixture = _Statistics(counts, sums).mixture()
        return best, history


def _expect(mixture: _Mixture, rows: np.ndarray) -> tuple[float, _Statistics]:
    """Return the log-likelihood of all rows together, and what each component is responsible for."""
    total, counts, sums = 0.0, np.zeros(()), np.zeros(())
    for block in _blocks(rows):
        log_likelihood, block_counts, block_sums = _expect_block(mixture, block)
        total += float(np.asarray(log_likelihood, np.float64).sum())
        counts = counts + np.asarray(block_counts, np.float64)
        sums = sums + np.asarray(block_sums, np.float64)
    # Rounding must not leave fewer than no examples where a unit is off.
    return total, _Statistics(counts, np.minimum(sums, counts[:, None]))


@jax.jit
def _expect_block(mixture: _Mixture, rows: Array) -> tuple[Array, Array, Array]:
    x = rows.astype(jnp.float32)
    joint = mixture.log_joint(x)
    log_likelihood = logsumexp(joint, axis=1)
    responsible = jnp.exp(joint - log_likelihood[:, None])
    return log_likelihood, responsible.sum(axis=0), jnp.matmul(responsible.T, x, precision=lax.Precision.HIGHEST)


def _log_likelihood(
    mixture: _Mixture, rows: np.ndarray, progress: ProgressCallback = None
) -> Float[np.ndarray, " examples"]:
    return in_blocks(lambda block: _score_block(mixture, jnp.asarray(block)), rows, _BLOCK_ROWS, progress)


@jax.jit
def _score_block(mixture: _Mixture, rows: Array) -> Array:
    return logsumexp(mixture.log_joint(rows.astype(jnp.float32)), axis=1)


def _log_prior(mixture: _Mixture, average: np.ndarray) -> float:
    """Return the log-probability of one average row in every component, components included."""
    return float(np.asarray(mixture.log_joint(jnp.asarray(average[None], jnp.float32)), np.float64).sum())


def _blocks(rows: np.ndarray) -> Iterator[Array]:
    for start in range(0, len(rows), _BLOCK_ROWS):
        yield jnp.asarray(rows[start : start + _BLOCK_ROWS])
