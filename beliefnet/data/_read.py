"""What a path holds: which reader it is for, which options that reader takes, and what it finds."""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from beliefnet._errors import DataError, Use, listed, shown
from beliefnet.data._arrays import npy_objects, npz_names, npz_shapes, read_npy, read_npz
from beliefnet.data._dataset import default_values
from beliefnet.data._documents import read_words, vocabulary_path, words_beside
from beliefnet.data._files import plain_suffix, readable
from beliefnet.data._record import SPLITS, LoadOptions, Reading
from beliefnet.data._sparse import from_pieces, from_scipy_pieces
from beliefnet.data._sparse_files import (
    LDA_C,
    MARKET,
    SVMLIGHT,
    read_lda_c,
    read_market,
    read_ragged,
    read_svmlight,
    read_tokens,
    tenx_matrix,
    tenx_names,
)
from beliefnet.data._split import Contents, divided
from beliefnet.data._tables import holds_numbers, read_table
from beliefnet.data._texts import TABLES, read_texts, split_of

ARRAY_NAMES: Mapping[str, tuple[str, ...]] = {
    "train": ("train", "x_train", "X_train", "X", "x", "data", "train_x", "train_data", "train_images", "train_bits"),
    "valid": (
        *(
            "valid",
            "validation",
            "val",
            "dev",
            "x_valid",
            "X_valid",
            "x_val",
            "X_val",
            "x_validation",
            "valid_x",
            "val_x",
        ),
        *("val_data", "valid_data", "valid_images", "val_images", "valid_bits", "val_bits"),
    ),
    "test": ("test", "x_test", "X_test", "test_x", "test_data", "test_images", "test_bits"),
}
"""The names under which an `.npz` file may hold each split."""
_DOCUMENTS: Mapping[str, Any] = {"values": "counts", "are_documents": True}


