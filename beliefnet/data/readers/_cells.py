"""Cells of tables in text files: what separates them, and the numbers in them."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from beliefnet.data._files import plain_suffix
from beliefnet.data._record import Reading

_LONGEST_HEADER = 100
DELIMITERS = (",", ";", "\t")
TRUTH = {"true": 1.0, "false": 0.0}
_MISSING = ("", "na", "n/a", "nan", "null", "none", "?")


def delimiter_of(line: str, path: Path, reading: Reading) -> str:
    """Return what separates cells: what was said, or what a line seems to be separated by."""
    if reading.delimiter is not None:
        return reading.delimiter
    if plain_suffix(path) == ".tsv":
        return "\t"
    # Decimal commas cannot separate cells as well, and a line may have more of them than of what does.
    marks = [mark for mark in DELIMITERS if mark != reading.decimal]
    by_semicolon = line.split(";")
    if "," in line and len(by_semicolon) > 1 and all(is_number(cell.strip('"'), ",") for cell in by_semicolon):
        return ";"
    return max(marks, key=line.count)


def cells_of(line: str, delimiter: str, **dialect: Any) -> list[str]:
    """Return the cells of one line."""
    return next(csv.reader([line], delimiter=delimiter, **dialect), [])


def filled_rows(lines: list[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the cells of each row that has any, and the number of its last line, from 1."""
    reader: Any = csv.reader((f"{line}\n" for line in lines), delimiter=delimiter)
    for cells in reader:
        if len(cells) > 1 or (cells and cells[0].strip()):
            yield reader.line_num, cells


def records_of(text: str, delimiter: str) -> Iterable[list[str]]:
    """Return the rows of a text, whose cells may hold line breaks, one after the other."""
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)


def end_of_line(lines: list[str], start: int) -> int:
    """Return where the first line of a table ends: the names of its columns may hold line breaks in quotes."""
    quotes = 0
    for end, line in enumerate(lines[start : start + _LONGEST_HEADER], start + 1):
        quotes += line.count('"')
        if quotes % 2 == 0:
            return end
    return start + 1


def counts_up(cells: Sequence[str]) -> bool:
    """Whether cells are whole numbers, each one more than the one before, such as 0, 1, 2 or years."""
    if not all(cell.isascii() and cell.isdigit() and len(cell) < 10 for cell in cells):
        return False
    numbers = [int(cell) for cell in cells]
    return numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def counted_from(length: int) -> list[list[str]]:
    """Return so many whole numbers that count from 0, and from 1."""
    return [[str(number + start) for number in range(length)] for start in (0, 1)]


def may_be_decimal(cells: Sequence[str]) -> bool:
    """Whether the cells of a row are digits before and after a comma."""
    whole, *rest = [cell.strip() for cell in cells]
    digits = [whole.lstrip("+-"), *rest]
    return len(digits) == 2 and all(cell.isascii() and cell.isdigit() for cell in digits)


def is_number(cell: str, decimal: str = ".") -> bool:
    return parsed(cell, decimal) is not None


def is_text(cell: str) -> bool:
    return bool(cell.strip()) and parsed(cell, ",") is None


def parsed(cell: str, decimal: str) -> float | None:
    """Return the number in a cell, NaN for what is missing, None for any other text."""
    plain = cell.strip()
    if len(plain) > 400:
        return None
    if decimal == ",":
        plain = plain.replace(",", ".")
    lower = plain.lower()
    if lower in _MISSING:
        return float("nan")
    if lower in TRUTH:
        return TRUTH[lower]
    try:
        return None if "_" in plain else float(plain)
    except ValueError:
        return None
