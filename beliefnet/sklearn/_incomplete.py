"""Nets of rows of which entries may be missing: what they say of the missing and of the single entry."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from scipy import sparse

from beliefnet._streams import Stream
from beliefnet.sklearn._base import BaseBeliefNet, float_type
from beliefnet.sklearn._programs import both_bounds, completions, searched_completions, surprises


class IncompleteRowsNet(BaseBeliefNet):
    """A net whose visible units are independent given the latents: entries of rows may be missing."""

    def impute(self, X: Any) -> np.ndarray:
        """Fill in what is missing: by its expectation given what was observed of the row.

        Args:
            X: Rows `[rows, features]`; NaN is missing.

        Returns:
            `[rows, features]`, floats; observed values as they were.
        """
        X = self._known(X)
        return self._completed(
            X, 0, lambda rows: searched_completions(self.net_, self._visible, rows, 0, key=self._key(Stream.SAMPLES))
        )[0]

    def feature_surprise(self, X: Any) -> np.ndarray:
        """Return how surprising each entry is given the rest of its row: -log p(x_i | the others).

        Each entry is taken for missing in turn, and its probability averaged over what the others say of the latents.

        Args:
            X: Rows `[rows, features]`; each costs as much as scoring so many rows as there are features.

        Returns:
            Nats, `[rows, features]`, of densities in the units of X; NaN where an entry is missing.
        """
        X = self._known(X)
        return surprises(self.net_, self._visible, X, self._particles(), key=self._key(Stream.EVALUATION))

    def bounds(self, X: Any, *, num_temperatures: int = 100) -> tuple[np.ndarray, np.ndarray]:
        """Estimate log p of each row from both sides, by annealing to the posterior and back.

        Args:
            X: Rows `[rows, features]`; NaN is missing.
            num_temperatures: Of the annealing: more bring the two together.

        Returns:
            Lower and upper estimate of each row, in nats. See `evaluation.two_sided` for what the upper one rests on.
        """
        X, key = self._known(X), self._key(Stream.EVALUATION)
        return both_bounds(self.net_, self._visible, X, self._particles(), num_temperatures, key=key)

    def _quickly_completed(self, X: Any, num_draws: int, seed: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Return rows with expectations, and with draws `[draws, rows, features]`, in the place of what is missing."""
        X, key = self._known(X), self._key(Stream.SAMPLES) if seed is None else jax.random.key(seed)
        particles = self._particles()
        return self._completed(
            X, num_draws, lambda rows: completions(self.net_, self._visible, rows, particles, num_draws, key=key)
        )

    def _completed(
        self, X: Any, num_draws: int, fill_in: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Fill in the rows of which something is missing, and leave what was observed as it was."""
        X = X.toarray() if sparse.issparse(X) else X
        X = X.astype(float_type(X))
        is_missing = np.isnan(X)
        means, draws = X.copy(), np.repeat(X[None], num_draws, axis=0)
        some = is_missing.any(axis=1)
        if some.any():
            filled, drawn = fill_in(X[some])
            means[some] = np.where(is_missing[some], filled, X[some])
            draws[:, some] = np.where(is_missing[some], drawn.swapaxes(0, 1), X[some])
        return means, draws
