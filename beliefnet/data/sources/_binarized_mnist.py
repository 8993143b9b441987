"""MNIST as binarised once and for all by Salakhutdinov and Murray (2008)."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from beliefnet.data._download import Download
from beliefnet.data._formats import read_amat
from beliefnet.data.sources._base import Remote
from beliefnet.data.sources._packed import BITS, NUM_PIXELS, packed_layout, unpack_bits

SPLITS = {"train": 50000, "valid": 10000, "test": 10000}
BASE_URL = "http://www.cs.toronto.edu/~larocheh/public/datasets/binarized_mnist/"
DOWNLOADS = (
    Download("binarized_mnist_train.amat", "sha256:ad693b29f94c14277b095f5238ddefbbdaaae0939789dd2f4f0205278cee3e4d"),
    Download("binarized_mnist_valid.amat", "sha256:1de3d397c40fe8eeb33dafd4099a1f665ec01e96d9be234aaeeac8a34930e2e2"),
    Download("binarized_mnist_test.amat", "sha256:e6687bfea3f820c174f33b7865140b2a2dd2930ef786f35d45795fc193b5ab2c"),
)


def convert_amat(files: Mapping[str, Path]) -> dict[str, np.ndarray]:
    """Pack the three published text files."""
    return {
        name: np.packbits(read_amat(files[f"binarized_mnist_{split}.amat"], NUM_PIXELS), axis=1)
        for split, name in BITS.items()
    }


BINARIZED_MNIST = Remote(
    name="binarized-mnist",
    description="MNIST, statically binarised (Salakhutdinov and Murray 2008)",
    variant="salakhutdinov-murray-2008",
    origin=BASE_URL,
    image_shape=(28, 28),
    splits=SPLITS,
    binarization="none",
    file_name="binarized_mnist.npz",
    layout=packed_layout(SPLITS),
    downloads=DOWNLOADS,
    base_urls=(BASE_URL,),
    convert=convert_amat,
    unpack=unpack_bits,
)
