"""Texts and baskets of items, and the counts of the words or items in them."""

import csv
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from beliefnet._errors import Advice, DataError, Use, listed, shown, suggestion
from beliefnet.data._files import (
    has_own_encoding,
    is_of_single_bytes,
    plain_suffix,
    read_text,
    readable,
    split_lines,
)
from beliefnet.data._record import Reading
from beliefnet.data._sparse import CSR, canonical
from beliefnet.data.readers._cells import cells_of, delimiter_of, records_of

WORD = r"(?u)\b[^\W\d_]{2,}\b"
"""Two letters or more; what stands next to a digit or an underscore is no word."""

TABLES = (".csv", ".tsv")

SPLIT_NAMES: Mapping[str, str] = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("valid", "validation", "val", "dev"), "valid"),
    **dict.fromkeys(("test", "testing"), "test"),
}
"""What a column of splits may say, in lower case, and which split that is."""

Texts = tuple[np.ndarray, tuple[str, ...] | None, tuple[str, ...] | None]
"""The texts, an array of strings `[documents]`; the name of each; and what its split is called."""


def read_texts(path: Path, reading: Reading, split_column: str | None = None) -> Texts:
    """Read the documents of a folder or a file.

    Args:
        path: A folder, each `.txt` file in or below which is a document, in the order of their paths; a text file,
            each line of which is a document; or a table.
        reading: How to read it: the column of the table that holds the documents, and the encoding.
        split_column: The column of the table that says which split a document belongs to.

    Raises:
        DataError: If there is nothing to read, or it is no text in this encoding.
    """
    if reading.text_column is not None:
        return _read_column(path, reading, reading.text_column, split_column)
    if split_column is not None:
        raise DataError(f"expected text_column beside split_column for {path}, got none", "naming the column of texts")
    if path.is_dir():
        return _read_folder(path, reading.encoding)
    text = read_text(path, reading.encoding)
    if text and not text.strip():
        raise DataError(f"expected texts, got nothing but blanks in {path}", "a file that holds texts")
    return _strings(split_lines(text)), None, None


def count_all_words(
    texts: Mapping[str, np.ndarray], label: str, item_separator: str | None = None
) -> tuple[dict[str, CSR], tuple[str, ...]]:
    """Count the words of texts: lower case, letters only, without English stop words; or the items of baskets.

    Args:
        texts: Strings `[documents]` by the name of the split; the vocabulary is that of `"train"`.
        label: What to call them in an error.
        item_separator: What separates items, each of which is kept as it is; None for words.

    Returns:
        The counts `[documents, words]` by the name of the split, and the words in alphabetical order.

    Raises:
        DataError: If the training documents have no words.
    """
    # Imported here because scikit-learn takes a while, and most uses never need it.
    from sklearn.feature_extraction.text import CountVectorizer

    if item_separator is None:
        vectorizer = CountVectorizer(token_pattern=WORD, stop_words="english")
    else:
        vectorizer = CountVectorizer(**_by_items(item_separator))
    try:
        # Without any word, which is soon seen, counting would take as long as with many.
        has_words = item_separator is not None or any(map(re.compile(WORD).search, texts["train"]))
        counts = {"train": canonical(vectorizer.fit_transform(texts["train"] if has_words else ()))}
    except ValueError as error:
        wanted = "words (two letters or more, English stop words aside)" if item_separator is None else "items"
        raise DataError(
            f"expected texts with {wanted} in {label}, got none in {len(texts['train'])} training documents",
            "other texts",
            Use("item_separator", ",", "for the items of baskets"),
        ) from error
    counts |= {split: canonical(vectorizer.transform(part)) for split, part in texts.items() if split != "train"}
    return counts, tuple(vectorizer.get_feature_names_out().tolist())


def count_words(texts: np.ndarray, words: Sequence[str], item_separator: str | None = None) -> CSR:
    """Return how often each of the words, or items, occurs in each text, `[documents, words]`."""
    from sklearn.feature_extraction.text import CountVectorizer

    how: dict[str, Any] = {"token_pattern": WORD} if item_separator is None else _by_items(item_separator)
    return canonical(CountVectorizer(**how, vocabulary=list(words)).transform(texts))


def split_of(called: str, path: Path) -> str:
    """Return the split that a cell names; `DataError` if it names none."""
    split = SPLIT_NAMES.get(called.strip().lower())
    if split is None:
        raise DataError(
            f"expected a split of {path} to be called {listed(SPLIT_NAMES)}, got {shown(called)}",
            "another split_column",
        )
    return split


