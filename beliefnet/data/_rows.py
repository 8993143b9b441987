"""The rows of one file, for a model that is already trained."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, overload

import numpy as np

from beliefnet._types import ValueKind
from beliefnet.data._document_files import only_documents, read_counts
from beliefnet.data._files import read_binary_rows, read_grey_rows
from beliefnet.data._options import ANY_VALUES, Options, check_options, choose_values
from beliefnet.data._raw import Rows
from beliefnet.data._sparse import CSR


@overload
def read_rows(
    path: str | Path,
    *,
    num_features: int,
    values: Literal["binary", "grey"] = "binary",
    array: str | None = None,
    binarization: str | None = None,
    seed: int = 0,
    words: Sequence[str] | None = None,
    text_column: str | None = None,
) -> np.ndarray: ...


@overload
def read_rows(
    path: str | Path,
    *,
    num_features: int,
    values: Literal["counts"],
    array: str | None = None,
    binarization: str | None = None,
    seed: int = 0,
    words: Sequence[str] | None = None,
    text_column: str | None = None,
) -> CSR: ...


@overload
def read_rows(
    path: str | Path,
    *,
    num_features: int,
    values: ValueKind,
    array: str | None = None,
    binarization: str | None = None,
    seed: int = 0,
    words: Sequence[str] | None = None,
    text_column: str | None = None,
) -> Rows: ...


def read_rows(
    path: str | Path,
    *,
    num_features: int,
    values: ValueKind = "binary",
    array: str | None = None,
    binarization: str | None = None,
    seed: int = 0,
    words: Sequence[str] | None = None,
    text_column: str | None = None,
) -> Rows:
    """Read one array of rows, without splits, for a model that takes `num_features` columns.

    Args:
        path: A file that `load` takes, or a folder of texts.
        num_features: The width the model takes.
        values: What the model takes: `"binary"`, `"grey"` or `"counts"`.
        array: Which array of an `.npz` file to read; None for its training rows or its only array.
        binarization: What to do with values between 0 and 1: `"static"` or `"threshold"` make bits of them,
            `"dynamic"` or None keep them as Bernoulli means. Rows that are already 0/1 are returned as they are.
        seed: Seed of the sample that `"static"` draws.
        words: The words of a model of documents. Texts are counted by them; and so are the columns of a matrix that has
            a vocabulary beside it, or another width than the model.
        text_column: Name of the column of a `.csv` file that holds texts.

    Returns:
        Rows `[n, num_features]`: uint8 in {0, 1}, or float32 means or grey values in [0, 1], or word counts as in a
        `Dataset`, except that documents without any word stay, as empty rows: row `n` is document `n` of the file.

    Raises:
        DataError: If the file, its values or its width cannot be used.
    """
    given = Path(path).expanduser()
    choose_values(values, ("counts",) if only_documents(given, text_column) else ANY_VALUES, str(path))
    check_options(Options(binarization=binarization, text_column=text_column), values, str(path))
    if values == "counts":
        return read_counts(given, num_features=num_features, array=array, words=words, text_column=text_column)
    if values == "grey":
        return read_grey_rows(given, num_features=num_features, array=array)
    return read_binary_rows(given, num_features=num_features, array=array, binarization=binarization, seed=seed)
