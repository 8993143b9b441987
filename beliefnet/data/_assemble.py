"""The last step of loading: three splits and their record."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from beliefnet._types import ValueKind
from beliefnet.data._observations import Observations
from beliefnet.data._raw import Rows
from beliefnet.data._record import Dataset, Record, checksum


@dataclass(frozen=True)
class Provenance:
    """Where data came from, in the words of `Record`."""

    name: str
    variant: str
    source: str


def assemble(
    splits: Mapping[str, Rows],
    provenance: Provenance,
    *,
    values: ValueKind = "binary",
    binarization: str = "none",
    levels: int | None = None,
    image_shape: tuple[int, int] | None = None,
    words: tuple[str, ...] | None = None,
) -> Dataset:
    """Return a data set with its record.

    Args:
        splits: Rows `[n, num_features]` of `"train"`, `"valid"` and `"test"`, as they are to be stored.
        provenance: Where they came from.
        values: What they hold.
        binarization: How they became bits.
        levels: Number of grey levels of values that are stored as their indices.
        image_shape: Height and width of images.
        words: The word of each column of documents.
    """
    train, valid, test = (splits[split] for split in ("train", "valid", "test"))
    sizes = {split: int(splits[split].shape[0]) for split in ("train", "valid", "test")}
    record = Record(
        name=provenance.name,
        variant=provenance.variant,
        binarization=binarization,
        splits=sizes,
        num_features=int(train.shape[1]),
        image_shape=image_shape,
        source=provenance.source,
        checksum=checksum((train, valid, test), words),
        values=values,
        levels=levels,
    )
    is_dynamic = binarization == "dynamic"
    largest = 255 if is_dynamic and train.dtype == np.uint8 else 1
    if levels is not None:
        largest = levels - 1
    return Dataset(
        record,
        *(
            Observations(rows, values, largest, is_dynamic, columns=words, label=provenance.name)
            for rows in (train, valid, test)
        ),
    )
