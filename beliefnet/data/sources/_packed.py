"""Binary data sets kept as packed bits."""

from collections.abc import Mapping

import numpy as np

from beliefnet.data._raw import RawData
from beliefnet.data.sources._base import Layout

NUM_PIXELS = 28 * 28
BITS = {split: f"{split}_bits" for split in ("train", "valid", "test")}


def packed_layout(splits: Mapping[str, int]) -> Layout:
    """Return the arrays that a file with so many rows in each split holds."""
    return {BITS[split]: ((num_rows, NUM_PIXELS // 8), "uint8") for split, num_rows in splits.items()}


def unpack_bits(arrays: Mapping[str, np.ndarray]) -> RawData:
    """Return the rows `[n, 784]` of packed splits `[n, 98]`."""
    train, valid, test = (np.unpackbits(arrays[name], axis=1, count=NUM_PIXELS) for name in BITS.values())
    return RawData(train, valid, test, "bits")
