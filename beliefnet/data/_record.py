"""A loaded data set and the record of where it came from."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, get_args

import numpy as np

from beliefnet._errors import DataError
from beliefnet._types import ValueKind
from beliefnet.data._observations import Observations
from beliefnet.data._raw import Rows

SPLITS = ("train", "valid", "test")


@dataclass(frozen=True)
class Record:
    """The provenance of a data set; it travels into checkpoints and evaluations, its checksum into metrics.

    Attributes:
        name: Name of the data set, or the stem of a user's file.
        variant: Which version of it, for example `"salakhutdinov-murray-2008"` or `"user file"`.
        binarization: `"none"` (the data is already 0/1, or stays grey, or is counts), `"static"`, `"dynamic"` or
            `"threshold"`.
        splits: Number of rows of the train, valid and test split.
        num_features: Number of columns.
        image_shape: Height and width when the rows are images, else None.
        source: Where it came from: a URL, a library's loader, or the path as the user gave it.
        checksum: `"sha256:..."` of the shapes and contents of the three splits, and of the words where there are any.
        values: `"binary"` for bits and means of bits, `"grey"` for grey values, `"counts"` for documents.
        levels: Of grey values, the number of levels: they are k / (levels - 1). None where they lie on no such grid,
            and for other values.
    """

    name: str
    variant: str
    binarization: str
    splits: dict[str, int]
    num_features: int
    image_shape: tuple[int, int] | None
    source: str
    checksum: str
    values: ValueKind = "binary"
    levels: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON or TOML; what is None, and binary `values`, go without saying."""
        plain = {name: value for name, value in asdict(self).items() if value is not None}
        if self.image_shape is not None:
            plain["image_shape"] = list(self.image_shape)
        if self.values == "binary":
            del plain["values"]
        return plain

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
        wrong = (known - {"image_shape", "values", "levels"} - set(values)) | (set(values) - known)
        if wrong:
            raise DataError(
                f"expected a data record with the fields {_listed(sorted(known))}, got {_listed(sorted(values))}; "
                f"try adding or removing {_listed(sorted(wrong))}"
            )
        if values.get("values", "binary") not in get_args(ValueKind):
            raise DataError(
                f"expected a data record with values {_listed(get_args(ValueKind))}, got {values['values']!r}; "
                "try a newer version of beliefnet"
            )
        shape = values.get("image_shape")
        plain = {**values, "splits": dict(values["splits"]), "image_shape": None if shape is None else tuple(shape)}
        return cls(**plain)


@dataclass(frozen=True, eq=False)
class Dataset:
    """Three splits of rows and their record.

    The rows are stored as uint8 in {0, 1}, except under `"dynamic"` binarisation: then they are intensities (uint8 in
    0..255 or float32 in [0, 1]), of which bits are drawn anew at every use. Grey values are stored as uint8, their
    level in 0..levels-1, or float32 in [0, 1] where they lie on no grid of levels. Documents are sparse matrices
    of word counts: int32, indices sorted, without duplicates, zeros or empty rows.

    Attributes:
        record: Where the rows came from.
        train: Training rows `[n_train, num_features]`.
        valid: Validation rows `[n_valid, num_features]`.
        test: Test rows `[n_test, num_features]`.
    """

    record: Record
    train: Observations
    valid: Observations
    test: Observations

    @property
    def words(self) -> tuple[str, ...] | None:
        """The word of each column of documents; None for images."""
        return self.train.columns

    def split(self, name: str) -> Observations:
        """Return the rows `[n, num_features]` of one split.

        Args:
            name: `"train"`, `"valid"` or `"test"`.

        Raises:
            DataError: If there is no such split.
        """
        if name not in SPLITS:
            raise DataError(f"expected the split {_listed(SPLITS)}, got {name!r}; try 'test'")
        return getattr(self, name)


def checksum(splits: Sequence[Rows], words: Sequence[str] | None = None) -> str:
    """Return `"sha256:..."` over the shapes, dtypes and contents of splits, in their order, and over the words."""
    digest = hashlib.sha256()
    for array in (piece for rows in splits for piece in _pieces(rows)):
        # Little-endian bytes, so that the checksum does not depend on the machine.
        plain = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
        digest.update(f"{plain.shape}{array.dtype.name}".encode())
        digest.update(plain.data)
    if words is not None:
        digest.update("\n".join(words).encode())
    return f"sha256:{digest.hexdigest()}"


def _pieces(rows: Rows) -> Iterator[np.ndarray]:
    """Yield the arrays that rows consist of; the width of indices depends on how a sparse matrix was made."""
    if isinstance(rows, np.ndarray):
        yield rows
    else:
        yield np.array(rows.shape, np.int64)
        yield rows.indptr.astype(np.int64)
        yield rows.indices.astype(np.int64)
        yield rows.data


def _listed(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names)
