"""Tables that commands write: columns of any kind beside the names and labels of the rows."""

import csv
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from beliefnet._text import printable
from beliefnet.cli._files import Lines, save_bytes
from beliefnet.cli._rows import Chosen
from beliefnet.data import DataError
from beliefnet.tables import Schema, written

Cells: TypeAlias = Sequence[Any] | np.ndarray
PARQUET = ".parquet"
SUFFIXES = (".csv", PARQUET)
NUMBERED = "row"
"""What the names of rows stand under where their column has none."""


def save_columns(path: Path, columns: Mapping[str, Cells], dates: Collection[str] = ()) -> None:
    """Write columns to a .csv or a .parquet, under their names; what is missing stays empty.

    Args:
        path: The file.
        columns: Values by name: numbers, texts or truth values, None or NaN for what is missing.
        dates: Names of columns whose texts are dates; a .parquet has them as such.
    """
    if path.suffix == PARQUET:
        _save_parquet(path, {name: _dated(own) if name in dates else own for name, own in columns.items()})
        return

    def write(file: Any) -> None:
        table = csv.writer(Lines(file), lineterminator="\n")
        table.writerow(map(printable, columns))
        for cells in zip(*(_plain(values) for values in columns.values()), strict=True):
            table.writerow(printable(written(cell)) for cell in cells)

    save_bytes(path, write)


def beside(rows: Chosen, schema: Schema | None) -> dict[str, Cells]:
    """Return the columns that stand before what is said of rows: their names, or numbers from 1, and their labels.

    Names stand under the name of the column that they are from, or else under `row`, as numbers do.

    Args:
        rows: The rows.
        schema: What the columns were taken for, if they are of a table.
    """
    found: dict[str, Cells] = {rows.rows.named_in or NUMBERED: rows.rows.names or range(1, len(rows.rows) + 1)}
    label = None if schema is None else schema.of_kind("label")
    if label is not None and rows.frame is not None and label in rows.frame.columns:
        found[label] = rows.frame.columns[label]
    return found


def _plain(values: Cells) -> list[Any]:
    if getattr(values, "dtype", None) == np.float32:
        # As few digits as tell a number from its neighbours.
        values = np.asarray(values).astype(str).astype(np.float64)
    return values.tolist() if hasattr(values, "tolist") else list(values)  # pyright: ignore[reportAttributeAccessIssue]


def _save_parquet(path: Path, columns: Mapping[str, Cells]) -> None:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise DataError(
            "expected the package pyarrow to write Parquet files, got none",
            "pip install 'beliefnet[parquet]'",
            "--out with a .csv",
        ) from error
    arrays = {name: pyarrow.array(_tidy(_plain(values)), from_pandas=True) for name, values in columns.items()}
    save_bytes(path, lambda file: parquet.write_table(pyarrow.table(arrays), file))


def _dated(values: Cells) -> list[date | None]:
    """Return texts as dates, or as times where one has a time of day."""
    texts = _plain(values)
    kind = datetime if any(text is not None and len(text) > len("2024-03-31") for text in texts) else date
    return [None if text is None else kind.fromisoformat(text) for text in texts]


def _tidy(values: list[Any]) -> list[Any]:
    """Return whole numbers as such, so that they are written as they came."""
    numbers = [value for value in values if type(value) is float and value == value]
    if numbers and max(map(abs, numbers)) < 2**53 and all(value == int(value) for value in numbers):
        return [int(value) if type(value) is float and value == value else value for value in values]
    return values
