"""A loaded data set and the record of where it came from."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from beliefnet.datasets._errors import DataError
from beliefnet.datasets._raw import Scale, to_means

SPLITS = ("train", "valid", "test")


@dataclass(frozen=True)
class Record:
    """The provenance of a data set; it travels into checkpoints and evaluations, its checksum into metrics.

    Attributes:
        name: Name of the data set, or the stem of a user's file.
        variant: Which version of it, for example `"salakhutdinov-murray-2008"` or `"user file"`.
        binarization: `"none"` (the data is already 0/1), `"static"`, `"dynamic"` or `"threshold"`.
        splits: Number of rows of the train, valid and test split.
        num_features: Number of columns.
        image_shape: Height and width when the rows are images, else None.
        source: Where it came from: a URL, a library's loader, or the path as the user gave it.
        checksum: `"sha256:..."` of the shapes and contents of the three splits.
    """

    name: str
    variant: str
    binarization: str
    splits: dict[str, int]
    num_features: int
    image_shape: tuple[int, int] | None
    source: str
    checksum: str

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON or TOML; `image_shape` is left out when None, which TOML cannot say."""
        values = asdict(self)
        shape = values.pop("image_shape")
        return values if shape is None else {**values, "image_shape": list(shape)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Record":
        """Rebuild a record from the result of `to_dict`.

        Args:
            values: The mapping, possibly after a trip through JSON or TOML.

        Returns:
            The record.

        Raises:
            DataError: If a field is missing or unknown.
        """
        known = {field.name for field in fields(cls)}
        wrong = (known - {"image_shape"} - set(values)) | (set(values) - known)
        if wrong:
            raise DataError(
                f"expected a data record with the fields {_listed(sorted(known))}, got {_listed(sorted(values))}; "
                f"try adding or removing {_listed(sorted(wrong))}"
            )
        shape = values.get("image_shape")
        plain = {**values, "splits": dict(values["splits"]), "image_shape": None if shape is None else tuple(shape)}
        return cls(**plain)


@dataclass(frozen=True, eq=False)
class Dataset:
    """Three splits of rows and their record.

    The rows are uint8 in {0, 1}, except under `"dynamic"` binarisation: then they are intensities (uint8 in 0..255 or
    float32 in [0, 1]) that are to be read through `means` and sampled anew at every use.

    Attributes:
        record: Where the rows came from.
        train: Training rows `[n_train, num_features]`.
        valid: Validation rows `[n_valid, num_features]`.
        test: Test rows `[n_test, num_features]`.
    """

    record: Record
    train: np.ndarray
    valid: np.ndarray
    test: np.ndarray

    def split(self, name: str) -> np.ndarray:
        """Return the rows `[n, num_features]` of one split.

        Args:
            name: `"train"`, `"valid"` or `"test"`.

        Returns:
            The rows, as stored.

        Raises:
            DataError: If there is no such split.
        """
        if name not in SPLITS:
            raise DataError(f"expected the split {_listed(SPLITS)}, got {name!r}; try 'test'")
        return getattr(self, name)

    def means(self, name: str) -> np.ndarray:
        """Return one split as float32 Bernoulli means `[n, num_features]` in [0, 1].

        Binary rows come back as 0.0 and 1.0, so that sampling from the means leaves them as they are.

        Args:
            name: `"train"`, `"valid"` or `"test"`.

        Returns:
            The means.

        Raises:
            DataError: If there is no such split.
        """
        return to_means(self.split(name), self._scale)

    def average(self, name: str) -> np.ndarray:
        """Return the average row of one split, float32 `[num_features]` in [0, 1], without a copy of the split.

        Args:
            name: `"train"`, `"valid"` or `"test"`.

        Raises:
            DataError: If there is no such split.
        """
        return to_means(self.split(name).mean(axis=0, dtype=np.float64), self._scale)

    @property
    def _scale(self) -> Scale:
        stored_as_bytes = self.record.binarization == "dynamic" and self.train.dtype == np.uint8
        return "bytes" if stored_as_bytes else "unit"


def checksum(arrays: Sequence[np.ndarray]) -> str:
    """Return `"sha256:..."` over the shapes, dtypes and contents of arrays, in their order."""
    digest = hashlib.sha256()
    for array in arrays:
        # Little-endian bytes, so that the checksum does not depend on the machine.
        plain = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
        digest.update(f"{plain.shape}{array.dtype.name}".encode())
        digest.update(plain.data)
    return f"sha256:{digest.hexdigest()}"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names)
