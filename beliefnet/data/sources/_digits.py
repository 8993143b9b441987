"""Scikit-learn's embedded digits."""

import numpy as np

from beliefnet.data._raw import RawData
from beliefnet.data._splits import cut
from beliefnet.data.sources._base import BuiltIn

SPLIT_SEED = 0
DARKEST = 16


def make_digits() -> RawData:
    """Return the 1797 digits as intensities in [0, 1], always split in the same way."""
    from sklearn.datasets import load_digits

    images, _ = load_digits(return_X_y=True)
    valid, test, train = cut((images / DARKEST).astype(np.float32), [300, 300], SPLIT_SEED)
    return RawData(train, valid, test, "unit")


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