def texts_below(folder: Path) -> list[Path]:
    """Return the text files in and below a folder, in the order of their paths."""
    with readable(folder):
        paths = [path for path in folder.rglob("*") if path.suffix.lower() == ".txt" and path.is_file()]
    return sorted(paths, key=lambda path: path.relative_to(folder).parts)


def _by_items(separator: str) -> dict[str, Any]:
    """Return the options of a vectoriser that counts items."""

    def items(line: str) -> list[str]:
        # Quoted items may hold the separator, as in any table.
        parts = cells_of(line, separator, skipinitialspace=True) if len(separator) == 1 else line.split(separator)
        return [part.strip() for part in parts if part.strip()]

    return {"analyzer": items}


def _read_folder(folder: Path, encoding: str | None) -> Texts:
    ordered = texts_below(folder)
    if not ordered:
        raise DataError(
            f"expected a folder of .txt files, each of them a document, or of .png images, got the folder {folder} "
            "without any",
            "a folder that holds texts, or a file",
        )
    names = tuple(path.relative_to(folder).as_posix() for path in ordered)
    others = [path for path in ordered if has_own_encoding(path)] if is_of_single_bytes(encoding) else []
    if others:
        warnings.warn(
            f"{len(others)} of the {len(ordered)} files of {folder}, such as {others[0].name}, are in Unicode and are "
            f"read so, the others as {encoding}",
            stacklevel=2,
        )
    own = set(others)
    return _strings([read_text(path, None if path in own else encoding) for path in ordered]), names, None


def _read_column(path: Path, reading: Reading, column: str, split_column: str | None) -> Texts:
    if plain_suffix(path) not in (*TABLES, ".txt"):
        raise DataError(f"expected a .csv file with a column {shown(column)}, got {path}", "leaving text_column out")
    text = read_text(path, reading.encoding)
    with readable(path), _fields_of_any_length():
        delimiter = delimiter_of(text.partition("\n")[0], path, reading)
        header = next(iter(records_of(text, delimiter)), [])
        wanted = [column, *filter(None, [split_column, reading.name_column])]
        has_header = not all(name.startswith("column ") for name in wanted) or column in header
        known = header if has_header else [f"column {number}" for number in range(1, len(header) + 1)]
        for name in wanted:
            if name not in known:
                raise DataError(
                    f"expected a column {shown(name)} in the first line of {path}, got "
                    f"{listed(header) or 'an empty file'}{suggestion(name, known)}",
                    "one of these as text_column, or 'column 1' where there is no header",
                )
        rows = list(_complete_rows(text, delimiter, len(known), has_header, path))
        if split_column is None:
            _notice_splits(known, rows, path)
    cells = [tuple(row[known.index(name)] for row in rows) for name in wanted]
    parts = cells[1] if split_column is not None else None
    return _strings(cells[0]), cells[-1] if reading.name_column is not None else None, parts


def _complete_rows(text: str, delimiter: str, width: int, has_header: bool, path: Path) -> Iterator[list[str]]:
    reader: Any = records_of(text, delimiter)
    if has_header:
        next(reader, None)
    for row in reader:
        if not row:
            continue
        if len(row) < width:
            raise DataError(
                f"expected {width} columns at line {reader.line_num} of {path}, got {len(row)}, fewer than in the "
                "first line",
                "quoting texts that hold the delimiter or line breaks",
            )
        yield row


def _notice_splits(columns: Sequence[str], rows: Sequence[Sequence[str]], path: Path) -> None:
    for index, name in enumerate(columns):
        called = {row[index].strip().lower() for row in rows}
        if len(called) > 1 and called <= SPLIT_NAMES.keys():
            said = f"column {name!r} of {path} names splits and is not used"
            warnings.warn(Advice(said, Use("split_column", name)), stacklevel=2)


def _strings(texts: Sequence[str]) -> np.ndarray:
    array = np.empty(len(texts), dtype=object)
    array[:] = texts
    return array


@contextmanager
def _fields_of_any_length() -> Iterator[None]:
    """Lift the limit on the length of a field, which the csv module keeps for the whole process."""
    limit = csv.field_size_limit(2**31 - 1)
    try:
        yield
    finally:
        csv.field_size_limit(limit)
