"""What the estimators have in common: training, codes, likelihoods, samples."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Self

import jax
import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from beliefnet._errors import DataError, OptionError, real_number, shown, whole_number
from beliefnet._net import BeliefNet
from beliefnet._streams import Stream, stream
from beliefnet._types import Key
from beliefnet.data import Observations
from beliefnet.nets import LatentLayer, VisibleLayer, completed, incomplete, layered_net
from beliefnet.sklearn._programs import (
    bounds,
    codes,
    decoded,
    drawn_codes,
    sampled,
)
from beliefnet.sklearn._rows import Visible
from beliefnet.sklearn._training import Passes, batch_size_for, held_out, train
from beliefnet.training import FitOptions

_SHORT_RUN, _SHORT_RUN_RATE = 5000, 0.01


class BaseBeliefNet(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """A net that is trained on rows, and that transforms them to the codes of a latent layer."""

    hidden: Any
    estimator: str
    learning_rate: float | None
    epochs: int
    batch_size: int | None
    patience: int
    validation_fraction: float
    layer: int
    codes: str
    num_particles: int
    random_state: Any
    net_: BeliefNet
    _takes_missing = True

    @abstractmethod
    def _latent_layers(self) -> Sequence[LatentLayer]:
        """Return the latent layers, from the bottom up."""

    @abstractmethod
    def _taken(self, X: Any) -> Visible:
        """Return what the values of training rows are taken for."""

    def fit(self, X: Any, y: Any = None) -> Self:
        """Train the net on rows.

        Args:
            X: Rows `[rows, features]`, an array, a data frame or a sparse matrix; NaN is missing.
            y: Ignored.

        Returns:
            The estimator itself.

        Raises:
            ValueError: If the rows or a parameter cannot be used.
            TrainingDiverged: If the objective is not finite any more.
        """
        X = self._checked(X, reset=True)
        net, rows = self._start(X)
        num_held_out = held_out(len(rows), self._fraction())
        options = self._options(len(rows) - num_held_out)
        fitted = train(net, rows, self.estimator, options, num_held_out=num_held_out)
        self.net_ = completed(fitted.net if num_held_out else fitted.state.learner.judged.net)
        self.history_, self.n_iter_ = fitted.history, len(fitted.history)
        return self

    def partial_fit(self, X: Any, y: Any = None) -> Self:
        """Train the net by one pass over some rows, with a step size that does not fall.

        The first rows, unless the net was fitted before, say what the values are taken for, and of real numbers their
        location and scale.

        Args:
            X: Rows `[rows, features]`; NaN is missing.
            y: Ignored.

        Returns:
            The estimator itself.

        Raises:
            ValueError: If the rows or a parameter cannot be used, or values are not what the first were taken for.
        """
        if hasattr(self, "net_"):
            X = self._known(X)
            net, rows = self.net_, self._visible.observations(X)
        else:
            net, rows = self._start(self._checked(X, reset=True))
        options = self._options(len(rows))
        if self._passes is None:
            net = incomplete(net) if self._takes_missing else net
            self._passes = Passes.start(net, self.estimator, options, len(rows))
        self._passes = self._passes.on(rows, options.batch_size or len(rows))
        self.net_, self.n_iter_ = self._passes.net, self.n_iter_ + 1
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Return the codes of rows: the means of the units of a latent layer, or draws of them.

        Args:
            X: Rows `[rows, features]`; what is missing, NaN, is taken for the mean of the training data.

        Returns:
            `[rows, units]`, of the type of the rows if they are floats.
        """
        X, layer = self._known(X), self._layer()
        if self.codes == "draws":
            found = drawn_codes(self.net_, self._visible, X, layer, key=self._key(Stream.SAMPLES))
        elif self.codes == "means":
            found = codes(self.net_, self._visible, X, layer)
        else:
            raise OptionError(f"expected codes to be 'means' or 'draws', got {shown(self.codes)}", "'means'")
        return found.astype(float_type(X))

    def inverse_transform(self, X: Any) -> np.ndarray:
        """Return the means of rows given codes, the means of lower layers being fed downward.

        Args:
            X: Codes `[rows, units]`, such as `transform` returns.

        Returns:
            `[rows, features]`, in the units of the training data.
        """
        check_is_fitted(self)
        X, layer = check_array(X, dtype=[np.float64, np.float32]), self._layer()  # pyright: ignore[reportArgumentType]
        if X.shape[1] != self._n_features_out:
            raise DataError(
                f"expected codes of shape [rows, {self._n_features_out}], got {list(X.shape)}", "those of transform"
            )
        return self._visible.restored(decoded(self._decoding_net(), X, layer)).astype(X.dtype)

    def score_samples(self, X: Any, *, return_std: bool = False) -> Any:
        """Estimate log p of each row: the K-particle bound, which in expectation is below it.

        Of a row with missing entries it is that of what was observed. Each row draws by random numbers that depend on
        its values and on the fit alone: scores do not depend on the other rows, and are the same at every call.

        Args:
            X: Rows `[rows, features]`; NaN is missing.
            return_std: Return the standard error of each estimate as well.

        Returns:
            Log-densities in nats, `[rows]`, in the units of X; or these and their standard errors. An error of more
            than about 0.5 says that a few particles decide, and that the bound may be far below log p: try more. With
            one particle it is NaN.
        """
        X = self._known(X)
        found, error = bounds(self.net_, self._visible, X, self._particles(), key=self._key(Stream.EVALUATION))
        return (found, error) if return_std else found

    def score(self, X: Any, y: Any = None) -> float:
        """Return the mean of `score_samples`, in nats per row; higher is better.

        Args:
            X: Rows `[rows, features]`.
            y: Ignored.
        """
        return float(self.score_samples(X).mean())

    def sample(self, n_samples: int = 1, *, random_state: Any = None) -> np.ndarray:
        """Draw rows from the net.

        Args:
            n_samples: How many.
            random_state: Seed, or generator of NumPy.

        Returns:
            `[n_samples, features]`, in the units of the training data.
        """
        check_is_fitted(self)
        count = whole_number("n_samples", n_samples, good=10)
        drawn = sampled(self._decoding_net(), count, key=jax.random.key(_seed(random_state)))
        return self._visible.restored(drawn.astype(np.float64))

    def _start(self, X: Any) -> tuple[BeliefNet, Observations]:
        """Take rows for what they are, and return the net before training and the rows as it sees them."""
        self._seed, self._passes, self.n_iter_ = _seed(self.random_state), None, 0
        self._visible = self._taken(X)
        self.visible_ = self._visible.name
        rows = self._visible.observations(X)
        mean = np.clip(_mean(rows), *self._visible.family.bounds)
        visible = VisibleLayer(rows.num_features, self._visible.family, mean, mean, len(rows))
        return layered_net(visible, self._latent_layers(), key=self._key(Stream.PARAMETERS)), rows

    def _options(self, num_rows: int) -> FitOptions:
        """Return how to train on so many rows, those held out not among them."""
        epochs, size = whole_number("epochs", self.epochs, good=100), batch_size_for(num_rows, self.batch_size)
        patience, rate = whole_number("patience", self.patience, good=0, least=0), self.learning_rate
        if rate is not None:
            rate = real_number(
                "learning_rate", rate, lambda rate: 0 <= rate < float("inf"), expected="of at least 0", good="0.01"
            )
        elif epochs * (num_rows // size) < _SHORT_RUN:
            rate = _SHORT_RUN_RATE
        return FitOptions(epochs=epochs, batch_size=size, learning_rate=rate, patience=patience, seed=self._seed)

    def _fraction(self) -> float:
        return real_number(
            "validation_fraction",
            self.validation_fraction,
            lambda fraction: 0 <= fraction < 1,
            expected="in [0, 1)",
            good="0.1",
        )

    def _checked(self, X: Any, *, reset: bool) -> Any:
        finite = "allow-nan" if self._takes_missing else True
        X = validate_data(self, X, accept_sparse="csr", dtype="numeric", ensure_all_finite=finite, reset=reset)
        if sparse.issparse(X) and not X.has_canonical_format:
            X = X.copy()
            X.sum_duplicates()
        return X

    def _known(self, X: Any) -> Any:
        """Check rows that a fitted net is to look at."""
        check_is_fitted(self)
        X = self._checked(X, reset=False)
        self._visible.check(X)
        return X

    def _layer(self) -> int:
        """Return the number of the layer whose units are the codes, from the bottom."""
        depth = len(self.net_.layer_sizes)
        layer = whole_number("layer", self.layer, good=-1, least=-depth, most=depth - 1)
        return layer % depth

    def _particles(self) -> int:
        return whole_number("num_particles", self.num_particles, good=100)

    def _key(self, purpose: Stream) -> Key:
        return stream(self._seed, purpose)

    def _decoding_net(self) -> BeliefNet:
        return self.net_

    @property
    def _n_features_out(self) -> int:
        return self.net_.layer_sizes[self._layer()]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse, tags.input_tags.allow_nan = True, self._takes_missing
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _seed(random_state: Any) -> int:
    return int(check_random_state(random_state).randint(2**31 - 1))


def float_type(X: Any) -> np.dtype:
    return np.dtype(np.float32 if X.dtype == np.float32 else np.float64)


def _mean(rows: Observations) -> np.ndarray:
    """Return the mean of what was observed of each column; zeros where nothing was."""
    stored = rows.stored
    if rows.is_sparse or not np.isnan(stored).any():
        return rows.average()
    known = ~np.isnan(stored)
    return (np.where(known, stored, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)).astype(np.float32)
