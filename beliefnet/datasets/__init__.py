"""Data sets: by name or from a user's own file, with a record of where they came from.

`load` gives three splits of rows and a `Record`; `read_rows` gives the rows of one file for a trained model, and
`read_incomplete_rows` those of a file with missing entries.
"""

from beliefnet.datasets._errors import DataError, DataUnavailable
from beliefnet.datasets._files import read_incomplete_rows
from beliefnet.datasets._levels import check_levels
from beliefnet.datasets._load import Listing, available, fetch, load, names
from beliefnet.datasets._options import Values
from beliefnet.datasets._raw import Rows
from beliefnet.datasets._record import Dataset, Record, checksum
from beliefnet.datasets._rows import read_rows
from beliefnet.datasets._sparse import CSR
from beliefnet.datasets._values import check_width

__all__ = [
    "CSR",
    "DataError",
    "DataUnavailable",
    "Dataset",
    "Listing",
    "Record",
    "Rows",
    "Values",
    "available",
    "check_levels",
    "check_width",
    "checksum",
    "fetch",
    "load",
    "names",
    "read_incomplete_rows",
    "read_rows",
]
