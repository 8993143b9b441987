"""Loading by name or by path, and the listing of what there is."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from beliefnet._errors import DataError, check_type, listed, shown, suggestion
from beliefnet._types import ValueKind
from beliefnet.data._dataset import Dataset, Provenance, assemble
from beliefnet.data._documents import first_words
from beliefnet.data._download import DownloadProgress
from beliefnet.data._meaning import check_options
from beliefnet.data._record import LoadOptions
from beliefnet.data.readers._contents import KINDS, read_contents
from beliefnet.data.sources import AbstractSource, AbstractStored
from beliefnet.data.sources._documents import DOCUMENTS
from beliefnet.data.sources._images import IMAGES
from beliefnet.data.streamed._found import are_shards
from beliefnet.data.streamed._load import load_shards

SOURCES: dict[str, AbstractSource] = {source.name: source for source in (*IMAGES, *DOCUMENTS)}
"""The named data sets."""


@dataclass(frozen=True)
class Listing:
    """One line of the listing of data sets.

    Attributes:
        name: The name that `load` takes.
        description: What it is.
        values: What its rows are read as by default: `"binary"` for images, `"counts"` for documents.
        num_features: Number of pixels, or of words that are kept by default.
        image_shape: Height and width of its images; None for documents.
        splits: Number of train, valid and test rows.
        binarization: The default.
        where: `"built in"`, the path of its file, or `"absent"`.
    """

    name: str
    description: str
    values: ValueKind
    num_features: int
    image_shape: tuple[int, int] | None
    splits: dict[str, int]
    binarization: str
    where: str


def names() -> list[str]:
    """Return the names that `load` takes.

    Examples:
        >>> names()[:2]
        ['digits', 'bars']
    """
    return list(SOURCES)


def available() -> list[Listing]:
    """Return one listing for each named data set, with where it is on this machine."""
    return [
        Listing(
            source.name,
            source.description,
            source.values,
            source.num_features,
            source.image_shape,
            dict(source.splits),
            source.binarization,
            source.location(),
        )
        for source in SOURCES.values()
    ]


def load(data: str | Path, **options: Any) -> Dataset:
    """Load a data set by name, or a user's own file or folder.

    Args:
        data: A name out of `names()`; the path of rows of numbers, dense (`.npy`, `.npz`, `.mat`, `.csv`, `.tsv`,
            `.parquet`) or sparse (`.npz`, `.mat`, `.h5ad`, `.mtx`, `.svmlight`, `.ldac`, or a folder as 10x writes it);
            or that of texts, a `.txt` file with a document on each line, or a folder of `.txt` files; or a folder of
            grey images, `.png` files of one size; or a folder of many files, as for `load_shards`. Text files may be
            compressed (`.gz`).
        **options: What `LoadOptions` lists, by name: `values` and `binarization` say what the rows are read as,
            `split_seed`, `valid_fraction`, `test_fraction` and `split_column` how they are divided, `columns`, `drop`,
            `name_column`, `delimiter`, `decimal`, `encoding`, `transpose`, `array`, `first_column`, `text_column` and
            `item_separator` how a file is read, `label_column` and `schema` what the columns of a table are, `levels`,
            `vocabulary_size`, `keep_empty` and `unseen` what is made of the values, and `seed` draws the static sample.

    Returns:
        The three splits `[n, num_features]` and their record. Documents without any word of the vocabulary are left
        out, with a warning, unless `keep_empty` says otherwise.

    Raises:
        TypeError: If it is no name and no path.
        DataError: If the name is unknown, or the file or the options cannot be used.
        OptionError: If an option is of the wrong type.
        DataUnavailable: If a named data set is neither on this machine nor could be downloaded.

    Examples:
        >>> load("bars").train.shape
        (5000, 64)
    """
    check_type("data", data, str, os.PathLike, good="'digits', the path of a file, or Dataset.from_arrays(rows)")
    chosen = LoadOptions.of(options)
    if data in SOURCES:
        return _load_named(SOURCES[str(data)], chosen)
    if type(data) is str and not _looks_like_path(data):
        raise _unknown(data)
    path = Path(data).expanduser()
    if are_shards(path):
        return load_shards(str(data), **options)
    contents = read_contents(path, chosen)
    return assemble(contents, Provenance(path.stem, "user file", str(data), str(data)), chosen)


def fetch(name: str, *, base_urls: Sequence[str] | None = None, progress: DownloadProgress = None) -> Path:
    """Make sure that the file of a named data set is on this machine, downloading it if need be and possible.

    Args:
        name: A name out of `names()` that is not built in.
        base_urls: Where to get its published files instead of their usual place; their checksums stay the same.
        progress: Called, again and again while a file is downloaded, with its name, the bytes that are here, and its
            size, None where the server does not say it.

    Returns:
        The path of its `.npz` file.

    Raises:
        DataError: If there is no such data set, it is built in, or `base_urls` are given for one that is not published.
        DataUnavailable: If a file could not be downloaded intact; the cache is then as it was before.
    """
    if name not in SOURCES:
        raise _unknown(name)
    source = SOURCES[name]
    if not isinstance(source, AbstractStored):
        raise DataError(f"expected a data set that is downloaded, got {name!r}, which is built in", "loading it")
    return source.fetch(base_urls, progress)


@dataclass(frozen=True)
class _Wording:
    needed: str
    held: str
    hint: str


_WORDINGS: Mapping[str, _Wording] = {
    "binary": _Wording(
        "binary data", "binary images", "--data 20newsgroups, or a net over bits (beliefnet train --net sbn)"
    ),
    "grey": _Wording(
        "grey values for logistic or normal visible units",
        "grey images",
        "data with grey values, such as fashion-mnist, or a net over what this holds",
    ),
    "mixed": _Wording(
        "a table of mixed columns",
        "images or documents",
        "a .csv or .parquet file, or a net over what this holds",
    ),
    "counts": _Wording(
        "counts for a document net or poisson visible units",
        "word counts",
        "--data digits, or a document net (beliefnet train --net document)",
    ),
}


def _load_named(source: AbstractSource, options: LoadOptions) -> Dataset:
    label = repr(source.name)
    fixed = {f"{split}_fraction": fraction for split, fraction in options.fractions.items()}
    fixed |= {"split_column": options.split_column, **options.reading.given}
    for option, given in fixed.items():
        if given is not None and option != "levels":
            raise DataError(
                f"expected no {{option}} for {label}, whose rows and split are fixed, got {shown(given)}",
                "leaving the option out",
                option=option,
            )
    asked = "binary" if options.values == "auto" else options.values
    values = _values_of(source, asked, label)
    check_options(values, options, label, are_sparse=False)
    contents = replace(source.read(), image_shape=source.image_shape)
    if values == "counts":
        contents = first_words(contents, options.vocabulary_size or source.num_features, label)
    return assemble(
        contents,
        Provenance(source.name, source.variant, source.origin, label),
        replace(options, values=values, vocabulary_size=None),
        default=source.binarization,
        sizes=source.splits,
    )


def _values_of(source: AbstractSource, asked: Any, label: str) -> ValueKind:
    """Return what the rows of a named data set are read as."""
    if asked is not None and asked not in _WORDINGS:
        raise DataError(f"expected values to be one of {listed(_WORDINGS)}, got {shown(asked)}", "leaving it out")
    if asked is None or asked in source.held:
        return asked or source.values
    wanted, found = _WORDINGS[asked], _WORDINGS[source.values]
    hint = wanted.hint if asked in ("grey", "mixed") else found.hint
    raise DataError(f"expected {wanted.needed}, got {label}, which holds {found.held}", hint)


def _looks_like_path(data: str) -> bool:
    path = Path(data)
    return bool(path.suffix) or "/" in data or "\\" in data or path.exists()


def _unknown(name: str) -> DataError:
    guess = suggestion(name, SOURCES)
    hints = () if guess else ("one of these names", "the path of a file")
    return DataError(
        f"expected a data set name ({', '.join(SOURCES)}) or a path to a {', '.join(KINDS)} or .txt file or to a "
        f"folder of texts or of images, got {shown(name)}{guess}",
        *hints,
    )
