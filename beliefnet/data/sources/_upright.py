"""Images that are published column by column, in MATLAB files: silhouettes and Omniglot."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np

from beliefnet._errors import DataError
from beliefnet.data._split import Contents
from beliefnet.data._values import check_values
from beliefnet.data.sources import Download, Local, Remote
from beliefnet.data.sources._formats import BITS, of_splits, packed_layout, read_mat, unpack_bits

SILHOUETTE_SPLITS = {"train": 4100, "valid": 2264, "test": 2307}
SILHOUETTE_URL = "https://people.cs.umass.edu/~marlin/data/"
SILHOUETTE_FILE = "caltech101_silhouettes_28_split1.mat"
SILHOUETTE_VARIABLES = {"train": "train_data", "valid": "val_data", "test": "test_data"}


def convert_mat(files: Mapping[str, Path]) -> dict[str, np.ndarray]:
    """Pack the three splits, values and pixel order as published."""
    variables = read_mat(files[SILHOUETTE_FILE], list(SILHOUETTE_VARIABLES.values()))
    return {
        name: np.packbits(variables[SILHOUETTE_VARIABLES[split]].astype(np.uint8), axis=1)
        for split, name in BITS.items()
    }


def unpack_upright(arrays: Mapping[str, np.ndarray]) -> Contents:
    """Return rows in which the object is 1 and images are upright; the published ones are neither."""
    raw = unpack_bits(arrays)
    train, valid, test = (
        (1 - rows).reshape(-1, 28, 28).transpose(0, 2, 1).reshape(-1, 28 * 28) for rows in raw.splits.values()
    )
    return of_splits(train, valid, test)


CALTECH_SILHOUETTES = Remote(
    name="caltech-silhouettes",
    description="outlines of Caltech 101 objects (object = 1)",
    variant="28x28 split 1",
    origin=SILHOUETTE_URL + SILHOUETTE_FILE,
    image_shape=(28, 28),
    splits=SILHOUETTE_SPLITS,
    binarization="none",
    file_name="caltech101_silhouettes_28_split1.npz",
    layout=packed_layout(SILHOUETTE_SPLITS),
    downloads=(Download(SILHOUETTE_FILE, "sha256:eb6735e8d84b1850fabc5590124aab1755e90c9fd28123585324398405e1e42a"),),
    base_urls=(SILHOUETTE_URL,),
    convert=convert_mat,
    unpack=unpack_upright,
)

OMNIGLOT_VALID = 1345
OMNIGLOT_SEED = 123
OMNIGLOT_SIDE = 28
OMNIGLOT_SPLITS = {"train": 23000, "valid": OMNIGLOT_VALID, "test": 8070}
OMNIGLOT_FILE = "chardata.mat"
OMNIGLOT_VARIABLES = {"train": "data", "test": "testdata"}
OMNIGLOT_URLS = (
    "https://github.com/yburda/iwae/raw/master/datasets/OMNIGLOT/",
    "https://raw.githubusercontent.com/yburda/iwae/master/datasets/OMNIGLOT/",
)


def convert_chardata(files: Mapping[str, Path]) -> dict[str, np.ndarray]:
    """Return the published columns `[784, n]` as upright rows `[n, 784]` of means, float32."""
    variables = read_mat(files[OMNIGLOT_FILE], list(OMNIGLOT_VARIABLES.values()))
    return {
        split: _upright(variables[name], f"{name!r} of {OMNIGLOT_FILE}") for split, name in OMNIGLOT_VARIABLES.items()
    }


def cut_validation(
    arrays: Mapping[str, np.ndarray], names: tuple[str, str], largest: int, num_valid: int = OMNIGLOT_VALID
) -> Contents:
    """Cut validation rows off the training ones: those that the code of Burda et al. takes.

    That code permutes the training rows by the generator of seed 123, which NumPy keeps as it is, and takes the last
    1345. The order inside the parts is that of the file.

    Args:
        arrays: Training and test images, `[n, ...]`.
        names: Their names in `arrays`.
        largest: What a one is stored as.
        num_valid: Number of validation rows.
    """
    train, test = (arrays[name].reshape(len(arrays[name]), -1) for name in names)
    order = np.random.RandomState(OMNIGLOT_SEED).permutation(len(train))
    return of_splits(train[np.sort(order[:-num_valid])], train[np.sort(order[-num_valid:])], test, largest)


def _upright(columns: np.ndarray, label: str) -> np.ndarray:
    if columns.shape[0] != OMNIGLOT_SIDE * OMNIGLOT_SIDE:
        raise DataError(
            f"expected columns of {OMNIGLOT_SIDE * OMNIGLOT_SIDE} pixels in {label}, got shape {list(columns.shape)}",
            "another copy",
        )
    # MATLAB counts down the columns of an image first: every image is its own transpose here.
    images = check_values(columns.T, label).reshape(-1, OMNIGLOT_SIDE, OMNIGLOT_SIDE).transpose(0, 2, 1)
    return images.reshape(-1, OMNIGLOT_SIDE * OMNIGLOT_SIDE).astype(np.float32)


OMNIGLOT = Remote(
    name="omniglot",
    description="grey handwritten characters (as in Burda, Grosse and Salakhutdinov 2016)",
    variant="chardata, 23000/1345 split",
    origin=OMNIGLOT_URLS[0] + OMNIGLOT_FILE,
    image_shape=(OMNIGLOT_SIDE, OMNIGLOT_SIDE),
    splits=OMNIGLOT_SPLITS,
    binarization="dynamic",
    file_name="omniglot28.npz",
    layout={
        "train": ((24345, OMNIGLOT_SIDE * OMNIGLOT_SIDE), "float32"),
        "test": ((8070, OMNIGLOT_SIDE * OMNIGLOT_SIDE), "float32"),
    },
    # The authors publish no checksum: this is the one that other loaders ask for.
    downloads=(Download(OMNIGLOT_FILE, "md5:21ecaf34373511aa7691cf2e0802aa3d"),),
    base_urls=OMNIGLOT_URLS,
    convert=convert_chardata,
    unpack=partial(cut_validation, names=("train", "test"), largest=1),
)

OMNIGLOT_REBUILT = Local(
    name="omniglot-rebuilt",
    description="Omniglot's drawings reduced anew; NOT comparable with published OMNIGLOT results",
    variant="rebuilt at 28x28, not the published images or test set",
    origin="https://github.com/brendenlake/omniglot",
    image_shape=(OMNIGLOT_SIDE, OMNIGLOT_SIDE),
    splits={"train": 23000, "valid": OMNIGLOT_VALID, "test": 8115},
    binarization="dynamic",
    file_name="omniglot28_rebuilt.npz",
    layout={
        "train_images": ((24345, OMNIGLOT_SIDE, OMNIGLOT_SIDE), "uint8"),
        "test_images": ((8115, OMNIGLOT_SIDE, OMNIGLOT_SIDE), "uint8"),
    },
    unpack=partial(cut_validation, names=("train_images", "test_images"), largest=255),
    instead="omniglot",
)
