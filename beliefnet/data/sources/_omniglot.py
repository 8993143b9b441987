"""OMNIGLOT at 28 x 28, as published by Burda, Grosse and Salakhutdinov (2016)."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np

from beliefnet._errors import DataError
from beliefnet.data._download import Download
from beliefnet.data._formats import read_mat
from beliefnet.data._raw import RawData, Scale
from beliefnet.data._values import check_values
from beliefnet.data.sources._base import Remote

NUM_VALID = 1345
SPLIT_SEED = 123
SIDE = 28
SPLITS = {"train": 23000, "valid": NUM_VALID, "test": 8070}
MAT_FILE = "chardata.mat"
VARIABLES = {"train": "data", "test": "testdata"}
BASE_URLS = (
    "https://github.com/yburda/iwae/raw/master/datasets/OMNIGLOT/",
    "https://raw.githubusercontent.com/yburda/iwae/master/datasets/OMNIGLOT/",
)


def convert_chardata(files: Mapping[str, Path]) -> dict[str, np.ndarray]:
    """Return the published columns `[784, n]` as upright rows `[n, 784]` of means, float32."""
    variables = read_mat(files[MAT_FILE], list(VARIABLES.values()))
    return {split: _upright(variables[name], f"{name!r} of {MAT_FILE}") for split, name in VARIABLES.items()}


def cut_validation(
    arrays: Mapping[str, np.ndarray], names: tuple[str, str], scale: Scale, num_valid: int = NUM_VALID
) -> RawData:
    """Cut validation rows off the training ones: those that the code of Burda et al. takes.

    That code permutes the training rows by the generator of seed 123, which NumPy keeps as it is, and takes the last
    1345. The order inside the parts is that of the file.

    Args:
        arrays: Training and test images, `[n, ...]`.
        names: Their names in `arrays`.
        scale: How the values are to be read.
        num_valid: Number of validation rows.
    """
    train, test = (arrays[name].reshape(len(arrays[name]), -1) for name in names)
    order = np.random.RandomState(SPLIT_SEED).permutation(len(train))
    return RawData(train[np.sort(order[:-num_valid])], train[np.sort(order[-num_valid:])], test, scale)


def _upright(columns: np.ndarray, label: str) -> np.ndarray:
    if columns.shape[0] != SIDE * SIDE:
        raise DataError(
            f"expected columns of {SIDE * SIDE} pixels in {label}, got shape {list(columns.shape)}; try another copy"
        )
    # MATLAB counts down the columns of an image first: every image is its own transpose here.
    images = check_values(columns.T, label).reshape(-1, SIDE, SIDE).transpose(0, 2, 1)
    return images.reshape(-1, SIDE * SIDE).astype(np.float32)


OMNIGLOT = Remote(
    name="omniglot",
    description="grey handwritten characters (as in Burda, Grosse and Salakhutdinov 2016)",
    variant="chardata, 23000/1345 split",
    origin=BASE_URLS[0] + MAT_FILE,
    image_shape=(SIDE, SIDE),
    splits=SPLITS,
    binarization="dynamic",
    file_name="omniglot28.npz",
    layout={"train": ((24345, SIDE * SIDE), "float32"), "test": ((8070, SIDE * SIDE), "float32")},
    # The authors publish no checksum: this is the one that other loaders ask for.
    downloads=(Download(MAT_FILE, "md5:21ecaf34373511aa7691cf2e0802aa3d"),),
    base_urls=BASE_URLS,
    convert=convert_chardata,
    unpack=partial(cut_validation, names=("train", "test"), scale="unit"),
)
