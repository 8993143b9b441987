"""A user's matrix of word counts, dense or sparse, in any of the usual formats."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from beliefnet._errors import DataError
from beliefnet.data._arrays import npz_names, read_npy, read_npz, readable
from beliefnet.data._counts import to_counts
from beliefnet.data._csv import read_csv
from beliefnet.data._pieces import from_pieces, from_scipy_pieces
from beliefnet.data._sparse import CSR
from beliefnet.data._tables import split_names
from beliefnet.data._words import read_words, vocabulary_path

SPLITS = ("train", "valid", "test")


def read_matrices(path: Path, least_width: int = 0) -> dict[str, CSR]:
    """Read the splits that a file holds.

    Args:
        path: A file with one of the suffixes of `READERS`.
        least_width: Number of columns to go up to where the format does not say how many there are; that of the
            vocabulary beside the file, if there is one, comes before it.

    Returns:
        Counts `[documents, words]` of `"train"`, and of `"valid"` and `"test"` if the file has them.

    Raises:
        DataError: If the file or its values cannot be used.
    """
    suffix = path.suffix.lower()
    matrices = READERS[suffix](path)
    counts = {split: to_counts(matrix, _label(path, split, len(matrices))) for split, matrix in matrices.items()}
    widths = {split: matrix.shape[1] for split, matrix in counts.items()}
    if len(set(widths.values())) > 1:
        raise DataError(
            f"expected splits with the same number of columns in {path}, got {widths}; try writing them alike"
        )
    if suffix in _OF_UNSTATED_WIDTH:
        beside = vocabulary_path(path)
        least_width = len(read_words(beside)) if beside.exists() else least_width
        counts["train"].resize(counts["train"].shape[0], max(widths["train"], least_width))
    return counts


def read_named_matrix(path: Path, name: str) -> CSR:
    """Read one matrix of an `.npz` file: an array, or the pieces `name_data`, `name_indices` and so on."""
    names = npz_names(path) if path.suffix.lower() == ".npz" else []
    if name in names:
        return to_counts(read_npz(path, [name])[name], f"{path} (array {name!r})")
    if name in _stems(names):
        return to_counts(_read_pieces(path, names, name), f"{path} (matrix {name!r})")
    raise DataError(
        f"expected a .npz file with an array or matrix {name!r}, got {path} with {names or 'no named arrays'}; "
        "try one of its own names, or leaving the array's name out"
    )


def holds_sparse_matrix(path: Path) -> bool:
    """Whether a file can only be a sparse matrix, which documents are and images are not."""
    suffix = path.suffix.lower()
    if suffix != ".npz":
        return suffix in _ALWAYS_SPARSE
    names = npz_names(path)
    return _is_scipy(names) or bool(_stems(names))


def _read_npz_matrices(path: Path) -> dict[str, Any]:
    names = npz_names(path)
    if _is_scipy(names):
        return {"train": from_scipy_pieces(read_npz(path, names), path)}
    found = _stems(names)
    if not found:
        of_split = split_names(names, path)
        arrays = read_npz(path, of_split.values())
        return {split: arrays[name] for split, name in of_split.items()}
    splits = [split for split in SPLITS if split in found]
    if "train" not in splits:
        raise DataError(
            f"expected the arrays train_data, train_indices, train_indptr and train_shape in {path}, "
            f"got {', '.join(map(repr, names))}; try scipy.sparse.save_npz for a single matrix"
        )
    return {split: _read_pieces(path, names, split) for split in splits}


def _read_pieces(path: Path, names: list[str], stem: str) -> CSR:
    return from_pieces(read_npz(path, [name for name in names if name.startswith(f"{stem}_")]), stem, path)


def _stems(names: list[str]) -> list[str]:
    """Return what stands before `_indptr` in the names of arrays."""
    return [name.removesuffix("_indptr") for name in names if name.endswith("_indptr")]


def _is_scipy(names: list[str]) -> bool:
    return {"format", "shape", "data"} <= set(names)


def _read_svmlight(path: Path) -> dict[str, Any]:
    # Imported here because scikit-learn takes a while, and most uses never need it.
    from sklearn.datasets import load_svmlight_file

    with _parsed(path, "lines of the form 'label column:count column:count ...'"), path.open("rb") as file:
        return {"train": load_svmlight_file(file)[0]}


def _read_market(path: Path) -> dict[str, Any]:
    from scipy.io import mmread

    with _parsed(path, "a matrix in Matrix Market format, as written by scipy.io.mmwrite"), path.open("rb") as file:
        return {"train": mmread(file)}


def _read_table(path: Path) -> dict[str, Any]:
    try:
        return {"train": read_csv(path)}
    except DataError as error:
        raise DataError(f"{error}; for a column that holds texts, try naming it as text_column") from error


@contextmanager
def _parsed(path: Path, expected: str) -> Iterator[None]:
    """Turn what a parser makes of a wrong or damaged text into a `DataError`."""
    with readable(path):
        try:
            yield
        except (ValueError, OverflowError, MemoryError, IndexError) as error:
            reason = str(error) or "its sizes are beyond this machine"
            raise DataError(
                f"expected {expected} in {path}, got other text ({reason}); try writing it again"
            ) from error


def _label(path: Path, split: str, num_splits: int) -> str:
    return str(path) if num_splits == 1 else f"{path} ({split})"


READERS: Mapping[str, Callable[[Path], dict[str, Any]]] = {
    ".npy": lambda path: {"train": read_npy(path)},
    ".npz": _read_npz_matrices,
    ".csv": _read_table,
    ".mtx": _read_market,
    ".svm": _read_svmlight,
    ".svmlight": _read_svmlight,
    ".libsvm": _read_svmlight,
}
"""How a file of each suffix is read: into dense or sparse matrices, by the name of the split."""

_OF_UNSTATED_WIDTH = (".svm", ".svmlight", ".libsvm")
_ALWAYS_SPARSE = (".mtx", *_OF_UNSTATED_WIDTH)
