"""Schemas in TOML files, to be read and edited."""

import tomllib
from pathlib import Path
from typing import Any

from beliefnet._errors import DataError, listed, shown
from beliefnet.tables._column import KINDS, Column
from beliefnet.tables._schema import Schema

_HEAD = """\
# What each column of a table is taken for. The kinds are binary, category, levels, count, number, date, id, label,
# ignored.
# A column that is not here is judged by its values; so are the values, levels and mean of a kind that stands alone.

"""


def to_toml(schema: Schema) -> str:
    """Return a schema as TOML, with a table for each column."""
    import tomli_w

    columns = {}
    for column in schema.columns:
        # Means and scales are those of the training rows.
        plain = {name: value for name, value in column.to_dict().items() if name not in ("name", *_FITTED)}
        columns[column.name] = plain
    return _HEAD + tomli_w.dumps({"columns": columns})


def read_toml(path: Path) -> dict[str, Any]:
    """Read what some columns of a table are said to be: the kind of each, or all of it, as a `Column`.

    Raises:
        DataError: If it is no such file.
    """
    try:
        plain = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(
            f"expected a TOML file with a schema, got {path} ({error.strerror or error})",
            "beliefnet schema survey.csv --out schema.toml",
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"expected TOML in {path}, got a file that does not parse: {error}", "[columns.age]") from error
    columns: Any = plain.get("columns")
    if set(plain) != {"columns"} or not issubclass(type(columns), dict):
        raise DataError(f"expected a table for each column in {path}, got {listed(plain)}", "[columns.age]")
    return {name: _column(name, said, path) for name, said in columns.items()}


def _column(name: str, said: Any, path: Path) -> Any:
    if not issubclass(type(said), dict) or said.get("kind") not in KINDS:
        raise DataError(
            f"expected a kind out of {listed(KINDS)} for column {shown(name)} in {path}, got {shown(said)}",
            'kind = "number"',
        )
    is_judged = said["kind"] in _JUDGED and set(said) <= {"kind", "reason"}
    return said["kind"] if is_judged else Column.from_dict({"name": name, **said})


_FITTED = ("location", "scale")
"""What is found in the training rows."""
_JUDGED = ("binary", "category", "levels", "number", "date")
"""Kinds of which the rest is found in the values, where nothing is said."""
