"""Annotated matrices in `.h5ad` files, as AnnData writes them: HDF5, of which nothing but the file itself is read."""

import io
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from beliefnet._errors import DataError, Use, listed, shown
from beliefnet.data._dataset import default_values
from beliefnet.data._files import check_expansion, expansion_limit, opened, read_bytes
from beliefnet.data._record import LoadOptions
from beliefnet.data._sparse import from_scipy_pieces, is_sparse
from beliefnet.data._split import Contents
from beliefnet.data.readers._matrix import Wanted, matrix_contents

H5AD = ".h5ad"
_FOLDERS = ("layers", "obsm")
_MOST_AT_ONCE = 1000
_DAMAGE = (
    OSError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    RuntimeError,
    OverflowError,
    MemoryError,
)


def h5ad_contents(path: Path, options: LoadOptions, wanted: Wanted | None) -> Contents:
    """Read a matrix of a `.h5ad` file, `X` or the one that was asked for, with the names of its rows and columns."""
    place = options.array or "X"
    with _file(path) as file:
        matrix = _matrix(file, place, path)
        others = [name for name in _places(file) if name != place]
        names = _names(file, "obs", matrix.shape[0], path)
        columns = None
        if not place.startswith("obsm/"):
            columns = _names(file, "raw/var" if place.startswith("raw/") else "var", matrix.shape[1], path)
    if options.array is None and (options.values or default_values(matrix)) == "counts":
        _check_whole(matrix, others, path)
    columns = None if columns is None else _different(columns, path)
    if wanted is not None and wanted.columns and columns and not is_sparse(matrix) and options.values != "counts":
        matrix, columns = _chosen(matrix, columns, wanted.columns, path)
    return matrix_contents(path, matrix, options, columns=columns, names=names)


@contextmanager
def _file(path: Path) -> Iterator[Any]:
    """Open a file of HDF5; whatever goes wrong while it is read is a `DataError`."""
    try:
        # Imported here because it is an extra.
        import h5py
    except ImportError as error:
        raise DataError(
            f"expected the package h5py, which reads {path}, got none", 'pip install "beliefnet[h5ad]"'
        ) from (error)
    with opened(path) as plain:
        file = io.BytesIO(read_bytes(path)) if path.suffix.lower() == ".gz" else plain
        try:
            with h5py.File(file, "r") as found:
                yield found
        except DataError:
            raise
        except _DAMAGE as error:
            reason = shown(str(error), 100).strip("'\"")
            raise DataError(f"expected a complete .h5ad file, got {path} ({reason})", "writing it again") from error


def _places(file: Any) -> list[str]:
    """Return the matrices of a file."""
    inside = [f"{folder}/{name}" for folder in _FOLDERS if _is_group(file, folder) for name in file[folder]]
    return [*(["X"] if "X" in file else []), *inside, *(["raw/X"] if _is_group(file, "raw") else [])]


def _is_group(file: Any, name: str) -> bool:
    return type(file.get(name, getlink=True)).__name__ == "HardLink" and hasattr(file[name], "keys")


def _node(file: Any, place: str, path: Path) -> Any:
    """Return what is at a place of the file itself: links may lead to other files."""
    node = file
    for part in place.split("/"):
        link = node.get(part, getlink=True) if part not in ("", ".", "..") and hasattr(node, "keys") else None
        if link is None:
            raise DataError(
                f"expected a matrix {place!r} in {path}, got {listed(_places(file)) or 'none'}",
                *(Use("array", name) for name in _places(file)[:1]),
            )
        if type(link).__name__ != "HardLink":
            raise DataError(f"expected {place!r} in {path} itself, got a link", "writing the file again with AnnData")
        node = node[part]
    return node


def _array(node: Any, place: str, path: Path) -> np.ndarray:
    """Return the numbers of a data set, of which the file itself holds all."""
    _check_own(node, place, path)
    if node.dtype.kind not in "biuf":
        raise DataError(f"expected numbers at {place!r} in {path}, got dtype {node.dtype}", "another array")
    return node[()]


def _check_own(node: Any, place: str, path: Path) -> None:
    """Check that the values of a data set are in the file, and in proportion to it."""
    if getattr(node, "shape", None) is None:
        raise DataError(f"expected values at {place!r} in {path}, got none", "another array")
    if node.is_virtual or node.external:
        raise DataError(f"expected {place!r} in {path} itself, got a view of other files", "writing the file again")
    size = int(np.prod(node.shape, dtype=float)) * node.dtype.itemsize
    check_expansion(size, expansion_limit(path.stat().st_size), f"{place!r} of {path}")


