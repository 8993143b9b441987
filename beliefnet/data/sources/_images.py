"""Data sets of images: digits, bars, MNIST and those made in its likeness, silhouettes and OMNIGLOT."""

import math
import struct
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from beliefnet._errors import DataError
from beliefnet.data._files import read_bytes, readable
from beliefnet.data._split import Contents, cut
from beliefnet.data._values import check_values
from beliefnet.data.sources import BuiltIn, Download, Layout, Local, Remote, Source


def of_splits(train: np.ndarray, valid: np.ndarray, test: np.ndarray, largest: int = 1) -> Contents:
    """Return rows `[n, pixels]` of three splits, and what a one is stored as."""
    return Contents({"train": train, "valid": valid, "test": test}, largest=largest)


IDX_MAGIC = b"\x00\x00\x08"
"""Two zero bytes and the code of unsigned bytes; the number of axes follows."""


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
    from scipy.io import loadmat

    with readable(path):
        variables = loadmat(path, variable_names=list(names))
    missing = [name for name in names if name not in variables]
    if missing:
        raise DataError(f"expected the variables {list(names)} in {path}, got none of {missing}", "downloading again")
    return {name: variables[name] for name in names}


DIGITS_SEED = 0
DARKEST = 16


def make_digits() -> Contents:
    """Return the 1797 digits as intensities in [0, 1], always split in the same way."""
    from sklearn.datasets import load_digits

    images, _ = load_digits(return_X_y=True)
    valid, test, train = cut((images / DARKEST).astype(np.float32), [300, 300], DIGITS_SEED)
    return of_splits(train, valid, test)


DIGITS = BuiltIn(
    name="digits",
    description="handwritten digits, embedded in scikit-learn",
    variant="embedded",
    origin="scikit-learn load_digits",
    image_shape=(8, 8),
    splits={"train": 1197, "valid": 300, "test": 300},
    binarization="threshold",
    make=make_digits,
)


BARS_SEED = 0
BARS_SIDE = 8
BAR_PROBABILITY = 1 / 8
BARS_SPLITS = {"train": 5000, "valid": 1000, "test": 1000}


def make_bars() -> Contents:
    """Return images in which each of the 16 bars is on with probability 1/8, always the same ones."""
    rng = np.random.default_rng(BARS_SEED)
    on = rng.random((sum(BARS_SPLITS.values()), 2 * BARS_SIDE)) < BAR_PROBABILITY
    images = on[:, :BARS_SIDE, None] | on[:, None, BARS_SIDE:]
    rows = images.reshape(len(images), -1).astype(np.uint8)
    train, valid, test = np.split(rows, np.cumsum(list(BARS_SPLITS.values()))[:-1])
    return of_splits(train, valid, test)


BARS = BuiltIn(
    name="bars",
    description="superposed horizontal and vertical bars",
    variant="generated",
    origin="generated",
    image_shape=(BARS_SIDE, BARS_SIDE),
    splits=BARS_SPLITS,
    binarization="none",
    make=make_bars,
)


MNIST_SPLITS = {"train": 50000, "valid": 10000, "test": 10000}
MNIST_LAYOUT: Layout = {"train_images": ((60000, 28, 28), "uint8"), "test_images": ((10000, 28, 28), "uint8")}
IDX_FILES = {
    "train_images": "train-images-idx3-ubyte.gz",
    "train_labels": "train-labels-idx1-ubyte.gz",
    "test_images": "t10k-images-idx3-ubyte.gz",
    "test_labels": "t10k-labels-idx1-ubyte.gz",
}


def convert_idx(files: Mapping[str, Path]) -> dict[str, np.ndarray]:
    """Read the four published files."""
    return {name: read_idx(files[file_name]) for name, file_name in IDX_FILES.items()}


def unpack_grey(arrays: Mapping[str, np.ndarray], num_valid: int = MNIST_SPLITS["valid"]) -> Contents:
    """Return grey levels in 0..255, with the last training images for validation."""
    images = arrays["train_images"].reshape(len(arrays["train_images"]), -1)
    test = arrays["test_images"].reshape(len(arrays["test_images"]), -1)
    return of_splits(images[:-num_valid], images[-num_valid:], test, largest=255)


MNIST_CHECKSUMS = {
    "train_images": "sha256:440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "train_labels": "sha256:3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "test_images": "sha256:8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "test_labels": "sha256:f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
}
MNIST_URLS = ("https://storage.googleapis.com/cvdf-datasets/mnist/", "http://yann.lecun.com/exdb/mnist/")

MNIST = Remote(
    name="mnist",
    description="grey handwritten digits",
    variant="canonical",
    origin=MNIST_URLS[0],
    image_shape=(28, 28),
    splits=MNIST_SPLITS,
    binarization="dynamic",
    file_name="mnist.npz",
    layout=MNIST_LAYOUT,
    downloads=tuple(Download(IDX_FILES[name], checksum) for name, checksum in MNIST_CHECKSUMS.items()),
    base_urls=MNIST_URLS,
    convert=convert_idx,
    unpack=unpack_grey,
)


# Its authors publish MD5 only.
FASHION_CHECKSUMS = {
    "train_images": "md5:8d4fb7e6c68d591d4c3dfef9ec88bf0d",
    "train_labels": "md5:25c81989df183df01b3e8a0aad5dffbe",
    "test_images": "md5:bef4ecab320f06d8554ea6380940ec79",
    "test_labels": "md5:bb300cfdad3c16e7a12a480ee83cd310",
}
FASHION_URL = "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/"

FASHION_MNIST = Remote(
    name="fashion-mnist",
    description="grey pictures of clothes",
    variant="canonical",
    origin=FASHION_URL,
    image_shape=(28, 28),
    splits=MNIST_SPLITS,
    binarization="dynamic",
    file_name="fashion_mnist.npz",
    layout=MNIST_LAYOUT,
    downloads=tuple(Download(IDX_FILES[name], checksum) for name, checksum in FASHION_CHECKSUMS.items()),
    base_urls=(FASHION_URL,),
    convert=convert_idx,
    unpack=unpack_grey,
)


NUM_PIXELS = 28 * 28
BITS = {split: f"{split}_bits" for split in ("train", "valid", "test")}


def packed_layout(splits: Mapping[str, int]) -> Layout:
    """Return the arrays that a file with so many rows in each split holds."""
    return {BITS[split]: ((num_rows, NUM_PIXELS // 8), "uint8") for split, num_rows in splits.items()}


def unpack_bits(arrays: Mapping[str, np.ndarray]) -> Contents:
    """Return the rows `[n, 784]` of packed splits `[n, 98]`."""
    train, valid, test = (np.unpackbits(arrays[name], axis=1, count=NUM_PIXELS) for name in BITS.values())
    return of_splits(train, valid, test)


BINARIZED_URL = "http://www.cs.toronto.edu/~larocheh/public/datasets/binarized_mnist/"
BINARIZED_DOWNLOADS = (
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
    origin=BINARIZED_URL,
    image_shape=(28, 28),
    splits=MNIST_SPLITS,
    binarization="none",
    file_name="binarized_mnist.npz",
    layout=packed_layout(MNIST_SPLITS),
    downloads=BINARIZED_DOWNLOADS,
    base_urls=(BINARIZED_URL,),
    convert=convert_amat,
    unpack=unpack_bits,
)


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

IMAGES: tuple[Source, ...] = (
    DIGITS,
    BARS,
    BINARIZED_MNIST,
    MNIST,
    FASHION_MNIST,
    CALTECH_SILHOUETTES,
    OMNIGLOT,
    OMNIGLOT_REBUILT,
)
"""The data sets of images."""
