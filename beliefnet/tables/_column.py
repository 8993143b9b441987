"""A column of a table: what it is taken for, the units that it becomes, and the values that units stand for."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, Literal, NamedTuple, TypeAlias, get_args

import numpy as np

from beliefnet._errors import DataError, Use, listed, shown
from beliefnet.tables._dates import dates_of, days_of
from beliefnet.tables._frame import Frame, written

ColumnKind: TypeAlias = Literal["binary", "category", "levels", "count", "number", "date", "id", "label", "ignored"]
"""What a column is: two values; categories without an order; whole numbers in a range; counts; real numbers; dates; the
names of the rows; labels, which are kept beside the rows; or nothing that a net sees."""

KINDS: tuple[ColumnKind, ...] = get_args(ColumnKind)
MODELLED: tuple[ColumnKind, ...] = ("binary", "category", "levels", "count", "number", "date")
"""Kinds of columns that a net is a model of, in the order of their units."""
STANDARDISED: tuple[ColumnKind, ...] = ("number", "date")
"""Kinds of which a net sees how many standard deviations a value is from the mean."""
_OF_KIND = {
    "binary": ("values",),
    "category": ("values",),
    "levels": ("least", "largest"),
    "number": ("location", "scale", "decimals"),
    "date": ("location", "scale", "decimals"),
}
_MOST_LEVELS = 256
_WIDER = {"levels": "'count' or 'number'", "count": "'number'"}
"""Kinds that take what such a column does not."""


@dataclass(frozen=True)
class Column:
    """What a column of a table is taken for.

    Attributes:
        name: Its name.
        kind: What it is.
        values: The values of a binary or categorical column, in the order of its units: the second of two is 1.
        least: The least value of a column of levels.
        largest: The largest one.
        location: What is subtracted from a number, or from a date in days since 1970: the mean of the training rows.
        scale: What it is then divided by: their standard deviation.
        decimals: How many decimals what a net says of numbers is rounded to; of dates, 0 for those without a time.
        reason: Why the column is ignored, or taken for something else than its values.

    Raises:
        DataError: If the kind has no such column.
    """

    name: str
    kind: ColumnKind
    values: tuple[Any, ...] = ()
    least: int = 0
    largest: int = 0
    location: float = 0.0
    scale: float = 1.0
    decimals: int = 6
    reason: str = ""

    def __post_init__(self):
        if self.kind not in KINDS:
            raise DataError(
                f"expected a kind out of {listed(KINDS)} for column {shown(self.name)}, got {self.kind!r}", "'number'"
            )
        found = len(set(map(str, self.values)))
        if found < len(self.values):
            raise DataError(
                f"expected different values for column {shown(self.name)}, got {listed(self.values)}", "each one once"
            )
        if self.kind == "binary" and found != 2:
            raise DataError(
                f"expected two values for column {shown(self.name)}, got {listed(self.values) or 'none'}",
                "kind = 'category'" if found > 2 else "values = ['no', 'yes']",
            )
        if self.kind == "category" and found < 2:
            raise DataError(
                f"expected two categories or more for column {shown(self.name)}, got {listed(self.values) or 'none'}",
                "values = ['red', 'green', 'blue']",
            )
        if self.kind == "levels" and not 2 <= self.num_levels <= _MOST_LEVELS:
            raise DataError(
                f"expected from 2 to {_MOST_LEVELS} levels for column {shown(self.name)}, got {self.least} to "
                f"{self.largest}",
                "kind = 'number'",
            )
        if not 0 < self.scale < float("inf"):
            raise DataError(f"expected a positive scale for column {shown(self.name)}, got {self.scale}", "scale = 1.0")

    @property
    def is_modelled(self) -> bool:
        """Whether a net is a model of it."""
        return self.kind in MODELLED

    @property
    def num_levels(self) -> int:
        """Number of levels from the least to the largest."""
        return self.largest - self.least + 1

    @property
    def size(self) -> int:
        """What tells families of one kind apart: the number of categories or levels."""
        return {"category": len(self.values), "levels": self.num_levels}.get(self.kind, 0)

    @property
    def num_units(self) -> int:
        """How many units it becomes."""
        return len(self.values) if self.kind == "category" else int(self.is_modelled)

    @property
    def unit_names(self) -> tuple[str, ...]:
        """The name of each unit."""
        if self.kind == "category":
            return tuple(f"{self.name}={value}" for value in self.values)
        return (f"{self.name}={self.values[1]}" if self.kind == "binary" else self.name,)

    def encode(self, frame: Frame, *, is_strict: bool = True) -> np.ndarray:
        """Return the column of a table as units, float64 `[rows, units]`, NaN where it is missing.

        Args:
            frame: The table.
            is_strict: Refuse values that the column does not have; else they are missing.

        Raises:
            DataError: If it is not there, or naming the first value that the column does not have.
        """
        if self.name not in frame.columns:
            # A header in one piece was cut at the wrong marks.
            marks = [mark for mark in ",;\t" if len(frame.columns) == 1 and mark in next(iter(frame.columns))]
            raise DataError(
                f"expected a column {shown(self.name)} in {frame.label}, got {listed(frame.columns)}",
                *(Use("delimiter", mark, "where that separates the cells") for mark in marks),
                "an empty column of this name, where it is unknown",
            )
        read = self._read(frame.column(self.name))
        if is_strict and read.wrong.any():
            raise self._refusal(read, frame)
        return np.where(read.wrong[:, None], np.nan, read.units)

    def unseen(self, frame: Frame) -> np.ndarray:
        """Return which cells hold a value that the column does not have, `[rows]`."""
        return self._read(frame.column(self.name)).wrong

    def decode(self, units: np.ndarray) -> np.ndarray:
        """Return what units stand for, `[rows, units]` to `[rows]`: draws, or the means that they have.

        Of means, categories are the likeliest ones, and levels, counts and whole numbers the nearest ones. Numbers have
        as many decimals as those of the column, and dates are texts.
        """
        if self.kind in ("binary", "category"):
            chosen = (units[:, 0] >= 0.5).astype(int) if self.kind == "binary" else units.argmax(axis=1)
            return np.array(self.values, object)[chosen]
        numbers = units[:, 0].astype(np.float64)
        if self.kind == "levels":
            return np.rint(np.clip(numbers, 0, 1) * (self.num_levels - 1)) + self.least
        if self.kind == "count":
            return np.rint(np.maximum(numbers, 0))
        numbers = numbers * self.scale + self.location
        if self.kind == "date":
            return dates_of(numbers, have_time=self.decimals > 0)
        return np.round(numbers, self.decimals)

    def described(self) -> str:
        """Return what it is taken for, in words."""
        known = {
            "binary": " or ".join(map(str, self.values)),
            "category": f"one of {listed(self.values, 6)}",
            "levels": f"whole numbers from {self.least} to {self.largest}",
            "count": "counts",
            "number": f"{'' if self.decimals else 'whole '}numbers, mean {self.location:.4g}, standard deviation "
            f"{self.scale:.4g}",
            "date": f"dates, mean {dates_of(np.array([self.location]), have_time=False)[0]}, standard deviation "
            f"{self.scale:.4g} days",
            "id": "names of the rows",
            "label": "labels, kept beside the rows and not learnt",
            "ignored": "left out",
        }[self.kind]
        return f"{known} ({self.reason})" if self.reason else known

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON or TOML: the name, the kind, and what belongs to the kind."""
        plain = {"name": self.name, "kind": self.kind} | {
            name: getattr(self, name) for name in _OF_KIND.get(self.kind, ())
        }
        plain |= {"values": list(self.values)} if "values" in plain else {}
        return plain | ({"reason": self.reason} if self.reason else {})

    @classmethod
    def from_dict(cls, plain: Any) -> "Column":
        """Rebuild a column from plain values; `DataError` if they are none of a column."""
        known = [option.name for option in fields(cls)]
        if not issubclass(type(plain), dict) or not {"name", "kind"} <= plain.keys():
            raise DataError(f"expected a column with a name and a kind, got {shown(plain)}", "a schema of this version")
        unknown = [name for name in plain if name not in known]
        if unknown:
            raise DataError(
                f"expected what is known of column {shown(plain['name'])}, got {listed(unknown)}",
                f"one of {listed(known[2:])}",
            )
        values = plain.get("values", ())
        if issubclass(type(values), str) or not issubclass(type(values), list | tuple):
            raise DataError(
                f"expected a list of values for column {plain['name']!r}, got {shown(values)}", "['a', 'b']"
            )
        try:
            return cls(**{**plain, "values": tuple(values)})
        except TypeError as error:
            raise DataError(f"expected numbers for column {plain['name']!r}, got {shown(plain)}", "0.0") from error

    def _read(self, cells: np.ndarray) -> "_Read":
        if self.kind in ("binary", "category"):
            place_of = {_key(value): place for place, value in enumerate(self.values)}
            found = np.array([-1 if _missing(cell) else place_of.get(_key(cell), -2) for cell in cells], int)
            units = np.eye(len(self.values))[found] if self.kind == "category" else found.astype(np.float64)[:, None]
            return _Read(np.where((found < 0)[:, None], np.nan, units), cells, found == -2)
        numbers, wrong = _as_numbers(cells, days_of if self.kind == "date" else _as_number)
        if self.kind in STANDARDISED:
            return _Read(((numbers - self.location) / self.scale)[:, None], cells, wrong)
        least, largest = self._range
        wrong |= (numbers != np.rint(numbers)) & ~np.isnan(numbers) | (numbers < least) | (numbers > largest)
        numbers = (numbers - self.least) / (self.num_levels - 1) if self.kind == "levels" else numbers
        return _Read(numbers[:, None], cells, wrong)

    @property
    def _range(self) -> tuple[float, float]:
        return (self.least, self.largest) if self.kind == "levels" else (0, np.inf)

    def _refusal(self, read: "_Read", frame: Frame) -> DataError:
        """Return the error for cells of which some hold values that the column does not have."""
        row, num_wrong = int(np.argmax(read.wrong)), int(read.wrong.sum())
        cell, hint = read.cells[row], "an empty cell, where it is unknown"
        number = None if self.kind == "date" else _as_number(cell)
        got = repr(written(cell)) if number is None else f"{number:g}"
        if self.kind in ("binary", "category"):
            expected, got = f"one of {listed(self.values)}", repr(written(cell))
        elif self.kind == "date":
            expected = "dates such as 2024-03-31"
        elif number is None or np.isinf(number):
            expected = "numbers" if number is None else "finite numbers"
        elif self.kind == "levels":
            expected = f"whole numbers from {self.least} to {self.largest}"
        else:
            expected = "whole numbers from 0"
        if number is not None and self.kind in _WIDER:
            hint = f"kind = {_WIDER[self.kind]} in a schema to train with"
        more = "" if num_wrong == 1 else f", the first of {num_wrong} such cells"
        return DataError(
            f"expected {expected} in column {shown(self.name)} of {frame.label}, got {got} at {frame.place(row)}{more}",
            Use("unseen", "missing", "to take it as missing" if num_wrong == 1 else "to take them as missing"),
            hint,
        )


