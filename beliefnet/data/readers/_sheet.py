"""The text of a table: its header, which columns are data, and where the first fault is."""

import itertools
import operator
import warnings
from array import array
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from beliefnet._errors import DataError, Use, listed, shown, suggestion
from beliefnet.data._files import FEWEST_EXTENT, split_lines
from beliefnet.data._record import Reading
from beliefnet.data.readers._cells import (
    cells_of,
    counted_from,
    counts_up,
    delimiter_of,
    end_of_line,
    filled_rows,
    is_number,
    is_text,
    may_be_decimal,
    parsed,
)

_YES_OR_NO = {"yes", "no", "y", "n"}
SAMPLE = 50
LEAST_RUN = 4
_SHORT_LINE = 2**17
"""Cells of a longer line are read by the csv module, which limits their length."""


@dataclass(frozen=True, eq=False)
class Sheet:
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
    def of(cls, text: str, reading: Reading, path: Path) -> "Sheet":
        """Find the delimiter and the header."""
        if not text.strip():
            raise DataError(f"expected rows of numbers, got an empty file {path}", "a file that holds data")
        lines = split_lines(text)
        delimiter = delimiter_of(next(line for line in lines if line.strip()), path, reading)
        # A row of empty cells is a row, even where the delimiter is a blank itself.
        start = next(number for number, line in enumerate(lines) if line.strip() or delimiter in line)
        end = end_of_line(lines, start)
        first = "\n".join(lines[start:end])
        if first.count(delimiter) >= FEWEST_EXTENT:
            raise DataError(
                f"expected at most {FEWEST_EXTENT} columns in {path}, got {first.count(delimiter) + 1}", "line breaks"
            )
        header = _header(first, delimiter, reading.decimal, path, is_only=end == len(lines))
        start = end if header else start
        sample = list(itertools.islice(filled_rows(lines[start:], delimiter), SAMPLE))
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
        if self.delimiter != "," or len(self.columns) != 2 or not all(map(may_be_decimal, self.sample)):
            return
        if self.has_header:
            # Below a single name, R numbers the rows.
            is_two = bool(self.columns[0]) or firsts in counted_from(len(firsts))
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

    def has_text_columns(self, reading: Reading) -> bool:
        """Whether a column begins with texts that is data, and does not name the rows."""
        left_out = {*reading.drop, reading.name_column, reading.label_column}
        names = [name for name in self.columns if name not in left_out]
        chosen = [index for index, name in enumerate(self.columns) if name in (reading.columns or names)]
        texts = [index for index in chosen if self._is_text(index)]
        return texts not in ([], [0])

    def _no_numbers(self, texts: list[int]) -> DataError:
        """Return the error for columns of texts among those of numbers."""
        column = texts[0]
        rows = itertools.islice(filled_rows(self.lines, self.delimiter), SAMPLE)
        cells = {number: cells[column].strip() for number, cells in rows if column < len(cells)}
        found = {number + self.first_line: cell for number, cell in cells.items() if is_text(cell)}
        line, first = next(iter(found.items()))
        hints: list[str | Use] = [Use("drop", self.columns[column], "if it is no data")]
        if {cell.lower() for cell in found.values()} <= _YES_OR_NO:
            hints = ["coding yes as 1 and no as 0", *hints]
        elif len(texts) == 1:
            hints = [*hints, Use("text_column", self.columns[column], "if it holds texts")]
        hints.append(Use("values", "mixed", "for columns of several kinds", "--net vae --visible mixed"))
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
                f"expected a column {shown(name)} in {self.path}, got {what} among {listed(self.columns)}",
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
        for number, cells in self.rows():
            found.extend([self._number(cells, column, number) for column in columns])
        return np.frombuffer(found).reshape(-1, len(columns))

    def place(self, columns: Sequence[int], row: int, column: int) -> str:
        """Return where an entry of the data is, by the columns of the file that are data."""
        number = next(number for number, _ in itertools.islice(self.rows(), row, None))
        return f"line {number}, {self._named(columns[column])} (row {row + 1} of the data; counted from 1)"

    def texts(self, column: int) -> Iterator[str]:
        """Yield the cells of one column."""
        return (cells[column].strip() for _, cells in self.rows())

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the cells of each row with the number of its line."""
        for number, cells in filled_rows(self.lines, self.delimiter):
            if len(cells) != len(self.columns):
                baskets = [Use("item_separator", self.delimiter, "for the items of baskets")]
                decimals = [Use("decimal", ",", "for decimal commas")]
                is_one = not self._are_bits and all(is_number(",".join(row), ",") for row in self.sample)
                raise DataError(
                    f"expected {len(self.columns)} columns at line {number + self.first_line} of {self.path}, as in "
                    f"the first row, got {len(cells)}",
                    "giving every line the same number of columns",
                    *(baskets if all(map(is_text, cells)) else decimals if is_one else []),
                )
            yield number + self.first_line, cells

    def _number(self, cells: list[str], column: int, line: int) -> float:
        number = parsed(cells[column], self.decimal)
        if number is not None:
            return number
        cell = cells[column]
        hint: str | Use = (
            "numbers separated by commas, semicolons or tabs (only a first line without numbers is a header)"
        )
        if self.decimal == "." and parsed(cell, ",") is not None:
            hint = Use("decimal", ",", "for decimal commas")
        elif self.has_header and self._is_text(column) and any(map(str.isalpha, cell)):
            hint = Use("text_column", self.columns[column], "if it holds texts")
        elif "_" in cell and parsed(cell.replace("_", ""), self.decimal) is not None:
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
        return not any(parsed(cell, self.decimal) is not None and cell.strip() for cell in cells) and any(
            is_text(cell) for cell in cells
        )

    def _named(self, column: int) -> str:
        return f"column {shown(self.columns[column])}" if self.has_header else f"column {column + 1}"


def _header(first: str, delimiter: str, decimal: str, path: Path, *, is_only: bool) -> list[str]:
    """Return the names of columns that the first line holds, or nothing."""
    cells = [cell.strip() for cell in cells_of(first, delimiter)]
    present = [cell for cell in cells if cell]
    if present and not any(is_number(cell, decimal) for cell in present):
        return cells
    # As pandas writes the columns 0, 1, 2 and so on, after the names of the rows or without them.
    has_names = not is_number(cells[0], decimal) or not cells[0]
    counted = cells[1:] if has_names else cells
    if not is_only and len(counted) >= (2 if has_names else LEAST_RUN) and counts_up(counted):
        warnings.warn(f"the first line of {path}, which counts the columns, is taken for a header", stacklevel=2)
        return cells
    return []
