"""Caltech 101 Silhouettes (Marlin, Swersky, Chen and de Freitas 2010)."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from beliefnet.data._download import Download
from beliefnet.data._formats import read_mat
from beliefnet.data._raw import RawData
from beliefnet.data.sources._base import Remote
from beliefnet.data.sources._packed import BITS, packed_layout, unpack_bits

SPLITS = {"train": 4100, "valid": 2264, "test": 2307}
BASE_URL = "https://people.cs.umass.edu/~marlin/data/"
MAT_FILE = "caltech101_silhouettes_28_split1.mat"
VARIABLES = {"train": "train_data", "valid": "val_data", "test": "test_data"}


def convert_mat(files: Mapping[str, Path]) -> dict[str, np.ndarray]:
    """Pack the three splits, values and pixel order as published."""
    variables = read_mat(files[MAT_FILE], list(VARIABLES.values()))
    return {name: np.packbits(variables[VARIABLES[split]].astype(np.uint8), axis=1) for split, name in BITS.items()}


def unpack_upright(arrays: Mapping[str, np.ndarray]) -> RawData:
    """Return rows in which the object is 1 and images are upright; the published ones are neither."""
    raw = unpack_bits(arrays)
    train, valid, test = ((1 - rows).reshape(-1, 28, 28).transpose(0, 2, 1).reshape(-1, 28 * 28) for rows in raw.arrays)
    return RawData(train, valid, test, "bits")


CALTECH_SILHOUETTES = Remote(
    name="caltech-silhouettes",
    description="outlines of Caltech 101 objects (object = 1)",
    variant="28x28 split 1",
    origin=BASE_URL + MAT_FILE,
    image_shape=(28, 28),
    splits=SPLITS,
    binarization="none",
    file_name="caltech101_silhouettes_28_split1.npz",
    layout=packed_layout(SPLITS),
    downloads=(Download(MAT_FILE, "sha256:eb6735e8d84b1850fabc5590124aab1755e90c9fd28123585324398405e1e42a"),),
    base_urls=(BASE_URL,),
    convert=convert_mat,
    unpack=unpack_upright,
)
