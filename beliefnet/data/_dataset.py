"""Three splits of observations: what rows mean, and the data set that they make."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from beliefnet._errors import DataError, Use, listed, shown
from beliefnet._types import ValueKind
from beliefnet.data._arrays import as_rows
from beliefnet.data._documents import most_frequent, numbered_words, warn_of_empty, without_empty
from beliefnet.data._files import labelled
from beliefnet.data._observations import Observations
from beliefnet.data._record import SPLITS, LoadOptions, Record, checksum
from beliefnet.data._sparse import is_sparse, to_counts
from beliefnet.data._split import Contents, cut_missing
from beliefnet.data._texts import count_all_words
from beliefnet.data._values import (
    binarize_rows,
    check_grey_values,
    check_numbers,
    check_sparse_bits,
    check_values,
    choose_binarization,
    image_shape_of,
    levels_of,
    to_levels,
)

TEXT_VOCABULARY_SIZE = 2000
"""Number of words of texts that are kept when nothing was asked for; of a matrix, and of baskets, all are."""


@dataclass(frozen=True)
class Provenance:
    """Where data came from, in the words of `Record`, and what to call them in an error."""

    name: str
    variant: str
    source: str
    label: str


@dataclass(frozen=True, eq=False)
class Dataset:
    """Three splits of rows and their record.

    The rows are stored as uint8 in {0, 1}, except under `"dynamic"` binarisation: then they are intensities (uint8 in
    0..255 or float32 in [0, 1]), of which bits are drawn anew at every use. Grey values are stored as uint8, their
    level in 0..levels-1, or float32 in [0, 1] where they lie on no grid of levels. Documents are sparse matrices
    of word counts: int32, indices sorted, without duplicates or zeros. Sparse bits stay sparse.

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

    @classmethod
    def from_arrays(
        cls,
        train: Any,
        valid: Any = None,
        test: Any = None,
        *,
        columns: Sequence[str] | None = None,
        names: Mapping[str, Sequence[str]] | Sequence[str] | None = None,
        label: str = "arrays",
        **options: Any,
    ) -> "Dataset":
        """Make a data set of rows in memory, whose values are checked and read as those of a file are.

        Args:
            train: Training rows `[n_train, num_features]`, or images `[n_train, height, width]`: an array, a list of
                lists, a SciPy matrix of any sparse format, or a data frame, whose columns and index are kept.
            valid: Validation rows; None to cut them off the training rows at random.
            test: Test rows; likewise.
            columns: Names of the columns.
            names: Names of the rows: of the training rows, or by the name of the split.
            label: What to call the data.
            **options: `values`, `binarization`, `seed`, `split_seed`, `valid_fraction`, `test_fraction`,
                `vocabulary_size`, `keep_empty` and `levels`, as in `load`.

        Returns:
            The three splits and their record.

        Raises:
            DataError: If the rows or the options cannot be used.
            OptionError: If an option is of the wrong type.

        >>> rows = np.eye(6, dtype=int)[[0, 1, 2, 3, 4, 5, 0, 1, 2, 3]]
        >>> data = Dataset.from_arrays(rows, test=rows[:2])
        >>> data.record.splits, data.record.binarization, data.train.rows.dtype
        ({'train': 9, 'valid': 1, 'test': 2}, 'none', dtype('uint8'))
        """
        chosen = LoadOptions.of(options)
        unfit = {name: value for name, value in chosen.reading.given.items() if name != "levels"}
        if unfit or chosen.split_column is not None:
            raise DataError(
                f"expected options for rows in memory, got {listed(unfit) or 'split_column'}, which say how a "
                "file is read",
                "leaving them out",
            )
        given = {"train": train, "valid": valid, "test": test}
        arrays = {split: as_rows(data, f"{label} ({split})") for split, data in given.items() if data is not None}
        own_names = {split: array.names for split, array in arrays.items() if array.names is not None}
        if names is not None:
            own_names = dict(names) if isinstance(names, Mapping) else {"train": names}
        contents = Contents(
            {split: array.rows for split, array in arrays.items()},
            columns=arrays["train"].columns if columns is None else tuple(map(str, columns)),
            names={split: tuple(map(str, texts)) for split, texts in own_names.items()},
            values=default_values(arrays["train"].rows),
        )
        return assemble(contents, Provenance(label, "in memory", "arrays", label), chosen)

    @property
    def words(self) -> tuple[str, ...] | None:
        """The word of each column of counts; None for other values."""
        return self.train.columns if self.record.values == "counts" else None

    @property
    def columns(self) -> tuple[str, ...] | None:
        """The name of each column, where there is any."""
        return self.train.columns

    def split(self, name: str) -> Observations:
        """Return the rows `[n, num_features]` of one split.

        Args:
            name: `"train"`, `"valid"` or `"test"`.

        Raises:
            DataError: If there is no such split.
        """
        if name not in SPLITS:
            raise DataError(f"expected the split {listed(SPLITS)}, got {shown(name)}", "'test'")
        return getattr(self, name)


