"""Data sets: by name, from a user's own file or rows in memory, with a record of where they came from.

`load` and `Dataset.from_arrays` give three splits of `Observations` and a `Record`; `read_rows` gives the rows of one
file, `read_like` those for a trained model, read as its own data were, `rows_like` rows in memory likewise, and
`read_incomplete_rows` those with missing entries.
"""

from beliefnet._cache import cache_folder
from beliefnet._errors import DataError, DataUnavailable
from beliefnet._types import ValueKind
from beliefnet.data._arrays import as_rows
from beliefnet.data._binarization import check_binarization
from beliefnet.data._dataset import Dataset
from beliefnet.data._device_rows import DeviceRows, SparseRows, rounded_up
from beliefnet.data._documents import numbered_columns, spelled, unspelled
from beliefnet.data._levels import check_levels
from beliefnet.data._load import Listing, available, fetch, load, names
from beliefnet.data._observations import Observations, masked_entries, observations_of
from beliefnet.data._read_like import read_incomplete_rows, read_like, read_rows, read_table_like, rows_like
from beliefnet.data._record import LoadOptions, Reading, Record
from beliefnet.data._sparse import CSR, Rows, checksum
from beliefnet.data._values import check_width
from beliefnet.data.streamed._batches import AbstractStreamed, Batches, Taking
from beliefnet.data.streamed._load import load_shards

__all__ = [
    "CSR",
    "AbstractStreamed",
    "Batches",
    "DataError",
    "DataUnavailable",
    "Dataset",
    "DeviceRows",
    "Listing",
    "LoadOptions",
    "Observations",
    "Reading",
    "Record",
    "Rows",
    "SparseRows",
    "Taking",
    "ValueKind",
    "as_rows",
    "available",
    "cache_folder",
    "check_binarization",
    "check_levels",
    "check_width",
    "checksum",
    "fetch",
    "load",
    "load_shards",
    "masked_entries",
    "names",
    "numbered_columns",
    "observations_of",
    "read_incomplete_rows",
    "read_like",
    "read_rows",
    "read_table_like",
    "rounded_up",
    "rows_like",
    "spelled",
    "unspelled",
]
