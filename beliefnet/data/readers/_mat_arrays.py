"""The arrays in MATLAB files of versions 4 to 7, parsed so that no stated size is believed.

SciPy's own reader stops the process at some damaged files, and drops the imaginary part where classes are asked for.
"""

import math
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from beliefnet._errors import DataError, shown
from beliefnet.data._files import check_expansion, expansion_limit
from beliefnet.data._sparse import from_scipy_pieces
from beliefnet.data.readers._numbers import is_whole

_HEADER_BYTES = 128
_MATRIX, _COMPRESSED = 14, 15
_STORED = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
"""How the numbers of an element are stored, by the type that it states."""
_OTHERS = {1: "cell", 2: "struct", 3: "object", 4: "char", 16: "function", 17: "object"}
_SPARSE = 5
_CLASSES = dict(enumerate(("f8", "f4", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"), start=6))
"""The dtype of arrays of each class of numbers."""
_COMPLEX, _LOGICAL = 0x08, 0x02
_STORED_4 = ("f8", "f4", "i4", "i2", "u2", "u1")


@dataclass(frozen=True, eq=False)
class Variable:
    """An array in a MATLAB file.

    Attributes:
        name: Its name.
        what: What it holds, in a word, where that is no numbers; else nothing.
        shape: Its shape.
        dtype: The dtype of its numbers.
        pieces: Its numbers, column by column; of a sparse matrix the arrays that it consists of, by name.
    """

    name: str
    what: str
    shape: tuple[int, ...] = ()
    dtype: str = "f8"
    pieces: np.ndarray | dict[str, np.ndarray] | None = None

    def read(self, label: str) -> Any:
        """Return the numbers, sparse ones by rows; `DataError` if a place is outside of a sparse matrix."""
        if type(self.pieces) is dict:
            return from_scipy_pieces(self.pieces, label)
        return np.asarray(self.pieces).astype(self.dtype).reshape(self.shape, order="F")


class _Damage(Exception):
    """Something that no intact file has."""


def mat_variables(content: bytes, path: Path) -> list[Variable]:
    """Return what a MATLAB file holds.

    Raises:
        DataError: If it is none, of version 7.3, damaged, or expands beyond all measure.
    """
    order = {b"IM": "<", b"MI": ">"}.get(content[126:128])
    is_old = len(content) >= 20 and b"\0" in content[:4]
    if order is None and not is_old:
        got = "something else" if content else "an empty file"
        raise DataError(
            f"expected a MATLAB file, got {got} in {path}", "save(name, 'rows', '-v7') of MATLAB, or scipy.io.savemat"
        )
    if not is_old and struct.unpack_from(f"{order}H", content, 124) == (0x0200,):
        raise DataError(
            f"expected a MATLAB file of version 7 or older, got version 7.3, which is HDF5, in {path}",
            "save(name, 'rows', '-v7') of MATLAB, or numpy.save of what h5py reads",
        )
    try:
        return list(_old_variables(content) if is_old else _variables(content, order or "<", path))
    except _Damage as error:
        text = shown(str(error), 100).strip("'\"")
        raise DataError(f"expected a complete file, got a damaged {path} ({text})", "writing it again") from error


def _variables(content: bytes, order: str, path: Path) -> Iterator[Variable]:
    """Yield the variables of a file of version 5 to 7, whose elements may be compressed."""
    limit, size = expansion_limit(len(content)), 0
    at = _HEADER_BYTES
    while at < len(content):
        kind, length = struct.unpack_from(f"{order}II", content, at) if at + 8 <= len(content) else (0, 0)
        start, at = at, at + 8 + length
        if at > len(content) or kind not in (_MATRIX, _COMPRESSED):
            raise _Damage(f"at byte {start}")
        matrix = content[start + 8 : at]
        if kind == _COMPRESSED:
            expanding = zlib.decompressobj()
            try:
                element = expanding.decompress(matrix, limit - size + 1)
            except zlib.error as error:
                raise _Damage(f"at byte {start}") from error
            size += len(element)
            check_expansion(size, limit, f"the arrays of {path}")
            if not expanding.eof or struct.unpack(f"{order}II", element[:8].ljust(8)) != (_MATRIX, len(element) - 8):
                raise _Damage(f"at byte {start}")
            matrix = element[8:]
        if matrix:
            yield _variable(matrix, order, start)


def _variable(matrix: bytes, order: str, start: int) -> Variable:
    """Return the variable that the content of an element is."""
    parts = _parts(matrix, order)
    flags, sizes, name = (_numbers(next(parts, (0, b"")), order, start) for _ in range(3))
    if flags.size != 2 or name.dtype.itemsize != 1:
        raise _Damage(f"at byte {start}")
    called = name.tobytes().decode("utf-8", errors="replace")
    kind, marks = int(flags[0]) & 0xFF, int(flags[0]) >> 8
    if kind not in (_SPARSE, *_CLASSES):
        return Variable(called, _OTHERS.get(kind, "an object"))
    if marks & _COMPLEX:
        return Variable(called, "complex")
    shape = tuple(int(size) for size in sizes)
    if len(shape) < 2 or min(shape) < 0:
        raise _Damage(f"the shape {shown(shape)}")
    dtype = "?" if marks & _LOGICAL else _CLASSES.get(kind, "f8")
    stored = [_numbers(part, order, start) for part in parts]
    if kind == _SPARSE and len(stored) == 3 and len(shape) == 2:
        rows, ends, values = stored
        used = int(ends[-1]) if ends.size else 0
        pieces = {"data": values[:used].astype(dtype), "indices": rows[:used], "indptr": ends}
        return Variable(called, "", shape, dtype, {**pieces, "shape": np.array(shape), "format": np.array("csc")})
    if kind == _SPARSE or len(stored) != 1 or stored[0].size != math.prod(shape):
        raise _Damage(f"{stored[0].size if stored else 0} numbers for the shape {shown(list(shape))}")
    return Variable(called, "", shape, dtype, stored[0])


def _parts(matrix: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    """Yield the type and the content of each part of an element."""
    at = 0
    while at + 8 <= len(matrix):
        kind, length = struct.unpack_from(f"{order}II", matrix, at)
        begin, after = at + 8, at + 8 + length + -length % 8
        if kind >> 16:
            kind, length, begin, after = kind & 0xFFFF, kind >> 16, at + 4, at + 8
        if begin + length > min(after, len(matrix)):
            raise _Damage("an array that ends early")
        yield kind, matrix[begin : begin + length]
        at = after


def _numbers(part: tuple[int, bytes], order: str, start: int) -> np.ndarray:
    """Return the numbers of a part."""
    kind, content = part
    stored = _STORED.get(kind, "u1" if kind == 16 else None)
    if stored is None or len(content) % np.dtype(stored).itemsize:
        raise _Damage(f"at byte {start}")
    return np.frombuffer(content, f"{order}{stored}")


def _old_variables(content: bytes) -> Iterator[Variable]:
    """Yield the variables of a file of version 4: a header of five numbers, a name, and the values."""
    order = "<" if int.from_bytes(content[:4], "little") < 5000 else ">"
    at = 0
    while at < len(content):
        if at + 20 > len(content):
            raise _Damage(f"at byte {at}")
        form, rows, columns, has_imaginary, length = struct.unpack_from(f"{order}5I", content, at)
        stored, kind = form // 10 % 100, form % 10
        begin = at + 20 + length
        if stored >= len(_STORED_4) or kind > 2 or form // 1000 != (order == ">"):
            raise _Damage(f"at byte {at}")
        dtype, count = np.dtype(f"{order}{_STORED_4[stored]}"), rows * columns
        end = begin + count * dtype.itemsize * (2 if has_imaginary else 1)
        if end > len(content):
            raise _Damage(f"{rows} x {columns} numbers, which end early")
        name = content[at + 20 : begin].rstrip(b"\0").decode("latin-1")
        values = np.frombuffer(content, dtype, count, begin) if count else np.zeros(0, dtype)
        at = end
        if kind == 1 or has_imaginary:
            yield Variable(name, "char" if kind == 1 else "complex")
        elif kind == 2:
            yield _old_sparse(name, values.reshape(columns, rows).T)
        else:
            yield Variable(name, "", (rows, columns), _STORED_4[stored], values)


def _old_sparse(name: str, table: np.ndarray) -> Variable:
    """Return a sparse matrix of version 4: row, column and value of each entry, and last of all the shape."""
    if table.shape[1] != 3 or not len(table) or not is_whole(table[:, :2]) or table[:, :2].min() < 0:
        raise _Damage("a sparse matrix without places")
    *entries, sizes = np.split(table, [len(table) - 1])
    rows, columns = (entries[0][:, :2].astype(np.int64) - 1).T
    shape = (int(sizes[0, 0]), int(sizes[0, 1]))
    pieces = {"data": entries[0][:, 2].astype("f8"), "row": rows, "col": columns, "shape": np.array(shape)}
    return Variable(name, "", shape, "f8", {**pieces, "format": np.array("coo")})