class _Read(NamedTuple):
    """A column as units `[rows, units]`, its cells, and which of these hold a value that it does not have."""

    units: np.ndarray
    cells: np.ndarray
    wrong: np.ndarray


def _as_numbers(cells: np.ndarray, number_of: Callable[[Any], float | None]) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers that cells hold, NaN for none, and which cells hold something else, or no finite number."""
    if cells.dtype != object and number_of is _as_number:
        return cells, np.isinf(cells)
    found = [number_of(cell) for cell in cells.tolist()]
    numbers = np.array([np.nan if number is None else number for number in found], np.float64)
    return numbers, np.array([number is None for number in found], bool) | np.isinf(numbers)


def _as_number(cell: Any) -> float | None:
    """Return the number that a cell holds, as text too; NaN for none, None for anything else."""
    if cell is None or cell != cell:
        return float("nan")
    try:
        return None if type(cell) is bool else float(cell)
    except ValueError:
        return None


def _missing(cell: Any) -> bool:
    return cell is None or cell != cell


def _key(value: Any) -> str:
    """Return what two values are told apart by: a number is the same in any type, as text too; so are truth values."""
    if issubclass(type(value), bool | np.bool_):
        return str(bool(value))
    if issubclass(type(value), str):
        return value
    return str(int(value)) if np.isfinite(value) and value == int(value) else repr(float(value))