def default_values(rows: Any) -> ValueKind:
    """Return what rows are read as when nothing is said: a sparse matrix as counts, unless all its entries are ones."""
    return "counts" if is_sparse(rows) and not ((rows.data == 0) | (rows.data == 1)).all() else "binary"


def assemble(
    contents: Contents,
    provenance: Provenance,
    options: LoadOptions,
    *,
    default: str = "dynamic",
    sizes: Mapping[str, int] | None = None,
) -> Dataset:
    """Return the data set that contents make, once their values are checked and the missing splits cut off.

    Args:
        contents: What was read.
        provenance: Where it came from.
        options: What was asked for.
        default: What becomes of values between 0 and 1 where nothing was asked for.
        sizes: The number of rows that each split is known to be left with; a warning is given for others.

    Raises:
        DataError: If the values are not what was asked for, or an option does not fit them.
    """
    values, label = options.values or contents.values, labelled(provenance.label, contents.place)
    _check_sizes(contents, label)
    if contents.are_texts:
        contents = _counted(contents, options, label)
    meaning = {"binary": _as_binary, "grey": _as_grey, "counts": _as_counts}.get(values)
    if meaning is None:
        raise DataError(
            f"expected values to be one of 'binary', 'grey', 'counts', got {shown(values)}", "leaving the option out"
        )
    check_options(values, options, label, are_sparse=contents.are_sparse)
    checked = meaning(contents, options, label)
    image_shape = contents.image_shape or _image_shape(contents, values)
    checked = cut_missing(checked, options.fractions, options.split_seed, label)
    mode = "none"
    if values == "binary":
        mode = choose_binarization(_are_bits(checked), options.binarization, default, label)
        checked = checked if checked.are_sparse else _binarized(checked, mode, options.seed)
    if values == "counts" and options.keep_empty is None:
        options = replace(options, keep_empty=not contents.are_documents)
    if checked.are_sparse:
        checked = _reduced(checked, options, label, sizes)
    levels = checked.largest + 1 if values == "grey" and checked.largest > 1 else None
    if values == "grey" and levels is None:
        checked, levels = _on_levels(checked)
    return _recorded(checked, replace(options, values=values), provenance, mode, levels, image_shape)


def _counted(contents: Contents, options: LoadOptions, label: str) -> Contents:
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


def _as_binary(contents: Contents, options: LoadOptions, label: str) -> Contents:
    if contents.largest > 1:
        return contents.holding(_flat(contents, label))
    check = check_sparse_bits if contents.are_sparse else check_values
    rows = {split: check(array, _of(label, split, contents)) for split, array in _flat(contents, label).items()}
    kinds = {array.dtype.kind for array in rows.values()}
    return contents.holding(
        {split: array.astype(np.float32) if "f" in kinds else array for split, array in rows.items()}
    )


def _as_grey(contents: Contents, options: LoadOptions, label: str) -> Contents:
    if contents.are_sparse:
        raise DataError(f"expected grey values in a dense array, got a sparse matrix in {label}", "matrix.toarray()")
    if contents.largest > 1:
        return contents.holding(_flat(contents, label))
    rows = {
        split: check_grey_values(array, _of(label, split, contents), options.levels)
        for split, array in _flat(contents, label).items()
    }
    if all(((array == 0) | (array == 1)).all() for array in rows.values()):
        raise DataError(
            f"expected grey values in {label}, got only zeros and ones",
            Use("values", "binary", flags="--visible bernoulli"),
        )
    return contents.holding(rows)


def _as_counts(contents: Contents, options: LoadOptions, label: str) -> Contents:
    flat = contents.splits if contents.are_sparse else _flat(contents, label)
    counts = {split: to_counts(array, _of(label, split, contents)) for split, array in flat.items()}
    if not counts["train"].nnz:
        raise DataError(f"expected counts in {label}, got only zeros", "a file that holds data")
    width = counts["train"].shape[1]
    return contents.holding(counts, columns=contents.columns or numbered_words(width))


