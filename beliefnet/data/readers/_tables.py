"""Tables of numbers in text files: their columns, and the names of their rows."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from beliefnet._errors import Advice, Use
from beliefnet.data._files import Place, plain_suffix, read_text, readable, split_lines
from beliefnet.data._record import Reading
from beliefnet.data.readers._cells import DELIMITERS, is_number
from beliefnet.data.readers._sheet import LEAST_RUN, SAMPLE, Sheet

_INDEX_HEADERS = ("", "index", "id", "row", "unnamed: 0")


@dataclass(frozen=True, eq=False)
class Table:
    """A table of numbers.

    Attributes:
        values: The numbers, float64 `[rows, columns]`; NaN where a cell is empty.
        columns: The name of each column, where the file has any.
        names: The name of each row, where the file has any.
        named_in: The column that they are from, where it has a name.
        parts: Which split each row belongs to, where a column says so.
        place: Where an entry is in the file, given its row and column.
    """

    values: np.ndarray
    columns: tuple[str, ...] | None = None
    names: tuple[str, ...] | None = None
    named_in: str | None = None
    parts: tuple[str, ...] | None = None
    place: Place | None = None


def open_sheet(path: Path, reading: Reading) -> Sheet:
    """Read the text of a table, and find its header and what separates its cells.

    Raises:
        DataError: If the file is empty or unreadable.
    """
    with readable(path):
        return Sheet.of(read_text(path, reading.encoding), reading, path)


def read_table(
    sheet: Sheet,
    reading: Reading,
    split_column: str | None = None,
    wanted: Sequence[str] | None = None,
    *,
    are_whole: bool = False,
) -> Table:
    """Read a table of numbers.

    A first line without any number is taken for a header, and so is one that counts up, as pandas writes it. A first
    column that counts the rows, one of different whole numbers headed `id`, `index` or `row`, and one of different
    texts are taken for the names of the rows, with a warning.

    Args:
        sheet: Its text.
        reading: How to read it.
        split_column: The column that says which split a row belongs to.
        wanted: The columns that a trained model takes, which are found by their names where the file has any of them.
        are_whole: Whether the numbers are known to be whole: a comma between two of them is then no decimal one.

    Returns:
        The columns that are data, in their order.

    Raises:
        DataError: With the line and column of the first text that is not a number, or the first line of another
            width; or if the file lacks a column that was asked for, or does not tell two
            columns of whole numbers from one with decimal commas.
    """
    with readable(sheet.path):
        if reading.delimiter is None and plain_suffix(sheet.path) != ".tsv":
            sheet.check_commas(are_whole=are_whole)
        if wanted is not None:
            reading = sheet.reading_for(wanted, reading)
        sheet = replace(sheet, name_column=sheet.find_names(reading))
        numeric = sheet.numeric_columns(reading, split_column)
        values = sheet.numbers(numeric)
        columns = tuple(sheet.columns[index] for index in numeric) if sheet.has_header else None
        table = Table(values, columns, place=partial(sheet.place, numeric))
        if sheet.name_column is not None:
            named_in = sheet.columns[sheet.name_column].strip() if sheet.has_header else None
            table = replace(table, names=tuple(sheet.texts(sheet.name_column)), named_in=named_in or None)
        else:
            table = _without_index(table, numeric, sheet, reading)
        if split_column is not None:
            table = replace(table, parts=tuple(sheet.texts(sheet.index_of(split_column))))
    return table


def holds_numbers(path: Path, encoding: str | None) -> bool:
    """Whether the lines of a text are rows of numbers, below a header and after a name: a table, and no documents."""
    lines = [line for line in split_lines(read_text(path, encoding))[: SAMPLE + 1] if line.strip()]
    if len(lines) < 2:
        return False
    delimiter = max(DELIMITERS, key=lines[-1].count)
    cells = [line.split(delimiter) for line in lines[1:]]
    widths = {len(row) for row in cells}
    return len(widths) == 1 and widths != {1} and all(is_number(cell) for row in cells for cell in row[1:])


def _without_index(table: Table, numeric: list[int], sheet: Sheet, reading: Reading) -> Table:
    """Leave out a first column that numbers the rows, and keep it as their names."""
    column, header = table.values[:, 0], sheet.columns[0].strip().lower() if sheet.has_header else None
    if numeric[0] != 0 or len(numeric) < 2 or reading.columns or not np.array_equal(column, np.rint(column)):
        return table
    runs = (
        len(column) >= LEAST_RUN and np.array_equal(column - column[0], np.arange(len(column))) and column[0] in (0, 1)
    )
    # Rows that were left out leave gaps, and rows may be shuffled; frames that were joined repeat numbers.
    are_distinct = len(np.unique(column)) == len(column)
    is_unnamed = header in (None, "", "unnamed: 0")
    is_index = header in ("", "unnamed: 0") or (runs if header is None else header in _INDEX_HEADERS and are_distinct)
    if runs and not is_index:
        said = f"column {sheet.columns[0]!r} of {sheet.path} counts the rows and is read as data"
        warnings.warn(Advice(said, Use("drop", sheet.columns[0], "if it only numbers them")), stacklevel=2)
    if not is_index:
        return table
    warnings.warn(
        f"the first column of {sheet.path}, which numbers the rows, is taken for their names and not for data",
        stacklevel=2,
    )
    names = tuple(str(int(number)) for number in column)
    place = partial(sheet.place, numeric[1:])
    named_in = None if is_unnamed else sheet.columns[0].strip()
    return Table(table.values[:, 1:], table.columns and table.columns[1:], names, named_in, place=place)
