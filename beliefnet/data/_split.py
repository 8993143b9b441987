"""What was read, before anything is made of it; and cutting validation and test rows off, reproducibly."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from beliefnet._errors import DataError
from beliefnet._types import ValueKind
from beliefnet.data._files import Place
from beliefnet.data._record import SPLITS, Reading
from beliefnet.data._sparse import is_sparse

DEFAULT_FRACTION = 0.1

Names = Mapping[str, tuple[str, ...]]
"""Names of the rows, by the name of the split."""


@dataclass(frozen=True, eq=False)
class Contents:
    """What a file, an array or a source holds: rows of numbers, or texts, by the name of the split.

    Attributes:
        splits: Rows `[n, num_features]`, dense or sparse, or strings `[n]`, of `"train"` and perhaps others.
        largest: What a one is stored as: 255 for bytes of grey levels.
        columns: Names of the columns.
        names: Names of the rows, where they have any.
        named_in: The column that these are from, where it has a name.
        image_shape: Height and width of images.
        values: What the rows are read as when nothing else is asked for.
        are_documents: Whether the rows are texts, or of a format that holds documents: one without a word is none.
        reading: How they were read.
        place: Where an entry of the training rows is in a text file, given its row and column.
        scale: What a one is, where that is known of dense rows whatever they hold; of grey values within [0, 1], was.
    """

    splits: Mapping[str, Any]
    largest: int = 1
    columns: tuple[str, ...] | None = None
    names: Names = field(default_factory=dict)
    named_in: str | None = None
    image_shape: tuple[int, int] | None = None
    values: ValueKind = "binary"
    are_documents: bool = False
    reading: Reading = field(default_factory=Reading)
    place: Place | None = None
    scale: int | None = None

    @property
    def sizes(self) -> dict[str, int]:
        """The number of rows by the name of the split."""
        return {split: int(rows.shape[0]) for split, rows in self.splits.items()}

    @property
    def are_texts(self) -> bool:
        """Whether the rows are strings, of which nothing was counted yet."""
        return self.splits["train"].dtype == object

    @property
    def are_sparse(self) -> bool:
        """Whether the rows are sparse matrices."""
        return is_sparse(self.splits["train"])

    def holding(self, splits: Mapping[str, Any], **changes: Any) -> "Contents":
        """Return the contents with other rows, of the same names."""
        return replace(self, splits=splits, **changes)

    def rows_of(self, chosen: Mapping[str, np.ndarray]) -> "Contents":
        """Return the chosen rows of each split, with their names."""
        splits = {split: rows[chosen[split]] for split, rows in self.splits.items()}
        names = {split: tuple(given[row] for row in chosen[split]) for split, given in self.names.items()}
        return replace(self, splits=splits, names=names)


def divided(contents: Contents, called: Sequence[str], label: str) -> Contents:
    """Divide the training rows by the split that each is said to belong to, `called` for each of them.

    Raises:
        DataError: If none is for training.
    """
    places = {split: np.flatnonzero([name == split for name in called]) for split in SPLITS}
    present = {split: rows for split, rows in places.items() if len(rows)}
    if "train" not in present:
        raise DataError(
            f"expected training rows in {label}, got {', '.join(present) or 'no'} rows", "another split_column"
        )
    return contents.holding(
        dict.fromkeys(present, contents.splits["train"]),
        names={split: contents.names["train"] for split in present if "train" in contents.names},
    ).rows_of(present)


def split_sizes(num_rows: int, fractions: Mapping[str, float], label: str) -> dict[str, int]:
    """Turn fractions into numbers of rows, leaving at least one row over.

    Args:
        num_rows: Number of rows to share out.
        fractions: The fraction of each split to cut off, between 0 and 1; 0 for no test rows.
        label: What to call the data in an error.

    Returns:
        The number of rows of each split: at least one, but of no fraction none.

    Raises:
        DataError: If a fraction cannot be used, or there are too few rows.
    """
    for split, fraction in fractions.items():
        if not (0 < fraction < 1 or (split == "test" and fraction == 0)):
            least = "between 0 and 1" if split == "valid" else "of at least 0 and below 1"
            raise DataError(
                f"expected a {{option}} {least}, got {fraction}", f"{DEFAULT_FRACTION}", option=f"{split}_fraction"
            )
    sizes = {split: max(1, round(fraction * num_rows)) if fraction else 0 for split, fraction in fractions.items()}
    parts = [split for split, size in (("training", 1), *sizes.items()) if size]
    if num_rows < len(parts):
        raise DataError(
            f"expected at least {len(parts)} rows in {label}, one for each of {', '.join(parts)}, got {num_rows}",
            "a file with more rows",
        )
    if sum(sizes.values()) >= num_rows:
        raise DataError(
            f"expected fractions that leave training rows, got {' and '.join(map(str, fractions.values()))} "
            f"of the {num_rows} rows in {label}",
            "smaller ones",
        )
    return sizes


def cut_places(num_rows: int, sizes: Sequence[int], seed: int) -> list[np.ndarray]:
    """Return which rows go into parts of the given sizes, at random, and last those that are left, each in order."""
    order = np.random.default_rng(seed).permutation(num_rows)
    return [np.sort(part) for part in np.split(order, np.cumsum(sizes))]


def cut(rows: Any, sizes: Sequence[int], seed: int) -> list[Any]:
    """Cut parts of the given sizes off rows `[n, ...]` at random, keeping the order inside each part.

    Args:
        rows: The rows to share out: an array or a sparse matrix.
        sizes: Number of rows of each part to cut off.
        seed: Seed of the permutation.

    Returns:
        The parts, in the order of `sizes`, followed by the rest.
    """
    return [rows[places] for places in cut_places(rows.shape[0], sizes, seed)]


def cut_missing(contents: Contents, fractions: Mapping[str, float | None], seed: int, label: str) -> Contents:
    """Cut off the training rows, at random, the splits that there are none of.

    Args:
        contents: The rows of `"train"`, and of the other splits that there are.
        fractions: For `"valid"` and `"test"` the fraction of the training rows to cut off, None for the default, 0 for
            no test rows.
        seed: Seed of the permutation.
        label: What to call the data in an error.

    Returns:
        The rows of all three splits.

    Raises:
        DataError: If a fraction makes no sense, or is given for a split that there is.
    """
    for split, fraction in fractions.items():
        if fraction is not None and split in contents.splits:
            raise DataError(
                f"expected no {{option}}, because {label} holds {split} rows of its own, got {fraction}",
                "leaving the option out",
                option=f"{split}_fraction",
            )
    missing = {
        split: DEFAULT_FRACTION if fraction is None else fraction
        for split, fraction in fractions.items()
        if split not in contents.splits
    }
    num_rows = contents.sizes["train"]
    sizes = split_sizes(num_rows, missing, label)
    *parts, rest = cut_places(num_rows, list(sizes.values()), seed)
    places = {split: np.arange(size) for split, size in contents.sizes.items()}
    places |= {"train": rest, **dict(zip(missing, parts, strict=True))}
    splits = {split: contents.splits.get(split, contents.splits["train"]) for split in SPLITS}
    names = {
        split: contents.names["train" if split in missing else split]
        for split in SPLITS
        if ("train" if split in missing else split) in contents.names
    }
    return contents.holding(splits, names=names).rows_of(places)
