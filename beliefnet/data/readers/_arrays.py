"""Arrays in `.npy` and `.npz` files, read without unpickling and without believing stated sizes."""

import ast
import math
import os
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np

from beliefnet._errors import DataError, listed, shown
from beliefnet.data._files import check_expansion, expansion_limit, opened, read_bytes, readable

_MAGIC = b"\x93NUMPY"
_LENGTH_BYTES = {1: 2, 2: 4, 3: 4}
_LONGEST_HEADER = 10_000
_MOST_ARRAYS = 10_000
_ENCRYPTED = 0x1


def read_npy(path: Path) -> np.ndarray:
    """Read the array of a `.npy` file.

    Args:
        path: The file.

    Returns:
        The array, of any shape and plain dtype.

    Raises:
        DataError: If the file cannot be read, is damaged, or holds objects.
    """
    with readable(path):
        return _to_array(read_bytes(path), path, "numpy.save")


def npy_objects(path: Path) -> bytes | None:
    """Return the pickle of the objects in a `.npy` file, as it is; None where the file holds plain numbers."""
    content = read_bytes(path)
    if not content.startswith(_MAGIC) or b"'descr': '|O'" not in content[:_LONGEST_HEADER]:
        return None
    begin = 8 + _LENGTH_BYTES.get(content[6], 2)
    return content[begin + int.from_bytes(content[8:begin], "little") :]


def npz_names(path: Path) -> list[str]:
    """Return the names of the arrays in a `.npz` file; `DataError` if it cannot be read."""
    with _archive(path) as archive:
        return [info.filename.removesuffix(".npy") for info in archive.infolist()]


def npz_shapes(path: Path) -> dict[str, tuple[tuple[int, ...], np.dtype]]:
    """Return the shape and dtype of each array in a `.npz` file that holds plain numbers, without reading them."""
    found = {}
    with _archive(path) as archive:
        for info in archive.infolist():
            with archive.open(info) as member:
                start = member.read(_LONGEST_HEADER + 12)
            try:
                dtype, shape, _, _ = _header(start, path)
            except DataError:
                continue  # Whoever wants this array is told.
            found[info.filename.removesuffix(".npy")] = (shape, dtype)
    return found


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
    with _archive(path) as archive:
        members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
        chosen = {name: members[name] for name in names}
        limit = expansion_limit(path.stat().st_size)
        check_expansion(sum(info.file_size for info in chosen.values()), limit, f"the arrays of {path}")
        return {
            name: _to_array(archive.read(info), f"{path} (array {shown(name)})", "numpy.savez")
            for name, info in chosen.items()
        }


@contextmanager
def _archive(path: Path) -> Iterator[zipfile.ZipFile]:
    with readable(path), opened(path) as file:
        _check_start(file, path)
        try:
            with zipfile.ZipFile(file) as archive:
                _check_members(archive.infolist(), path)
                yield archive
        # zipfile says so of passwords and of methods that it does not know.
        except RuntimeError as error:
            raise DataError(
                f"expected a .npz file as written by numpy.savez, got {path} ({error})", "writing it again"
            ) from error


def _check_start(file: BinaryIO, path: Path) -> None:
    start = file.read(2)
    if start != b"PK":
        got = "something else" if start else "an empty file"
        raise DataError(
            f"expected a .npz file as written by numpy.savez, got {got} in {path}", "writing it again with numpy"
        )
    file.seek(0, os.SEEK_SET)


def _check_members(members: list[zipfile.ZipInfo], path: Path) -> None:
    if len(members) > _MOST_ARRAYS:
        raise DataError(f"expected at most {_MOST_ARRAYS} arrays in {path}, got {len(members)}", "one array of rows")
    names = [info.filename for info in members]
    if len(set(names)) < len(names):
        raise DataError(f"expected arrays of different names in {path}, got {listed(names)}", "writing it again")
    for info in members:
        if info.flag_bits & _ENCRYPTED or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise DataError(
                f"expected arrays as written by numpy.savez, got {shown(info.filename)} of {path} encrypted or packed "
                "in another way",
                "numpy.savez to write it",
            )


def _to_array(content: bytes, label: object, writer: str) -> np.ndarray:
    """Return the array of a `.npy` file, whose header has to agree with the bytes that follow."""
    if not content.startswith(_MAGIC):
        got = "something else" if content else "an empty file"
        raise DataError(
            f"expected a .npy file as written by {writer}, got {got} in {label}", "writing it again with numpy"
        )
    dtype, shape, is_fortran, start = _header(content, label)
    count = math.prod(shape)
    found = len(content) - start
    if count * dtype.itemsize > found:
        raise DataError(
            f"expected a complete file, got a damaged {label} ({found} bytes for {dtype} {listed([list(shape)])})",
            "writing it again",
        )
    values = np.frombuffer(content, dtype, count, start) if count * dtype.itemsize else np.zeros(0, dtype)
    return values.reshape(shape, order="F" if is_fortran else "C")


def _header(content: bytes, label: object) -> tuple[np.dtype, tuple[int, ...], bool, int]:
    """Return dtype, shape, whether columns come first, and where the values begin."""
    num_bytes = _LENGTH_BYTES.get(content[6] if len(content) > 7 else 0, 0)
    begin = 8 + num_bytes
    length = int.from_bytes(content[8:begin], "little")
    if not num_bytes or length > min(_LONGEST_HEADER, len(content) - begin):
        raise _no_header(label, f"version {list(content[6:8])} with {length} bytes")
    text = content[begin : begin + length].decode("latin-1" if num_bytes == 2 else "utf-8", errors="replace")
    try:
        header = ast.literal_eval(text.strip())
        descr, shape, is_fortran = header["descr"], header["shape"], header["fortran_order"]
        sizes = tuple(size for size in shape if type(size) is int and size >= 0)
        fits = type(descr) is str and type(shape) is tuple and len(sizes) == len(shape) and len(header) == 3
    except (ValueError, SyntaxError, TypeError, KeyError, RecursionError, MemoryError) as error:
        raise _no_header(label, text) from error
    if not fits:
        raise _no_header(label, text)
    return _plain_dtype(descr, label), sizes, bool(is_fortran), begin + length


def _plain_dtype(descr: str, label: object) -> np.dtype:
    try:
        dtype = np.dtype(descr)
    except (TypeError, ValueError, SyntaxError) as error:
        raise _no_header(label, descr) from error
    if dtype.hasobject:
        raise DataError(
            f"expected plain numbers, got pickled objects (dtype object) in {label}",
            "array.astype('float32') "
            "before saving, or for rows of token ids numpy.savez(path, tokens=numpy.concatenate(rows), "
            "lengths=[len(row) for row in rows])",
        )
    if dtype.kind not in "biufcSUmM" or dtype.subdtype is not None:
        raise DataError(f"expected plain numbers in {label}, got dtype {shown(descr)}", "array.astype('float32')")
    return dtype


def _no_header(label: object, found: str) -> DataError:
    return DataError(
        f"expected a complete file, got a damaged {label} (its header is {shown(found)})", "writing it again"
    )
