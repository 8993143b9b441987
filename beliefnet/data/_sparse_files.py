"""Sparse matrices in text files: Matrix Market, svmlight and LDA-C, parsed here so that a header is never believed."""

import itertools
import pickletools
import re
import struct
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from beliefnet._errors import DataError, Use, listed, shown
from beliefnet.data._files import check_extent, plain_suffix, read_text, readable, split_lines
from beliefnet.data._sparse import CSR

SVMLIGHT = (".svm", ".svmlight", ".libsvm")
LDA_C = (".ldac", ".lda-c", ".dat")
MARKET = ".mtx"

_FIELDS = ("integer", "real", "pattern", "unsigned-integer")
_SYMMETRIES = ("general", "symmetric", "skew-symmetric")
_LARGEST_INDEX = 2**31 - 2
_COMMENTS = re.compile(r"\A(?:[ \t]*(?:%[^\n]*)?\n)*")
_PAIR = re.compile(r"\s+(?:qid|[\d.eE+-]+):[\d.eE+-]+")
# No group gives back what it took: a text has millions of lines.
_PLAIN_PAIRS = re.compile(
    r"(?:[-+]?[0-9][-+.0-9eE]*+(?:[ \t]++[0-9]++:[-+]?[0-9][-+.0-9eE]*+)*+[ \t\r]*+\n)++", re.ASCII
)
_MARK = object()
_CONSTANTS = {"EMPTY_LIST": list, "EMPTY_TUPLE": tuple, "NONE": lambda: None, "NEWTRUE": bool, "NEWFALSE": bool}
_PLAIN = {
    *("BININT", "BININT1", "BININT2", "LONG1", "BINUNICODE", "SHORT_BINUNICODE"),
    *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "GLOBAL"),
}
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
        shape = _numbers(sizes, path)
        values = _numbers(entries, path)
        if words[2] == "array":
            return _dense_market(shape, values, words[4], path)
        return _sparse_market(shape, values, words[3] == "pattern", words[4], path)


def read_svmlight(path: Path, first_column: int | None) -> tuple[CSR, int, bool]:
    """Read lines of the form `label column:value column:value ...`; the labels are ignored.

    Args:
        path: The file.
        first_column: Number of the first column, 0 or 1; None for 0 if that occurs, and else 1.

    Returns:
        The matrix, the number of its first column, and whether that is certain.

    Raises:
        DataError: If the text is another one, or a column is beyond all measure.
    """
    text = read_text(path)
    if (plain := _plain_pairs(text, path)) is not None:
        return _from_pairs(plain.pairs, plain.counts, path, first_column)
    lines = [line.partition("#")[0] for line in split_lines(text)] if "#" in text else split_lines(text)
    rows = [line for line in lines if line and not line.isspace()]
    pairs = []
    for number, line in enumerate(rows, 1):
        pairs.append(found := _PAIR.findall(line))
        head = line[: len(line.rstrip()) - len("".join(found).rstrip())] if found else line
        if not _is_label(head.strip()):
            raise DataError(
                f"expected lines of the form 'label column:value column:value ...' in {path}, "
                f"got {shown(line)} as line {number} of data",
                "writing it again",
            )
    kept = [[pair for pair in found if not pair.lstrip().startswith("qid:")] for found in pairs]
    return _from_pairs(*_split_pairs(kept, path), path, first_column)


def read_lda_c(path: Path) -> CSR:
    """Read documents in the format of LDA-C: `number term:count term:count ...`, terms from 0.

    Raises:
        DataError: If the text is another one, or a line does not hold as many terms as it says.
    """
    text = read_text(path)
    plain = _plain_pairs(text, path)
    if plain is not None and np.array_equal(plain.labels, plain.counts):
        return _from_pairs(plain.pairs, plain.counts, path, 0)[0]
    rows = [line for line in split_lines(text) if line and not line.isspace()]
    pairs = []
    for number, line in enumerate(rows, 1):
        pairs.append(found := _PAIR.findall(line))
        first, *rest = line.split()
        if not first.isdigit() or len(rest) != len(found) or int(first[:12]) != len(found):
            raise DataError(
                f"expected lines of the form 'number term:count term:count ...' in {path}, got {shown(line)} as line "
                f"{number} of documents",
                "the number of different terms first",
            )
    return _from_pairs(*_split_pairs(pairs, path), path, 0)[0]