@dataclass(frozen=True)
class Wanted:
    """What a trained model takes: its number of columns, and their names where they are known."""

    num_features: int
    columns: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Attributes:
        read: Reads the contents of a path.
        options: The names of options that say how it is read.
    """

    read: Callable[[Path, LoadOptions, Wanted | None], Contents]
    options: tuple[str, ...]


def read_contents(path: Path, options: LoadOptions, wanted: Wanted | None = None) -> Contents:
    """Read what a path holds.

    Args:
        path: A file or a folder.
        options: How to read it.
        wanted: What a trained model takes, for the rows of such a model; the width of the vocabulary beside a file
            comes before it.

    Raises:
        DataError: If it cannot be read, or an option has no meaning for it.
    """
    kind = kind_of(path, options)
    if options.array is not None and "array" not in kind.options:
        raise DataError(
            f"expected a .npz file with an array {options.array!r}, got {path} with no named arrays",
            "leaving the array's name out",
        )
    for name in (*(option.name for option in fields(Reading)), "split_column"):
        if name not in (*kind.options, "levels") and getattr(options, name) != getattr(LoadOptions(), name):
            raise DataError(
                f"expected no {{option}} for {path}, a file that is read by {listed(kind.options) or 'no options'}, "
                f"got {shown(getattr(options, name))}",
                "leaving it out",
                option=name,
            )
    contents = kind.read(path, options, wanted)
    return replace(contents, reading=replace(contents.reading, levels=options.levels))


def kind_of(path: Path, reading: Reading) -> Kind:
    """Return the kind of a file or folder; `DataError` if there is none, or none that can be read."""
    with readable(path):
        if not path.exists():
            raise DataError(f"expected an existing file, got {path}, which does not exist", "checking the path")
        if path.is_dir():
            return _TENX if tenx_matrix(path) else _TEXTS
        suffix = plain_suffix(path)
        if suffix == ".txt" and reading.text_column is None and reading.item_separator is None:
            return _TABLE if holds_numbers(path, reading.encoding) else _TEXTS
        if suffix in (*TABLES, ".txt") and (reading.text_column or reading.item_separator) is not None:
            return _TEXTS
    if suffix not in KINDS:
        raise DataError(
            f"expected a file that ends in {', '.join(KINDS)} or .txt, or a folder of texts, got {path}",
            "numpy.save to write a .npy file, or scipy.sparse.save_npz for word counts",
        )
    return KINDS[suffix]


def _read_npy(path: Path, options: LoadOptions, wanted: Wanted | None) -> Contents:
    with readable(path):
        objects = npy_objects(path)
    if objects is not None:
        return replace(
            _matrix(path, _widened(read_ragged(objects, path), path, wanted), options),
            values="counts",
            are_documents=True,
        )
    return _matrix(path, read_npy(path), options)


def _read_npz(path: Path, options: LoadOptions, wanted: Wanted | None) -> Contents:
    names = npz_names(path)
    stems = [name.removesuffix("_indptr") for name in names if name.endswith("_indptr")]
    if options.array is None and {"format", "shape", "data"} <= set(names):
        with readable(path):
            return _matrix(path, from_scipy_pieces(read_npz(path, names), path), options)
    if options.array is None and {"tokens", "lengths"} <= set(names):
        _name_unused(names, ["tokens", "lengths"], path)
        counts = read_tokens(read_npz(path, ["tokens", "lengths"]), path)
        return replace(_matrix(path, _widened(counts, path, wanted), options), **_DOCUMENTS)
    if options.array in SPLITS and options.array not in (*names, *stems):
        options = replace(options, array=split_names(names, path).get(options.array, options.array))
    if options.array in names or (options.array is None and not stems):
        return _read_arrays(path, names, options)
    if options.array is not None and options.array not in stems:
        raise DataError(
            f"expected a .npz file with an array or matrix {options.array!r}, got {path} with {listed(names)}",
            "one of its own names, or leaving the array's name out",
        )
    chosen = {"train": options.array} if options.array else {split: split for split in SPLITS if split in stems}
    if "train" not in chosen:
        raise DataError(
            f"expected the arrays train_data, train_indices, train_indptr and train_shape in {path}, "
            f"got {listed(names)}",
            "scipy.sparse.save_npz for a single matrix",
        )
    pieces = {split: [name for name in names if name.startswith(f"{stem}_")] for split, stem in chosen.items()}
    _name_unused(names, [name for used in pieces.values() for name in used], path)
    matrices = {split: from_pieces(read_npz(path, pieces[split]), stem, path) for split, stem in chosen.items()}
    return _matrix(path, matrices["train"], options, matrices)


def _read_arrays(path: Path, names: list[str], options: LoadOptions) -> Contents:
    """Read the dense arrays of an `.npz` file."""
    chosen = {"train": options.array} if options.array else split_names(names, path)
    arrays = read_npz(path, chosen.values())
    of_split = {split: _unpacked(arrays[name], name, path) for split, name in chosen.items()}
    if options.array is None:
        _refuse_other_rows(list(chosen.values()), arrays[chosen["train"]], path)
    _name_unused(names, list(chosen.values()), path)
    # The files of named data sets hold grey images as bytes under names of this form; elsewhere 255 is a mistake.
    are_bytes = {
        split: name.endswith("_images") and of_split[split].dtype == np.uint8 for split, name in chosen.items()
    }
    if len(set(are_bytes.values())) > 1:
        found = {chosen[split]: "bytes" if is_bytes else "values from 0 to 1" for split, is_bytes in are_bytes.items()}
        raise DataError(f"expected splits on the same scale in {path}, got {found}", "writing them alike")
    contents = _matrix(path, of_split["train"], options, of_split)
    return replace(contents, largest=255 if are_bytes["train"] and options.values != "counts" else 1)


def split_names(names: list[str], path: Path) -> dict[str, str]:
    """Map each split in an `.npz` file to the name of its array; `DataError` if that is unclear."""
    if len(names) == 1:
        return {"train": names[0]}
    found = {split: [name for name in accepted if name in names] for split, accepted in ARRAY_NAMES.items()}
    for split, candidates in found.items():
        if len(candidates) > 1:
            raise DataError(
                f"expected one array of {split} rows in {path}, got {listed(candidates)}",
                Use("array", candidates[0]),
                "keeping one of them",
            )
    if not found["train"]:
        hints = [Use("array", names[0], "for one of them")] if names else []
        raise DataError(
            f"expected an array named {listed(ARRAY_NAMES['train'])} in {path}, got {listed(names) or 'no arrays'}",
            *hints,
            "numpy.savez(path, train=rows)",
        )
    return {split: candidates[0] for split, candidates in found.items() if candidates}


def _refuse_other_rows(used: list[str], train: np.ndarray, path: Path) -> None:
    """Refuse what looks like another split under a name that is not known."""
    for name, (shape, dtype) in npz_shapes(path).items():
        if name not in used and len(shape) > 1 and shape[1:] == train.shape[1:] and dtype.kind == train.dtype.kind:
            raise DataError(
                f"expected every array of rows in {path} to be a split that is known by its name, got {name!r} "
                f"{list(shape)}",
                "naming it valid or test",
                Use("array", ..., "to read one alone"),
            )


def _name_unused(names: list[str], used: list[str], path: Path) -> None:
    unused = [name for name in names if name not in used]
    if unused:
        warnings.warn(f"arrays of {path} that are not used: {listed(unused)}", stacklevel=2)


def _unpacked(array: np.ndarray, name: str, path: Path) -> np.ndarray:
    if not name.endswith("_bits"):
        return array
    if array.dtype != np.uint8 or array.ndim != 2:
        raise DataError(
            f"expected uint8 rows packed by numpy.packbits(x, axis=1) in {path} (array {name!r}), got {array.dtype} "
            f"{list(array.shape)}",
            "another name for an array that is not packed",
        )
    return np.unpackbits(array, axis=1)


def _read_numbers(path: Path, options: LoadOptions, wanted: Wanted | None) -> Contents:
    columns = None if wanted is None or options.transpose else wanted.columns
    are_whole = options.values == "counts" or options.levels is not None
    table = read_table(path, options.reading, options.split_column, columns, are_whole=are_whole)
    contents = _matrix(path, table.values, options, columns=table.columns, names=table.names)
    contents = replace(contents, place=None if options.transpose or table.parts is not None else table.place)
    if table.parts is None:
        return contents
    return divided(contents, [split_of(part, path) for part in table.parts], str(path))


def _read_texts(path: Path, options: LoadOptions, wanted: Wanted | None) -> Contents:
    texts, names, parts = read_texts(path, options.reading, options.split_column)
    contents = Contents(
        {"train": texts},
        names={} if names is None else {"train": names},
        reading=options.reading,
        **_DOCUMENTS,
    )
    return contents if parts is None else divided(contents, [split_of(part, path) for part in parts], str(path))


def _read_market(path: Path, options: LoadOptions, wanted: Wanted | None) -> Contents:
    path = tenx_matrix(path) or path if path.is_dir() else path
    matrix = read_market(path)
    names = tenx_names(path, matrix.shape)
    if names is None:
        return _matrix(path, matrix, options)
    if not options.transpose:
        warnings.warn(f"the columns of {path}, which are the cells, are taken for the rows of the data", stacklevel=2)
    # Genes are the rows of such a file.
    turned = replace(options, transpose=True)
    return _matrix(path, matrix, turned, columns=names[1], names=names[0])


def _read_svmlight(path: Path, options: LoadOptions, wanted: Wanted | None) -> Contents:
    matrix, first, is_certain = read_svmlight(path, options.first_column)
    if wanted is not None and not is_certain and matrix.shape[1] != wanted.num_features:
        raise DataError(
            f"expected to know the number of the first column of {path}, which holds no column 0, got none",
            Use("first_column", 0),
            Use("first_column", 1, "whichever it was written with"),
        )
    contents = _matrix(path, _widened(matrix, path, wanted), options)
    return replace(contents, reading=replace(contents.reading, first_column=first))


def _read_lda_c(path: Path, options: LoadOptions, wanted: Wanted | None) -> Contents:
    return replace(
        _matrix(path, _widened(read_lda_c(path), path, wanted), options), values="counts", are_documents=True
    )


def _widened(matrix: Any, path: Path, wanted: Wanted | None) -> Any:
    """Return a matrix, whose file does not say how many columns there are, with those of the vocabulary or model."""
    beside, width = vocabulary_path(path), 0 if wanted is None else wanted.num_features
    if beside.exists():
        width = len(read_words(beside))
    matrix.resize(matrix.shape[0], max(matrix.shape[1], width))
    return matrix


def _matrix(
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


def _turned(rows: Any) -> Any:
    return rows.T.tocsr() if sparse.issparse(rows) else np.ascontiguousarray(rows.T)


_TABLE_OPTIONS = (*("columns", "drop", "name_column", "split_column", "delimiter", "decimal", "encoding", "transpose"),)
_TABLE = Kind(_read_numbers, _TABLE_OPTIONS)
_TEXTS = Kind(_read_texts, ("text_column", "item_separator", "split_column", "name_column", "delimiter", "encoding"))
_TENX = Kind(_read_market, ("transpose",))

KINDS: Mapping[str, Kind] = {
    ".npy": Kind(_read_npy, ("transpose",)),
    ".npz": Kind(_read_npz, ("array", "transpose")),
    **dict.fromkeys(TABLES, _TABLE),
    MARKET: _TENX,
    **dict.fromkeys(SVMLIGHT, Kind(_read_svmlight, ("first_column", "transpose"))),
    **dict.fromkeys(LDA_C, Kind(_read_lda_c, ("transpose",))),
}
"""How a file of each suffix is read, also where `.gz` follows; `.txt` and folders may hold one thing or another."""
