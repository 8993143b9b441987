"""All columns of a table: their order as units of a net, rows encoded and decoded."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from beliefnet._errors import DataError, listed, shown
from beliefnet._text import printable
from beliefnet.tables._column import MODELLED, STANDARDISED, Column, ColumnKind
from beliefnet.tables._frame import Frame

_NAME = 40


@dataclass(frozen=True)
class Part:
    """Columns of one kind and size, whose units are neighbours.

    Attributes:
        kind: What they are.
        size: The number of categories or levels, 0 for others.
        columns: The columns.
    """

    kind: ColumnKind
    size: int
    columns: tuple[Column, ...]


@dataclass(frozen=True)
class Schema:
    """What the columns of a table are taken for, in their order.

    The units of a net have another order: those of binary columns first, then of categories, levels, counts, numbers
    and dates, each in the order of the columns, so that units of one family are neighbours.

    Attributes:
        columns: The columns.

    Raises:
        DataError: If two have one name, or two name the rows.

    Examples:
        >>> age, smokes = Column("age", "number", location=40.0, scale=10.0), Column("smokes", "binary", ("no", "yes"))
        >>> schema = Schema((age, smokes))
        >>> schema.encode(Frame({"age": np.array([50.0, np.nan]), "smokes": np.array(["no", "yes"], object)}))
        array([[ 0.,  1.],
               [ 1., nan]], dtype=float32)
    """

    columns: tuple[Column, ...]

    def __post_init__(self):
        names = [column.name for column in self.columns]
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise DataError(f"expected one column of each name, got two {shown(twice)}", "other names")
        for kind in ("id", "label"):
            same = [column.name for column in self.columns if column.kind == kind]
            if len(same) > 1:
                raise DataError(f"expected one column of kind {kind!r}, got {listed(same)}", "kind = 'ignored'")

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """The columns that a net is a model of, in the order of their units."""
        modelled = [column for column in self.columns if column.is_modelled]
        ordered = sorted(modelled, key=lambda column: (MODELLED.index(column.kind), column.size))
        groups = itertools.groupby(ordered, key=lambda column: (column.kind, column.size))
        return tuple(Part(kind, size, tuple(columns)) for (kind, size), columns in groups)

    @cached_property
    def modelled(self) -> tuple[Column, ...]:
        """The same columns, one after the other."""
        return tuple(column for part in self.parts for column in part.columns)

    @cached_property
    def places(self) -> Mapping[str, slice]:
        """Where the units of each of these columns are."""
        ends = list(itertools.accumulate(column.num_units for column in self.modelled))
        return {c.name: slice(end - c.num_units, end) for c, end in zip(self.modelled, ends, strict=True)}

    @property
    def groups(self) -> np.ndarray:
        """Which units belong to each of these columns, `[columns, units]`."""
        found = np.zeros((len(self.modelled), self.num_units), bool)
        for group, place in zip(found, self.places.values(), strict=True):
            group[place] = True
        return found

    @property
    def unit_names(self) -> tuple[str, ...]:
        """The name of each unit: that of its column, with the category that it stands for."""
        return tuple(name for column in self.modelled for name in column.unit_names)

    @property
    def num_units(self) -> int:
        """How many units a row becomes."""
        return sum(column.num_units for column in self.modelled)

    def of_kind(self, kind: ColumnKind) -> str | None:
        """Return the name of the column of ids or of labels; None where there is none."""
        return next((column.name for column in self.columns if column.kind == kind), None)

    def encode(self, frame: Frame) -> np.ndarray:
        """Return rows as units, float32 `[rows, units]`, NaN for what is missing.

        Args:
            frame: The rows; columns are found by their names, or by their places where they have none.

        Raises:
            DataError: If a column is not there, or naming the first value that a column does not have.
        """
        frame = self.renamed(frame)
        return np.concatenate([column.encode(frame) for column in self.modelled], axis=1).astype(np.float32)

    def decode(self, units: np.ndarray) -> dict[str, np.ndarray]:
        """Return what units stand for, by the names of the columns, in the order of the table.

        Args:
            units: `[rows, units]`: draws, or means; of these the nearest value is taken, or the likeliest category.
        """
        units = np.asarray(units)
        modelled = [column for column in self.columns if column.is_modelled]
        return {column.name: column.decode(units[:, self.places[column.name]]) for column in modelled}

    def unseen(self, frame: Frame) -> dict[str, np.ndarray]:
        """Return which cells hold a value that their column does not have, `[rows]`, by the columns that have any.

        Args:
            frame: The rows; a column that is not there is left to `encode`.
        """
        frame = self.renamed(frame)
        found = {c.name: c.unseen(frame) for c in self.modelled if c.name in frame.columns}
        return {name: cells for name, cells in found.items() if cells.any()}

    @property
    def dates(self) -> tuple[str, ...]:
        """The names of the columns of dates."""
        return tuple(column.name for column in self.columns if column.kind == "date")

    def known(self, units: np.ndarray) -> dict[str, np.ndarray]:
        """Return what units stand for, as `decode` does, with None or NaN for what is missing."""
        found = self.decode(np.nan_to_num(units))
        for name, values in found.items():
            is_missing = np.isnan(units[:, self.places[name]]).any(axis=1)
            values[is_missing] = None if values.dtype == object else np.nan
        return found

    def renamed(self, frame: Frame) -> Frame:
        """Return a table whose columns have the names of the schema, where they have none of their own."""
        if frame.is_named or set(frame.columns) >= {column.name for column in self.modelled}:
            return frame
        own = [column.name for column in self.columns]
        if len(own) != len(frame.columns):
            raise DataError(
                f"expected the {len(own)} columns of the table that the net was trained on in {frame.label}, got "
                f"{len(frame.columns)} without names",
                "a header with their names",
            )
        return replace(frame, columns=dict(zip(own, frame.columns.values(), strict=True)), is_named=True)

    def standardised(self, frame: Frame) -> "Schema":
        """Return the schema with the mean and standard deviation of its numbers and dates in some rows."""

        def fitted(column: Column) -> Column:
            if column.kind not in STANDARDISED:
                return column
            numbers = replace(column, location=0.0, scale=1.0).encode(frame, is_strict=False)[:, 0]
            known = numbers[~np.isnan(numbers)]
            if not len(known):
                return column
            # Large numbers have squares that are none, and small differences between large ones count.
            first, rest = known[0], known - known[0]
            size = float(np.abs(rest).max()) or 1.0
            location, scale = float(first + np.mean(rest / size) * size), float(np.std(rest / size)) * size
            return replace(column, location=location, scale=scale or 1.0)

        return Schema(tuple(map(fitted, self.columns)))

    def to_dict(self) -> list[dict[str, Any]]:
        """Return plain values for JSON."""
        return [column.to_dict() for column in self.columns]

    @classmethod
    def from_dict(cls, plain: Any) -> "Schema":
        """Rebuild a schema from plain values; `DataError` if they are none of a schema."""
        if type(plain) is not list:
            raise DataError(f"expected a list of columns in a schema, got {shown(plain)}", "a schema of this version")
        return cls(tuple(map(Column.from_dict, plain)))

    def __str__(self) -> str:
        """A line for each column: its name, its kind, and what that means."""
        names = [printable(column.name, _NAME) for column in self.columns]
        width = max(map(len, names), default=0)
        kinds = max((len(column.kind) for column in self.columns), default=0)
        return "\n".join(
            f"{name:{width}}  {column.kind:{kinds}}  {printable(column.described(), 200)}"
            for name, column in zip(names, self.columns, strict=True)
        )