def read_tokens(arrays: dict[str, np.ndarray], path: Path) -> CSR:
    """Count the token ids of documents that follow each other in one array, `tokens` and `lengths`.

    Raises:
        DataError: If they are no whole numbers, or the lengths do not add up.
    """
    tokens, lengths = arrays["tokens"], arrays["lengths"]
    for name, array in (("tokens", tokens), ("lengths", lengths)):
        if array.dtype.kind not in "iu" or array.ndim != 1 or (array.size and array.min() < 0):
            raise DataError(
                f"expected whole numbers from 0 on as {name} in {path}, got {array.dtype} {list(array.shape)}",
                "numpy.concatenate(rows) for tokens and [len(row) for row in rows] for lengths",
            )
    if lengths.sum(dtype=np.float64) != tokens.size:
        raise DataError(
            f"expected lengths that add up to the {tokens.size} tokens in {path}, got "
            f"{lengths.sum(dtype=np.float64):g}",
            "[len(row) for row in rows]",
        )
    width = int(tokens.max(initial=0)) + 1
    check_extent((lengths.size, width), tokens.size, str(path))
    starts = np.append(0, np.cumsum(lengths.astype(np.int64)))
    ones = np.ones(tokens.size, np.int64)
    return sparse.csr_matrix((ones, tokens.astype(np.int64), starts), shape=(lengths.size, width))


def read_ragged(pickled: bytes, path: Path) -> CSR:
    """Count the token ids of documents in an array of arrays, as `numpy.save` pickles it.

    Nothing is unpickled: what the pickle would do is followed on a stack of plain values, and nothing is ever called.

    Raises:
        DataError: If it is any other pickle than one of arrays, or lists, of whole numbers.
    """
    try:
        rows = [_plain_row(row) for row in _followed(pickled)]
    except (ValueError, TypeError, IndexError, KeyError, AttributeError, OverflowError, struct.error) as error:
        raise DataError(
            f"expected plain numbers, got pickled objects (dtype object) in {path}",
            "array.astype('float32') before "
            "saving, or for rows of token ids numpy.savez(path, tokens=numpy.concatenate(rows), "
            "lengths=[len(row) for row in rows])",
        ) from error
    tokens = np.concatenate([np.zeros(0, np.int64), *rows])
    return read_tokens({"tokens": tokens, "lengths": np.array([len(row) for row in rows], np.int64)}, path)


@dataclass
class _Pickled:
    """What a pickle would call, and the state that it would give to the result."""

    called: str
    arguments: tuple
    state: Any = None


def _followed(pickled: bytes) -> list:
    """Return the elements of the outermost array of a pickle."""
    stack, memo = [], {}
    for opcode, argument, _ in pickletools.genops(pickled):
        name = opcode.name
        if name in ("STOP", "PROTO", "FRAME"):
            continue
        if name == "MARK":
            stack.append(_MARK)
        elif name == "MEMOIZE":
            memo[len(memo)] = stack[-1]
        elif name.endswith("BINPUT"):
            memo[argument] = stack[-1]
        elif name.endswith("BINGET"):
            stack.append(memo[argument])
        elif name in _CONSTANTS:
            stack.append(_CONSTANTS[name]())
        elif name in ("TUPLE1", "TUPLE2", "TUPLE3"):
            stack[-int(name[-1]) :] = [tuple(stack[-int(name[-1]) :])]
        elif name in ("TUPLE", "APPENDS"):
            start = len(stack) - 1 - stack[::-1].index(_MARK)
            found = stack[start + 1 :]
            del stack[start:]
            if name == "TUPLE":
                stack.append(tuple(found))
            else:
                stack[-1].extend(found)
        elif name in ("APPEND", "REDUCE", "BUILD", "STACK_GLOBAL"):
            last = stack.pop()
            if name == "APPEND":
                stack[-1].append(last)
            elif name == "BUILD":
                stack[-1].state = last
            else:
                before = stack.pop()
                stack.append(f"{before} {last}" if name == "STACK_GLOBAL" else _Pickled(before, last))
        elif name in _PLAIN:
            stack.append(argument)
        else:
            raise ValueError(f"the opcode {name}")
    (array,) = stack
    _, shape, dtype, _, elements = array.state
    if len(shape) != 1 or shape[0] != len(elements) or not dtype.arguments[0].startswith("O"):
        raise ValueError("no array of arrays")
    return elements


def _plain_row(row: Any) -> np.ndarray:
    """Return one document as whole numbers."""
    if type(row) is list:
        return np.array([int(token) for token in row if type(token) is int or _refuse(token)], np.int64)
    _, shape, dtype, _, content = row.state
    if row.called.rpartition(" ")[2] != "_reconstruct" or not re.fullmatch("[iu][1248]", dtype.arguments[0]):
        raise ValueError("no whole numbers")
    order = dtype.state[1] if dtype.state[1] in "<>" else "<"
    tokens = np.frombuffer(content, np.dtype(f"{order}{dtype.arguments[0]}"))
    if shape != (len(tokens),):
        raise ValueError("another shape")
    return tokens.astype(np.int64)


def _refuse(token: object) -> bool:
    raise ValueError(f"a token {type(token).__name__}")


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
    if symmetry != "general" or shape.size != 2 or values.size != np.prod(shape) or not _is_whole(shape):
        raise _no_market(path, f"{values.size} values for the sizes {listed(shape.tolist())}")
    return values.reshape(int(shape[1]), int(shape[0])).T


