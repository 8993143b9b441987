"""Splits in the arrays of `.npy` and `.npz` files, by the names that arrays have."""

import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from beliefnet._errors import DataError, Use, listed
from beliefnet.data._files import readable
from beliefnet.data._record import SPLITS, LoadOptions
from beliefnet.data._sparse import from_pieces, from_scipy_pieces
from beliefnet.data._split import Contents
from beliefnet.data.readers._arrays import npy_objects, npz_names, npz_shapes, read_npy, read_npz
from beliefnet.data.readers._matrix import DOCUMENTS, Wanted, matrix_contents, widened
from beliefnet.data.readers._tokens import read_ragged, read_tokens

ARRAY_NAMES: Mapping[str, tuple[str, ...]] = {
    "train": ("train", "x_train", "X_train", "X", "x", "data", "train_x", "train_data", "train_images", "train_bits"),
    "valid": (
        *(
            "valid",
            "validation",
            "val",
            "dev",
            "x_valid",
            "X_valid",
            "x_val",
            "X_val",
            "x_validation",
            "valid_x",
            "val_x",
        ),
        *("val_data", "valid_data", "valid_images", "val_images", "valid_bits", "val_bits"),
    ),
    "test": ("test", "x_test", "X_test", "test_x", "test_data", "test_images", "test_bits"),
}
"""The names under which an `.npz` file may hold each split."""


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
        _name_unused(names, ["tokens", "lengths"], path)
        counts = read_tokens(read_npz(path, ["tokens", "lengths"]), path)
        return replace(matrix_contents(path, widened(counts, path, wanted), options), **DOCUMENTS)
    if options.array in SPLITS and options.array not in (*names, *stems):
        options = replace(options, array=split_names(names, path).get(options.array, options.array))
    if options.array in names or (options.array is None and not stems):
        return _read_arrays(path, names, options)
    if options.array is not None and options.array not in stems:
        raise DataError(
            f"expected a .npz file with an array or matrix {options.array!r}, got {path} with {listed(names)}",
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
    _name_unused(names, [name for used in pieces.values() for name in used], path)
    matrices = {split: from_pieces(read_npz(path, pieces[split]), stem, path) for split, stem in chosen.items()}
    return matrix_contents(path, matrices["train"], options, matrices)


def _read_arrays(path: Path, names: list[str], options: LoadOptions) -> Contents:
    """Read the dense arrays of an `.npz` file."""
    chosen = {"train": options.array} if options.array else split_names(names, path)
    arrays = read_npz(path, chosen.values())
    of_split = {split: _unpacked(arrays[name], name, path) for split, name in chosen.items()}
    if options.array is None:
        _refuse_other_rows(list(chosen.values()), arrays[chosen["train"]], path)
    _name_unused(names, list(chosen.values()), path)
    # The files of named data sets hold grey images as bytes under names of this form; elsewhere 255 is a mistake.
    are_bytes = {
        split: name.endswith("_images") and of_split[split].dtype == np.uint8 for split, name in chosen.items()
    }
    if len(set(are_bytes.values())) > 1:
        found = {chosen[split]: "bytes" if is_bytes else "values from 0 to 1" for split, is_bytes in are_bytes.items()}
        raise DataError(f"expected splits on the same scale in {path}, got {found}", "writing them alike")
    contents = matrix_contents(path, of_split["train"], options, of_split)
    return replace(contents, largest=255 if are_bytes["train"] and options.values != "counts" else 1)


def split_names(names: list[str], path: Path) -> dict[str, str]:
    """Map each split in an `.npz` file to the name of its array; `DataError` if that is unclear."""
    if len(names) == 1:
        return {"train": names[0]}
    found = {split: [name for name in accepted if name in names] for split, accepted in ARRAY_NAMES.items()}
    for split, candidates in found.items():
        if len(candidates) > 1:
            raise DataError(
                f"expected one array of {split} rows in {path}, got {listed(candidates)}",
                Use("array", candidates[0]),
                "keeping one of them",
            )
    if not found["train"]:
        hints = [Use("array", names[0], "for one of them")] if names else []
        raise DataError(
            f"expected an array named {listed(ARRAY_NAMES['train'])} in {path}, got {listed(names) or 'no arrays'}",
            *hints,
            "numpy.savez(path, train=rows)",
        )
    return {split: candidates[0] for split, candidates in found.items() if candidates}


def _refuse_other_rows(used: list[str], train: np.ndarray, path: Path) -> None:
    """Refuse what looks like another split under a name that is not known."""
    for name, (shape, dtype) in npz_shapes(path).items():
        if name not in used and len(shape) > 1 and shape[1:] == train.shape[1:] and dtype.kind == train.dtype.kind:
            raise DataError(
                f"expected every array of rows in {path} to be a split that is known by its name, got {name!r} "
                f"{list(shape)}",
                "naming it valid or test",
                Use("array", ..., "to read one alone"),
            )


def _name_unused(names: list[str], used: list[str], path: Path) -> None:
    unused = [name for name in names if name not in used]
    if unused:
        warnings.warn(f"arrays of {path} that are not used: {listed(unused)}", stacklevel=2)


def _unpacked(array: np.ndarray, name: str, path: Path) -> np.ndarray:
    if not name.endswith("_bits"):
        return array
    if array.dtype != np.uint8 or array.ndim != 2:
        raise DataError(
            f"expected uint8 rows packed by numpy.packbits(x, axis=1) in {path} (array {name!r}), got {array.dtype} "
            f"{list(array.shape)}",
            "another name for an array that is not packed",
        )
    return np.unpackbits(array, axis=1)
