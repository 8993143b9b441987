"""Splits in the arrays of `.npy` and `.npz` files: dense arrays, pieces of sparse matrices, or token ids."""

from dataclasses import replace
from pathlib import Path

from beliefnet._errors import DataError, listed, shown
from beliefnet.data._files import readable
from beliefnet.data._record import SPLITS, LoadOptions
from beliefnet.data._sparse import from_pieces, from_scipy_pieces
from beliefnet.data._split import Contents
from beliefnet.data.readers._arrays import npy_objects, npz_names, npz_shapes, read_npy, read_npz
from beliefnet.data.readers._matrix import DOCUMENTS, Wanted, matrix_contents, widened
from beliefnet.data.readers._named import NamedArrays, name_unused, named_contents, with_array
from beliefnet.data.readers._tokens import read_ragged, read_tokens


def npy_contents(path: Path, options: LoadOptions, wanted: Wanted | None) -> Contents:
    """Read the rows of a `.npy` file: plain numbers, or arrays of token ids."""
    with readable(path):
        objects = npy_objects(path)
    if objects is not None:
        return replace(
            matrix_contents(path, widened(read_ragged(objects, path), path, wanted), options),
            values="counts",
            are_documents=True,
        )
    return matrix_contents(path, read_npy(path), options)


def npz_contents(path: Path, options: LoadOptions, wanted: Wanted | None) -> Contents:
    """Read the rows of a `.npz` file: dense arrays, pieces of sparse matrices, or token ids."""
    names = npz_names(path)
    stems = [name.removesuffix("_indptr") for name in names if name.endswith("_indptr")]
    if options.array is None and {"format", "shape", "data"} <= set(names):
        with readable(path):
            return matrix_contents(path, from_scipy_pieces(read_npz(path, names), path), options)
    if options.array is None and {"tokens", "lengths"} <= set(names):
        name_unused(names, ["tokens", "lengths"], path)
        counts = read_tokens(read_npz(path, ["tokens", "lengths"]), path)
        return replace(matrix_contents(path, widened(counts, path, wanted), options), **DOCUMENTS)
    if options.array not in stems:
        options = with_array(options, names, path)
    if options.array in names or (options.array is None and not stems):
        arrays = NamedArrays(path, names, npz_shapes(path), lambda chosen: read_npz(path, chosen))
        return named_contents(arrays, options)
    if options.array is not None and options.array not in stems:
        raise DataError(
            f"expected a .npz file with an array or matrix {shown(options.array)}, got {path} with {listed(names)}",
            "one of its own names, or leaving the array's name out",
        )
    chosen = {"train": options.array} if options.array else {split: split for split in SPLITS if split in stems}
    if "train" not in chosen:
        raise DataError(
            f"expected the arrays train_data, train_indices, train_indptr and train_shape in {path}, "
            f"got {listed(names)}",
            "scipy.sparse.save_npz for a single matrix",
        )
    pieces = {split: [name for name in names if name.startswith(f"{stem}_")] for split, stem in chosen.items()}
    name_unused(names, [name for used in pieces.values() for name in used], path)
    matrices = {split: from_pieces(read_npz(path, pieces[split]), stem, path) for split, stem in chosen.items()}
    return matrix_contents(path, matrices["train"], options, matrices)
