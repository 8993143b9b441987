"""Reading `.npy` and `.npz` files without ever unpickling anything."""

import csv
import gzip
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np

from beliefnet._errors import DataError


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turn whatever goes wrong while reading a file into a `DataError` that names it."""
    try:
        yield
    except DataError:
        raise
    except UnicodeDecodeError as error:
        raise DataError(f"expected a text file in UTF-8, got {path} ({error}); try saving it as UTF-8") from error
    except (ValueError, EOFError, gzip.BadGzipFile, zipfile.BadZipFile, zlib.error, csv.Error) as error:
        if "pickle" in str(error):
            raise DataError(
                f"expected plain numbers, got pickled objects (dtype object) in {path}; "
                "try array.astype('float32') before saving"
            ) from error
        raise DataError(f"expected a complete file, got a damaged {path} ({error}); try writing it again") from error
    except OSError as error:
        reason = error.strerror or error
        raise DataError(f"expected a readable file, got {path} ({reason}); try checking its permissions") from error


def read_npy(path: Path) -> np.ndarray:
    """Read the array of a `.npy` file.

    Args:
        path: The file.

    Returns:
        The array, of any shape and plain dtype.

    Raises:
        DataError: If the file cannot be read, is damaged, or holds objects.
    """
    with _opened(path, b"\x93NUMPY", "a .npy file as written by numpy.save") as file:
        return np.load(file, allow_pickle=False)


def npz_names(path: Path) -> list[str]:
    """Return the names of the arrays in a `.npz` file; `DataError` if it cannot be read."""
    with _opened(path, b"PK", "a .npz file as written by numpy.savez") as file, np.load(file) as archive:
        return list(archive.files)


def read_npz(path: Path, names: Iterable[str]) -> dict[str, np.ndarray]:
    """Read arrays of a `.npz` file by name.

    Args:
        path: The file.
        names: Names out of `npz_names(path)`.

    Returns:
        The arrays, of any shape and plain dtype.

    Raises:
        DataError: If the file cannot be read, is damaged, or one of the arrays holds objects.
    """
    with (
        _opened(path, b"PK", "a .npz file as written by numpy.savez") as file,
        np.load(file, allow_pickle=False) as archive,
    ):
        arrays = {name: archive[name] for name in names}
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray):
            raise DataError(f"expected arrays in {path}, got {name!r} of another kind; try numpy.savez to write it")
    return arrays


@contextmanager
def _opened(path: Path, magic: bytes, expected: str) -> Iterator[BinaryIO]:
    with readable(path), path.open("rb") as file:
        start = file.read(len(magic))
        if start != magic:
            got = "an empty file" if not start else "something else"
            raise DataError(f"expected {expected}, got {got} in {path}; try writing it again with numpy")
        file.seek(0)
        yield file
