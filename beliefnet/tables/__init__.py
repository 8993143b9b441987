"""Tables of mixed columns: what each column is taken for, how it becomes units of a net, and back.

`frame_of` takes rows in memory, `infer_schema` says what each column is taken for, and a `Schema` encodes rows as units
and decodes units as rows, with the names and categories that they came with.
"""

from beliefnet.tables._column import KINDS, MODELLED, Column, ColumnKind
from beliefnet.tables._dates import dates_of, days_of
from beliefnet.tables._fill import CellError, cell_errors, filled, missing
from beliefnet.tables._frame import Frame, frame_of, typed, written
from beliefnet.tables._infer import column_of_kind, infer_schema
from beliefnet.tables._like import like, with_columns
from beliefnet.tables._schema import Part, Schema
from beliefnet.tables._toml import read_toml, to_toml

__all__ = [
    "KINDS",
    "MODELLED",
    "CellError",
    "Column",
    "ColumnKind",
    "Frame",
    "Part",
    "Schema",
    "cell_errors",
    "column_of_kind",
    "dates_of",
    "days_of",
    "filled",
    "frame_of",
    "infer_schema",
    "like",
    "missing",
    "read_toml",
    "to_toml",
    "typed",
    "with_columns",
    "written",
]
