"""Estimators that hold a net: the parameters that say how it is trained."""

from typing import Any

from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted, validate_data

from beliefnet._errors import OptionError, shown
from beliefnet.sklearn._nets import LATENTS, DeepBeliefNet, VariationalAutoencoder
from beliefnet.sklearn._rows import Visible

PARAMETERS = (
    "hidden",
    "visible",
    "deterministic",
    "estimator",
    "learning_rate",
    "epochs",
    "batch_size",
    "patience",
    "validation_fraction",
    "num_particles",
    "random_state",
)
"""Of the net that is trained."""


class HoldsNet(BaseEstimator):
    """An estimator that trains a net, and asks it."""

    latents: str
    model_: DeepBeliefNet

    def _train(self, X: Any) -> None:
        """Train a net on rows: of normal latents where values are grey or real, unless it is said."""
        if self.latents not in ("auto", *LATENTS):
            raise OptionError(
                f"expected {{option}} to be 'auto', 'binary' or 'normal', got {shown(self.latents)}",
                "'auto'",
                option="latents",
            )
        given = {name: getattr(self, name) for name in PARAMETERS}
        kind = self.latents
        if kind == "auto":
            kind = "normal" if Visible.of(X, given["visible"]).name in ("grey-normal", "normal") else "binary"
        model = VariationalAutoencoder if kind == "normal" else DeepBeliefNet
        self.model_ = model(**given).fit(X)
        self.n_iter_ = self.model_.n_iter_

    def _rows(self, X: Any, *, reset: bool = False) -> Any:
        """Check rows; missing entries are allowed."""
        if not reset:
            check_is_fitted(self)
        return validate_data(self, X, accept_sparse="csr", dtype="numeric", ensure_all_finite="allow-nan", reset=reset)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse, tags.input_tags.allow_nan = True, True
        return tags
