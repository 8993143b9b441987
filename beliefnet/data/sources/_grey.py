"""Grey-level image sets published as IDX files: MNIST and those made in its likeness."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from beliefnet.data._formats import read_idx
from beliefnet.data._raw import RawData
from beliefnet.data.sources._base import Layout

SPLITS = {"train": 50000, "valid": 10000, "test": 10000}
LAYOUT: Layout = {"train_images": ((60000, 28, 28), "uint8"), "test_images": ((10000, 28, 28), "uint8")}
IDX_FILES = {
    "train_images": "train-images-idx3-ubyte.gz",
    "train_labels": "train-labels-idx1-ubyte.gz",
    "test_images": "t10k-images-idx3-ubyte.gz",
    "test_labels": "t10k-labels-idx1-ubyte.gz",
}


def convert_idx(files: Mapping[str, Path]) -> dict[str, np.ndarray]:
    """Read the four published files."""
    return {name: read_idx(files[file_name]) for name, file_name in IDX_FILES.items()}


def unpack_grey(arrays: Mapping[str, np.ndarray], num_valid: int = SPLITS["valid"]) -> RawData:
    """Return grey levels in 0..255, with the last training images for validation."""
    images = arrays["train_images"].reshape(len(arrays["train_images"]), -1)
    test = arrays["test_images"].reshape(len(arrays["test_images"]), -1)
    return RawData(images[:-num_valid], images[-num_valid:], test, "bytes")
