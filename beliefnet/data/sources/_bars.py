"""The bars problem: every image is a superposition of independent horizontal and vertical bars."""

import numpy as np

from beliefnet.data._raw import RawData
from beliefnet.data.sources._base import BuiltIn

SEED = 0
SIDE = 8
BAR_PROBABILITY = 1 / 8
SPLITS = {"train": 5000, "valid": 1000, "test": 1000}


def make_bars() -> RawData:
    """Return images in which each of the 16 bars is on with probability 1/8, always the same ones."""
    rng = np.random.default_rng(SEED)
    on = rng.random((sum(SPLITS.values()), 2 * SIDE)) < BAR_PROBABILITY
    images = on[:, :SIDE, None] | on[:, None, SIDE:]
    rows = images.reshape(len(images), -1).astype(np.uint8)
    train, valid, test = np.split(rows, np.cumsum(list(SPLITS.values()))[:-1])
    return RawData(train, valid, test, "bits")


BARS = BuiltIn(
    name="bars",
    description="superposed horizontal and vertical bars",
    variant="generated",
    origin="generated",
    image_shape=(SIDE, SIDE),
    splits=SPLITS,
    binarization="none",
    make=make_bars,
)
