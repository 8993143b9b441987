"""What every reader hands over: three splits, and how their values are to be read."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from beliefnet.data._sparse import CSR

Scale = Literal["bits", "unit", "bytes"]
"""bits: uint8 in {0, 1}; unit: float32 in [0, 1]; bytes: uint8 in 0..255, read as value / 255."""

Rows = np.ndarray | CSR
"""Rows `[n, num_features]`: images, or documents as word counts."""


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


@dataclass(frozen=True, eq=False)
class RawCounts:
    """Documents as they were read, before any word or document is left out.

    Attributes:
        train: Counts `[n_train, words]` of the training documents, as `to_counts` returns them.
        valid: Counts `[n_valid, words]` of the validation documents.
        test: Counts `[n_test, words]` of the test documents.
        words: The word of each column.
    """

    train: CSR
    valid: CSR
    test: CSR
    words: tuple[str, ...]

    @property
    def matrices(self) -> dict[str, CSR]:
        """The counts by the name of the split."""
        return {"train": self.train, "valid": self.valid, "test": self.test}

    @property
    def sizes(self) -> dict[str, int]:
        """The number of documents by the name of the split."""
        return {split: int(counts.shape[0]) for split, counts in self.matrices.items()}


def to_means(rows: np.ndarray, scale: Scale) -> np.ndarray:
    """Return rows `[..., num_features]` as float32 Bernoulli means in [0, 1]."""
    return to_unit(rows, 255 if scale == "bytes" else 1)


def to_unit(rows: np.ndarray, largest: int) -> np.ndarray:
    """Return rows `[..., num_features]` as float32, divided by what a one is stored as."""
    values = rows.astype(np.float32)
    return values if largest == 1 else values / np.float32(largest)
