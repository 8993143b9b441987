"""What the columns of a table are taken for, from their values."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from beliefnet._errors import DataError, Use, listed, shown, suggestion
from beliefnet.tables._column import Column, ColumnKind
from beliefnet.tables._dates import WITH_TIME, days_of, looks_like_a_date
from beliefnet.tables._frame import Frame, frame_of
from beliefnet.tables._schema import Schema

MOST_CATEGORIES = 50
_LONGEST_RANGE = 11
"""Whole numbers in a range of so many values are levels; so few different dates are categories."""
_MOST_DECIMALS = 6
_LARGEST_MEAN_COUNT = 20.0
_INDEX_NAMES = ("", "index", "id", "row", "unnamed: 0")
_LABEL_NAMES = ("label", "target", "class")


def infer_schema(
    data: Any, *, kinds: Mapping[str, Column] | None = None, ids: str | None = None, label: str | None = None
) -> Schema:
    """Return what the columns of a table are taken for.

    Two values make a column binary. Texts of at most 50 values, each of which occurs twice on average, are categories,
    and so is what a data frame says is categorical. Texts such as 2024-03-31 are dates, if they are of more than 11
    values, or do not occur twice. Whole numbers in a range of at most 11 are levels; from 0 or 1 on
    with a mean of at most 20, counts; all other numbers are real ones. A column of different whole numbers or texts
    that is called `id`, `index` or `row`, or `..._id`, and the first column if its texts all differ, names the rows.
    What never varies, and texts of more values, are left out. A column `label`, `target` or `class` of few values is
    kept beside the rows. The mean and standard deviation of numbers are of the rows that are there.

    Args:
        data: A table, as for `frame_of`.
        kinds: What some columns are, by their names, in the place of what their values say.
        ids: The column that names the rows.
        label: The column of labels.

    Raises:
        DataError: If it is no table, there is no column of such a name, or none is left for a net.

    Examples:
        >>> survey = {"age": [31, 45, 28, 60], "smokes": ["no", "yes", "no", "no"], "children": [0, 2, 1, 3]}
        >>> print(infer_schema(survey))
        age       number  whole numbers, mean 41, standard deviation 12.71
        smokes    binary  no or yes
        children  levels  whole numbers from 0 to 3
    """
    frame, given = frame_of(data), dict(kinds or {})
    for name in (*given, *filter(None, (ids, label))):
        if name not in frame.columns:
            raise DataError(
                f"expected a column {shown(name)} in {frame.label}, got {listed(frame.columns)}",
                f"one of its names{suggestion(name, frame.columns)}",
            )
    given |= {} if ids is None else {ids: Column(ids, "id")}
    given |= {} if label is None else {label: Column(label, "label")}
    columns = []
    for place, name in enumerate(frame.columns):
        found = given.get(name)
        has_ids = any(column.kind == "id" for column in (*columns, *given.values()))
        may_name = not has_ids and frame.names is None
        found = _inferred(frame, name, is_first=place == 0, may_name=may_name) if found is None else found
        has_label = any(column.kind == "label" for column in (*columns, *given.values()))
        if name not in given and _is_label_by_name(found) and not has_label:
            found = Column(name, "label", reason="by its name")
        columns.append(found)
    if not any(column.is_modelled for column in columns):
        reasons = "; ".join(f"{column.name}: {column.described()}" for column in columns[:6])
        raise DataError(
            f"expected a column that a net can be a model of in {frame.label}, got none ({reasons})",
            Use("schema", "schema.toml", "to say what each column is"),
        )
    return Schema(tuple(columns)).standardised(frame)


def _inferred(frame: Frame, name: str, *, is_first: bool, may_name: bool) -> Column:
    cells = frame.columns[name]
    known = [cell for cell in cells.tolist() if cell is not None and cell == cell]
    if not known:
        return Column(name, "ignored", reason="it has no values")
    if name in frame.categories:
        return _categorical(name, frame.categories[name])
    values = sorted(set(known))
    is_text, are_dates = cells.dtype == object, _are_dates(values)
    are_distinct = len(values) == len(known) == len(cells)
    is_whole = not is_text and all(value == int(value) for value in values if abs(value) < 2**53)
    may_name &= are_distinct and len(values) > 2 and (is_text or is_whole)
    if may_name and _names_rows(name, is_first, is_text and not are_dates):
        return Column(name, "id")
    if len(values) == 1:
        return Column(name, "ignored", reason=f"it is always {shown(values[0])}")
    if are_dates and len(values) > min(_LONGEST_RANGE, max(2, len(known) // 2)):
        return _of_dates(name, values)
    return _of_texts(name, values, known) if is_text else _of_numbers(name, values, known, is_whole=is_whole)


def _is_label_by_name(column: Column) -> bool:
    return column.name.strip().lower() in _LABEL_NAMES and column.kind in ("binary", "category", "levels")


def _names_rows(name: str, is_first: bool, is_text: bool) -> bool:
    plain = name.strip().lower()
    return plain in _INDEX_NAMES or plain.endswith(("_id", " id", "-id")) or (is_first and is_text)


def _of_texts(name: str, values: list[Any], known: list[Any]) -> Column:
    if len(values) == 2:
        return Column(name, "binary", tuple(values))
    if len(values) <= min(MOST_CATEGORIES, len(known) // 2):
        return Column(name, "category", tuple(values))
    are_dates = all(map(looks_like_a_date, values))
    what = "dates that are not written as 2024-03-31" if are_dates else "texts"
    return Column(name, "ignored", reason=f"{len(values)} different {what}, such as {shown(known[0], 30)}")


def _are_dates(values: Sequence[Any]) -> bool:
    return all(type(value) is str and days_of(value) is not None for value in values)


def _of_dates(name: str, values: Sequence[str]) -> Column:
    days = [days_of(value) or 0.0 for value in values]
    return Column(name, "date", decimals=0 if all(day == int(day) for day in days) else WITH_TIME)


def _categorical(name: str, values: Iterable[Any]) -> Column:
    values = tuple(values)
    if len(values) < 2:
        return Column(name, "ignored", reason=f"it is always {listed(values)}")
    return Column(name, "binary" if len(values) == 2 else "category", values)


def _of_numbers(name: str, values: list[float], known: list[float], *, is_whole: bool) -> Column:
    if len(values) == 2:
        return Column(name, "binary", tuple(int(value) if is_whole else value for value in values))
    least, largest = values[0], values[-1]
    if is_whole and largest - least < _LONGEST_RANGE:
        return Column(name, "levels", least=int(least), largest=int(largest))
    if is_whole and least in (0, 1) and float(np.mean(known)) <= _LARGEST_MEAN_COUNT:
        return Column(name, "count")
    return Column(name, "number", decimals=_decimals(values))


def _decimals(numbers: Sequence[float]) -> int:
    """Return how many decimals numbers have; of those with many, what makes six digits of their spread."""
    values = np.array(numbers, np.float64)
    for decimals in range(_MOST_DECIMALS + 1):
        # What is computed is not quite round.
        if (np.abs(np.round(values, decimals) - values) <= 1e-9 * np.maximum(1, np.abs(values))).all():
            return decimals
    spread = float(np.std(values / np.abs(values).max())) * float(np.abs(values).max())
    return max(0, _MOST_DECIMALS - 1 - int(np.floor(np.log10(spread)))) if spread > 0 else _MOST_DECIMALS


def column_of_kind(frame: Frame, name: str, kind: ColumnKind) -> Column:
    """Return a column that is said to be of a kind, with what its values say of the rest.

    Raises:
        DataError: If its values are not of that kind.
    """
    cells = frame.column(name)
    known = [cell for cell in cells.tolist() if cell is not None and cell == cell]
    if kind in ("binary", "category"):
        values = tuple(sorted(set(known), key=lambda value: (type(value) is str, value)))
        whole = tuple(int(v) if type(v) is float and v == int(v) else v for v in values)
        return Column(name, kind, whole)
    if kind == "levels":
        numbers = _all_numbers(frame, name, known, kind)
        return Column(name, "levels", least=int(min(numbers)), largest=int(max(numbers)))
    if kind == "number":
        numbers = _all_numbers(frame, name, known, kind)
        return Column(name, "number", decimals=_decimals(numbers))
    if kind == "date":
        wrong = next((value for value in known if days_of(value) is None), None)
        if wrong is not None or not known:
            raise DataError(
                f"expected dates such as 2024-03-31 in column {shown(name)} of {frame.label}, which is said to be of "
                f"kind 'date', got {'no values' if wrong is None else shown(wrong)}",
                "kind = 'ignored'",
            )
        return _of_dates(name, known)
    return Column(name, kind)


def _all_numbers(frame: Frame, name: str, known: list[Any], kind: str) -> list[float]:
    if not known or any(type(value) is str for value in known):
        got = next((shown(value) for value in known if type(value) is str), "no values")
        raise DataError(
            f"expected numbers in column {shown(name)} of {frame.label}, which is said to be of kind "
            f"{kind!r}, got {got}",
            "kind = 'date'" if _are_dates(known) and known else "kind = 'category'",
        )
    return known
