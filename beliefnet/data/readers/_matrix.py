"""What a matrix makes: rows, turned where that was asked for, with the words beside it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from beliefnet._errors import DataError, listed
from beliefnet.data._dataset import default_values
from beliefnet.data._documents import read_words, vocabulary_path, words_beside
from beliefnet.data._record import LoadOptions
from beliefnet.data._split import Contents

DOCUMENTS: Mapping[str, Any] = {"values": "counts", "are_documents": True}


@dataclass(frozen=True)
class Wanted:
    """What a trained model takes: its number of columns, and their names where they are known."""

    num_features: int
    columns: tuple[str, ...] | None = None


def matrix_contents(
    path: Path,
    rows: Any,
    options: LoadOptions,
    splits: Mapping[str, Any] | None = None,
    *,
    columns: tuple[str, ...] | None = None,
    names: tuple[str, ...] | None = None,
) -> Contents:
    """Return the contents of a matrix file, turned where that was asked for, with the words beside it."""
    splits = splits or {"train": rows}
    if options.transpose:
        if len(splits) > 1 or rows.ndim != 2:
            raise DataError(
                f"expected one matrix to transpose in {path}, got {listed(splits)} of shape {list(rows.shape)}",
                "leaving transpose out, or naming an array",
            )
        splits, columns, names = {"train": _turned(rows)}, names, columns
    width = splits["train"].shape[1] if splits["train"].ndim == 2 else 0
    columns = columns or (words_beside(path, width) if width else None)
    return Contents(
        splits,
        columns=columns,
        names={} if names is None else {"train": names},
        values=default_values(splits["train"]),
        reading=options.reading,
    )


def widened(matrix: Any, path: Path, wanted: Wanted | None) -> Any:
    """Return a matrix, whose file does not say how many columns there are, with those of the vocabulary or model."""
    beside, width = vocabulary_path(path), 0 if wanted is None else wanted.num_features
    if beside.exists():
        width = len(read_words(beside))
    matrix.resize(matrix.shape[0], max(matrix.shape[1], width))
    return matrix


def _turned(rows: Any) -> Any:
    return rows.T.tocsr() if sparse.issparse(rows) else np.ascontiguousarray(rows.T)
