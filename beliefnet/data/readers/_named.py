"""Splits in the arrays of a file by the names that they have, as `.npz` and `.mat` files hold them."""

import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from beliefnet._errors import DataError, Use, listed
from beliefnet.data._record import SPLITS, LoadOptions
from beliefnet.data._sparse import is_sparse
from beliefnet.data._split import Contents
from beliefnet.data.readers._matrix import matrix_contents

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
"""The names under which a file may hold each split."""


@dataclass(frozen=True)
class NamedArrays:
    """The arrays of a file.

    Attributes:
        path: The file.
        names: The names of what it holds.
        shapes: Shape and dtype of each that holds plain numbers, by name.
        read: Reads those of some names: dense arrays, or sparse matrices.
    """

    path: Path
    names: list[str]
    shapes: Mapping[str, tuple[tuple[int, ...], np.dtype]]
    read: Callable[[Iterable[str]], dict[str, Any]]


def with_array(options: LoadOptions, names: list[str], path: Path) -> LoadOptions:
    """Return options in which the name of a split stands for the array that holds it."""
    if options.array not in SPLITS or options.array in names:
        return options
    return replace(options, array=split_names(names, path).get(options.array, options.array))


def named_contents(found: NamedArrays, options: LoadOptions) -> Contents:
    """Read the splits of a file by the names of its arrays, or the one array that was asked for."""
    path, names = found.path, found.names
    chosen = {"train": options.array} if options.array else split_names(names, path)
    arrays = found.read(chosen.values())
    of_split = {split: _unpacked(arrays[name], name, path) for split, name in chosen.items()}
    if options.array is None:
        _refuse_other_rows(list(chosen.values()), arrays[chosen["train"]], found)
    name_unused(names, list(chosen.values()), path)
    # The files of named data sets hold grey images as bytes under names of this form; elsewhere 255 is a mistake.
    are_bytes = {
        split: name.endswith("_images") and of_split[split].dtype == np.uint8 for split, name in chosen.items()
    }
    if len(set(are_bytes.values())) > 1:
        scales = {chosen[split]: "bytes" if is_bytes else "values from 0 to 1" for split, is_bytes in are_bytes.items()}
        raise DataError(f"expected splits on the same scale in {path}, got {scales}", "writing them alike")
    contents = matrix_contents(path, of_split["train"], options, of_split)
    return replace(contents, largest=255 if are_bytes["train"] and options.values != "counts" else 1)


def split_names(names: list[str], path: Path) -> dict[str, str]:
    """Map each split in a file to the name of its array; `DataError` if that is unclear."""
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


def _refuse_other_rows(used: list[str], train: Any, found: NamedArrays) -> None:
    """Refuse what looks like another split under a name that is not known."""
    for name, (shape, dtype) in found.shapes.items():
        if name not in used and len(shape) > 1 and shape[1:] == train.shape[1:] and dtype.kind == train.dtype.kind:
            raise DataError(
                f"expected every array of rows in {found.path} to be a split that is known by its name, got {name!r} "
                f"{list(shape)}",
                "naming it valid or test",
                Use("array", ..., "to read one alone"),
            )


def name_unused(names: list[str], used: list[str], path: Path) -> None:
    """Warn of arrays that are not used."""
    unused = [name for name in names if name not in used]
    if unused:
        warnings.warn(f"arrays of {path} that are not used: {listed(unused)}", stacklevel=2)


def _unpacked(array: Any, name: str, path: Path) -> Any:
    if not name.endswith("_bits") or is_sparse(array):
        return array
    if array.dtype != np.uint8 or array.ndim != 2:
        raise DataError(
            f"expected uint8 rows packed by numpy.packbits(x, axis=1) in {path} (array {name!r}), got {array.dtype} "
            f"{list(array.shape)}",
            "another name for an array that is not packed",
        )
    return np.unpackbits(array, axis=1)
