"""Rows of several files as one."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import sparse

from beliefnet.data._table import joined
from beliefnet.tables import Frame


def stacked(parts: Sequence[Any]) -> Any:
    """Return rows one part after the other: arrays, sparse matrices or frames, all of one kind."""
    if type(parts[0]) is Frame:
        return joined({"train": parts[0], **{str(place): part for place, part in enumerate(parts[1:], 2)}}, "files")
    return sparse.vstack(parts, "csr") if sparse.issparse(parts[0]) else np.concatenate(parts)
