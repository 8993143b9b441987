"""What all comparisons have in common."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Self, TypeAlias, TypeVar

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike
from scipy import sparse

from beliefnet._errors import ArgumentError

Rows: TypeAlias = np.ndarray | sparse.csr_matrix
"""Binary rows as an array `[examples, visible]`, or counts of words as a sparse matrix `[documents, words]`."""

ProgressCallback: TypeAlias = Callable[[int], None] | None
"""Called with how much is done so far."""

T = TypeVar("T")


@dataclass(eq=False)
class AbstractComparison(ABC):
    """A model that latent-variable nets are compared with: settings, and what `fit` finds under names that end in `_`.

    Attributes:
        method: What `log_likelihood` is of log p(x): exact, an estimate or a bound.
        values: The rows that it is for: `"binary"` or `"counts"`.
    """

    method: ClassVar[str]
    values: ClassVar[str]

    @property
    @abstractmethod
    def num_steps(self) -> int:
        """The most steps that `fit` takes, as its progress counts them."""

    @abstractmethod
    def fit(self, train: Rows, valid: Rows, *, seed: int, progress: ProgressCallback = None) -> Self:
        """Fit the model to training rows; validation rows judge it, and say when to stop where the method can use that.

        Args:
            train: Rows to be fitted.
            valid: Other rows of the same width.
            seed: Of all random numbers.
            progress: Called with the number of steps done so far, of `num_steps` at most.

        Returns:
            The model itself.

        Raises:
            ValueError: If the rows are of another kind than `values`, or the two widths differ.
        """

    @abstractmethod
    def log_likelihood(self, rows: Rows, *, progress: ProgressCallback = None) -> Float[np.ndarray, " examples"]:
        """Return log p(x) of each row, in nats, as exactly as `method` says.

        Args:
            rows: Rows like those of training.
            progress: Called with the number of rows done so far.

        Raises:
            ValueError: If the model was not fitted, or the rows are of another kind or width.
        """

    @property
    @abstractmethod
    def findings(self) -> dict[str, Any]:
        """What is worth knowing about the fit, as plain numbers.

        Always there: `valid_log_likelihood`, the mean over the validation rows, by which settings can be chosen.
        """

    @property
    def settings(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {field.name: getattr(self, field.name) for field in fields(self) if field.init}

    def _at_least(self, least: float, *names: str) -> None:
        for name in names:
            value = getattr(self, name)
            if value is not None and not least <= value < float("inf"):
                works = getattr(type(self), name)
                hint = "leaving it out" if works is None else works
                raise ArgumentError(f"expected {{option}} of at least {least}, got {value}", f"{hint}", option=name)

    def _above_zero(self, *names: str) -> None:
        for name in names:
            value = getattr(self, name)
            if value is not None and not 0 < value < float("inf"):
                works = getattr(type(self), name)
                hint = "leaving it out" if works is None else works
                raise ArgumentError(f"expected {{option}} above 0, got {value}", f"{hint}", option=name)


def counted_from(before: int, progress: ProgressCallback) -> ProgressCallback:
    """Return a progress for a part of the work, of which something is done already."""
    return None if progress is None else lambda done: progress(before + done)


def in_blocks(
    score: Callable[[Any], ArrayLike], rows: Rows, size: int, progress: ProgressCallback = None
) -> Float[np.ndarray, " examples"]:
    """Return what `score` says of all rows, which it is given so many at a time."""
    count, parts = shape_of(rows)[0], []
    for start in range(0, count, size):
        parts.append(np.asarray(score(rows[start : start + size]), np.float64))
        if progress is not None:
            progress(min(start + size, count))
    return np.concatenate(parts)


def fitted(found: T | None, model: AbstractComparison) -> T:
    """Return what a fit found.

    Raises:
        ValueError: If there was none.
    """
    if found is None:
        raise ArgumentError(
            f"expected a fitted model, got {type(model).__name__} before fit", "fit(train, valid, seed=0)"
        )
    return found


def binary_rows(rows: Rows, num_visible: int | None = None) -> np.ndarray:
    """Check that rows `[examples, visible]` are zeros and ones, and of a width.

    Raises:
        ValueError: If they are not.
    """
    if sparse.issparse(rows):
        raise ArgumentError(f"expected an array of zeros and ones, got {type(rows).__name__}", "a model of counts")
    bits = np.asarray(rows)
    _check_shape(bits, num_visible)
    if not ((bits == 0) | (bits == 1)).all():
        raise ArgumentError("expected rows of zeros and ones, got other values", "static or threshold binarisation")
    return bits


def count_rows(rows: Rows, num_words: int | None = None) -> sparse.csr_matrix:
    """Check that rows `[documents, words]` are whole counts in a sparse matrix, without empty documents.

    Raises:
        ValueError: If they are not.
    """
    counts: Any = rows
    if not sparse.issparse(counts) or counts.format != "csr":
        raise ArgumentError(
            f"expected a sparse matrix of counts, got {type(rows).__name__}", "scipy.sparse.csr_matrix(rows)"
        )
    _check_shape(counts, num_words)
    if (counts.data < 0).any() or (counts.data != np.rint(counts.data)).any():
        raise ArgumentError("expected whole counts of words, got other values", "counts instead of weights")
    num_empty = int((counts.sum(axis=1) == 0).sum())
    if num_empty:
        raise ArgumentError(f"expected documents of at least one token, got {num_empty} empty ones", "leaving them out")
    return counts


def shape_of(rows: Rows) -> tuple[int, int]:
    """Return the number of rows and their width."""
    return rows.shape  # pyright: ignore[reportReturnType]: SciPy's own annotation allows for no shape.


def _check_shape(rows: Rows, width: int | None) -> None:
    if rows.ndim != 2 or 0 in shape_of(rows) or width not in (None, shape_of(rows)[1]):
        expected = "width" if width is None else width
        raise ArgumentError(f"expected rows of shape [examples, {expected}], got {list(shape_of(rows))}", "others")