def _flat(contents: Contents, label: str) -> dict[str, Any]:
    if contents.are_sparse:
        return dict(contents.splits)
    return {split: check_numbers(array, _of(label, split, contents)) for split, array in contents.splits.items()}


def _binarized(contents: Contents, mode: str, seed: int) -> Contents:
    """Apply one binarisation to each split, each from its own stream of the seed."""
    return contents.holding(
        {
            split: binarize_rows(contents.splits[split], contents.largest, mode, np.random.default_rng([seed, stream]))
            for stream, split in enumerate(SPLITS)
        }
    )


def _reduced(contents: Contents, options: LoadOptions, label: str, sizes: Mapping[str, int] | None) -> Contents:
    """Keep the words that were asked for, and of documents those that have one."""
    size = options.vocabulary_size
    if size is not None:
        contents = most_frequent(contents, size, label)
    if options.keep_empty is not False:
        return contents
    kept = without_empty(contents, label)
    if kept.sizes != dict(sizes or {}):
        warn_of_empty(contents, kept, label)
    return kept


def _on_levels(contents: Contents) -> tuple[Contents, int | None]:
    """Store values on a grid of levels as bytes: a quarter of the memory, on the device too."""
    levels = levels_of(list(contents.splits.values()))
    if levels is None:
        return contents, None
    return contents.holding({split: to_levels(rows, levels) for split, rows in contents.splits.items()}), levels


def _recorded(
    contents: Contents,
    options: LoadOptions,
    provenance: Provenance,
    binarization: str,
    levels: int | None,
    image_shape: tuple[int, int] | None,
) -> Dataset:
    rows = {split: contents.splits[split] for split in SPLITS}
    record = Record(
        name=provenance.name,
        variant=provenance.variant,
        binarization=binarization,
        splits={split: contents.sizes[split] for split in SPLITS},
        num_features=int(rows["train"].shape[1]),
        image_shape=image_shape,
        source=provenance.source,
        checksum=checksum(list(rows.values()), contents.columns if options.values == "counts" else None),
        values=options.values or "binary",
        levels=levels,
        largest=contents.largest,
        reading=contents.reading,
        keep_empty=bool(options.keep_empty),
    )
    is_dynamic = binarization == "dynamic"
    largest = levels - 1 if levels is not None else contents.largest if is_dynamic else 1
    splits = {
        split: Observations(
            rows[split],
            record.values,
            largest,
            is_dynamic,
            columns=contents.columns,
            names=contents.names.get(split),
            label=_of(provenance.label, split, contents),
        )
        for split in SPLITS
    }
    return Dataset(record, **splits)


def _check_sizes(contents: Contents, label: str) -> None:
    shapes = {split: list(rows.shape[1:]) for split, rows in contents.splits.items()}
    if len({tuple(shape) for shape in shapes.values()}) > 1:
        widths = {split: shape[0] if len(shape) == 1 else shape for split, shape in shapes.items()}
        raise DataError(
            f"expected splits with the same number of columns in {label}, got {widths}", "writing them alike"
        )


def check_options(values: str, options: LoadOptions, label: str, *, are_sparse: bool) -> None:
    """Check that every option that was given has a meaning for such values; `DataError` if not."""
    held = {"binary": "binary values", "grey": "grey values", "counts": "word counts"}[values]
    given = {
        "binarization": options.binarization if values != "binary" else None,
        "vocabulary_size": None if are_sparse or values == "counts" else options.vocabulary_size,
        "keep_empty": options.keep_empty if values != "counts" else None,
        "levels": options.levels if values != "grey" else None,
    }
    for name, value in given.items():
        if value is not None:
            raise DataError(
                f"expected no {{option}} for {label}, which holds {held}, got {shown(value)}",
                "leaving the option out",
                option=name,
            )


def _are_bits(contents: Contents) -> bool:
    return contents.largest == 1 and all(rows.dtype.kind != "f" for rows in contents.splits.values())


def _image_shape(contents: Contents, values: str) -> tuple[int, int] | None:
    rows = contents.splits["train"]
    if contents.are_sparse or (values == "counts" and rows.ndim == 2):
        return None
    return image_shape_of(rows.shape)


def _of(label: str, split: str, contents: Contents) -> str:
    return label if len(contents.splits) == 1 else f"{label} ({split})"
