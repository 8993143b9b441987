"""Tables given back as what they came in."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from beliefnet.tables._frame import Frame


def like(data: Any, columns: Mapping[str, np.ndarray]) -> Any:
    """Return columns as a data frame of the type of some data, or as a mapping where these are no data frame.

    Args:
        data: A data frame of pandas, polars or pyarrow, or anything else.
        columns: Values by the names of the columns; None and NaN are missing.
    """
    kind = type(data)
    plain = {name: _whole(values) for name, values in columns.items()}
    if hasattr(data, "iloc"):
        return kind(plain)
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
            own = data.iloc[:, places[name]]
            done.isetitem(places[name], type(own)(values, index=own.index, dtype=object).astype(own.dtype))
        return done
    if hasattr(data, "column_names"):
        for name, values in changed.items():
            place = data.column_names.index(name)
            array = type(data).from_pydict({name: _listed(_whole(values))}).column(0).cast(data.schema.field(name).type)
            data = data.set_column(place, name, array)
        return data
    if hasattr(data, "with_columns"):
        kind = type(data)
        new = [kind({name: _listed(_whole(values))})[name].cast(data[name].dtype) for name, values in changed.items()]
        return data.with_columns(new)
    return like(data, columns)


def _whole(values: np.ndarray) -> np.ndarray:
    """Return whole numbers as such, if none is missing."""
    is_whole = values.dtype.kind == "f" and len(values) > 0 and bool(np.isfinite(values).all())
    if is_whole and (values == np.rint(values)).all() and np.abs(values).max() < 2**53:
        return values.astype(np.int64)
    return values


def _listed(values: np.ndarray) -> list[Any]:
    return [None if value is None or value != value else value for value in values.tolist()]
