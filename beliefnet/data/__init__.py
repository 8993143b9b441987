"""Data sets: by name or from a user's own file, with a record of where they came from.

`load` gives three splits of rows and a `Record`; `read_rows` gives the rows of one file for a trained model, and
`read_incomplete_rows` those of a file with missing entries.
"""

from beliefnet._errors import DataError, DataUnavailable
from beliefnet._types import ValueKind
from beliefnet.data._convert import masked_entries, observations_of
from beliefnet.data._device import DeviceRows, SparseRows
from beliefnet.data._files import read_incomplete_rows
from beliefnet.data._levels import check_levels
from beliefnet.data._load import Listing, available, fetch, load, names
from beliefnet.data._observations import Observations
from beliefnet.data._raw import Rows
from beliefnet.data._record import Dataset, Record, checksum
from beliefnet.data._rows import read_rows
from beliefnet.data._sparse import CSR
from beliefnet.data._values import check_width

__all__ = [
    "CSR",
    "DataError",
    "DataUnavailable",
    "Dataset",
    "DeviceRows",
    "Listing",
    "Observations",
    "Record",
    "Rows",
    "SparseRows",
    "ValueKind",
    "available",
    "check_levels",
    "check_width",
    "checksum",
    "fetch",
    "load",
    "masked_entries",
    "names",
    "observations_of",
    "read_incomplete_rows",
    "read_rows",
]