def _matrix(file: Any, place: str, path: Path) -> Any:
    """Return a matrix of the file, dense, or sparse by rows."""
    node = _node(file, place, path)
    form = node.attrs.get("encoding-type", node.attrs.get("h5sparse_format", ""))
    if not hasattr(node, "keys"):
        matrix = _array(node, place, path)
        if matrix.ndim != 2:
            raise DataError(
                f"expected a matrix at {place!r} in {path}, got shape {list(matrix.shape)}", "another array"
            )
        return matrix
    if form not in ("csr", "csc", "csr_matrix", "csc_matrix"):
        raise DataError(
            f"expected a matrix, dense or by compressed rows or columns, at {place!r} in {path}, got {shown(form)}",
            *(Use("array", name) for name in _places(file)[:1]),
        )
    pieces = {name: _array(_node(node, name, path), f"{place}/{name}", path) for name in ("data", "indices", "indptr")}
    shape = np.asarray(node.attrs.get("shape", node.attrs.get("h5sparse_shape", 0)))
    return from_scipy_pieces({**pieces, "shape": shape, "format": np.array(form[:3])}, f"{path} ({place})")


def _names(file: Any, table: str, size: int, path: Path) -> tuple[str, ...]:
    """Return the names of the rows of a table, which are those of a matrix's rows or columns."""
    node = _node(file, table, path)
    if not hasattr(node, "keys"):
        raise DataError(
            f"expected a group {table!r} in {path}, got a table of an older version of AnnData",
            "anndata.read_h5ad(path).write_h5ad(path)",
        )
    index = node.attrs.get("_index", "_index")
    strings = _node(node, str(index), path)
    strings = _node(strings, "values", path) if hasattr(strings, "keys") else strings
    _check_own(strings, f"{table}/{index}", path)
    if strings.shape != (size,):
        raise DataError(
            f"expected {size} names in {table!r} of {path}, got {list(strings.shape)}", "writing the file again"
        )
    names, limit, length = [], expansion_limit(path.stat().st_size), 0
    # Each may be as long as the file, and the same text.
    block = max(1, min(_MOST_AT_ONCE, limit // max(1, file.id.get_filesize())))
    for start in range(0, size, block):
        found = strings[start : start + block]
        names += [name.decode("utf-8", "replace") if type(name) is bytes else str(name) for name in found]
        length += sum(map(len, names[start:]))
        check_expansion(length, limit, f"{table!r} of {path}")
    return tuple(names)


def _different(names: Sequence[str], path: Path) -> tuple[str, ...]:
    """Return names that are all different, as AnnData makes them so: with -1, -2 and so on after those that repeat."""
    counts, taken, different = Counter(names), set(names), []
    repeated = [name for name, count in counts.items() if count > 1]
    if not repeated:
        return tuple(names)
    warnings.warn(f"columns of {path} with the same name are numbered: {listed(repeated, 4)}", stacklevel=3)
    seen: Counter[str] = Counter()
    for name in names:
        own = name
        while own in taken and seen[name]:
            own = f"{name}-{seen[name]}"
            seen[name] += 1
        seen[name] = max(seen[name], 1)
        taken.add(own)
        different.append(own)
    return tuple(different)


def _chosen(
    matrix: np.ndarray, columns: tuple[str, ...], wanted: tuple[str, ...], path: Path
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the columns that a trained model takes, found by their names."""
    missing = [name for name in wanted if name not in set(columns)]
    if len(missing) == len(wanted):
        return matrix, columns
    if missing:
        raise DataError(
            f"expected a column {missing[0]!r} in {path}, as the model was trained on, got none", "all of its columns"
        )
    place = {name: column for column, name in enumerate(columns)}
    return matrix[:, [place[name] for name in wanted]], wanted


def _check_whole(matrix: Any, others: Sequence[str], path: Path) -> None:
    """Check that counts are whole where another matrix may hold them."""
    values = matrix.data if is_sparse(matrix) else matrix
    whole = values == np.rint(values)
    if others and not whole.all():
        raise DataError(
            f"expected counts, whole numbers, in X of {path}, got {values[~whole][0]:g}",
            *(Use("array", name) for name in others if not name.startswith("obsm/")),
        )
