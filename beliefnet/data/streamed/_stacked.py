"""Rows of several files as one."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import sparse

from beliefnet.data._table import joined
from beliefnet.tables import Frame


def stacked(parts: Sequence[Any], order: np.ndarray | None = None) -> Any:
    """Return rows one part after the other, or in another order.

    Args:
        parts: Arrays, sparse matrices or frames, all of one kind.
        order: Which row comes where, `[rows]`; by default as they are.
    """
    if type(parts[0]) is Frame:
        frame = joined({"train": parts[0], **{str(place): part for place, part in enumerate(parts[1:], 2)}}, "files")
        return frame if order is None else frame[order]
    if sparse.issparse(parts[0]):
        rows: Any = sparse.vstack(parts, "csr")
        return rows if order is None else rows[order]
    if order is None:
        return np.concatenate(parts)
    # Each row is moved once.
    rows = np.empty((len(order), *parts[0].shape[1:]), np.result_type(*parts))
    places, begin = np.argsort(order), 0
    for part in parts:
        rows[places[begin : begin + len(part)]] = part
        begin += len(part)
    return rows
