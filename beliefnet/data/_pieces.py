"""The arrays that a sparse matrix consists of in an `.npz` file, checked before scipy gets to see them."""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy import sparse

from beliefnet._errors import DataError
from beliefnet.data._counts import canonical
from beliefnet.data._sparse import CSR

PIECES = ("data", "indices", "indptr", "shape")
"""What the rows of a sparse matrix are kept as, each after the name of a split."""

SCIPY_PIECES = {b"csr": PIECES, b"csc": PIECES, b"coo": ("data", "row", "col", "shape")}
"""What `scipy.sparse.save_npz` writes for a matrix of each format."""


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
    size = _shape(shape, where)
    _check_compressed(data, indices, indptr, size, where)
    return sparse.csr_matrix((data, indices, indptr), shape=size)


def from_scipy_pieces(arrays: Mapping[str, np.ndarray], label: object) -> CSR:
    """Build a sparse matrix of what `scipy.sparse.save_npz` writes; `DataError` if it does not fit together."""
    form = arrays["format"].astype("S").tobytes()
    if form not in SCIPY_PIECES:
        raise DataError(
            f"expected a sparse matrix of format csr, csc or coo in {label}, got {form.decode(errors='replace')!r}; "
            "try scipy.sparse.save_npz(path, matrix.tocsr())"
        )
    needed = SCIPY_PIECES[form]
    data, first, second, shape = _present(arrays, needed, label)
    where = f"{', '.join(needed)} in {label}"
    size = _shape(shape, where)
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
            f"expected the arrays {', '.join(needed)} of a sparse matrix in {label}, got no {', '.join(missing)}; "
            "try scipy.sparse.save_npz for a single matrix"
        )
    return [arrays[name] for name in needed]


def _shape(shape: np.ndarray, where: str) -> tuple[int, int]:
    if shape.shape != (2,) or shape.dtype.kind not in "iu" or shape.min() < 0:
        raise _unfit(where, f"the shape {shape.tolist()}")
    num_rows, num_columns = shape.tolist()
    return num_rows, num_columns


def _check_compressed(
    data: np.ndarray, indices: np.ndarray, indptr: np.ndarray, size: tuple[int, int], where: str
) -> None:
    """Check rows (or columns) `size[0]` long, of entries below `size[1]`."""
    _check_whole((indices, indptr), where)
    if len(indptr) != size[0] + 1 or indptr[0] != 0 or indptr[-1] != len(indices) or (np.diff(indptr) < 0).any():
        raise _unfit(where, "an indptr that does not count up from 0 to the number of entries")
    _check_coordinates(data, (indices,), size[1:], where)


def _check_coordinates(
    data: np.ndarray, coordinates: tuple[np.ndarray, ...], size: tuple[int, ...], where: str
) -> None:
    _check_whole(coordinates, where)
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
    return DataError(f"expected {where} to be the pieces of a sparse matrix, got {found}; try writing them again")
