"""Texts, and the counts of the words in them."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from beliefnet._errors import DataError
from beliefnet.data._arrays import readable
from beliefnet.data._counts import canonical
from beliefnet.data._csv import DELIMITERS
from beliefnet.data._sparse import CSR

WORD = r"(?u)\b[^\W\d_]{2,}\b"
"""Two letters or more; what stands next to a digit or an underscore is no word."""


def holds_texts(path: Path, text_column: str | None) -> bool:
    """Whether a path leads to texts: a folder, a `.txt` file, or whatever has a column of texts."""
    return text_column is not None or path.suffix.lower() == ".txt" or path.is_dir()


def read_texts(path: Path, text_column: str | None) -> np.ndarray:
    """Read the documents of a folder or a file.

    Args:
        path: A folder, each `.txt` file in or below which is a document, in the order of their paths; a `.txt` file,
            each line of which is a document; or a `.csv` file.
        text_column: Name of the column of the `.csv` file that holds the documents.

    Returns:
        Strings, an array of objects `[documents]`.

    Raises:
        DataError: If there is nothing to read, or it is no text in UTF-8.
    """
    if text_column is not None:
        texts = _read_column(path, text_column)
    else:
        texts = _read_folder(path) if path.is_dir() else _read_lines(path)
    return np.array(texts, dtype=object)


def count_all_words(texts: Mapping[str, np.ndarray], label: str) -> tuple[dict[str, CSR], tuple[str, ...]]:
    """Count the words of texts: lower case, letters only, without English stop words.

    Args:
        texts: Strings `[documents]` by the name of the split; the vocabulary is that of `"train"`.
        label: What to call them in an error.

    Returns:
        The counts `[documents, words]` by the name of the split, and the words in alphabetical order.

    Raises:
        DataError: If the training documents have no words.
    """
    # Imported here because scikit-learn takes a while, and most uses never need it.
    from sklearn.feature_extraction.text import CountVectorizer

    vectorizer = CountVectorizer(token_pattern=WORD, stop_words="english")
    try:
        counts = {"train": canonical(vectorizer.fit_transform(texts["train"]))}
    except ValueError as error:
        raise DataError(
            f"expected texts with words in {label} (two letters or more, English stop words aside), "
            f"got none in {len(texts['train'])} training documents; try other texts"
        ) from error
    counts |= {split: canonical(vectorizer.transform(part)) for split, part in texts.items() if split != "train"}
    return counts, tuple(vectorizer.get_feature_names_out().tolist())


def count_words(texts: np.ndarray, words: Sequence[str]) -> CSR:
    """Return how often each of the words occurs in each text, `[documents, words]`."""
    from sklearn.feature_extraction.text import CountVectorizer

    vectorizer = CountVectorizer(token_pattern=WORD, vocabulary=list(words))
    return canonical(vectorizer.transform(texts))


def _read_folder(folder: Path) -> list[str]:
    with readable(folder):
        paths = [path for path in folder.rglob("*") if path.suffix.lower() == ".txt" and path.is_file()]
    if not paths:
        raise DataError(
            f"expected a folder of .txt files, each of them a document, got the folder {folder} without any; "
            "try a folder that holds texts, or a file"
        )
    return [_read(path) for path in sorted(paths, key=lambda path: path.relative_to(folder).parts)]


def _read_lines(path: Path) -> list[str]:
    lines = _read(path).split("\n")
    return lines if lines[-1] else lines[:-1]


def _read_column(path: Path, column: str) -> list[str]:
    if path.suffix.lower() != ".csv":
        raise DataError(f"expected a .csv file with a column {column!r}, got {path}; try leaving text_column out")
    with readable(path), _fields_of_any_length(), path.open(encoding="utf-8-sig", newline="") as file:
        header = file.readline()
        file.seek(0)
        reader = csv.DictReader(file, delimiter=max(DELIMITERS, key=header.count))
        names = list(reader.fieldnames or [])
        if column not in names:
            raise DataError(
                f"expected a column {column!r} in the first line of {path}, "
                f"got {', '.join(map(repr, names)) or 'an empty file'}; try one of these as text_column"
            )
        return [_cell(row, column, path, reader.line_num) for row in reader]


def _cell(row: Mapping[str, str | None], column: str, path: Path, line: int) -> str:
    text = row[column]
    if text is None:
        raise DataError(
            f"expected a text under {column!r} at line {line} of {path}, got fewer columns than in the first line; "
            "try quoting texts that hold the delimiter or line breaks"
        )
    return text


def _read(path: Path) -> str:
    with readable(path):
        return path.read_text(encoding="utf-8-sig")


@contextmanager
def _fields_of_any_length() -> Iterator[None]:
    """Lift the limit on the length of a field, which the csv module keeps for the whole process."""
    limit = csv.field_size_limit(2**31 - 1)
    try:
        yield
    finally:
        csv.field_size_limit(limit)
