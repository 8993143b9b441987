"""A user's own documents, as three splits or as plain rows."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy import sparse

from beliefnet._errors import DataError
from beliefnet.data._arrays import readable
from beliefnet.data._counts import canonical
from beliefnet.data._matrix_files import READERS, holds_sparse_matrix, read_matrices, read_named_matrix
from beliefnet.data._options import Options
from beliefnet.data._raw import RawCounts
from beliefnet.data._sparse import CSR
from beliefnet.data._splits import cut_missing
from beliefnet.data._texts import count_all_words, count_words, holds_texts, read_texts
from beliefnet.data._values import check_width
from beliefnet.data._words import numbered_words, words_beside

DEFAULT_VOCABULARY_SIZE = 2000
"""Number of words of texts that are kept when nothing was asked for; of a matrix, all are."""


def only_documents(path: Path, text_column: str | None) -> bool:
    """Whether a path can only lead to documents."""
    return holds_texts(path, text_column) or (path.is_file() and holds_sparse_matrix(path))


def default_vocabulary_size(path: Path, options: Options, num_words: int) -> int:
    """Return how many of so many words are kept when nothing was asked for."""
    return min(num_words, DEFAULT_VOCABULARY_SIZE) if holds_texts(path, options.text_column) else num_words


def read_documents(path: Path, options: Options) -> RawCounts:
    """Read a user's documents into three splits, cutting off at random those that they do not come in.

    The vocabulary of texts is learnt on the training documents.

    Args:
        path: A matrix file, or texts.
        options: What was asked for.

    Raises:
        DataError: If the documents or the fractions cannot be used.
    """
    _check_path(path, options.text_column)
    if not holds_texts(path, options.text_column):
        matrices = read_matrices(path)
        num_columns = matrices["train"].shape[1]
        splits = cut_missing(matrices, options.fractions, options.seed, str(path))
        return RawCounts(**splits, words=words_beside(path, num_columns) or numbered_words(num_columns))
    texts = {"train": read_texts(path, options.text_column)}
    parts = cut_missing(texts, options.fractions, options.seed, str(path))
    counts, words = count_all_words(parts, str(path))
    return RawCounts(**counts, words=words)


def read_counts(
    path: Path,
    *,
    num_features: int,
    array: str | None = None,
    words: Sequence[str] | None = None,
    text_column: str | None = None,
) -> CSR:
    """Read documents, without splits, for a model of `num_features` words.

    Documents without any word of the model stay, as empty rows: row `n` is document `n`.

    Args:
        path: A matrix file, or texts.
        num_features: The number of words the model takes.
        array: Which matrix of an `.npz` file to read; None for its training documents or its only matrix.
        words: The words of the model, which texts are counted by. The columns of a matrix with a vocabulary beside
            it, or of another width, are taken by their words too.
        text_column: The column of a `.csv` file that holds texts.

    Returns:
        Counts `[documents, num_features]`, as `to_counts` returns them.

    Raises:
        DataError: If the documents cannot be used, or have no word of the model.
    """
    _check_path(path, text_column)
    if holds_texts(path, text_column):
        if words is None:
            raise DataError(f"expected a matrix of counts, got the texts {path}; try words=..., the model's vocabulary")
        return _with_words(count_words(read_texts(path, text_column), words), path)
    counts = read_matrices(path, num_features)["train"] if array is None else read_named_matrix(path, array)
    own = words_beside(path, counts.shape[1])
    if words is not None and (own is not None or counts.shape[1] != num_features):
        return _with_words(_by_words(counts, own or numbered_words(counts.shape[1]), words), path)
    check_width(counts, num_features, str(path))
    return counts


def _by_words(counts: CSR, own: Sequence[str], words: Sequence[str]) -> CSR:
    """Return the columns of the given words, zeros for a word that the matrix has no column of."""
    column_of = {word: column for column, word in enumerate(words)}
    targets = np.array([column_of.get(word, -1) for word in own])
    sources = np.flatnonzero(targets >= 0)
    selection = sparse.csr_matrix(
        (np.ones(len(sources), np.int32), (sources, targets[sources])), shape=(len(own), len(words))
    )
    return canonical(counts @ selection)


def _with_words(counts: CSR, path: Path) -> CSR:
    if not counts.nnz:
        raise DataError(
            f"expected documents with words that the model was trained on, got none in {path}; "
            "try documents like those the model was trained on, or train a model on these"
        )
    return counts


def _check_path(path: Path, text_column: str | None) -> None:
    with readable(path):
        if not path.exists():
            raise DataError(f"expected an existing file, got {path}, which does not exist; try checking the path")
    if path.suffix.lower() not in READERS and not holds_texts(path, text_column):
        raise DataError(
            f"expected word counts as a {', '.join(READERS)} file, or texts as a .txt or .csv file or a folder, "
            f"got {path}; try scipy.sparse.save_npz to write a .npz file"
        )
