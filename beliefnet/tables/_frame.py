"""The columns of a table in memory: numbers, or texts and truth values, with what is missing."""

import numbers
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import numpy as np

from beliefnet._errors import DataError, listed, shown, suggestion
from beliefnet.tables._dates import date_text

_LARGEST_WHOLE = 1e15
_MIDNIGHT = " 00:00:00"


@dataclass(frozen=True, eq=False)
class Frame:
    """Columns of one length, by their names.

    Attributes:
        columns: For each name numbers, float64 with NaN for what is missing, or an array of objects: texts, dates as
            such, or truth values, with None for what is missing.
        names: Names of the rows, where they have any beside the columns.
        categories: The values that a column can have, of columns that say so.
        label: What to call the table in an error.
        lines: The number of the line of each row in its file, where that is known.
        is_named: Whether the columns have names of their own, and are not merely numbered.
    """

    columns: Mapping[str, np.ndarray]
    names: tuple[str, ...] | None = None
    categories: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    label: str = "table"
    lines: tuple[int, ...] | None = None
    is_named: bool = True

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()))) if self.columns else 0

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of rows and columns."""
        return len(self), len(self.columns)

    def __getitem__(self, chosen: np.ndarray | slice) -> "Frame":
        """Return some of the rows, by a slice or an array of indices."""

        def of(values: Sequence[Any] | None) -> tuple[Any, ...] | None:
            return None if values is None else tuple(np.asarray(values, object)[chosen])

        columns = {name: values[chosen] for name, values in self.columns.items()}
        return replace(self, columns=columns, names=of(self.names), lines=of(self.lines))

    def without(self, cells: Mapping[str, np.ndarray]) -> "Frame":
        """Return the table in which some cells of some columns, `[rows]` truth values for each, are missing."""
        columns = {name: values.copy() for name, values in self.columns.items()}
        for name, chosen in cells.items():
            columns[name][chosen] = None if columns[name].dtype == object else np.nan
        return replace(self, columns=columns)

    def column(self, name: str) -> np.ndarray:
        """Return a column; `DataError` if there is none of this name."""
        if name not in self.columns:
            raise DataError(
                f"expected a column {shown(name)} in {self.label}, got {listed(self.columns)}",
                f"one of its names{suggestion(name, self.columns)}",
            )
        return self.columns[name]

    def place(self, row: int) -> str:
        """Return where a row is, by its line in a file or by its number from 1."""
        return f"row {row + 1}" if self.lines is None else f"line {self.lines[row]}"


def frame_of(data: Any, label: str = "table") -> Frame:
    """Return a table in memory as a frame.

    Args:
        data: A data frame of pandas, polars or pyarrow, a mapping from names to columns, a frame, or an array of
            numbers `[rows, columns]`, whose columns are numbered.
        label: What to call it in an error.

    Returns:
        The columns, in their order; NaN, None, NA and empty texts are missing.

    Raises:
        DataError: If it is no table, two columns have one name, or their lengths differ.

    Examples:
        >>> frame_of({"age": [31, None], "smokes": ["no", "yes"]}).columns["age"]
        array([31., nan])
    """
    if type(data) is Frame:
        return data
    names = getattr(data, "column_names", getattr(data, "columns", None))
    if names is None and issubclass(type(data), Mapping):
        names = list(data)
    if names is None:
        return _of_array(data, label)
    own = [str(name) for name in names]
    if len(set(own)) < len(own):
        twice = next(name for name in own if own.count(name) > 1)
        raise DataError(f"expected one column of each name in {label}, got two {shown(twice)}", "other names")
    columns, categories = {}, {}
    for name, given in zip(own, names, strict=True):
        columns[name] = _values(data[given])
        known = _categories(data[given])
        if known is not None:
            categories[name] = known
    sizes = {len(values) for values in columns.values()}
    if len(sizes) != 1 or not sizes - {0}:
        raise DataError(f"expected columns of one length in {label}, got {sorted(sizes) or 'none'}", "rows of data")
    return Frame(columns, _index_of(data), categories, label)


def typed(cells: Iterable[Any]) -> np.ndarray:
    """Return cells as numbers, NaN for what is missing, or as an array of texts or truth values, with None for it.

    Dates become texts such as 2024-03-31, and 2024-03-31 12:30:00 where one has a time of day.

    Examples:
        >>> typed([1, None, 2.5]), typed(["a", "", True])
        (array([1. , nan, 2.5]), array(['a', None, 'True'], dtype=object))
    """
    found = [None if _is_missing(cell) else cell for cell in cells]
    known = [cell for cell in found if cell is not None]
    if known and all(issubclass(type(cell), date) for cell in known):
        return _texts_of_dates(found)
    are_truth = [issubclass(type(cell), bool | np.bool_) for cell in known]
    if known and all(are_truth):
        return np.array([None if cell is None else bool(cell) for cell in found], object)
    are_numbers = not any(are_truth) and all(issubclass(type(cell), numbers.Number) for cell in known)
    # What double precision does not hold is an identifier.
    if are_numbers and not any(type(cell) is int and abs(cell) >= _LARGEST_WHOLE for cell in known):
        return np.array([np.nan if cell is None else float(cell) for cell in found], np.float64)
    return np.array([None if cell is None else str(cell).strip() for cell in found], object)


def _texts_of_dates(cells: Sequence[date | None]) -> np.ndarray:
    """Return dates as texts; where no one has a time of day, without one."""
    texts = [None if cell is None else date_text(cell) for cell in cells]
    have_time = any(text is not None and not text.endswith(_MIDNIGHT) and " " in text for text in texts)
    return np.array([text if have_time or text is None else text.removesuffix(_MIDNIGHT) for text in texts], object)


def written(cell: Any) -> str:
    """Return a cell as text: nothing for what is missing, whole numbers without a point."""
    if cell is None or cell != cell:
        return ""
    return str(int(cell)) if type(cell) is float and cell == int(cell) and abs(cell) < 1e15 else str(cell)


def _is_missing(cell: Any) -> bool:
    if cell is None or type(cell).__name__ in ("NAType", "NaTType"):
        return True
    if issubclass(type(cell), str):
        return not cell.strip()
    return bool(cell != cell)


def _values(column: Any) -> np.ndarray:
    dtype = getattr(column, "dtype", None)
    kind = getattr(dtype, "kind", None) if type(dtype).__module__.startswith("numpy") else None
    if kind == "M":
        # Nanoseconds would become whole numbers.
        return typed(np.asarray(column).astype("datetime64[us]").tolist())
    if kind in ("i", "u", "f"):
        values = np.asarray(column)
        if values.dtype.kind == "f" or np.abs(values.astype(np.float64)).max(initial=0) < _LARGEST_WHOLE:
            return values.astype(np.float64)
        return np.array([str(value) for value in values.tolist()], object)
    for name in ("to_pylist", "to_list", "tolist"):
        if hasattr(column, name):
            return typed(getattr(column, name)())
    return typed(column)


def _categories(column: Any) -> tuple[Any, ...] | None:
    """Return the values that a column of pandas says it can have."""
    known = getattr(getattr(column, "dtype", None), "categories", None)
    if known is None:
        return None
    cells = typed(known.to_list() if hasattr(known, "to_list") else known)
    return tuple(cell.item() if hasattr(cell, "item") else cell for cell in cells) or None


def _index_of(data: Any) -> tuple[str, ...] | None:
    """Return the names of rows in a data frame of pandas, unless they only count."""
    index = getattr(data, "index", None)
    if index is None or callable(index) or np.array_equal(np.asarray(index), np.arange(len(data))):
        return None
    return tuple(str(name) for name in index)


def _of_array(data: Any, label: str) -> Frame:
    array = np.asarray(data)
    if array.ndim != 2 or 0 in array.shape or array.dtype.kind not in "biufOU":
        raise DataError(
            f"expected a table in {label}, got {type(data).__name__} of shape {list(array.shape)}",
            "a data frame, or {'age': [31, 45], 'smokes': ['no', 'yes']}",
        )
    columns = {f"column {number + 1}": typed(array[:, number].tolist()) for number in range(array.shape[1])}
    return Frame(columns, label=label, is_named=False)
