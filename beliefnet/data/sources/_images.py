"""Data sets of images."""

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from beliefnet.data._split import Contents, cut
from beliefnet.data.sources import AbstractSource, BuiltIn, Download, Layout, Remote
from beliefnet.data.sources._formats import BITS, NUM_PIXELS, of_splits, packed_layout, read_amat, read_idx, unpack_bits
from beliefnet.data.sources._upright import CALTECH_SILHOUETTES, OMNIGLOT, OMNIGLOT_REBUILT

DIGITS_SEED = 0
DARKEST = 16


def make_digits() -> Contents:
    """Return the 1797 digits as intensities in [0, 1], always split in the same way."""
    valid, test, train = cut((_digits() / DARKEST).astype(np.float32), [300, 300], DIGITS_SEED)
    return of_splits(train, valid, test)


def _digits() -> np.ndarray:
    """Return the 1797 digits as whole numbers up to 16, from scikit-learn's file: its import takes a second."""
    found = find_spec("sklearn")
    for folder in (found and found.submodule_search_locations) or ():
        file = Path(folder, "datasets", "data", "digits.csv.gz")
        if file.is_file():
            return np.loadtxt(file, delimiter=",")[:, :-1]
    from sklearn.datasets import load_digits

    return np.asarray(load_digits(return_X_y=True)[0])


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

IMAGES: tuple[AbstractSource, ...] = (
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
