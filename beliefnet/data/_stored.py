"""Rows that are taken as they are stored, and the record of them."""

from collections.abc import Mapping
from typing import Any

from beliefnet._errors import DataError
from beliefnet.data._observations import Observations
from beliefnet.data._record import Record
from beliefnet.data._sparse import checksum


def record_of(splits: Mapping[str, Observations], name: str) -> Record:
    """Return the record of rows that are taken as they are stored.

    Args:
        splits: The rows of each split.
        name: What to call the data.

    Raises:
        DataError: If the splits are not rows of one width, stored and read in one way.
    """
    train, wanted = splits["train"], _how(splits["train"])
    for split, rows in splits.items():
        if _how(rows) != wanted:
            raise DataError(
                f"expected {split} rows like the training rows, {wanted}, got {_how(rows)}", "reading them alike"
            )
    return Record(
        name=name,
        variant="in memory",
        binarization="dynamic" if train.is_dynamic else "none",
        splits={split: len(rows) for split, rows in splits.items()},
        num_features=train.num_features,
        image_shape=None,
        source="observations",
        checksum=checksum([rows.rows for rows in splits.values()], train.columns if train.values == "counts" else None),
        values=train.values,
        levels=train.largest + 1 if train.values == "grey" and train.largest > 1 else None,
        largest=train.largest,
    )


def _how(rows: Observations) -> dict[str, Any]:
    """Return what the rows of all splits must share."""
    return {name: getattr(rows, name) for name in ("num_features", "values", "largest", "is_dynamic")}
