"""Which arrays a user's file holds, and how their values are to be read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from beliefnet._errors import DataError
from beliefnet.data._arrays import npz_names, read_npy, read_npz, readable
from beliefnet.data._csv import read_csv
from beliefnet.data._raw import Scale
from beliefnet.data._values import check_numbers, check_values, image_shape_of

Check = Callable[[np.ndarray, str], np.ndarray]
"""Checks rows `[n, num_features]`, named by a label in errors, and returns them as uint8 bits or float32."""

SUFFIXES = (".npy", ".npz", ".csv")

ARRAY_NAMES: Mapping[str, tuple[str, ...]] = {
    "train": ("train", "x_train", "X_train", "X", "x", "data", "train_images", "train_bits"),
    "valid": ("valid", "x_valid", "X_valid", "val", "x_val", "X_val", "valid_images", "valid_bits"),
    "test": ("test", "x_test", "X_test", "test_images", "test_bits"),
}
"""The names under which an `.npz` file may hold each split."""


@dataclass(frozen=True, eq=False)
class Table:
    """One checked array.

    Attributes:
        rows: The values `[n, num_features]`.
        scale: How they are to be read.
        image_shape: Height and width, or None.
    """

    rows: np.ndarray
    scale: Scale
    image_shape: tuple[int, int] | None


def read_tables(path: Path, check: Check = check_values) -> dict[str, Table]:
    """Read the splits that a file holds.

    Args:
        path: A `.npy`, `.npz` or `.csv` file.
        check: What the values must pass.

    Returns:
        A table for `"train"`, and for `"valid"` and `"test"` if an `.npz` file has them.

    Raises:
        DataError: If the file or its values cannot be used.
    """
    check_path(path)
    if _suffix(path) != ".npz":
        array = read_npy(path) if _suffix(path) == ".npy" else read_csv(path)
        return {"train": _to_table(array, "", str(path), check)}
    names = split_names(npz_names(path), path)
    arrays = read_npz(path, names.values())
    return {split: _to_table(arrays[name], name, f"{path} (array {name!r})", check) for split, name in names.items()}


def read_named_table(path: Path, name: str, check: Check = check_values) -> Table:
    """Read one array of an `.npz` file; `DataError` if there is none of this name or it cannot be used."""
    check_path(path)
    names = npz_names(path) if _suffix(path) == ".npz" else []
    if name not in names:
        raise DataError(
            f"expected a .npz file with an array {name!r}, got {path} with {names or 'no named arrays'}; "
            "try one of its own names, or leaving the array's name out"
        )
    return _to_table(read_npz(path, [name])[name], name, f"{path} (array {name!r})", check)


def check_path(path: Path) -> None:
    """Check that a path leads to a file of a kind that can be read; `DataError` if not."""
    with readable(path):
        if not path.exists():
            raise DataError(f"expected an existing file, got {path}, which does not exist; try checking the path")
        if path.is_dir():
            raise DataError(f"expected a .npy, .npz or .csv file, got the folder {path}; try a file inside it")
    if _suffix(path) not in SUFFIXES:
        raise DataError(f"expected a .npy, .npz or .csv file, got {path}; try numpy.save to write a .npy file")


def _suffix(path: Path) -> str:
    return path.suffix.lower()


def split_names(names: list[str], path: Path) -> dict[str, str]:
    """Map each split in an `.npz` file to the name of its array; `DataError` if that is unclear."""
    if len(names) == 1:
        return {"train": names[0]}
    found = {split: [name for name in accepted if name in names] for split, accepted in ARRAY_NAMES.items()}
    for split, candidates in found.items():
        if len(candidates) > 1:
            raise DataError(
                f"expected one array of {split} rows in {path}, got {_listed(candidates)}; try keeping one of them"
            )
    if not found["train"]:
        raise DataError(
            f"expected an array named {_listed(ARRAY_NAMES['train'])} in {path}, got {_listed(names) or 'no arrays'}; "
            "try numpy.savez(path, train=rows)"
        )
    return {split: candidates[0] for split, candidates in found.items() if candidates}


def _to_table(array: np.ndarray, name: str, label: str, check: Check) -> Table:
    if name.endswith("_bits"):
        array = _unpack(array, label)
    rows = check_numbers(array, label)
    image_shape = image_shape_of(array.shape)
    # The cache format stores grey images as bytes under names of this form; elsewhere 255 is a mistake.
    if name.endswith("_images") and array.dtype == np.uint8:
        return Table(rows, "bytes", image_shape)
    values = check(rows, label)
    return Table(values, "bits" if values.dtype == np.uint8 else "unit", image_shape)


def _unpack(array: np.ndarray, label: str) -> np.ndarray:
    if array.dtype != np.uint8 or array.ndim != 2:
        raise DataError(
            f"expected uint8 rows packed by numpy.packbits(x, axis=1) in {label}, got {array.dtype} "
            f"{list(array.shape)}; try another name for an array that is not packed"
        )
    return np.unpackbits(array, axis=1)


def _listed(names: tuple[str, ...] | list[str]) -> str:
    return ", ".join(repr(name) for name in names)
