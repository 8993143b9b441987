"""Tables of numbers in text files: what separates them, which columns are data, and where the first fault is."""

import csv
import io
import itertools
import operator
import warnings
from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from beliefnet._errors import Advice, DataError, Use, listed, shown, suggestion
from beliefnet.data._files import FEWEST_EXTENT, Place, plain_suffix, read_text, readable, split_lines
from beliefnet.data._record import Reading

DELIMITERS = (",", ";", "\t")

_TRUTH = {"true": 1.0, "false": 0.0}
_YES_OR_NO = {"yes", "no", "y", "n"}
_MISSING = ("", "na", "n/a", "nan", "null", "none", "?")
_INDEX_HEADERS = ("", "index", "id", "row", "unnamed: 0")
_SAMPLE = 50
_LEAST_RUN = 4
_LONGEST_HEADER = 100
_SHORT_LINE = 2**17
"""Cells of a longer line are read by the csv module, which limits their length."""


@dataclass(frozen=True, eq=False)
class Table:
    """A table of numbers.

    Attributes:
        values: The numbers, float64 `[rows, columns]`; NaN where a cell is empty.
        columns: The name of each column, where the file has any.
        names: The name of each row, where the file has any.
        parts: Which split each row belongs to, where a column says so.
        place: Where an entry is in the file, given its row and column.
    """

    values: np.ndarray
    columns: tuple[str, ...] | None = None
    names: tuple[str, ...] | None = None
    parts: tuple[str, ...] | None = None
    place: Place | None = None


def read_table(
    path: Path,
    reading: Reading,
    split_column: str | None = None,
    wanted: Sequence[str] | None = None,
    *,
    are_whole: bool = False,
) -> Table:
    """Read a table of numbers from a text file.

    A first line without any number is taken for a header, and so is one that counts up, as pandas writes it. A first
    column that counts the rows, one of different whole numbers headed `id`, `index` or `row`, and one of different
    texts are taken for the names of the rows, with a warning.

    Args:
        path: The file.
        reading: How to read it.
        split_column: The column that says which split a row belongs to.
        wanted: The columns that a trained model takes, which are found by their names where the file has any of them.
        are_whole: Whether the numbers are known to be whole: a comma between two of them is then no decimal one.

    Returns:
        The columns that are data, in their order.

    Raises:
        DataError: With the line and column of the first text that is not a number, or the first line of another
            width; or if the file is empty or unreadable, lacks a column that was asked for, or does not tell two
            columns of whole numbers from one with decimal commas.
    """
    text = read_text(path, reading.encoding)
    with readable(path):
        sheet = _Sheet.of(text, reading, path)
        if reading.delimiter is None and plain_suffix(path) != ".tsv":
            sheet.check_commas(are_whole=are_whole)
        if wanted is not None:
            reading = sheet.reading_for(wanted, reading)
        sheet = replace(sheet, name_column=sheet.find_names(reading))
        numeric = sheet.numeric_columns(reading, split_column)
        values = sheet.numbers(numeric)
        columns = tuple(sheet.columns[index] for index in numeric) if sheet.has_header else None
        table = Table(values, columns, place=partial(sheet.place, numeric))
        if sheet.name_column is not None:
            table = replace(table, names=tuple(sheet.texts(sheet.name_column)))
        else:
            table = _without_index(table, numeric, sheet, reading)
        if split_column is not None:
            table = replace(table, parts=tuple(sheet.texts(sheet.index_of(split_column))))
    return table


def holds_numbers(path: Path, encoding: str | None) -> bool:
    """Whether the lines of a text are rows of numbers, below a header and after a name: a table, and no documents."""
    lines = [line for line in split_lines(read_text(path, encoding))[: _SAMPLE + 1] if line.strip()]
    if len(lines) < 2:
        return False
    delimiter = max(DELIMITERS, key=lines[-1].count)
    cells = [line.split(delimiter) for line in lines[1:]]
    widths = {len(row) for row in cells}
    return len(widths) == 1 and widths != {1} and all(_is_number(cell) for row in cells for cell in row[1:])


def delimiter_of(line: str, path: Path, reading: Reading) -> str:
    """Return what separates cells: what was said, or what a line seems to be separated by."""
    if reading.delimiter is not None:
        return reading.delimiter
    if plain_suffix(path) == ".tsv":
        return "\t"
    # Decimal commas cannot separate cells as well, and a line may have more of them than of what does.
    marks = [mark for mark in DELIMITERS if mark != reading.decimal]
    by_semicolon = line.split(";")
    if "," in line and len(by_semicolon) > 1 and all(_is_number(cell.strip('"'), ",") for cell in by_semicolon):
        return ";"
    return max(marks, key=line.count)


