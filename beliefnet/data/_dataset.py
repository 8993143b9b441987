"""Three splits of observations, and the data set that they make."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from beliefnet._errors import DataError, listed, shown
from beliefnet._types import ValueKind
from beliefnet.data._arrays import as_rows
from beliefnet.data._binarization import choose_binarization
from beliefnet.data._files import labelled
from beliefnet.data._meaning import (
    are_bits,
    as_binary,
    as_counts,
    as_grey,
    binarized,
    check_options,
    counted,
    images_in,
    label_of,
    on_levels,
    reduced,
)
from beliefnet.data._observations import Observations
from beliefnet.data._record import SPLITS, LoadOptions, Provenance, Record
from beliefnet.data._sparse import checksum, is_sparse
from beliefnet.data._split import Contents, cut_missing
from beliefnet.data._stored import record_of
from beliefnet.data._table import is_mixed_frame, table_splits
from beliefnet.data.streamed._batches import AbstractStreamed, Batches, check_batch_options
from beliefnet.tables import Column, frame_of

_IN_MEMORY = ("levels", "label_column", "name_column", "drop", "unseen")


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
        batches: Where `fit` takes training rows from; `train` is then a sample of them. None where they are `train`.
    """

    record: Record
    train: Observations
    valid: Observations
    test: Observations
    batches: AbstractStreamed | None = None

    @classmethod
    def from_arrays(
        cls,
        train: Any,
        valid: Any = None,
        test: Any = None,
        *,
        columns: Sequence[str] | None = None,
        names: Mapping[str, Sequence[str]] | Sequence[str] | None = None,
        kinds: Mapping[str, str | Column] | None = None,
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
            kinds: What some columns of a table are, by their names; it is then one of mixed columns.
            label: What to call the data.
            **options: As in `load`, those that do not say how a file is read; of the others `levels`, `label_column`,
                `name_column`, `drop` and `unseen`.

        Returns:
            The three splits and their record.

        Raises:
            DataError: If the rows or the options cannot be used.
            OptionError: If an option is of the wrong type.

        Examples:
            >>> import numpy as np
            >>> data = Dataset.from_arrays(np.tile(np.eye(5, dtype=int), (2, 1)), test=np.eye(5, dtype=int)[:2])
            >>> data.record.splits, data.record.binarization, data.train.rows.dtype
            ({'train': 9, 'valid': 1, 'test': 2}, 'none', dtype('uint8'))
        """
        chosen = LoadOptions.of(options)
        unfit = {name: value for name, value in chosen.reading.given.items() if name not in _IN_MEMORY}
        if unfit or chosen.split_column is not None:
            said = f"{listed(unfit) or 'split_column'}, which say how a file is read"
            raise DataError(f"expected options for rows in memory, got {said}", "leaving them out")
        given = {"train": train, "valid": valid, "test": test}
        if chosen.values == "mixed" or kinds or (chosen.values == "auto" and is_mixed_frame(train)):
            frames = {split: frame_of(data, f"{label} ({split})") for split, data in given.items() if data is not None}
            contents = Contents(frames, values="mixed", reading=chosen.reading)
            return _of_table(contents, Provenance(label, "in memory", "arrays", label), chosen, kinds)
        arrays = {split: as_rows(data, f"{label} ({split})") for split, data in given.items() if data is not None}
        own_names = {split: array.names for split, array in arrays.items() if array.names is not None}
        own_names = own_names if names is None else dict(names) if isinstance(names, Mapping) else {"train": names}
        contents = Contents(
            {split: array.rows for split, array in arrays.items()},
            columns=arrays["train"].columns if columns is None else tuple(map(str, columns)),
            names={split: tuple(map(str, texts)) for split, texts in own_names.items()},
            values=default_values(arrays["train"].rows),
        )
        return assemble(contents, Provenance(label, "in memory", "arrays", label), chosen)

    @classmethod
    def from_batches(cls, batches: Batches, valid: Any, test: Any = None, **options: Any) -> "Dataset":
        """Make a data set whose training rows are made batch by batch.

        The first batches are the sample by which rows are read and means are taken; they and the validation rows are
        what the record's checksum is of.

        Args:
            batches: Training rows.
            valid: Validation rows, as for `from_arrays`.
            test: Test rows; None where there are none.
            **options: As for `from_arrays`, without what needs all rows at once.

        Raises:
            DataError: If the rows or the options cannot be used.
        """
        check_batch_options(options)
        data = cls.from_arrays(batches.sample(), valid, valid if test is None else test, label="batches", **options)
        test_rows = data.test[:0] if test is None else data.test
        splits = {"train": batches.num_rows, "valid": len(data.valid), "test": len(test_rows)}
        return cls(replace(data.record, splits=splits), data.train, data.valid, test_rows, batches)

    @classmethod
    def from_observations(
        cls, train: Observations, valid: Observations, test: Observations | None = None, *, name: str = "observations"
    ) -> "Dataset":
        """Make a data set of rows as they are stored, without a copy: of arrays that do not fit into memory.

        A memory-mapped array is read a block at a time: for its checksum and its mean, when its values are checked, and
        when `fit` takes its rows.

        Args:
            train: Training rows, such as `Observations(numpy.load("rows.npy", mmap_mode="r"))`.
            valid: Validation rows.
            test: Test rows; None where there are none.
            name: What to call the data.

        Raises:
            DataError: If the splits are not rows of one width, stored and read in one way.

        Examples:
            >>> rows = Dataset.from_arrays([[0, 1]] * 12, valid=[[1, 0]]).train[:6]
            >>> Dataset.from_observations(rows, rows[:2]).record.splits
            {'train': 6, 'valid': 2, 'test': 0}
        """
        splits = {"train": train, "valid": valid, "test": valid[:0] if test is None else test}
        return cls(record_of(splits, name), splits["train"], splits["valid"], splits["test"])

    @property
    def words(self) -> tuple[str, ...] | None:
        """The word of each column of counts; None for other values."""
        return self.columns if self.record.values == "counts" else None

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


def _of_table(contents: Contents, provenance: Provenance, options: LoadOptions, kinds: Any = None) -> Dataset:
    check_options("mixed", options, provenance.label, are_sparse=False)
    return Dataset(**table_splits(contents, provenance, options, kinds))


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
    if values == "mixed" or contents.values == "mixed":
        return _of_table(contents, provenance, options)
    values = "binary" if values == "auto" else values
    _check_sizes(contents, label)
    if contents.are_texts:
        contents = counted(contents, options, label)
    meaning = {"binary": as_binary, "grey": as_grey, "counts": as_counts}.get(values)
    if meaning is None:
        known = listed(("binary", "grey", "counts", "mixed"))
        raise DataError(f"expected values to be one of {known}, got {shown(values)}", "leaving the option out")
    check_options(values, options, label, are_sparse=contents.are_sparse)
    checked = meaning(contents, options, label)
    image_shape = contents.image_shape or images_in(contents, values)
    checked = cut_missing(checked, options.fractions, options.split_seed, label)
    mode = "none"
    if values == "binary":
        mode = choose_binarization(are_bits(checked), options.binarization, default, label)
        checked = checked if checked.are_sparse else binarized(checked, mode, options.seed)
    if values == "counts" and options.keep_empty is None:
        options = replace(options, keep_empty=not contents.are_documents)
    if checked.are_sparse:
        checked = reduced(checked, options, label, sizes)
    levels = checked.largest + 1 if values == "grey" and checked.largest > 1 else None
    if values == "grey" and levels is None:
        checked, levels = on_levels(checked)
    return _recorded(checked, replace(options, values=values), provenance, mode, levels, image_shape)


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
        values=options.settled_values or "binary",
        levels=levels,
        largest=contents.largest,
        reading=contents.reading,
        keep_empty=bool(options.keep_empty),
        scale=contents.scale,
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
            named_in=contents.named_in or options.name_column,
            label=label_of(provenance.label, split, contents),
        )
        for split in SPLITS
    }
    return Dataset(record, splits["train"], splits["valid"], splits["test"])


def _check_sizes(contents: Contents, label: str) -> None:
    shapes = {split: list(rows.shape[1:]) for split, rows in contents.splits.items()}
    if len({tuple(shape) for shape in shapes.values()}) > 1:
        widths = {split: shape[0] if len(shape) == 1 else shape for split, shape in shapes.items()}
        found = f"expected splits with the same number of columns in {label}, got {widths}"
        raise DataError(found, "writing them alike")
