"""Tables of mixed columns in files: text files, and Parquet."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from beliefnet._errors import DataError, Use, shown
from beliefnet.data._files import opened, plain_suffix, readable
from beliefnet.data._record import Reading
from beliefnet.data.readers._cells import TRUTH, parsed
from beliefnet.data.readers._sheet import Sheet
from beliefnet.tables import Frame, frame_of

PARQUET = ".parquet"
_DIGITS = 15
"""Whole numbers of more are identifiers: double precision does not hold them."""


def read_frame(sheet: Sheet, delimiter: str | None) -> Frame:
    """Read the columns of a table in a text file, each as numbers or as texts.

    Args:
        sheet: Its text.
        delimiter: What is said to separate its cells.

    Raises:
        DataError: If it cannot be read, or has two columns of one name.
    """
    path = sheet.path
    with readable(path):
        if delimiter is None and plain_suffix(path) != ".tsv":
            sheet.check_commas(are_whole=False)
        names = _unique(sheet.columns, path)
        lines, rows = [], []
        for line, cells in sheet.rows():
            lines.append(line)
            rows.append(cells)
        columns = {name: typed_cells([row[place] for row in rows], sheet.decimal) for place, name in enumerate(names)}
    for place, name in enumerate(names):
        _check_decimals(columns[name], [row[place] for row in rows], name, sheet.decimal, path)
    return Frame(columns, label=str(path), lines=tuple(lines), is_named=sheet.has_header)


def _check_decimals(values: np.ndarray, cells: Sequence[str], name: str, decimal: str, path: Path) -> None:
    """Refuse texts that are numbers with decimal commas, all of them."""
    if values.dtype != object or decimal == ",":
        return
    first = next((cell for cell in cells if "," in cell), None)
    if first is not None and all(parsed(cell, ",") is not None and cell.strip().lower() not in TRUTH for cell in cells):
        raise DataError(
            f"expected to know what the commas in column {shown(name)} of {path} are, got {shown(first)}",
            Use("decimal", ",", "for decimal commas"),
        )


def typed_cells(cells: Sequence[str], decimal: str) -> np.ndarray:
    """Return the cells of a column as numbers, float64, or else as texts, with None for what is missing.

    Examples:
        >>> typed_cells(["1,5", "NA"], ","), typed_cells(["yes", "", "3"], ".")
        (array([1.5, nan]), array(['yes', None, '3'], dtype=object))
    """
    numbers = [parsed(cell, decimal) for cell in cells]
    is_text = any(number is None for number in numbers) or any(map(_is_code, cells))
    if not is_text:
        return np.array(numbers, np.float64)
    return np.array([None if _is_missing(cell, decimal) else cell.strip() for cell in cells], object)


def _is_code(cell: str) -> bool:
    """Whether a cell is no number, though it could be read as one: a truth value, 007, or one of too many digits."""
    plain = cell.strip()
    return plain.lower() in TRUTH or (plain.isdigit() and len(plain) > 1 and (plain[0] == "0" or len(plain) > _DIGITS))


def _is_missing(cell: str, decimal: str) -> bool:
    number = parsed(cell, decimal)
    return number is not None and number != number


def _unique(columns: Sequence[str], path: Path) -> list[str]:
    """Return names of columns, numbers for those without."""
    names = [name.strip() or (f"column {place + 1}" if place else "") for place, name in enumerate(columns)]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError(f"expected one column of each name in {path}, got two {shown(twice)}", "other names")
    return names


def read_parquet(path: Path) -> Frame:
    """Read the columns of a Parquet file, each as numbers or as texts.

    Raises:
        DataError: If it cannot be read, or the package pyarrow is not there.
    """
    parquet = _parquet()
    with opened(path) as file, _damage(path):
        table = parquet.read_table(file)
    frame = frame_of(table, str(path))
    # As pandas writes the names of rows.
    name = "__index_level_0__"
    if name in frame.columns:
        others = {other: values for other, values in frame.columns.items() if other != name}
        frame = replace(frame, columns={"index": frame.columns[name], **others})
    return frame


@contextmanager
def _damage(path: Path) -> Iterator[None]:
    """Blame the file for whatever its reader finds wrong with it."""
    try:
        yield
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DataError(
            f"expected a complete Parquet file, got a damaged {path} ({shown(str(error), 200)})", "writing it again"
        ) from error


def _parquet() -> Any:
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise DataError(
            "expected the package pyarrow for Parquet files, got none", "pip install 'beliefnet[parquet]'"
        ) from error
    return parquet


def number_columns(frame: Frame, reading: Reading) -> tuple[np.ndarray, tuple[str, ...] | None, tuple[str, ...] | None]:
    """Return the columns of a table that are data as one array of numbers, their names, and those of the rows.

    Raises:
        DataError: If one holds something else.
    """
    names = [name for name in reading.columns or frame.columns if name not in (*reading.drop, reading.name_column)]
    columns = [frame.column(name) for name in names]
    for name, values in zip(names, columns, strict=True):
        if values.dtype == object and any(type(cell) is not bool for cell in values):
            raise DataError(
                f"expected numbers in every column of {frame.label}, got texts or missing values in {shown(name)}",
                Use("drop", name, "if it is no data"),
                Use("values", "mixed", "for columns of several kinds", "--net vae --visible mixed"),
            )
    own = None if reading.name_column is None else tuple(map(str, frame.column(reading.name_column)))
    array = np.stack([values.astype(np.float64) for values in columns], axis=1)
    return array, tuple(names) if frame.is_named else None, own