def cells_of(line: str, delimiter: str, **dialect: Any) -> list[str]:
    """Return the cells of one line."""
    return next(csv.reader([line], delimiter=delimiter, **dialect), [])


@dataclass(frozen=True, eq=False)
class _Sheet:
    """The text of a table, without its header."""

    path: Path
    lines: list[str]
    first_line: int
    delimiter: str
    decimal: str
    columns: tuple[str, ...]
    has_header: bool
    sample: list[list[str]]
    name_column: int | None = None

    @classmethod
    def of(cls, text: str, reading: Reading, path: Path) -> "_Sheet":
        """Find the delimiter and the header."""
        if not text.strip():
            raise DataError(f"expected rows of numbers, got an empty file {path}", "a file that holds data")
        lines = split_lines(text)
        delimiter = delimiter_of(next(line for line in lines if line.strip()), path, reading)
        # A row of empty cells is a row, even where the delimiter is a blank itself.
        start = next(number for number, line in enumerate(lines) if line.strip() or delimiter in line)
        end = _end_of_line(lines, start)
        first = "\n".join(lines[start:end])
        if first.count(delimiter) >= FEWEST_EXTENT:
            raise DataError(
                f"expected at most {FEWEST_EXTENT} columns in {path}, got {first.count(delimiter) + 1}", "line breaks"
            )
        header = _header(first, delimiter, reading.decimal, path, is_only=end == len(lines))
        start = end if header else start
        sample = list(itertools.islice(_filled_rows(lines[start:], delimiter), _SAMPLE))
        if not sample:
            raise DataError(
                f"expected rows of numbers separated by commas, semicolons or tabs, got one line of text in {path}",
                "a file that holds data",
            )
        width = len(sample[0][1])
        # R leaves out the header of the names.
        header = ["", *header] if header and len(header) == width - 1 else header
        columns = tuple(header or (f"column {number}" for number in range(1, width + 1)))
        rows = [cells for _, cells in sample]
        return cls(path, lines[start:], start, delimiter, reading.decimal, columns, bool(header), rows)

    def check_commas(self, *, are_whole: bool) -> None:
        """Refuse rows that are one number with a decimal comma each, or two whole numbers."""
        firsts = [row[0].strip() for row in self.sample]
        if self.delimiter != "," or len(self.columns) != 2 or not all(map(_may_be_decimal, self.sample)):
            return
        if self.has_header:
            # Below a single name, R numbers the rows.
            is_two = bool(self.columns[0]) or firsts in _counted_from(len(firsts))
        else:
            is_two = are_whole or self._are_bits
        if not is_two:
            raise DataError(
                f"expected to know what the commas in {self.path} are, got {shown(','.join(self.sample[0]))}, which "
                "may be one number or two",
                Use("decimal", ",", "for decimal commas"),
                Use("delimiter", ",", "for two columns"),
            )

    @property
    def _are_bits(self) -> bool:
        return {cell.strip() for row in self.sample for cell in row} <= {"0", "1"}

    def reading_for(self, wanted: Sequence[str], reading: Reading) -> Reading:
        """Return how to read the columns that a trained model takes: others are passed over."""
        has_them = self.has_header and not set(wanted).isdisjoint(self.columns)
        return replace(
            reading,
            columns=tuple(wanted) if has_them else (),
            drop=tuple(name for name in reading.drop if name in self.columns),
            name_column=reading.name_column if reading.name_column in self.columns else None,
        )

    def numeric_columns(self, reading: Reading, split_column: str | None) -> list[int]:
        """Return which columns are data, in their order, or in the order in which they were asked for."""
        left_out = {self.index_of(name) for name in (*reading.drop, *filter(None, [split_column]))}
        if reading.columns:
            return [self.index_of(name) for name in reading.columns]
        kept = [index for index in range(len(self.columns)) if index not in left_out and index != self.name_column]
        texts = [index for index in kept if self._is_text(index)]
        if texts and len(texts) < len(kept):
            raise self._no_numbers(texts)
        if not kept:
            raise DataError(f"expected a column of numbers in {self.path}, got none that is left", "fewer to drop")
        return kept

    def _no_numbers(self, texts: list[int]) -> DataError:
        """Return the error for columns of texts among those of numbers."""
        column = texts[0]
        rows = itertools.islice(_filled_rows(self.lines, self.delimiter), _SAMPLE)
        cells = {number: cells[column].strip() for number, cells in rows if column < len(cells)}
        found = {number + self.first_line: cell for number, cell in cells.items() if _is_text(cell)}
        line, first = next(iter(found.items()))
        hints: list[str | Use] = [Use("drop", self.columns[column], "if it is no data")]
        if {cell.lower() for cell in found.values()} <= _YES_OR_NO:
            hints = ["coding yes as 1 and no as 0", *hints]
        elif len(texts) == 1:
            hints = [*hints, Use("text_column", self.columns[column], "if it holds texts")]
        return DataError(
            f"expected numbers in every column of {self.path}, got {shown(first)} in {self._named(column)} "
            f"(line {line}, column {column + 1})",
            *hints,
        )

    def index_of(self, name: str) -> int:
        """Return the place of a column; `DataError` if there is none of this name, or two."""
        if self.columns.count(name) != 1:
            what = "no such column" if name not in self.columns else "two of them"
            raise DataError(
                f"expected a column {name!r} in {self.path}, got {what} among {listed(self.columns)}",
                f"one of its names{suggestion(name, self.columns)}",
            )
        return self.columns.index(name)

    def numbers(self, columns: list[int]) -> np.ndarray:
        """Return the numbers of some columns, float64 `[rows, columns]`."""
        # Nothing here runs Python code for each line: a file may have millions of them.
        lines = self.lines
        if not all(map(str.strip, lines)):
            lines = [line for line in lines if line.strip() or self.delimiter in line]
        is_plain = self.decimal == "." and not any(map(operator.contains, lines, itertools.repeat('"')))
        if is_plain and max(map(len, lines)) < _SHORT_LINE:
            extents = set(map(str.count, lines, itertools.repeat(self.delimiter)))
            if extents == {len(self.columns) - 1}:
                # One by one, the cell that is at fault is found, or all can be read.
                with suppress(ValueError):
                    return np.loadtxt(lines, delimiter=self.delimiter, comments=None, ndmin=2, usecols=columns)
        found = array("d")
        for number, cells in self._rows():
            found.extend([self._number(cells, column, number) for column in columns])
        return np.frombuffer(found).reshape(-1, len(columns))

    def place(self, columns: Sequence[int], row: int, column: int) -> str:
        """Return where an entry of the data is, by the columns of the file that are data."""
        number = next(number for number, _ in itertools.islice(self._rows(), row, None))
        return f"line {number}, {self._named(columns[column])} (row {row + 1} of the data; counted from 1)"

    def texts(self, column: int) -> Iterator[str]:
        """Yield the cells of one column."""
        return (cells[column].strip() for _, cells in self._rows())

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the cells of each row with the number of its line."""
        for number, cells in _filled_rows(self.lines, self.delimiter):
            if len(cells) != len(self.columns):
                baskets = [Use("item_separator", self.delimiter, "for the items of baskets")]
                decimals = [Use("decimal", ",", "for decimal commas")]
                is_one = not self._are_bits and all(_is_number(",".join(row), ",") for row in self.sample)
                raise DataError(
                    f"expected {len(self.columns)} columns at line {number + self.first_line} of {self.path}, as in "
                    f"the first row, got {len(cells)}",
                    "giving every line the same number of columns",
                    *(baskets if all(map(_is_text, cells)) else decimals if is_one else []),
                )
            yield number + self.first_line, cells

    def _number(self, cells: list[str], column: int, line: int) -> float:
        number = _parsed(cells[column], self.decimal)
        if number is not None:
            return number
        cell = cells[column]
        hint: str | Use = (
            "numbers separated by commas, semicolons or tabs (only a first line without numbers is a header)"
        )
        if self.decimal == "." and _parsed(cell, ",") is not None:
            hint = Use("decimal", ",", "for decimal commas")
        elif self.has_header and self._is_text(column) and any(map(str.isalpha, cell)):
            hint = Use("text_column", self.columns[column], "if it holds texts")
        elif "_" in cell and _parsed(cell.replace("_", ""), self.decimal) is not None:
            hint = "plain decimals"
        raise DataError(
            f"expected a number at line {line}, column {column + 1} of {self.path}, got {shown(cell)}", hint
        )

    def find_names(self, reading: Reading) -> int | None:
        """Return which column names the rows: what was said, or a first one of different texts before numbers."""
        if reading.name_column is not None:
            return self.index_of(reading.name_column)
        if self.columns[0] in (*reading.drop, *reading.columns) or not self._is_text(0):
            return None
        if all(self._is_text(index) for index in range(1, len(self.columns))):
            return None
        names = list(self.texts(0))
        if self.columns[0].strip() and len(set(names)) < len(names):
            return None
        warnings.warn(f"the texts in {self._named(0)} of {self.path} are taken for the names of the rows", stacklevel=2)
        return 0

    def _is_text(self, column: int) -> bool:
        cells = [row[column] for row in self.sample if column < len(row)]
        return not any(_parsed(cell, self.decimal) is not None and cell.strip() for cell in cells) and any(
            _is_text(cell) for cell in cells
        )

    def _named(self, column: int) -> str:
        return f"column {shown(self.columns[column])}" if self.has_header else f"column {column + 1}"


def _filled_rows(lines: list[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the cells of each row that has any, and the number of its last line, from 1."""
    reader: Any = csv.reader((f"{line}\n" for line in lines), delimiter=delimiter)
    for cells in reader:
        if len(cells) > 1 or (cells and cells[0].strip()):
            yield reader.line_num, cells


