"""Reading `.csv` files: fast when they are right, exact about the place when they are not."""

import csv
from pathlib import Path

import numpy as np

from beliefnet._errors import DataError
from beliefnet.data._arrays import readable

DELIMITERS = (",", ";", "\t")

Line = tuple[int, str]
"""The number of a line, from 1, and its text."""


def read_csv(path: Path) -> np.ndarray:
    """Read a table of numbers from a text file.

    The delimiter is whichever of comma, semicolon and tab the first line has most of. A first line without any number
    is taken for a header; blank lines are passed over. An empty cell is NaN.

    Args:
        path: The file, in UTF-8.

    Returns:
        The numbers, float64 `[n, num_features]`.

    Raises:
        DataError: With the line and column of the first text that is not a number, or the first line of another
            width; or if the file is empty or unreadable.
    """
    with readable(path):
        return _parse(path.read_text(encoding="utf-8-sig"), path)


def _parse(text: str, path: Path) -> np.ndarray:
    if not text.strip():
        raise DataError(f"expected rows of numbers, got an empty file {path}; try a file that holds data")
    delimiter = max(DELIMITERS, key=next(line for line in text.splitlines() if line.strip()).count)
    # A row of empty cells is a row, even where the delimiter is a blank itself.
    numbered = enumerate(text.splitlines(), 1)
    lines = [(number, line) for number, line in numbered if line.strip() or delimiter in line]
    first = [cell for cell in _cells(lines[0][1], delimiter) if cell.strip()]
    if first and not any(map(_is_number, first)):
        lines = lines[1:]
    if not lines:
        raise DataError(
            f"expected rows of numbers separated by commas, semicolons or tabs, got one line of text in {path}; "
            "try a file that holds data"
        )
    try:
        return _numbers([line for _, line in lines], delimiter)
    except ValueError:
        lines = [(number, _filled(line, delimiter)) for number, line in lines]
    try:
        return _numbers([line for _, line in lines], delimiter)
    except ValueError as error:
        raise _diagnose(lines, delimiter, path, error) from error


def _numbers(lines: list[str], delimiter: str) -> np.ndarray:
    return np.loadtxt(lines, delimiter=delimiter, comments=None, quotechar='"', ndmin=2)


def _filled(line: str, delimiter: str) -> str:
    """Write nan where a cell is empty."""
    return delimiter.join(cell if cell.strip() else "nan" for cell in _cells(line, delimiter))


def _diagnose(lines: list[Line], delimiter: str, path: Path, error: ValueError) -> DataError:
    """Find the first cell or line that numpy could not read."""
    width = len(_cells(lines[0][1], delimiter))
    for number, line in lines:
        cells = _cells(line, delimiter)
        for column, cell in enumerate(cells, 1):
            if not _is_number(cell):
                return DataError(
                    f"expected a number at line {number}, column {column} of {path}, got {cell!r}; "
                    "try numbers separated by commas, semicolons or tabs (only a first line without numbers is "
                    "taken for a header)"
                )
        if len(cells) != width:
            return DataError(
                f"expected {width} columns at line {number} of {path}, as in line {lines[0][0]}, got {len(cells)}; "
                "try giving every line the same number of columns"
            )
    return DataError(
        f"expected rows of numbers in {path}, got text that numpy cannot read ({error}); try plain decimals"
    )


def _cells(line: str, delimiter: str) -> list[str]:
    return next(csv.reader([line], delimiter=delimiter))


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
