"""Documents as token ids: in one array, or in an array of arrays, whose pickle is followed and never obeyed."""

import pickletools
import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from beliefnet._errors import DataError
from beliefnet.data._files import check_extent
from beliefnet.data._sparse import CSR

_MARK = object()
_CONSTANTS = {"EMPTY_LIST": list, "EMPTY_TUPLE": tuple, "NONE": lambda: None, "NEWTRUE": bool, "NEWFALSE": bool}
_PLAIN = {
    *("BININT", "BININT1", "BININT2", "LONG1", "BINUNICODE", "SHORT_BINUNICODE"),
    *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "GLOBAL"),
}


def read_tokens(arrays: dict[str, np.ndarray], path: Path) -> CSR:
    """Count the token ids of documents that follow each other in one array, `tokens` and `lengths`.

    Raises:
        DataError: If they are no whole numbers, or the lengths do not add up.
    """
    tokens, lengths = arrays["tokens"], arrays["lengths"]
    for name, array in (("tokens", tokens), ("lengths", lengths)):
        if array.dtype.kind not in "iu" or array.ndim != 1 or (array.size and array.min() < 0):
            raise DataError(
                f"expected whole numbers from 0 on as {name} in {path}, got {array.dtype} {list(array.shape)}",
                "numpy.concatenate(rows) for tokens and [len(row) for row in rows] for lengths",
            )
    if lengths.sum(dtype=np.float64) != tokens.size:
        raise DataError(
            f"expected lengths that add up to the {tokens.size} tokens in {path}, got "
            f"{lengths.sum(dtype=np.float64):g}",
            "[len(row) for row in rows]",
        )
    width = int(tokens.max(initial=0)) + 1
    check_extent((lengths.size, width), tokens.size, str(path))
    starts = np.append(0, np.cumsum(lengths.astype(np.int64)))
    ones = np.ones(tokens.size, np.int64)
    return sparse.csr_matrix((ones, tokens.astype(np.int64), starts), shape=(lengths.size, width))


def read_ragged(pickled: bytes, path: Path) -> CSR:
    """Count the token ids of documents in an array of arrays, as `numpy.save` pickles it.

    Nothing is unpickled: what the pickle would do is followed on a stack of plain values, and nothing is ever called.

    Raises:
        DataError: If it is any other pickle than one of arrays, or lists, of whole numbers.
    """
    try:
        rows = [_plain_row(row) for row in _followed(pickled)]
    except (ValueError, TypeError, IndexError, KeyError, AttributeError, OverflowError, struct.error) as error:
        raise DataError(
            f"expected plain numbers, got pickled objects (dtype object) in {path}",
            "array.astype('float32') before "
            "saving, or for rows of token ids numpy.savez(path, tokens=numpy.concatenate(rows), "
            "lengths=[len(row) for row in rows])",
        ) from error
    tokens = np.concatenate([np.zeros(0, np.int64), *rows])
    return read_tokens({"tokens": tokens, "lengths": np.array([len(row) for row in rows], np.int64)}, path)


@dataclass
class _Pickled:
    """What a pickle would call, and the state that it would give to the result."""

    called: str
    arguments: tuple
    state: Any = None


def _followed(pickled: bytes) -> list:
    """Return the elements of the outermost array of a pickle."""
    stack, memo = [], {}
    for opcode, argument, _ in pickletools.genops(pickled):
        name = opcode.name
        if name in ("STOP", "PROTO", "FRAME"):
            continue
        if name == "MARK":
            stack.append(_MARK)
        elif name == "MEMOIZE":
            memo[len(memo)] = stack[-1]
        elif name.endswith("BINPUT"):
            memo[argument] = stack[-1]
        elif name.endswith("BINGET"):
            stack.append(memo[argument])
        elif name in _CONSTANTS:
            stack.append(_CONSTANTS[name]())
        elif name in ("TUPLE1", "TUPLE2", "TUPLE3"):
            stack[-int(name[-1]) :] = [tuple(stack[-int(name[-1]) :])]
        elif name in ("TUPLE", "APPENDS"):
            start = len(stack) - 1 - stack[::-1].index(_MARK)
            found = stack[start + 1 :]
            del stack[start:]
            if name == "TUPLE":
                stack.append(tuple(found))
            else:
                stack[-1].extend(found)
        elif name in ("APPEND", "REDUCE", "BUILD", "STACK_GLOBAL"):
            last = stack.pop()
            if name == "APPEND":
                stack[-1].append(last)
            elif name == "BUILD":
                stack[-1].state = last
            else:
                before = stack.pop()
                stack.append(f"{before} {last}" if name == "STACK_GLOBAL" else _Pickled(before, last))
        elif name in _PLAIN:
            stack.append(argument)
        else:
            raise ValueError(f"the opcode {name}")
    (array,) = stack
    _, shape, dtype, _, elements = array.state
    if len(shape) != 1 or shape[0] != len(elements) or not dtype.arguments[0].startswith("O"):
        raise ValueError("no array of arrays")
    return elements


def _plain_row(row: Any) -> np.ndarray:
    """Return one document as whole numbers."""
    if type(row) is list:
        return np.array([int(token) for token in row if type(token) is int or _refuse(token)], np.int64)
    _, shape, dtype, _, content = row.state
    if row.called.rpartition(" ")[2] != "_reconstruct" or not re.fullmatch("[iu][1248]", dtype.arguments[0]):
        raise ValueError("no whole numbers")
    order = dtype.state[1] if dtype.state[1] in "<>" else "<"
    tokens = np.frombuffer(content, np.dtype(f"{order}{dtype.arguments[0]}"))
    if shape != (len(tokens),):
        raise ValueError("another shape")
    return tokens.astype(np.int64)


def _refuse(token: object) -> bool:
    raise ValueError(f"a token {type(token).__name__}")
