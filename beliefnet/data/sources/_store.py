"""The one `.npz` file that a downloaded data set is kept in, and the vocabulary beside it where it has one."""

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np

from beliefnet._errors import DataError
from beliefnet.data._arrays import npz_names, read_npz
from beliefnet.data._words import read_words, vocabulary_path, write_words

Layout = Mapping[str, tuple[tuple[int | None, ...], str]]
"""Names of the arrays that a store must hold, with shape and dtype; None is any length."""

WORDS = "words"
"""Name of the array of strings (dtype object) that is kept as text, because an `.npz` file would pickle it."""


def stored_files(path: Path, names: Iterable[str]) -> list[Path]:
    """Return the files of a store with arrays of these names, the `.npz` file last."""
    return [vocabulary_path(path), path] if WORDS in names else [path]


def read_store(path: Path, names: Iterable[str]) -> dict[str, np.ndarray]:
    """Read arrays by name; those that the `.npz` file lacks are left out.

    Raises:
        DataError: If a file cannot be read, or the vocabulary is missing.
    """
    wanted = list(names)
    present = npz_names(path)
    arrays = read_npz(path, [name for name in wanted if name in present])
    if WORDS in wanted:
        beside = vocabulary_path(path)
        if not beside.exists():
            raise DataError(
                f"expected the vocabulary {beside.name} beside {path}, got no such file; "
                f"try putting it there, or moving {path.name} away, so that the data set is downloaded again"
            )
        arrays[WORDS] = np.array(read_words(beside), dtype=object)
    return arrays


def misfit(array: np.ndarray | None, shape: tuple[int | None, ...], dtype: str) -> str | None:
    """Say what there is instead of an array of this shape and dtype; None where there is one."""
    if array is None:
        return "no such array"
    fits = len(shape) == array.ndim and all(
        size in (None, found) for size, found in zip(shape, array.shape, strict=True)
    )
    return None if fits and f"{array.dtype}" == dtype else f"{array.dtype} {list(array.shape)}"


def write_store(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays to `path`, and an array named `"words"` as text beside it."""
    # numpy's own annotation takes the arrays' names for its options.
    save: Callable[..., None] = np.savez_compressed
    save(path, **{name: array for name, array in arrays.items() if name != WORDS})
    if WORDS in arrays:
        write_words(vocabulary_path(path), arrays[WORDS].tolist())


def move_store(path: Path, target: Path, names: Iterable[str]) -> None:
    """Move a store that is complete; its `.npz` file, which others look for, goes last."""
    for file, goal in zip(stored_files(path, names), stored_files(target, names), strict=True):
        os.replace(file, goal)
