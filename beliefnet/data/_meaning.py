"""What rows are read as: bits and means of bits, grey values, or counts."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from beliefnet._errors import DataError, Use, shown
from beliefnet.data._binarization import binarize_rows
from beliefnet.data._documents import most_frequent, numbered_words, warn_of_empty, without_empty
from beliefnet.data._levels import check_grey_values, grey_scale, levels_of, to_levels
from beliefnet.data._record import SPLITS, LoadOptions
from beliefnet.data._sparse import to_counts
from beliefnet.data._split import Contents, cut_missing
from beliefnet.data._values import check_numbers, check_sparse_bits, check_values, image_shape_of
from beliefnet.data.readers._texts import count_all_words

TEXT_VOCABULARY_SIZE = 2000
"""Number of words of texts that are kept when nothing was asked for; of a matrix, and of baskets, all are."""


def counted(contents: Contents, options: LoadOptions, label: str) -> Contents:
    """Count the words, which are learnt from the training texts alone."""
    if options.values not in (None, "counts") and (options.values, options.item_separator is None) != ("binary", False):
        raise DataError(
            f"expected {options.values} data, got {label}, which holds texts",
            Use("values", "counts", flags="--net document"),
            Use(
                "values", "binary", "for baskets", "--visible bernoulli --item-separator ,", Use("item_separator", ",")
            ),
        )
    texts = cut_missing(contents, options.fractions, options.split_seed, label)
    counts, words = count_all_words(texts.splits, label, options.item_separator)
    if options.values == "binary" and options.item_separator is not None:
        counts = {split: matrix.sign() for split, matrix in counts.items()}
    counted = texts.holding(counts, columns=words)
    if options.vocabulary_size is None and options.item_separator is None and len(words) > TEXT_VOCABULARY_SIZE:
        return most_frequent(counted, TEXT_VOCABULARY_SIZE, label)
    return counted


def as_binary(contents: Contents, options: LoadOptions, label: str) -> Contents:
    """Return bits, or means of bits."""
    if contents.largest > 1:
        return contents.holding(_flat(contents, label))
    check = check_sparse_bits if contents.are_sparse else check_values
    rows = {split: check(array, label_of(label, split, contents)) for split, array in _flat(contents, label).items()}
    kinds = {array.dtype.kind for array in rows.values()}
    return contents.holding(
        {split: array.astype(np.float32) if "f" in kinds else array for split, array in rows.items()}
    )


def as_grey(contents: Contents, options: LoadOptions, label: str) -> Contents:
    """Return grey values, all splits of one scale; `DataError` if they are bits."""
    if contents.are_sparse:
        raise DataError(f"expected grey values in a dense array, got a sparse matrix in {label}", "matrix.toarray()")
    if contents.largest > 1:
        return contents.holding(_flat(contents, label), scale=contents.largest)
    flat, called = _flat(contents, label), {split: label_of(label, split, contents) for split in contents.splits}
    scale = max(grey_scale(array, called[split], options.levels) for split, array in flat.items())
    rows = {split: check_grey_values(array, called[split], scale) for split, array in flat.items()}
    if all(((array == 0) | (array == 1)).all() for array in rows.values()):
        raise DataError(
            f"expected grey values in {label}, got only zeros and ones",
            Use("values", "binary", flags="--visible bernoulli"),
        )
    return contents.holding(rows, scale=scale)


def as_counts(contents: Contents, options: LoadOptions, label: str) -> Contents:
    """Return counts, each column with a name."""
    flat = contents.splits if contents.are_sparse else _flat(contents, label)
    counts = {split: to_counts(array, label_of(label, split, contents)) for split, array in flat.items()}
    if not counts["train"].nnz:
        raise DataError(f"expected counts in {label}, got only zeros", "a file that holds data")
    width = counts["train"].shape[1]
    return contents.holding(counts, columns=contents.columns or numbered_words(width))


def _flat(contents: Contents, label: str) -> dict[str, Any]:
    if contents.are_sparse:
        return dict(contents.splits)
    return {split: check_numbers(array, label_of(label, split, contents)) for split, array in contents.splits.items()}


def binarized(contents: Contents, mode: str, seed: int) -> Contents:
    """Apply one binarisation to each split, each from its own stream of the seed."""
    return contents.holding(
        {
            split: binarize_rows(contents.splits[split], contents.largest, mode, np.random.default_rng([seed, stream]))
            for stream, split in enumerate(SPLITS)
        }
    )


def reduced(contents: Contents, options: LoadOptions, label: str, sizes: Mapping[str, int] | None) -> Contents:
    """Keep the words that were asked for, and of documents those that have one."""
    size = options.vocabulary_size
    if size is not None:
        contents = most_frequent(contents, size, label)
    if options.keep_empty is not False:
        return contents
    kept = without_empty(contents, label, has_vocabulary=contents.are_documents or size is not None)
    if kept.sizes != dict(sizes or {}):
        warn_of_empty(contents, kept, label)
    return kept


def on_levels(contents: Contents) -> tuple[Contents, int | None]:
    """Store values on a grid of levels as bytes: a quarter of the memory, on the device too."""
    levels = levels_of(list(contents.splits.values()))
    if levels is None:
        return contents, None
    return contents.holding({split: to_levels(rows, levels) for split, rows in contents.splits.items()}), levels


def check_options(values: str, options: LoadOptions, label: str, *, are_sparse: bool) -> None:
    """Check that every option that was given has a meaning for such values; `DataError` if not."""
    held = {"binary": "binary values", "grey": "grey values", "counts": "word counts", "mixed": "a table"}[values]
    given = {
        "binarization": options.binarization if values != "binary" else None,
        "vocabulary_size": None if are_sparse or values == "counts" else options.vocabulary_size,
        "keep_empty": options.keep_empty if values != "counts" else None,
        "levels": options.levels if values != "grey" else None,
        "schema": options.schema if values != "mixed" else None,
        "label_column": options.label_column if values != "mixed" else None,
        "unseen": options.unseen if values != "mixed" else None,
    }
    for name, value in given.items():
        if value is not None:
            raise DataError(
                f"expected no {{option}} for {label}, which holds {held}, got {shown(value)}",
                "leaving the option out",
                option=name,
            )


def are_bits(contents: Contents) -> bool:
    """Whether all values are 0 or 1, after they were checked."""
    return contents.largest == 1 and all(rows.dtype.kind != "f" for rows in contents.splits.values())


def images_in(contents: Contents, values: str) -> tuple[int, int] | None:
    """Return height and width of the images that rows may be, None where they are none."""
    rows = contents.splits["train"]
    if contents.are_sparse or (values == "counts" and rows.ndim == 2):
        return None
    return image_shape_of(rows.shape)


def label_of(label: str, split: str, contents: Contents) -> str:
    """Return what to call a split in an error."""
    return label if len(contents.splits) == 1 else f"{label} ({split})"
