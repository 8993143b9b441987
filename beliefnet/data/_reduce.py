"""Leaving out rare words, and documents in which no word is left."""

import warnings

import numpy as np

from beliefnet._errors import DataError
from beliefnet.data._counts import canonical, occurrences, words_per_document
from beliefnet.data._raw import RawCounts


def first_words(raw: RawCounts, vocabulary_size: int, label: str) -> RawCounts:
    """Keep the first columns; named data sets hold their words in descending order of frequency.

    Args:
        raw: The documents.
        vocabulary_size: Number of words to keep.
        label: What to call the data in an error.

    Raises:
        DataError: If there are not that many words.
    """
    _check_size(raw, vocabulary_size, label)
    return _columns(raw, np.arange(vocabulary_size))


def most_frequent(raw: RawCounts, vocabulary_size: int, label: str) -> RawCounts:
    """Keep the words that occur most often in the training documents, the columns in the order they had.

    Args:
        raw: The documents.
        vocabulary_size: Number of words to keep; of equally frequent ones, those of the first columns.
        label: What to call the data in an error.

    Raises:
        DataError: If there are not that many words.
    """
    _check_size(raw, vocabulary_size, label)
    ranking = np.argsort(-occurrences(raw.train), kind="stable")
    return _columns(raw, np.sort(ranking[:vocabulary_size]))


def without_empty(raw: RawCounts, label: str) -> RawCounts:
    """Leave out the documents without any word.

    Raises:
        DataError: If a split has no other documents.
    """
    lengths = {split: words_per_document(counts) for split, counts in raw.matrices.items()}
    for split, words in lengths.items():
        if not words.any():
            raise DataError(
                f"expected {split} documents with words of the vocabulary in {label}, got {len(words)} without any; "
                "try a larger vocabulary, or more documents"
            )
    kept = {split: counts[np.flatnonzero(lengths[split])] for split, counts in raw.matrices.items()}
    return RawCounts(**kept, words=raw.words)


def warn_of_empty(raw: RawCounts, kept: RawCounts, label: str) -> None:
    """Warn of documents that are in `raw` and no longer in `kept`."""
    missing = {split: size - kept.sizes[split] for split, size in raw.sizes.items() if kept.sizes[split] < size}
    if missing:
        numbers = ", ".join(f"{missing[split]} of {raw.sizes[split]} {split}" for split in missing)
        warnings.warn(f"left out documents of {label} without any word of the vocabulary: {numbers}", stacklevel=2)


def _check_size(raw: RawCounts, vocabulary_size: int, label: str) -> None:
    if not 1 <= vocabulary_size <= len(raw.words):
        raise DataError(
            f"expected vocabulary_size from 1 to {len(raw.words)}, the number of words in {label}, "
            f"got {vocabulary_size}; try leaving the option out"
        )


def _columns(raw: RawCounts, columns: np.ndarray) -> RawCounts:
    kept = {split: canonical(counts[:, columns]) for split, counts in raw.matrices.items()}
    return RawCounts(**kept, words=tuple(raw.words[column] for column in columns))
