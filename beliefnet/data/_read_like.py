"""The rows of one file, all of them: as they are, or for a trained model, read as its own data were."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from beliefnet._errors import DataError, check_type, shown
from beliefnet.data._arrays import as_rows
from beliefnet.data._binarization import binarize_rows, check_binarization, choose_binarization, to_unit
from beliefnet.data._by_words import by_words
from beliefnet.data._files import labelled, plain_suffix
from beliefnet.data._levels import check_floats, check_grey_values, scale_of, to_levels
from beliefnet.data._meaning import check_options
from beliefnet.data._observations import Observations
from beliefnet.data._record import LoadOptions, Reading, Record
from beliefnet.data._sparse import is_sparse, to_counts
from beliefnet.data._split import Contents
from beliefnet.data._table import table_rows
from beliefnet.data._values import check_bits, check_known, check_numbers, check_sparse_bits, check_values, check_width
from beliefnet.data.readers._contents import kind_of, read_contents
from beliefnet.data.readers._matrix import Wanted
from beliefnet.data.readers._texts import TABLES, count_all_words
from beliefnet.tables import Frame, Schema, frame_of, written

_READING = {option.name for option in fields(Reading)}
_TOLERANCE = 6e-5


def read_rows(path: str | Path, **options: Any) -> Observations:
    """Read the rows of one file, all of them, without splits.

    Args:
        path: A file that `load` takes, or a folder of texts.
        **options: As for `load`, but for those that say how rows are divided.

    Returns:
        The rows `[n, num_features]`; documents without any word stay, so that row `n` is row `n` of the file.

    Raises:
        DataError: If the file, its values or the options cannot be used.
    """
    given, chosen = _place(path), _undivided(options, path)
    contents = read_contents(given, chosen)
    values = chosen.settled_values or contents.values
    if contents.are_texts:
        counts, words = count_all_words(contents.splits, str(path), chosen.item_separator)
        contents = contents.holding({"train": counts["train"]}, columns=words)
    like = Record(given.stem, "", chosen.binarization or "dynamic", {}, 0, None, "", "", values, chosen.levels)
    return _observed(contents, like, chosen, str(path))


def read_like(
    record: Record,
    path: str | Path,
    *,
    columns: Sequence[str] | None = None,
    binarization: str | None = None,
    **options: Any,
) -> Observations:
    """Read the rows of one file for a trained model, in the way in which its own data were read.

    Args:
        record: The record of the data that the model was trained on.
        path: A file that `load` takes, or a folder of texts.
        columns: The names of the model's columns, such as its words: texts are counted by them, and so are the columns
            of a matrix that has names of its own or another width; a table's columns are found by their names.
        binarization: What becomes of values between 0 and 1; by default the same as in training.
        **options: What is different about this file, as in `load`: `array`, `delimiter`, `first_column` and so on.

    Returns:
        The rows `[n, num_features]`. Documents without any word stay, so that row `n` is row `n` of the file.

    Raises:
        DataError: If the file, its values or its width cannot be used, or it does not say what the model has to know.
    """
    given = _place(path)
    check_binarization(binarization, record.values)
    if record.values == "mixed":
        return read_table_like(record, path, **options)[0]
    chosen = _options_like(record, given, options)
    contents = read_contents(given, chosen, Wanted(record.num_features, None if columns is None else tuple(columns)))
    if record.values == "counts" or contents.are_texts or (contents.are_sparse and columns is not None):
        contents = by_words(contents, record, columns, chosen, str(path))
    check_width(contents.splits["train"].reshape(contents.sizes["train"], -1), record.num_features, str(path))
    return _observed(contents, replace(record, binarization=binarization or record.binarization), chosen, str(path))


def read_table_like(record: Record, path: str | Path, **options: Any) -> tuple[Observations, Frame]:
    """Read the rows of a table of mixed columns for a trained model, as units and as they are.

    Args:
        record: The record of the data that the model was trained on.
        path: A file with the same columns, and perhaps others.
        **options: What is different about this file, as in `load`.

    Returns:
        The rows `[n, units]`, named by their ids, and the table, with all columns of the file.

    Raises:
        DataError: If the file cannot be used, a column is missing, or a value is none that its column had in training.
    """
    for name in ("columns", "drop", "label_column"):
        if options.get(name):
            raise DataError(
                f"expected no {{option}} for {path}, whose columns are those of training, got {shown(options[name])}",
                "leaving it out",
                option=name,
            )
    chosen = _options_like(record, _place(path), options)
    contents = read_contents(_place(path), replace(chosen, columns=(), drop=(), label_column=None))
    frame = schema_of(record).renamed(frame_of(contents.splits["train"], str(path)))
    rows = table_rows(schema_of(record), frame, str(path), chosen.unseen)
    if chosen.name_column is not None:
        names = tuple(map(written, frame.column(chosen.name_column).tolist()))
        rows = replace(rows, names=names, named_in=chosen.name_column)
    return rows, frame


def read_incomplete_rows(
    record: Record, path: str | Path, *, columns: Sequence[str] | None = None, **options: Any
) -> Observations:
    """Read rows in which NaN, or an empty cell of a table, stands for a missing entry, for a trained model.

    Args:
        record: The record of the data that the model was trained on.
        path: A `.npy`, `.npz` or `.csv` file.
        columns: The names of the model's columns, by which a table's columns are found.
        **options: What is different about this file, as in `load`.

    Returns:
        Rows `[n, num_features]`: float32 means or grey values in [0, 1], or NaN.

    Raises:
        DataError: If the file, its values or its width cannot be used.
    """
    if record.values == "counts":
        raise DataError(
            f"expected a model of bits or grey values to read missing entries of {path} for, got counts",
            "evaluation.impute with an array, for poisson visible units",
        )
    given = _place(path)
    chosen = _options_like(record, given, options)
    contents = read_contents(given, chosen, Wanted(record.num_features, None if columns is None else tuple(columns)))
    if contents.are_texts or contents.are_sparse:
        raise DataError(f"expected rows with missing entries in a dense array or a table, got {path}", "numpy.save")
    rows = check_numbers(contents.splits["train"], str(path))
    check_width(rows, record.num_features, str(path))

    def check(known: np.ndarray, label: str) -> np.ndarray:
        if record.values != "grey" and record.largest == 1:
            return check_values(known, label)
        return check_grey_values(known, label, scale_of(known, record, label))

    return Observations(
        check_known(check)(rows, labelled(str(path), contents.place)).astype(np.float32),
        record.values,
        columns=contents.columns,
        names=contents.names.get("train"),
        named_in=contents.named_in or chosen.name_column,
        label=str(path),
    )


def rows_like(
    record: Record,
    rows: Any,
    *,
    columns: Sequence[str] | None = None,
    binarization: str | None = None,
    seed: int = 0,
    are_own: bool = False,
) -> Observations:
    """Take rows in memory for a trained model, in the way in which its own data were taken.

    Args:
        record: The record of the data that the model was trained on.
        rows: Rows `[n, num_features]`, as for `Dataset.from_arrays`; the columns of a data frame are found by name.
        columns: The names of the model's columns.
        binarization: What becomes of values between 0 and 1; by default the same as in training.
        seed: Of bits that are drawn once.
        are_own: Whether the rows are some of the data of the record: then whole numbers up to 1 are of its scale too.

    Raises:
        DataError: If the rows are no numbers, of another width, or not what the model was trained on.
    """
    check_binarization(binarization, record.values)
    if record.values == "mixed":
        return table_rows(schema_of(record), frame_of(rows, "rows"), "rows", record.reading.unseen)
    found = as_rows(rows, "rows")
    names = {} if found.names is None else {"train": found.names}
    array = found.rows
    if columns is not None and found.columns is not None and set(found.columns) >= set(columns):
        array = array[:, [found.columns.index(column) for column in columns]]
    elif columns is not None and found.columns is not None and set(found.columns) & set(columns):
        missing = next(column for column in columns if column not in found.columns)
        raise DataError(f"expected a data frame with the column {shown(missing)}, got one without", "all columns")
    scale = record.scale if record.values == "grey" else record.largest if record.largest > 1 else None
    named = None if columns is None else tuple(columns)
    contents = Contents({"train": array}, record.largest, named, names, scale=scale if are_own else None)
    check_width(array.reshape(array.shape[0], -1), record.num_features, "rows")
    how = replace(record, binarization=binarization or record.binarization)
    return _observed(contents, how, LoadOptions.of({"values": record.values, "seed": seed}), "rows")


def schema_of(record: Record) -> Schema:
    """Return what the columns of a table were taken for."""
    assert record.schema is not None
    return record.schema


def _options_like(record: Record, path: Path, changes: Mapping[str, Any]) -> LoadOptions:
    """Return how to read a file as the data of a model were read, as far as that has a meaning for this file."""
    _undivided(changes, path)
    changes = {name: value for name, value in changes.items() if value is not None}
    recorded = record.reading.given
    if path.is_dir() or plain_suffix(path) not in TABLES:
        recorded.pop("text_column", None)
    known = {**recorded, **changes, "values": record.values}
    kind = kind_of(path, Reading(**{name: known[name] for name in _READING & known.keys()}))
    kept = {name: value for name, value in recorded.items() if name in kind.options}
    if "array" in kept and kind.names is not None and kept["array"] not in kind.names(path):
        del kept["array"]
    return LoadOptions.of({**kept, **changes, "values": record.values})


def _place(path: Any) -> Path:
    check_type("path", path, str, os.PathLike, good="the path of a file, or Dataset.from_arrays(rows)")
    return Path(path).expanduser()


def _undivided(given: Mapping[str, Any], path: str | Path) -> LoadOptions:
    """Return options for rows that are not divided; `DataError` for one that says how rows are."""
    options = LoadOptions.of(given)
    for name in ("valid_fraction", "test_fraction", "split_column", "vocabulary_size", "keep_empty"):
        if getattr(options, name) is not None:
            raise DataError(
                f"expected no {{option}} for the rows of {path}, which are not divided, got {getattr(options, name)}",
                "leaving the option out",
                option=name,
            )
    return options


def _observed(contents: Contents, record: Record, options: LoadOptions, label: str) -> Observations:
    """Return rows with the meaning that a record gives them."""
    check_options(record.values, replace(options, binarization=None), label, are_sparse=contents.are_sparse)
    rows, largest, is_dynamic = contents.splits["train"], 1, False
    plain, label = label, labelled(label, contents.place)
    if record.values == "counts":
        rows = to_counts(rows if contents.are_sparse else check_numbers(rows, label), label)
    elif record.values == "grey":
        levels = record.levels or 1
        rows = check_numbers(rows, label)
        if contents.scale == 1:
            check_floats(rows, label)
        rows = check_grey_values(rows, label, contents.scale or scale_of(rows, record, label))
        on_grid = to_levels(rows, levels)
        if levels > 1 and np.abs(to_unit(on_grid, levels - 1) - rows).max() < _TOLERANCE:
            rows, largest = on_grid, levels - 1
    else:
        rows, largest, is_dynamic = _bits_like(rows, contents, record, options, label)
    is_named = contents.columns is not None and len(contents.columns) == rows.shape[1]
    return Observations(
        rows,
        record.values,
        largest,
        is_dynamic,
        columns=contents.columns if is_named else None,
        names=contents.names.get("train"),
        named_in=contents.named_in or options.name_column,
        label=plain,
    )


def _bits_like(
    rows: Any, contents: Contents, record: Record, options: LoadOptions, label: str
) -> tuple[Any, int, bool]:
    """Return rows as bits, or means of bits, what a one is stored as, and whether bits are drawn at every use."""
    largest = max(contents.largest, record.largest)
    if is_sparse(rows):
        return check_sparse_bits(rows, label), 1, False
    rows = check_numbers(rows, label)
    is_bytes = largest > 1 and rows.dtype.kind in "biu" and rows.min() >= 0 and 1 < rows.max() <= largest
    # Zeros and ones are bits in other data, levels in those of the record.
    if contents.scale is not None:
        check_grey_values(rows, label, contents.scale)
        is_bytes = True
    if record.binarization == "none" and not is_bytes:
        return check_bits(rows, label), 1, False
    rows, largest = (rows.astype(np.uint8), largest) if is_bytes else (check_values(rows, label), 1)
    if largest == 1 and rows.dtype.kind != "f":
        return rows, 1, False
    mode = choose_binarization(False, record.binarization, "dynamic", label)
    bits = binarize_rows(rows, largest, mode, np.random.default_rng(options.seed))
    return bits, largest if mode == "dynamic" else 1, mode == "dynamic"
