"""Tables of mixed columns: whether rows are one, what its columns are taken for, and its rows as units."""

import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from beliefnet._errors import DataError, listed, shown
from beliefnet.data._observations import Observations
from beliefnet.data._record import SPLITS, LoadOptions, Provenance, Record, Unseen
from beliefnet.data._sparse import checksum
from beliefnet.data._split import Contents, cut_missing
from beliefnet.tables import (
    KINDS,
    Column,
    Frame,
    Schema,
    column_of_kind,
    frame_of,
    infer_schema,
    read_toml,
    written,
)

_MOST_COUNTS = 100
"""Wider tables of whole numbers are images or documents, which are asked for by their own options."""


def is_mixed(frame: Frame) -> bool:
    """Whether a table holds other things than numbers between 0 and 1: texts, missing cells, or numbers of any size."""
    columns = list(frame.columns.values())
    if any(values.dtype == object and type(next(iter(values))) is not bool for values in columns):
        return True
    numbers = np.stack([values.astype(np.float64) for values in columns], axis=1)
    return are_mixed_numbers(numbers)


def are_mixed_numbers(numbers: np.ndarray) -> bool:
    """Whether numbers `[rows, columns]` are no bits, means or images: some are missing, or beyond [0, 1]."""
    if np.isnan(numbers).any():
        return True
    is_wide = numbers.shape[1] > _MOST_COUNTS and bool((numbers >= 0).all() and (numbers == np.rint(numbers)).all())
    return not is_wide and bool(((numbers < 0) | (numbers > 1)).any())


def is_mixed_frame(data: Any) -> bool:
    """Whether data in memory are a table of mixed columns: a data frame or a mapping, no array."""
    is_table = (
        issubclass(type(data), Mapping) or getattr(data, "columns", getattr(data, "column_names", None)) is not None
    )
    return is_table and type(data) is not Observations and is_mixed(frame_of(data))


def table_splits(
    contents: Contents,
    provenance: Provenance,
    options: LoadOptions,
    kinds: Mapping[str, str | Column] | None = None,
) -> dict[str, Any]:
    """Return the record and the splits of a table of mixed columns, once the missing ones are cut off.

    Args:
        contents: What was read.
        provenance: Where it came from.
        options: What was asked for.
        kinds: What some columns are, by their names.

    Raises:
        DataError: If the columns are not what they are said to be, or are said to be something and read otherwise.
    """
    if kinds and options.values not in (None, "auto", "mixed"):
        found = f"expected no kinds of columns for {options.values} values, got {shown(kinds)}"
        raise DataError(found, "leaving it out")
    label = provenance.label
    called = {split: label if len(contents.splits) == 1 else f"{label} ({split})" for split in SPLITS}
    frames = {split: frame_of(rows, called[split]) for split, rows in contents.splits.items()}
    schema, frames = table_of(frames, options, kinds, label)
    cut = cut_missing(contents.holding(frames, names={}), options.fractions, options.split_seed, label)
    schema = schema.standardised(cut.splits["train"])
    rows = {split: table_rows(schema, cut.splits[split], called[split], options.unseen) for split in SPLITS}
    record = Record(
        name=provenance.name,
        variant=provenance.variant,
        binarization="none",
        splits={split: len(rows[split]) for split in SPLITS},
        num_features=schema.num_units,
        image_shape=None,
        source=provenance.source,
        checksum=checksum([rows[split].rows for split in SPLITS], schema.unit_names),
        values="mixed",
        reading=contents.reading,
        schema=schema,
    )
    return {"record": record, **rows}


def table_of(
    frames: Mapping[str, Frame],
    options: LoadOptions,
    kinds: Mapping[str, str | Column] | None,
    label: str,
) -> tuple[Schema, dict[str, Frame]]:
    """Return what the columns of all splits together are taken for, and the splits with columns of these names.

    Args:
        frames: The rows of each split.
        options: What was asked for.
        kinds: What some columns are, by their names.
        label: What to call the table in an error.

    Raises:
        DataError: If the splits have other columns, or the columns are not what they are said to be.
    """
    whole = joined(frames, label)
    said: dict[str, Any] = {} if options.schema is None else read_toml(Path(options.schema).expanduser())
    said |= dict(kinds or {})
    chosen = {name: _column(whole, name, kind) for name, kind in said.items()}
    wanted = options.columns or tuple(whole.columns)
    for name in (*options.drop, *options.columns):
        whole.column(name)
    beside = {name for name, column in chosen.items() if not column.is_modelled}
    kept = {options.name_column, options.label_column, *beside}
    for name in whole.columns:
        if name in options.drop or (name not in wanted and name not in kept):
            chosen[name] = Column(name, "ignored", reason="as asked for")
    return infer_schema(whole, kinds=chosen, ids=options.name_column, label=options.label_column), dict(frames)


def table_rows(schema: Schema, frame: Frame, label: str, unseen: Unseen | None = None) -> Observations:
    """Return the rows of a table as observations of its units, named by its column of ids.

    Args:
        schema: What its columns were taken for.
        frame: The rows.
        label: What to call them in an error.
        unseen: What becomes of values that a column does not have: by default an error.

    Raises:
        DataError: If a column is not there, or a value is none that the column has.
    """
    frame = replace(schema.renamed(frame), label=label)
    if unseen == "missing":
        unseen_cells = schema.unseen(frame)
        if unseen_cells:
            frame = frame.without(unseen_cells)
            said = ", ".join(f"{shown(name)} {int(cells.sum())}" for name, cells in unseen_cells.items())
            warnings.warn(
                f"values that their columns do not have are taken as missing in {label}, by column: {said}",
                stacklevel=2,
            )
    units, columns, named_in = schema.encode(frame), schema.unit_names, schema.of_kind("id")
    if named_in is None or named_in not in frame.columns:
        return Observations(units, "mixed", columns=columns, names=frame.names, label=label)
    names = tuple(written(cell) for cell in frame.columns[named_in].tolist())
    return Observations(units, "mixed", columns=columns, names=names, named_in=named_in or None, label=label)


def joined(frames: Mapping[str, Frame], label: str) -> Frame:
    """Return the rows of several tables, by what each is called, one after the other; the first is `train`."""
    first = frames["train"]
    for split, frame in frames.items():
        if list(frame.columns) != list(first.columns):
            raise DataError(
                f"expected splits with the columns {listed(first.columns)} in {label}, got {listed(frame.columns)} in "
                f"{split}",
                "writing them alike",
            )
    columns = {}
    for name in first.columns:
        parts = [frame.columns[name] for frame in frames.values()]
        is_text = any(part.dtype == object for part in parts)
        columns[name] = np.concatenate([_objects(part) if is_text else part for part in parts])
    return replace(first, columns=columns, names=None, lines=None, label=label) if len(frames) > 1 else first


def _objects(values: np.ndarray) -> np.ndarray:
    if values.dtype == object:
        return values
    return np.array([None if value != value else written(value) for value in values.tolist()], object)


def _column(frame: Frame, name: str, kind: Any) -> Column:
    """Return a column of which a kind, or all, is said."""
    if type(kind) is Column:
        return kind
    if kind not in KINDS:
        raise DataError(
            f"expected a kind out of {listed(KINDS)} for column {shown(name)}, got {shown(kind)}", "'number'"
        )
    return column_of_kind(frame, name, kind)