def _sparse_market(shape: np.ndarray, values: np.ndarray, is_pattern: bool, symmetry: str, path: Path) -> CSR:
    width = 2 if is_pattern else 3
    if shape.size != 3 or not _is_whole(shape) or values.size != width * shape[2]:
        raise _no_market(path, f"{values.size / width:g} entries for the sizes {listed(shape.tolist())}")
    entries = values.reshape(-1, width)
    places = entries[:, :2]
    size = (int(shape[0]), int(shape[1]))
    check_extent(size, len(entries), str(path))
    if len(entries) and not (_is_whole(places) and places.min() >= 1 and (places <= np.array(size)).all()):
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


@dataclass(frozen=True)
class _Pairs:
    """Lines of a number and `column:value` pairs: the numbers, all pairs `[n, 2]`, and how many each line has."""

    labels: np.ndarray
    pairs: np.ndarray
    counts: np.ndarray


def _plain_pairs(text: str, path: Path) -> _Pairs | None:
    """Read all lines at once, since there may be millions of them; None where any is not plain."""
    text = text if text.endswith("\n") else f"{text}\n"
    if not _PLAIN_PAIRS.fullmatch(text):
        return None
    letters = np.frombuffer(text.encode("ascii"), np.uint8)
    ends, colons = (np.flatnonzero(letters == ord(sign)) for sign in "\n:")
    counts = np.diff(np.searchsorted(colons, ends), prepend=0)
    numbers = _numbers(text.replace(":", " "), path)
    sizes = 1 + 2 * counts
    if len(numbers) != sizes.sum():
        return None
    are_labels = np.zeros(len(numbers), bool)
    are_labels[np.cumsum(sizes) - sizes] = True
    return _Pairs(numbers[are_labels], numbers[~are_labels].reshape(-1, 2), counts)


def _split_pairs(pairs: list[list[str]], path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers of `column:value` pairs `[n, 2]`, and how many each line has."""
    numbers = _numbers(" ".join(itertools.chain.from_iterable(pairs)).replace(":", " "), path).reshape(-1, 2)
    return numbers, np.array([len(row) for row in pairs], np.int64)


def _from_pairs(numbers: np.ndarray, counts: np.ndarray, path: Path, first_column: int | None) -> tuple[CSR, int, bool]:
    """Return a matrix of pairs of column and value, its first column, and whether that is certain."""
    places = numbers[:, 0]
    if not len(counts) or (
        len(places) and not (_is_whole(places) and places.min() >= 0 and places.max() <= _LARGEST_INDEX)
    ):
        found = f"columns up to {places.max(initial=0):g}" if len(counts) else "no rows"
        raise DataError(
            f"expected columns that are whole numbers from 0 to {_LARGEST_INDEX} in {path}, got {found}", "another file"
        )
    has_zero = bool(len(places) and places.min() == 0)
    first = (0 if has_zero else 1) if first_column is None else first_column
    if has_zero and first:
        raise DataError(
            f"expected columns from 1 on in {path}, as first_column says, got column 0", Use("first_column", 0)
        )
    width = int(places.max(initial=first)) + 1 - first
    check_extent((len(counts), width), len(places), str(path))
    starts = np.append(0, np.cumsum(counts))
    matrix = sparse.csr_matrix((numbers[:, 1], (places - first).astype(np.int64), starts), shape=(len(counts), width))
    matrix.sum_duplicates()
    if matrix.nnz < len(places):
        raise DataError(f"expected each column once a line in {path}, got one twice", "adding up their values")
    return matrix, first, has_zero or first_column is not None


def _numbers(text: str, path: Path) -> np.ndarray:
    """Return the numbers of a text, separated by any space, float64."""
    with warnings.catch_warnings():
        # What numpy cannot read it only warns of, and leaves out.
        warnings.simplefilter("error")
        try:
            return np.fromstring(text, np.float64, sep=" ")
        except (DeprecationWarning, ValueError) as error:
            bad = next((word for word in text.split() if not _is_numeric(word)), "nothing")
            raise DataError(f"expected numbers in {path}, got {shown(bad)}", "writing it again") from error


def _is_numeric(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _is_label(text: str) -> bool:
    return bool(text) and all(_is_numeric(part) for part in text.split(","))


def _is_whole(numbers: np.ndarray) -> bool:
    return bool(np.isfinite(numbers).all() and (numbers == np.rint(numbers)).all() and (np.abs(numbers) < 2**53).all())


def _no_market(path: Path, found: str) -> DataError:
    return DataError(
        f"expected a matrix in Matrix Market format, as written by scipy.io.mmwrite, in {path}, got {found}",
        "writing it again",
    )
