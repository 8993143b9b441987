"""Dates as numbers of days, and numbers of days as dates."""

import re
from datetime import date, datetime
from typing import Any

import numpy as np

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?)?")
_LIKE_A_DATE = re.compile(r"\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|\d{4}[./-]\d{1,2}[./-]\d{1,2}.*")
_EPOCH = datetime(1970, 1, 1)
_DAY = 86_400
_RANGE = (date(1, 1, 1).toordinal() - _EPOCH.toordinal(), date(9999, 12, 31).toordinal() - _EPOCH.toordinal())
WITH_TIME = 5
"""Decimals of a day that hold a second."""


def days_of(cell: Any) -> float | None:
    """Return a date, with or without a time of day, as days since 1970; NaN for none, None for anything else.

    Examples:
        >>> days_of("1970-01-02"), days_of("1970-01-01 18:00"), days_of("2.1.1970")
        (1.0, 0.75, None)
    """
    if cell is None or cell != cell:
        return float("nan")
    if not issubclass(type(cell), str) or not _DATE.fullmatch(cell):
        return None
    try:
        return (datetime.fromisoformat(cell) - _EPOCH).total_seconds() / _DAY
    except ValueError:
        return None


def dates_of(days: np.ndarray, *, have_time: bool) -> np.ndarray:
    """Return days since 1970 as texts, `[rows]`, rounded to days, or to seconds where dates have a time of day.

    Examples:
        >>> dates_of(np.array([0.6, 19_788.25]), have_time=False).tolist()
        ['1970-01-02', '2024-03-06']
    """
    unit = "s" if have_time else "D"
    within = np.clip(days, _RANGE[0], _RANGE[1])
    places = np.rint(within * (_DAY if have_time else 1)).astype(np.int64).astype(f"datetime64[{unit}]")
    return np.char.replace(np.datetime_as_string(places, unit), "T", " ").astype(object)


def looks_like_a_date(cell: Any) -> bool:
    """Whether a text seems to be a date, written in another way than those that are read."""
    return issubclass(type(cell), str) and bool(_LIKE_A_DATE.fullmatch(cell.strip()))


def date_text(cell: date) -> str:
    """Return a date of Python or pandas as a text; one without a time of day has none.

    Examples:
        >>> date_text(datetime(2024, 3, 6, 12, 30))
        '2024-03-06 12:30:00'
    """
    return cell.isoformat(" ") if issubclass(type(cell), datetime) else cell.isoformat()  # pyright: ignore
