"""Loading by name or by path, and the listing of what there is."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from beliefnet._errors import DataError
from beliefnet._types import ValueKind
from beliefnet.data._document_files import only_documents
from beliefnet.data._kinds import KINDS
from beliefnet.data._options import ANY_VALUES, Options, check_options, choose_values
from beliefnet.data._record import Dataset
from beliefnet.data._tables import SUFFIXES
from beliefnet.data.sources import SOURCES, Stored


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


def load(
    data: str | Path,
    *,
    values: ValueKind | None = None,
    binarization: str | None = None,
    seed: int = 0,
    valid_fraction: float | None = None,
    test_fraction: float | None = None,
    vocabulary_size: int | None = None,
    text_column: str | None = None,
) -> Dataset:
    """Load a data set by name, or a user's own file or folder.

    Args:
        data: A name out of `names()`; the path of a `.npy`, `.npz` or `.csv` file with values between 0 and 1, grey
            ones also as whole numbers from 0 to 255; or that of documents: a matrix of word counts (`.npz`, `.mtx`,
            `.svmlight`, or any of the former), a `.txt` file with a document on each line, or a folder of `.txt` files.
        values: What the rows are read as: `"binary"` for bits and means of bits, `"grey"` for grey values that stay
            grey, `"counts"` for documents and other counts. None for the default of a named data set, and for binary
            values in a file unless it can only hold documents.
        binarization: What becomes of values that are not 0 or 1. `"static"`: one Bernoulli sample, drawn now;
            `"threshold"`: 1 where the value is at least one half; `"dynamic"`: kept, to be sampled anew at every use.
            None for the data set's default, which for a file is `"dynamic"`.
        seed: Seed of the static sample, and of the split of a file. Named data sets have a fixed split.
        valid_fraction: Fraction of a file's training rows to cut off for validation, by default 0.1; only for a file
            without validation rows of its own.
        test_fraction: The same for test rows.
        vocabulary_size: Number of words of documents to keep, the most frequent ones; None for the data set's default,
            which is 2000 for texts and all words for a matrix.
        text_column: Name of the column of a `.csv` file that holds texts, each row being a document.

    Returns:
        The three splits `[n, num_features]` and their record. Documents without any word of the vocabulary are left
        out, with a warning.

    Raises:
        DataError: If the name is unknown, or the file or the options cannot be used.
        DataUnavailable: If a named data set is neither on this machine nor could be downloaded.

    >>> load("bars").train.shape
    (5000, 64)
    """
    options = Options(
        binarization=binarization,
        seed=seed,
        valid_fraction=valid_fraction,
        test_fraction=test_fraction,
        vocabulary_size=vocabulary_size,
        text_column=text_column,
    )
    if isinstance(data, str) and data in SOURCES:
        return _load_named(data, values, options)
    if isinstance(data, str) and not _looks_like_path(data):
        raise _unknown(data)
    path = Path(data).expanduser()
    chosen = choose_values(values, ("counts",) if only_documents(path, text_column) else ANY_VALUES, str(data))
    check_options(options, chosen, str(data))
    return KINDS[chosen].file(path, str(data), options)


def fetch(name: str, *, base_urls: Sequence[str] | None = None) -> Path:
    """Make sure that the file of a named data set is on this machine, downloading it if need be and possible.

    Args:
        name: A name out of `names()` that is not built in.
        base_urls: Where to get its published files instead of their usual place; their checksums stay the same.

    Returns:
        The path of its `.npz` file.

    Raises:
        DataError: If there is no such data set, it is built in, or `base_urls` are given for one that is not published.
        DataUnavailable: If a file could not be downloaded intact; the cache is then as it was before.
    """
    if name not in SOURCES:
        raise _unknown(name)
    source = SOURCES[name]
    if not isinstance(source, Stored):
        raise DataError(f"expected a data set that is downloaded, got {name!r}, which is built in; try loading it")
    return source.fetch(base_urls)


def _load_named(name: str, values: ValueKind | None, options: Options) -> Dataset:
    source = SOURCES[name]
    chosen = choose_values(values, source.held, repr(name))
    check_options(options, chosen, repr(name))
    fixed = {f"{split}_fraction": fraction for split, fraction in options.fractions.items()}
    for option, given in (fixed | {"text_column": options.text_column}).items():
        if given is not None:
            raise DataError(
                f"expected no {option} for {name!r}, whose split is fixed, got {given}; try leaving the option out"
            )
    return KINDS[chosen].named(source, options)


def _looks_like_path(data: str) -> bool:
    path = Path(data)
    return bool(path.suffix) or "/" in data or "\\" in data or path.exists()


def _unknown(name: str) -> DataError:
    guess = get_close_matches(name, SOURCES, n=1)
    hint = f"did you mean {guess[0]!r}?" if guess else "try one of these names, or the path of a file"
    kinds = f"{', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}"
    return DataError(
        f"expected a data set name ({', '.join(SOURCES)}) or a path to a {kinds} file or to documents, "
        f"got {name!r}; {hint}"
    )