def _end_of_line(lines: list[str], start: int) -> int:
    """Return where the first line of a table ends: the names of its columns may hold line breaks in quotes."""
    quotes = 0
    for end, line in enumerate(lines[start : start + _LONGEST_HEADER], start + 1):
        quotes += line.count('"')
        if quotes % 2 == 0:
            return end
    return start + 1


def _header(first: str, delimiter: str, decimal: str, path: Path, *, is_only: bool) -> list[str]:
    """Return the names of columns that the first line holds, or nothing."""
    cells = [cell.strip() for cell in cells_of(first, delimiter)]
    present = [cell for cell in cells if cell]
    if present and not any(_is_number(cell, decimal) for cell in present):
        return cells
    # As pandas writes the columns 0, 1, 2 and so on, after the names of the rows or without them.
    has_names = not _is_number(cells[0], decimal) or not cells[0]
    counted = cells[1:] if has_names else cells
    if not is_only and len(counted) >= (2 if has_names else _LEAST_RUN) and _counts_up(counted):
        warnings.warn(f"the first line of {path}, which counts the columns, is taken for a header", stacklevel=2)
        return cells
    return []


def _without_index(table: Table, numeric: list[int], sheet: _Sheet, reading: Reading) -> Table:
    """Leave out a first column that numbers the rows, and keep it as their names."""
    column, header = table.values[:, 0], sheet.columns[0].strip().lower() if sheet.has_header else None
    if numeric[0] != 0 or len(numeric) < 2 or reading.columns or not np.array_equal(column, np.rint(column)):
        return table
    runs = (
        len(column) >= _LEAST_RUN and np.array_equal(column - column[0], np.arange(len(column))) and column[0] in (0, 1)
    )
    # Rows that were left out leave gaps, and rows may be shuffled; frames that were joined repeat numbers.
    are_distinct = len(np.unique(column)) == len(column)
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
    return Table(table.values[:, 1:], table.columns and table.columns[1:], names, place=place)


