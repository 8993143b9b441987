"""What every reader hands over: three splits and the scale of their values."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

Scale = Literal["bits", "unit", "bytes"]
"""bits: uint8 in {0, 1}; unit: float32 in [0, 1]; bytes: uint8 in 0..255, read as value / 255."""


@dataclass(frozen=True, eq=False)
class RawData:
    """Rows as they were read, before any binarisation.

    Attributes:
        train: Training rows `[n_train, num_features]`.
        valid: Validation rows `[n_valid, num_features]`.
        test: Test rows `[n_test, num_features]`.
        scale: How the values of all three are to be read.
    """

    train: np.ndarray
    valid: np.ndarray
    test: np.ndarray
    scale: Scale

    @property
    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The train, valid and test rows, in this order."""
        return self.train, self.valid, self.test


def to_means(rows: np.ndarray, scale: Scale) -> np.ndarray:
    """Return rows `[..., num_features]` as float32 Bernoulli means in [0, 1]."""
    means = rows.astype(np.float32)
    return means / np.float32(255) if scale == "bytes" else means
