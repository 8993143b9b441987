"""Missing values, filled in by a net that was trained on incomplete rows."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from sklearn.base import OneToOneFeatureMixin, TransformerMixin
from sklearn.utils import check_random_state

from beliefnet._errors import whole_number
from beliefnet.sklearn._density import HoldsNet


class BeliefNetImputer(OneToOneFeatureMixin, TransformerMixin, HoldsNet):
    """Fills in missing entries, NaN, by what was observed of the row.

    A net is trained on the rows as they are: by the bound of log p of what was observed of each. Features without any
    observed value are kept, and filled in by what the net makes of nothing.

    Args:
        hidden: Widths of the latent layers of the net, or of the one that there is.
        sample_posterior: Whether `transform` fills in a draw given what was observed, in the place of the expectation.
        latents: `"binary"` or `"normal"` units; `"auto"` for normal ones where values are grey or real.
        visible: As for `DeepBeliefNet`.
        deterministic: As for `DeepBeliefNet`.
        estimator: As for `DeepBeliefNet`.
        learning_rate: As for `DeepBeliefNet`.
        epochs: Passes over the training rows.
        batch_size: As for `DeepBeliefNet`.
        patience: As for `DeepBeliefNet`.
        validation_fraction: As for `DeepBeliefNet`.
        num_particles: Particles per row by whose weights missing entries are filled in.
        random_state: Seed, or generator of NumPy.

    Attributes:
        model_: The trained `DeepBeliefNet` or `VariationalAutoencoder`.

    Examples:
        >>> import numpy as np
        >>> nan = np.nan
        >>> rows = np.array([[0, 0, 1], [1, 1, 0], [nan, 1, 0], [0, nan, 1]] * 5)
        >>> imputer = BeliefNetImputer(2, epochs=2, random_state=0).fit(rows)
        >>> imputer.transform(rows).shape, imputer.draws(rows, 3).shape
        ((20, 3), (3, 20, 3))
    """

    def __init__(
        self,
        hidden: Sequence[int] | int = (20,),
        *,
        sample_posterior: bool = False,
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
        self.sample_posterior = sample_posterior
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
        """Train a net on rows, complete or not.

        Args:
            X: Rows `[rows, features]`, an array, a data frame or a sparse matrix; NaN is missing.
            y: Ignored.

        Raises:
            ValueError: If the rows or a parameter cannot be used.
        """
        self._train(self._rows(X, reset=True))
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Return rows with the missing entries filled in, `[rows, features]`; what was observed stays as it was.

        Each row is filled in by random numbers that depend on its values and on the fit alone.

        Args:
            X: Rows `[rows, features]`; NaN is missing.
        """
        X = self._rows(X)
        means, draws = self.model_._quickly_completed(X, int(self.sample_posterior))
        return draws[0] if self.sample_posterior else means

    def draws(self, X: Any, n_draws: int = 5, *, random_state: Any = None) -> np.ndarray:
        """Fill in rows several times over, for multiple imputation: each time by a draw given what was observed.

        What is then computed of each completed table varies as much as the missing entries leave it uncertain. What is
        uncertain about the net itself is not in it: fit one on each of several bootstrap samples for that.

        Args:
            X: Rows `[rows, features]`; NaN is missing.
            n_draws: How many.
            random_state: Seed, or generator of NumPy.

        Returns:
            Completed rows, `[n_draws, rows, features]`.
        """
        X, count = self._rows(X), whole_number("n_draws", n_draws, good=5)
        seed = int(check_random_state(random_state).randint(2**31 - 1))
        return self.model_._quickly_completed(X, count, seed)[1]