def _counts_up(cells: Sequence[str]) -> bool:
    """Whether cells are whole numbers, each one more than the one before, such as 0, 1, 2 or years."""
    if not all(cell.isascii() and cell.isdigit() and len(cell) < 10 for cell in cells):
        return False
    numbers = [int(cell) for cell in cells]
    return numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def _may_be_decimal(cells: Sequence[str]) -> bool:
    """Whether the cells of a row are digits before and after a comma."""
    whole, *rest = [cell.strip() for cell in cells]
    digits = [whole.lstrip("+-"), *rest]
    return len(digits) == 2 and all(cell.isascii() and cell.isdigit() for cell in digits)


def _counted_from(length: int) -> list[list[str]]:
    """Return so many whole numbers that count from 0, and from 1."""
    return [[str(number + start) for number in range(length)] for start in (0, 1)]


def _is_number(cell: str, decimal: str = ".") -> bool:
    return _parsed(cell, decimal) is not None


def _is_text(cell: str) -> bool:
    return bool(cell.strip()) and _parsed(cell, ",") is None


def _parsed(cell: str, decimal: str) -> float | None:
    """Return the number in a cell, NaN for what is missing, None for any other text."""
    plain = cell.strip()
    if len(plain) > 400:
        return None
    if decimal == ",":
        plain = plain.replace(",", ".")
    lower = plain.lower()
    if lower in _MISSING:
        return float("nan")
    if lower in _TRUTH:
        return _TRUTH[lower]
    try:
        return None if "_" in plain else float(plain)
    except ValueError:
        return None


def records_of(text: str, delimiter: str) -> Iterable[list[str]]:
    """Return the rows of a text, whose cells may hold line breaks, one after the other."""
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
