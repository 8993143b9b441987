"""Tables given back as what they came in."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np

from beliefnet.tables._frame import Frame


def like(data: Any, columns: Mapping[str, np.ndarray]) -> Any:
    """Return columns as a data frame of the type of some data, or as a mapping where these are no data frame.

    Args:
        data: A data frame of pandas, polars or pyarrow, or anything else.
        columns: Values by the names of the columns; None and NaN are missing. Texts of dates become dates where the
            column of the data holds dates.
    """
    kind, dates = type(data), _dates_in(data)
    plain = {name: _as_dates(values, dates.get(name)) for name, values in columns.items()}
    if hasattr(data, "iloc"):
        return kind({name: own if name not in dates else _series(data, name, own) for name, own in plain.items()})
    if hasattr(data, "column_names"):
        return kind.from_pydict({name: _listed(values) for name, values in plain.items()})
    if hasattr(data, "columns") and type(data) is not Frame:
        return kind({name: _listed(values) for name, values in plain.items()})
    return dict(plain)


def with_columns(data: Any, changed: Mapping[str, np.ndarray], columns: Mapping[str, np.ndarray]) -> Any:
    """Return a data frame with other values in some columns, of the types that these had; all else stays as it is.

    Args:
        data: A data frame of pandas, polars or pyarrow; of anything else, all columns are returned as a mapping.
        changed: The new values, by the names of the columns, with none missing.
        columns: All columns.
    """
    if hasattr(data, "iloc"):
        done, places = data.copy(), {str(name): place for place, name in enumerate(data.columns)}
        for name, values in changed.items():
            done.isetitem(places[name], _series(data, name, values, index=data.index))
        return done
    dates = _dates_in(data)
    changed = {name: _as_dates(values, dates.get(name)) for name, values in changed.items()}
    if hasattr(data, "column_names"):
        for name, values in changed.items():
            place = data.column_names.index(name)
            array = type(data).from_pydict({name: _listed(values)}).column(0).cast(data.schema.field(name).type)
            data = data.set_column(place, name, array)
        return data
    if hasattr(data, "with_columns"):
        kind = type(data)
        new = [kind({name: _listed(values)})[name].cast(data[name].dtype) for name, values in changed.items()]
        return data.with_columns(new)
    return like(data, columns)


def _series(data: Any, name: str, values: np.ndarray, index: Any = None) -> Any:
    """Return values as a column of pandas, of the type of the one that has the name."""
    own = data.iloc[:, list(map(str, data.columns)).index(name)]
    return type(own)(values, index=index, dtype=object).astype(own.dtype)


def _dates_in(data: Any) -> dict[str, str]:
    """Return the columns of a data frame that hold dates, with the names of their types."""
    names = () if type(data) is Frame else getattr(data, "column_names", getattr(data, "columns", ()))
    columns = {str(name): data[name] for name in names}
    types = {name: str(getattr(column, "dtype", getattr(column, "type", ""))) for name, column in columns.items()}
    return {name: kind for name, kind in types.items() if kind.lower().startswith(("date", "timestamp"))}


def _as_dates(values: np.ndarray, kind: str | None) -> np.ndarray:
    """Return texts of dates as those of Python, where the type of their column is one of dates."""
    if kind is None or values.dtype != object:
        return _whole(values)
    return np.array([None if cell is None else datetime.fromisoformat(cell) for cell in values], object)


def _whole(values: np.ndarray) -> np.ndarray:
    """Return whole numbers as such, if none is missing."""
    is_whole = values.dtype.kind == "f" and len(values) > 0 and bool(np.isfinite(values).all())
    if is_whole and (values == np.rint(values)).all() and np.abs(values).max() < 2**53:
        return values.astype(np.int64)
    return values


def _listed(values: np.ndarray) -> list[Any]:
    return [None if value is None or value != value else value for value in values.tolist()]
