"""Sparse matrices: their type, the arrays that they consist of, their checksum, and counts in one canonical form."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from scipy import sparse

from beliefnet._errors import DataError, shown
from beliefnet.data._files import check_extent, place_in

if TYPE_CHECKING:
    # scipy has no annotations, and what pyright infers without them is wrong: a matrix whose shape is None.
    CSR: TypeAlias = Any
else:
    from scipy.sparse import csr_matrix as CSR

Rows = np.ndarray | CSR
"""Rows `[n, num_features]`: dense, or a sparse matrix."""

LARGEST_COUNT = np.iinfo(np.int32).max

PIECES = ("data", "indices", "indptr", "shape")
"""What the rows of a sparse matrix are kept as, each after the name of a split."""

SCIPY_PIECES = {b"csr": PIECES, b"csc": PIECES, b"coo": ("data", "row", "col", "shape")}
"""What `scipy.sparse.save_npz` writes for a matrix of each format."""


def is_sparse(rows: Any) -> bool:
    """Whether rows are a sparse matrix."""
    return sparse.issparse(rows)


def to_rows(matrix: Any, label: str) -> CSR:
    """Return a sparse matrix by rows: duplicates added up, zeros left out, of the kind of numbers that it came with.

    Raises:
        DataError: If it holds no numbers, or has no rows or no columns.
    """
    if matrix.dtype.kind not in "biuf":
        raise DataError(
            f"expected a matrix of numbers in {label}, got dtype {matrix.dtype}", "counts.astype('int32') before saving"
        )
    if matrix.ndim != 2 or 0 in matrix.shape:
        raise DataError(
            f"expected shape [documents, words] in {label}, got {list(matrix.shape)}",
            "a matrix with a row for each document and a column for each word",
        )
    # Wide enough that duplicates can be added up.
    wide = np.float64 if matrix.dtype.kind == "f" else np.int64
    rows: Any = sparse.csr_matrix(matrix).astype(wide)
    rows.sum_duplicates()
    rows.eliminate_zeros()
    return rows


def to_counts(matrix: Any, label: str) -> CSR:
    """Check a matrix of word counts and bring it into the one form that the package uses.

    Args:
        matrix: `[documents, words]`, dense or of any sparse format.
        label: What to call it in an error.

    Returns:
        The counts: int32, indices sorted, duplicates added up, zeros left out.

    Raises:
        DataError: If it is not a matrix of whole numbers from 0 on, or has no rows or no columns.
    """
    counts = to_rows(matrix, label)
    good = (counts.data >= 0) & (counts.data <= LARGEST_COUNT) & (counts.data == np.rint(counts.data))
    if not good.all():
        raise DataError(
            f"expected whole numbers from 0 to {LARGEST_COUNT} in {label}, got {first_entry(counts, ~good, label)}",
            "counts of words, not frequencies or weights",
        )
    return canonical(counts)


def first_entry(rows: CSR, bad: np.ndarray, label: str) -> str:
    """Describe the first of the entries of a sparse matrix that are marked, `[entries]`."""
    first = int(np.argmax(bad))
    row = int(np.searchsorted(rows.indptr, first, side="right")) - 1
    return f"{rows.data[first]:g} at {place_in(label, row, int(rows.indices[first]))}"


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


def from_pieces(arrays: Mapping[str, np.ndarray], name: str, label: object) -> CSR:
    """Build a sparse matrix of the arrays `name_data`, `name_indices`, `name_indptr` and `name_shape`.

    Args:
        arrays: The arrays, and perhaps others.
        name: What the names of the four begin with.
        label: What to call their file in an error.

    Raises:
        DataError: If they do not fit together.
    """
    needed = [f"{name}_{piece}" for piece in PIECES]
    data, indices, indptr, shape = _present(arrays, needed, label)
    where = f"{', '.join(needed)} in {label}"
    size = _shape(shape, data.size, where)
    _check_compressed(data, indices, indptr, size, where)
    return sparse.csr_matrix((data, indices, indptr), shape=size)


def from_scipy_pieces(arrays: Mapping[str, np.ndarray], label: object) -> CSR:
    """Build a sparse matrix of what `scipy.sparse.save_npz` writes; `DataError` if it does not fit together."""
    form = arrays["format"].astype("S").tobytes()[:20]
    if form not in SCIPY_PIECES:
        raise DataError(
            f"expected a sparse matrix of format csr, csc or coo in {label}, got {form.decode(errors='replace')!r}",
            "scipy.sparse.save_npz(path, matrix.tocsr())",
        )
    needed = SCIPY_PIECES[form]
    data, first, second, shape = _present(arrays, needed, label)
    where = f"{', '.join(needed)} in {label}"
    size = _shape(shape, data.size, where)
    if form == b"coo":
        _check_coordinates(data, (first, second), size, where)
        return sparse.coo_matrix((data, (first, second)), shape=size).tocsr()
    if form == b"csc":
        _check_compressed(data, first, second, (size[1], size[0]), where)
        return sparse.csc_matrix((data, first, second), shape=size).tocsr()
    _check_compressed(data, first, second, size, where)
    return sparse.csr_matrix((data, first, second), shape=size)


def to_pieces(counts: CSR, name: str) -> dict[str, np.ndarray]:
    """Return the arrays that `from_pieces` reads."""
    plain = canonical(counts)
    arrays = (plain.data, plain.indices, plain.indptr, np.array(plain.shape, np.int64))
    return {f"{name}_{piece}": array for piece, array in zip(PIECES, arrays, strict=True)}


def _present(arrays: Mapping[str, np.ndarray], needed: Sequence[str], label: object) -> list[np.ndarray]:
    missing = [name for name in needed if name not in arrays]
    if missing:
        raise DataError(
            f"expected the arrays {', '.join(needed)} of a sparse matrix in {label}, got no {', '.join(missing)}",
            "scipy.sparse.save_npz for a single matrix",
        )
    return [arrays[name] for name in needed]


def _shape(shape: np.ndarray, entries: int, where: str) -> tuple[int, int]:
    if shape.shape != (2,) or shape.dtype.kind not in "iu" or shape.min() < 0:
        raise _unfit(where, f"the shape {shown(shape.tolist())}")
    num_rows, num_columns = shape.tolist()
    check_extent((num_rows, num_columns), entries, where)
    return num_rows, num_columns


def _check_compressed(
    data: np.ndarray, indices: np.ndarray, indptr: np.ndarray, size: tuple[int, int], where: str
) -> None:
    """Check rows (or columns) `size[0]` long, of entries below `size[1]`."""
    _check_whole((indices, indptr), where)
    if len(indptr) != size[0] + 1 or indptr[0] != 0 or indptr[-1] != len(indices) or (indptr[1:] < indptr[:-1]).any():
        raise _unfit(where, "an indptr that does not count up from 0 to the number of entries")
    _check_coordinates(data, (indices,), size[1:], where)


def _check_coordinates(
    data: np.ndarray, coordinates: tuple[np.ndarray, ...], size: tuple[int, ...], where: str
) -> None:
    _check_whole(coordinates, where)
    if data.dtype.kind not in "biuf":
        raise _unfit(where, f"values of dtype {data.dtype}")
    if any(array.shape != data.shape for array in coordinates):
        raise _unfit(where, f"{data.size} values in {', '.join(str(array.size) for array in coordinates)} places")
    for array, limit in zip(coordinates, size, strict=True):
        if array.size and not (array.min() >= 0 and array.max() < limit):
            raise _unfit(where, f"places from {array.min()} to {array.max()} for a size of {limit}")


def _check_whole(arrays: tuple[np.ndarray, ...], where: str) -> None:
    for array in arrays:
        if array.dtype.kind not in "iu" or array.ndim != 1:
            raise _unfit(where, f"places as {array.dtype} {list(array.shape)}")


def _unfit(where: str, found: str) -> DataError:
    return DataError(f"expected {where} to be the pieces of a sparse matrix, got {found}", "writing them again")


def checksum(splits: Sequence[Rows], words: Sequence[str] | None = None) -> str:
    """Return `"sha256:..."` over the shapes, dtypes and contents of splits, in their order, and over the words."""
    digest = hashlib.sha256()
    for array in (piece for rows in splits for piece in _pieces(rows)):
        # Little-endian bytes, so that the checksum does not depend on the machine.
        plain = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
        digest.update(f"{plain.shape}{array.dtype.name}".encode())
        digest.update(plain.data)
    if words is not None:
        digest.update("\n".join(words).encode())
    return f"sha256:{digest.hexdigest()}"


def _pieces(rows: Rows) -> Iterator[np.ndarray]:
    """Yield the arrays that rows consist of; the width of indices depends on how a sparse matrix was made."""
    if not sparse.issparse(rows):
        yield np.asarray(rows)
        return
    matrix: CSR = rows
    yield np.array(matrix.shape, np.int64)
    yield matrix.indptr.astype(np.int64)
    yield matrix.indices.astype(np.int64)
    yield matrix.data
