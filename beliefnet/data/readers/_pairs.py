"""Lines of pairs of column and value: svmlight and LDA-C."""

import itertools
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import sparse

from beliefnet._errors import DataError, Use, shown
from beliefnet.data._files import check_extent, read_text, split_lines
from beliefnet.data._sparse import CSR
from beliefnet.data.readers._numbers import is_numeric, is_whole, numbers_of

SVMLIGHT = (".svm", ".svmlight", ".libsvm")
LDA_C = (".ldac", ".lda-c", ".dat")
_LARGEST_INDEX = 2**31 - 2
_PAIR = re.compile(r"\s+(?:qid|[\d.eE+-]+):[\d.eE+-]+")
# No group gives back what it took: a text has millions of lines.
_PLAIN_PAIRS = re.compile(
    r"(?:[-+]?[0-9][-+.0-9eE]*+(?:[ \t]++[0-9]++:[-+]?[0-9][-+.0-9eE]*+)*+[ \t\r]*+\n)++", re.ASCII
)


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
    numbers = numbers_of(text.replace(":", " "), path)
    sizes = 1 + 2 * counts
    if len(numbers) != sizes.sum():
        return None
    are_labels = np.zeros(len(numbers), bool)
    are_labels[np.cumsum(sizes) - sizes] = True
    return _Pairs(numbers[are_labels], numbers[~are_labels].reshape(-1, 2), counts)


def _split_pairs(pairs: list[list[str]], path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers of `column:value` pairs `[n, 2]`, and how many each line has."""
    numbers = numbers_of(" ".join(itertools.chain.from_iterable(pairs)).replace(":", " "), path).reshape(-1, 2)
    return numbers, np.array([len(row) for row in pairs], np.int64)


def _from_pairs(numbers: np.ndarray, counts: np.ndarray, path: Path, first_column: int | None) -> tuple[CSR, int, bool]:
    """Return a matrix of pairs of column and value, its first column, and whether that is certain."""
    places = numbers[:, 0]
    if not len(counts) or (
        len(places) and not (is_whole(places) and places.min() >= 0 and places.max() <= _LARGEST_INDEX)
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


def _is_label(text: str) -> bool:
    return bool(text) and all(is_numeric(part) for part in text.split(","))
