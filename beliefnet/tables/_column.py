"""A column of a table: what it is taken for, the units that it becomes, and the values that units stand for."""

from dataclasses import dataclass, fields
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from beliefnet._errors import DataError, Use, listed, shown
from beliefnet.tables._frame import Frame, written

ColumnKind: TypeAlias = Literal["binary", "category", "levels", "count", "number", "id", "label", "ignored"]
"""What a column is: two values; categories without an order; whole numbers in a range; counts; real numbers; the names
of the rows; labels, which are kept beside the rows; or nothing that a net sees."""

KINDS: tuple[ColumnKind, ...] = get_args(ColumnKind)
MODELLED = KINDS[:5]
"""Kinds of columns that a net is a model of."""
_OF_KIND = {
    "binary": ("values",),
    "category": ("values",),
    "levels": ("least", "largest"),
    "number": ("location", "scale", "is_whole"),
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
        location: What is subtracted from a number: the mean of the training rows.
        scale: What it is then divided by: their standard deviation.
        is_whole: Whether the numbers are whole: what a net says of them is then rounded.
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
    is_whole: bool = False
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

    def encode(self, frame: Frame) -> np.ndarray:
        """Return the column of a table as units, float64 `[rows, units]`, NaN where it is missing.

        Raises:
            DataError: If it is not there, or naming the first value that the column does not have.
        """
        if self.name not in frame.columns:
            # A header in one piece was cut at the wrong marks.
            marks = [mark for mark in ",;\t" if len(frame.columns) == 1 and mark in next(iter(frame.columns))]
            raise DataError(
                f"expected a column {shown(self.name)} in {frame.label}, got {listed(frame.columns)}",
                *(Use("delimiter", mark) for mark in marks),
                "an empty column of this name, where it is unknown",
            )
        cells = frame.column(self.name)
        if self.kind in ("binary", "category"):
            return self._of_values(cells, frame)
        numbers = self._numbers(cells, frame)
        if self.kind == "number":
            return ((numbers - self.location) / self.scale)[:, None]
        least, largest = (self.least, self.largest) if self.kind == "levels" else (0, np.inf)
        wrong = (numbers != np.rint(numbers)) & ~np.isnan(numbers) | (numbers < least) | (numbers > largest)
        if wrong.any():
            row = int(np.argmax(wrong))
            expected = f"whole numbers from {least} to {largest}" if self.kind == "levels" else "whole numbers from 0"
            hint = f"kind = {_WIDER[self.kind]} in a schema to train with"
            raise self._refusal(expected, f"{numbers[row]:g}", row, frame, hint, "an empty cell")
        if self.kind == "levels":
            numbers = (numbers - self.least) / (self.num_levels - 1)
        return numbers[:, None]

    def decode(self, units: np.ndarray) -> np.ndarray:
        """Return what units stand for, `[rows, units]` to `[rows]`: draws, or the means that they have.

        Of means, categories are the likeliest ones, and levels, counts and whole numbers the nearest ones.
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
        return np.rint(numbers) if self.is_whole else numbers

    def described(self) -> str:
        """Return what it is taken for, in words."""
        known = {
            "binary": " or ".join(map(str, self.values)),
            "category": f"one of {listed(self.values, 6)}",
            "levels": f"whole numbers from {self.least} to {self.largest}",
            "count": "counts",
            "number": f"{'whole ' if self.is_whole else ''}numbers, mean {self.location:.4g}, standard deviation "
            f"{self.scale:.4g}",
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

    def _of_values(self, cells: np.ndarray, frame: Frame) -> np.ndarray:
        place_of = {_key(value): place for place, value in enumerate(self.values)}
        places = [-1 if _missing(cell) else place_of.get(_key(cell), -2) for cell in cells]
        found = np.array(places, int)
        if (found == -2).any():
            row = int(np.argmax(found == -2))
            raise self._refusal(
                f"one of {listed(self.values)}",
                repr(written(cells[row])),
                row,
                frame,
                "an empty cell, where it is unknown",
            )
        if self.kind == "binary":
            return np.where(found == -1, np.nan, found.astype(np.float64))[:, None]
        return np.where((found == -1)[:, None], np.nan, np.eye(len(self.values))[found])

    def _numbers(self, cells: np.ndarray, frame: Frame) -> np.ndarray:
        if cells.dtype == object:
            numbers = [_as_number(cell) for cell in cells.tolist()]
            for row, number in enumerate(numbers):
                if number is None:
                    raise self._refusal("numbers", shown(cells[row]), row, frame, "an empty cell")
            return np.array(numbers, np.float64)
        wrong = np.isinf(cells)
        if wrong.any():
            row = int(np.argmax(wrong))
            raise self._refusal("finite numbers", f"{cells[row]:g}", row, frame, "an empty cell")
        return cells

    def _refusal(self, expected: str, got: str, row: int, frame: Frame, *hints: str | Use) -> DataError:
        return DataError(
            f"expected {expected} in column {shown(self.name)} of {frame.label}, got {got} at {frame.place(row)}",
            *hints,
        )


def _as_number(cell: Any) -> float | None:
    """Return the number that a cell holds, as text too; NaN for none, None for anything else."""
    if cell is None:
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
    return str(int(value)) if value == int(value) else repr(float(value))
