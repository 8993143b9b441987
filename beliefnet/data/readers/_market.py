"""Matrix Market format, parsed so that a header is never believed, and the names of 10x folders beside it."""

import re
from pathlib import Path

import numpy as np
from scipy import sparse

from beliefnet._errors import DataError, listed, shown
from beliefnet.data._files import check_extent, plain_suffix, read_text, readable, split_lines
from beliefnet.data._sparse import CSR
from beliefnet.data.readers._numbers import is_whole, numbers_of

MARKET = ".mtx"
_FIELDS = ("integer", "real", "pattern", "unsigned-integer")
_SYMMETRIES = ("general", "symmetric", "skew-symmetric")
_COMMENTS = re.compile(r"\A(?:[ \t]*(?:%[^\n]*)?\n)*")
_TENX_FOLDER = {
    "columns": ("features.tsv.gz", "features.tsv", "genes.tsv", "genes.tsv.gz"),
    "rows": ("barcodes.tsv.gz", "barcodes.tsv"),
}


def read_market(path: Path) -> np.ndarray | CSR:
    """Read a matrix in Matrix Market format, sparse or dense.

    Raises:
        DataError: If the text is another one, or its sizes and entries do not agree.
    """
    text = read_text(path)
    with readable(path):
        head, _, body = text.partition("\n")
        words = head.lower().split()
        is_market = len(words) == 5 and words[:2] == ["%%matrixmarket", "matrix"] and words[4] in _SYMMETRIES
        if not is_market or words[2] not in ("coordinate", "array") or words[3] not in _FIELDS:
            raise _no_market(path, f"a first line {shown(head)}")
        sizes, _, entries = _COMMENTS.sub("", body, count=1).partition("\n")
        shape = numbers_of(sizes, path)
        values = numbers_of(entries, path)
        if words[2] == "array":
            return _dense_market(shape, values, words[4], path)
        return _sparse_market(shape, values, words[3] == "pattern", words[4], path)


def tenx_names(path: Path, shape: tuple[int, int]) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """Return the names of the features and of the cells of a 10x matrix file, or None where they are not beside it.

    Raises:
        DataError: If there are not as many as the matrix has rows and columns.
    """
    found = {
        what: next((path.parent / name for name in names if (path.parent / name).is_file()), None)
        for what, names in _TENX_FOLDER.items()
    }
    features, barcodes = found["columns"], found["rows"]
    if plain_suffix(path) != MARKET or features is None or barcodes is None:
        return None
    rows = [line.split("\t") for line in split_lines(read_text(features))]
    symbols = [row[1] if len(row) > 1 else row[0] for row in rows]
    # Symbols are easier to read, but only identifiers are always different.
    columns = symbols if len(set(symbols)) == len(symbols) else [row[0] for row in rows]
    names = split_lines(read_text(barcodes))
    for what, given, size in ((features, columns, shape[0]), (barcodes, names, shape[1])):
        if len(given) != size:
            raise DataError(
                f"expected {size} lines in {what} for the matrix {path} of shape {list(shape)}, got {len(given)}",
                "the three files of one experiment",
            )
    return tuple(columns), tuple(name.strip() for name in names)


def tenx_matrix(folder: Path) -> Path | None:
    """Return the matrix file of a folder as 10x writes it, or None."""
    return next((folder / name for name in ("matrix.mtx.gz", "matrix.mtx") if (folder / name).is_file()), None)


def _dense_market(shape: np.ndarray, values: np.ndarray, symmetry: str, path: Path) -> np.ndarray:
    if symmetry != "general" or shape.size != 2 or values.size != np.prod(shape) or not is_whole(shape):
        raise _no_market(path, f"{values.size} values for the sizes {listed(shape.tolist())}")
    return values.reshape(int(shape[1]), int(shape[0])).T


def _sparse_market(shape: np.ndarray, values: np.ndarray, is_pattern: bool, symmetry: str, path: Path) -> CSR:
    width = 2 if is_pattern else 3
    if shape.size != 3 or not is_whole(shape) or values.size != width * shape[2]:
        raise _no_market(path, f"{values.size / width:g} entries for the sizes {listed(shape.tolist())}")
    entries = values.reshape(-1, width)
    places = entries[:, :2]
    size = (int(shape[0]), int(shape[1]))
    check_extent(size, len(entries), str(path))
    if len(entries) and not (is_whole(places) and places.min() >= 1 and (places <= np.array(size)).all()):
        raise _no_market(path, f"a place outside of {list(size)}")
    rows, columns = (places - 1).astype(np.int64).T
    data = np.ones(len(entries), np.int64) if is_pattern else entries[:, 2]
    if symmetry != "general":
        below, sign = rows != columns, -1 if symmetry == "skew-symmetric" else 1
        rows, columns, data = (
            np.concatenate([rows, columns[below]]),
            np.concatenate([columns, rows[below]]),
            np.concatenate([data, sign * data[below]]),
        )
        check_extent((size[1], size[0]), len(entries), str(path))
        size = (max(size), max(size))
    return sparse.coo_matrix((data, (rows, columns)), shape=size).tocsr()


def _no_market(path: Path, found: str) -> DataError:
    return DataError(
        f"expected a matrix in Matrix Market format, as written by scipy.io.mmwrite, in {path}, got {found}",
        "writing it again",
    )
