"""Rows by the words of a trained model: counts, or bits, of its own columns."""

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from beliefnet._errors import DataError, Use
from beliefnet.data._documents import numbered_words
from beliefnet.data._record import LoadOptions, Record
from beliefnet.data._sparse import CSR, to_counts
from beliefnet.data._split import Contents
from beliefnet.data._values import check_numbers
from beliefnet.data.readers._texts import count_words


def by_words(
    contents: Contents, record: Record, columns: Sequence[str] | None, options: LoadOptions, label: str
) -> Contents:
    """Return counts, or bits, of the words of a model.

    Args:
        contents: What was read.
        record: The record of the data that the model was trained on.
        columns: Its words, where they are known.
        options: How the file was read.
        label: What to call it in an error.

    Raises:
        DataError: If it holds none of the words, or there are none to count texts by.
    """
    rows, own = contents.splits["train"], contents.columns
    if contents.are_texts:
        if columns is None:
            raise DataError(
                f"expected a matrix of counts, got the texts {label}",
                Use("columns", ..., "with the model's vocabulary"),
            )
        counts = count_words(rows, columns, options.item_separator)
        counts = counts.sign() if record.values == "binary" else counts
        return contents.holding({"train": _with_words(counts, label, options)}, columns=tuple(columns))
    counts = rows if contents.are_sparse else to_counts(check_numbers(rows, label), label)
    width = counts.shape[1]
    is_numbered = columns is not None and tuple(columns) == numbered_words(record.num_features)
    # What is only numbered has no columns to spare: they would be shifted.
    if columns is None or (own is None and (width == record.num_features or (is_numbered and width > len(columns)))):
        return contents.holding({"train": counts}, columns=own)
    own = own or numbered_words(width)
    if is_numbered and width == record.num_features and set(own).isdisjoint(columns):
        return contents.holding({"train": counts}, columns=own)
    return contents.holding(
        {"train": _with_words(_columns_of(counts, own, columns), label, options)}, columns=tuple(columns)
    )


def _columns_of(counts: CSR, own: Sequence[str], words: Sequence[str]) -> CSR:
    """Return the columns of the given words, zeros for a word that the matrix has no column of."""
    column_of = {word: column for column, word in enumerate(words)}
    targets = np.array([column_of.get(word, -1) for word in own])
    sources = np.flatnonzero(targets >= 0)
    selection = sparse.csr_matrix(
        (np.ones(len(sources), counts.dtype), (sources, targets[sources])), shape=(len(own), len(words))
    )
    return counts @ selection


def _with_words(counts: CSR, label: str, options: LoadOptions) -> CSR:
    if not counts.nnz:
        turned = [Use("transpose", False, "if its rows are those of the data")] if options.transpose else []
        raise DataError(
            f"expected documents with words that the model was trained on, got none in {label}",
            *turned,
            "documents like those the model was trained on, or train a model on these",
        )
    return counts
