"""Outliers: rows that a net finds improbable, and which of their features make them so."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from sklearn.base import OutlierMixin

from beliefnet._errors import real_number
from beliefnet.sklearn._density import HoldsNet


class BeliefNetOutlierDetector(OutlierMixin, HoldsNet):
    """Detects outliers by their probability under a trained net.

    A score is an estimate of log p of the row. It is a lower bound in expectation, with a standard error that can be
    asked for; `bounds` adds an upper one, so that an outlier is not the noise of its estimate. `feature_surprise` says
    which entries are improbable given the others.

    Args:
        hidden: Widths of the latent layers of the net, or of the one that there is.
        contamination: Share of the training rows that are taken for outliers, in (0, 0.5].
        latents: `"binary"` or `"normal"` units; `"auto"` for normal ones where values are grey or real.
        visible: As for `DeepBeliefNet`.
        deterministic: As for `DeepBeliefNet`.
        estimator: As for `DeepBeliefNet`.
        learning_rate: As for `DeepBeliefNet`.
        epochs: Passes over the training rows.
        batch_size: As for `DeepBeliefNet`.
        patience: As for `DeepBeliefNet`.
        validation_fraction: As for `DeepBeliefNet`.
        num_particles: Particles per row by which log p is estimated, K.
        random_state: Seed, or generator of NumPy.

    Attributes:
        model_: The trained `DeepBeliefNet` or `VariationalAutoencoder`.
        offset_: Log p below which a row is an outlier, in nats.

    Examples:
        >>> import numpy as np
        >>> rows = np.random.default_rng(0).normal(size=(100, 3))
        >>> detector = BeliefNetOutlierDetector(2, epochs=5, random_state=0).fit(rows)
        >>> detector.predict([[0.0, 0.0, 0.0], [9.0, 0.0, 0.0]])
        array([ 1, -1])
        >>> int(detector.feature_surprise([[9.0, 0.0, 0.0]]).argmax())
        0
    """

    def __init__(
        self,
        hidden: Sequence[int] | int = (20,),
        *,
        contamination: float = 0.1,
        latents: str = "auto",
        visible: str = "auto",
        deterministic: Sequence[int] = (50,),
        estimator: str = "auto",
        learning_rate: float | None = None,
        epochs: int = 300,
        batch_size: int | None = None,
        patience: int = 0,
        validation_fraction: float = 0.1,
        num_particles: int = 100,
        random_state: Any = None,
    ):
        self.hidden = hidden
        self.contamination = contamination
        self.latents = latents
        self.visible = visible
        self.deterministic = deterministic
        self.estimator = estimator
        self.learning_rate = learning_rate
        self.epochs = epochs
        self.batch_size = batch_size
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.num_particles = num_particles
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> Self:
        """Train a net on rows, and find the score that `contamination` of them are below.

        Args:
            X: Rows `[rows, features]`, an array, a data frame or a sparse matrix; NaN is missing.
            y: Ignored.

        Raises:
            ValueError: If the rows or a parameter cannot be used.
        """
        share = real_number(
            "contamination", self.contamination, lambda share: 0 < share <= 0.5, expected="in (0, 0.5]", good="0.1"
        )
        X = self._rows(X, reset=True)
        self._train(X)
        self.offset_ = float(np.percentile(self.model_.score_samples(X), 100 * share))
        return self

    def score_samples(self, X: Any, *, return_std: bool = False) -> Any:
        """Estimate log p of each row, as `DeepBeliefNet.score_samples` does: a lower bound in expectation, in nats.

        Args:
            X: Rows `[rows, features]`.
            return_std: Return the standard errors as well, NaN with one particle.
        """
        X = self._rows(X)
        return self.model_.score_samples(X, return_std=return_std)

    def decision_function(self, X: Any) -> np.ndarray:
        """Return the scores less `offset_`: below zero for outliers.

        Args:
            X: Rows `[rows, features]`.
        """
        scores = self.score_samples(X)
        return scores - self.offset_

    def predict(self, X: Any) -> np.ndarray:
        """Return -1 for outliers and 1 for all other rows.

        Args:
            X: Rows `[rows, features]`.
        """
        return np.where(self.decision_function(X) < 0, -1, 1)

    def bounds(self, X: Any, *, num_temperatures: int = 100) -> tuple[np.ndarray, np.ndarray]:
        """Estimate log p of each row from both sides, by annealing to the posterior and back.

        Args:
            X: Rows `[rows, features]`.
            num_temperatures: Of the annealing: more bring the bounds together.

        Returns:
            Lower and upper estimate of each row, in nats. See `evaluation.two_sided` for what the upper one rests on.
        """
        X = self._rows(X)
        return self.model_.bounds(X, num_temperatures=num_temperatures)

    def feature_surprise(self, X: Any) -> np.ndarray:
        """Return how surprising each entry is given the rest of its row: -log p(x_i | the others).

        Each entry is taken for missing in turn, and its probability averaged over what the others say of the latents.

        Args:
            X: Rows `[rows, features]`; each costs as much as scoring so many rows as there are features.

        Returns:
            Nats, `[rows, features]`, of densities in the units of X; NaN where an entry is missing.
        """
        X = self._rows(X)
        return self.model_.feature_surprise(X)
