"""Formats in which images are published, and the layout in which their bits are kept."""

import math
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from beliefnet._errors import DataError
from beliefnet.data._files import read_bytes, readable
from beliefnet.data._split import Contents
from beliefnet.data.sources import Layout

IDX_MAGIC = b"\x00\x00\x08"
"""Two zero bytes and the code of unsigned bytes; the number of axes follows."""
NUM_PIXELS = 28 * 28
BITS = {split: f"{split}_bits" for split in ("train", "valid", "test")}


def of_splits(train: np.ndarray, valid: np.ndarray, test: np.ndarray, largest: int = 1) -> Contents:
    """Return rows `[n, pixels]` of three splits, and what a one is stored as."""
    return Contents({"train": train, "valid": valid, "test": test}, largest=largest)


def read_idx(path: Path) -> np.ndarray:
    """Read a gzipped IDX file of unsigned bytes, the format of MNIST.

    Args:
        path: The `.gz` file.

    Returns:
        A uint8 array of the shape that the file states.

    Raises:
        DataError: If the file is not in this format.
    """
    content = read_bytes(path)
    num_axes = content[3] if len(content) > 3 else 0
    offset = 4 + 4 * num_axes
    shape = struct.unpack(f">{num_axes}I", content[4:offset]) if len(content) >= offset else ()
    if not content.startswith(IDX_MAGIC) or len(content) - offset != math.prod(shape):
        raise DataError(
            f"expected a gzipped IDX file of unsigned bytes, got {path} with {len(content)} bytes for the shape "
            f"{list(shape)}",
            "downloading it again",
        )
    return np.frombuffer(content, np.uint8, offset=offset).reshape(shape)


def read_amat(path: Path, num_features: int) -> np.ndarray:
    """Read an `.amat` text file of zeros and ones, two bytes a value.

    Args:
        path: The file.
        num_features: Number of values in a line.

    Returns:
        uint8 `[n, num_features]` in {0, 1}.

    Raises:
        DataError: If the file is not in this format.
    """
    with readable(path):
        content = np.frombuffer(read_bytes(path), np.uint8)
    # Zero and one are 48 and 49 in ASCII: anything else wraps round to more than one.
    bits = content[::2] - np.uint8(ord("0"))
    if content.size % (2 * num_features) or not content.size or bits.max() > 1:
        raise DataError(
            f"expected lines of {num_features} values 0 or 1, one space between them, got other text in {path}",
            "downloading it again",
        )
    return bits.reshape(-1, num_features)


def read_mat(path: Path, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Read arrays of a MATLAB file by name.

    Args:
        path: The `.mat` file, of MATLAB 7 or older.
        names: The variables to read.

    Returns:
        The arrays, each with two axes or more.

    Raises:
        DataError: If the file cannot be read or lacks a variable.
    """
    # Tokens are cells, which the reader of strangers' files passes over; this file has the checksum that it must have.
    from scipy.io import loadmat

    with readable(path):
        variables = loadmat(path, variable_names=list(names))
    missing = [name for name in names if name not in variables]
    if missing:
        raise DataError(f"expected the variables {list(names)} in {path}, got none of {missing}", "downloading again")
    return {name: variables[name] for name in names}


def packed_layout(splits: Mapping[str, int]) -> Layout:
    """Return the arrays that a file with so many rows in each split holds."""
    return {BITS[split]: ((num_rows, NUM_PIXELS // 8), "uint8") for split, num_rows in splits.items()}


def unpack_bits(arrays: Mapping[str, np.ndarray]) -> Contents:
    """Return the rows `[n, 784]` of packed splits `[n, 98]`."""
    train, valid, test = (np.unpackbits(arrays[name], axis=1, count=NUM_PIXELS) for name in BITS.values())
    return of_splits(train, valid, test)
