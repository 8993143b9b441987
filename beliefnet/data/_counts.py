"""Matrices of word counts in one canonical form."""

from typing import Any

import numpy as np
from scipy import sparse

from beliefnet._errors import DataError
from beliefnet.data._sparse import CSR

LARGEST_COUNT = np.iinfo(np.int32).max


def to_counts(matrix: Any, label: str) -> CSR:
    """Check a matrix of word counts and bring it into the one form that the package uses.

    Args:
        matrix: `[documents, words]`, dense or of any sparse format.
        label: What to call it in an error.

    Returns:
        The counts: int32, indices sorted, duplicates added up, zeros left out.

    Raises:
        DataError: If it is not a matrix of whole numbers from 0 on, or has no rows, no columns or only zeros.
    """
    if matrix.dtype.kind not in "biuf":
        raise DataError(
            f"expected a matrix of numbers in {label}, got dtype {matrix.dtype}; "
            "try counts.astype('int32') before saving"
        )
    if matrix.ndim != 2 or 0 in matrix.shape:
        raise DataError(
            f"expected shape [documents, words] in {label}, got {list(matrix.shape)}; "
            "try a matrix with a row for each document and a column for each word"
        )
    # Wide enough that duplicates can be added up.
    wide = np.float64 if matrix.dtype.kind == "f" else np.int64
    counts: Any = sparse.csr_matrix(matrix).astype(wide)
    counts.sum_duplicates()
    _check_entries(counts, label)
    counts.eliminate_zeros()
    if not counts.nnz:
        raise DataError(f"expected counts of words in {label}, got only zeros; try a file that holds data")
    return canonical(counts)


def canonical(counts: CSR) -> CSR:
    """Return checked counts as int32, with sorted indices."""
    plain = sparse.csr_matrix(counts, dtype=np.int32)
    plain.sort_indices()
    return plain


def words_per_document(counts: CSR) -> np.ndarray:
    """Return the length of each document, int64 `[documents]`."""
    return np.asarray(counts.sum(axis=1, dtype=np.int64)).ravel()


def occurrences(counts: CSR) -> np.ndarray:
    """Return how often each word occurs, int64 `[words]`."""
    return np.asarray(counts.sum(axis=0, dtype=np.int64)).ravel()


def _check_entries(counts: CSR, label: str) -> None:
    values = counts.data
    good = (values >= 0) & (values <= LARGEST_COUNT) & (values == np.rint(values))
    if not good.all():
        first = int(np.argmin(good))
        row = int(np.searchsorted(counts.indptr, first, side="right"))
        raise DataError(
            f"expected whole numbers from 0 to {LARGEST_COUNT} in {label}, got {values[first]:g} at row {row}, "
            f"column {counts.indices[first] + 1} (rows and columns counted from 1); try counts of words, "
            "not frequencies or weights"
        )
