"""Word counts of documents: the words of their columns, and leaving out rare words and empty documents."""

import json
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from beliefnet._errors import DataError, Use, shown
from beliefnet.data._files import read_text, split_lines
from beliefnet.data._sparse import canonical, occurrences, words_per_document
from beliefnet.data._split import Contents

SUFFIX = ".vocab.txt"


def vocabulary_path(path: Path) -> Path:
    """Return where the vocabulary of a matrix file is looked for: `mine.vocab.txt` for `mine.npz` or `mine.mtx.gz`."""
    stem = Path(path.stem).stem if path.suffix.lower() == ".gz" else path.stem
    return path.with_name(stem + SUFFIX)


def read_words(path: Path) -> tuple[str, ...]:
    """Read a vocabulary.

    Args:
        path: A text file in UTF-8, one word a line; a line in double quotes is a word as JSON spells it.

    Returns:
        The words, in the order of the columns that they name.

    Raises:
        DataError: If the file cannot be read, a line is empty, or a word occurs twice.
    """
    words = tuple(_plain(line) for line in split_lines(read_text(path)))
    first: dict[str, int] = {}
    for number, word in enumerate(words, 1):
        if not word:
            raise DataError(f"expected one word a line in {path}, got an empty line {number}", "removing it")
        if first.setdefault(word, number) != number:
            raise DataError(
                f"expected different words in {path}, got {shown(word)} in lines {first[word]} and {number}",
                "adding up their columns",
            )
    return words


def write_words(path: Path, words: Sequence[str]) -> None:
    """Write a vocabulary as `read_words` reads it."""
    path.write_text(spelled(words), encoding="utf-8", newline="\n")


def spelled(words: Sequence[str]) -> str:
    """Return the text of a vocabulary file."""
    return "".join(f"{_spelled(word)}\n" for word in words)


def unspelled(text: str) -> tuple[str, ...]:
    """Return the words of a text that `spelled` made, exactly; lines of another origin are words as they are."""
    return tuple(map(_unspelled, text.split("\n")[:-1]))


def _unspelled(line: str) -> str:
    word = _plain(line)
    return word if _spelled(word) == line else line


def words_beside(path: Path, num_columns: int) -> tuple[str, ...] | None:
    """Read the vocabulary beside a matrix file.

    Args:
        path: The matrix file.
        num_columns: Number of columns of the matrix, each of which needs a word.

    Returns:
        The words, or None where there is no such file.

    Raises:
        DataError: If the file cannot be used, or has more or fewer words than there are columns.
    """
    beside = vocabulary_path(path)
    if not beside.exists():
        return None
    words = read_words(beside)
    if len(words) != num_columns:
        raise DataError(
            f"expected {num_columns} words in {beside}, one for each column of {path.name}, got {len(words)}",
            "one word a line, and documents as the rows of the matrix",
            Use("transpose", True, "if they are its columns"),
        )
    return words


def numbered_words(num_columns: int) -> tuple[str, ...]:
    """Return names for columns without a vocabulary: `word 1`, `word 2` and so on."""
    return tuple(f"word {number}" for number in range(1, num_columns + 1))


def numbered_columns(num_columns: int) -> tuple[str, ...]:
    """Return names for the columns of a table without any: `column 1`, `column 2` and so on, as messages name them."""
    return tuple(f"column {number}" for number in range(1, num_columns + 1))


def first_words(raw: Contents, vocabulary_size: int, label: str) -> Contents:
    """Keep the first columns; named data sets hold their words in descending order of frequency.

    Args:
        raw: The counts of documents.
        vocabulary_size: Number of words to keep.
        label: What to call the data in an error.

    Raises:
        DataError: If there are not that many words.
    """
    _check_size(raw, vocabulary_size, label)
    return _columns(raw, np.arange(vocabulary_size))


def most_frequent(raw: Contents, vocabulary_size: int, label: str) -> Contents:
    """Keep the words that occur most often in the training documents, the columns in the order they had.

    Args:
        raw: The counts of documents.
        vocabulary_size: Number of words to keep; of equally frequent ones, those of the first columns.
        label: What to call the data in an error.

    Raises:
        DataError: If there are not that many words.
    """
    _check_size(raw, vocabulary_size, label)
    ranking = np.argsort(-occurrences(raw.splits["train"]), kind="stable")
    return _columns(raw, np.sort(ranking[:vocabulary_size]))


def without_empty(raw: Contents, label: str, *, has_vocabulary: bool) -> Contents:
    """Leave out the documents without any word.

    Args:
        raw: The counts of documents.
        label: What to call the data in an error.
        has_vocabulary: Whether columns are words that were chosen, so that others could be.

    Raises:
        DataError: If a split has no other documents.
    """
    kept = {}
    for split, counts in raw.splits.items():
        kept[split] = np.flatnonzero(words_per_document(counts))
        if not len(kept[split]):
            if has_vocabulary:
                raise DataError(
                    f"expected {split} documents with words of the vocabulary in {label}, got {counts.shape[0]} "
                    "without any",
                    "a larger vocabulary, or more documents",
                )
            raise DataError(
                f"expected {split} rows with a count above 0 in {label}, got {counts.shape[0]} of zeros only",
                f"{split} rows that hold counts",
                Use("keep_empty", True, "for Poisson units"),
            )
    return raw.rows_of(kept)


def warn_of_empty(raw: Contents, kept: Contents, label: str) -> None:
    """Warn of documents that are in `raw` and no longer in `kept`."""
    sizes, left = raw.sizes, kept.sizes
    missing = {split: size - left[split] for split, size in sizes.items() if left[split] < size}
    if missing:
        numbers = ", ".join(f"{missing[split]} of {sizes[split]} {split}" for split in missing)
        warnings.warn(f"left out documents of {label} without any word of the vocabulary: {numbers}", stacklevel=2)


def _check_size(raw: Contents, vocabulary_size: int, label: str) -> None:
    num_words = raw.splits["train"].shape[1]
    if not 1 <= vocabulary_size <= num_words:
        raise DataError(
            f"expected {{option}} from 1 to {num_words}, the number of words in {label}, got {vocabulary_size}",
            "leaving the option out",
            option="vocabulary_size",
        )


def _columns(raw: Contents, columns: np.ndarray) -> Contents:
    kept = {split: canonical(counts[:, columns]) for split, counts in raw.splits.items()}
    names = raw.columns and tuple(raw.columns[column] for column in columns)
    return raw.holding(kept, columns=names)


def _spelled(word: str) -> str:
    """Return a word as a line: as JSON where a line could not be read back."""
    is_plain = word.isprintable() and word == word.strip() and not word.startswith('"')
    return word if is_plain else json.dumps(word)


def _plain(line: str) -> str:
    # Only blanks are stripped: to Unicode, a line separator is one as well, and may be a word.
    word = line.strip(" \t")
    if len(word) > 1 and word.startswith('"') and word.endswith('"'):
        try:
            spelled = json.loads(word)
        except ValueError:
            return word
        return spelled if isinstance(spelled, str) else word
    return word
