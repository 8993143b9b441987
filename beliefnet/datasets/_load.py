"""Loading by name or by path, and the listing of what there is."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from beliefnet.datasets._binarize import binarize, choose_binarization
from beliefnet.datasets._errors import DataError
from beliefnet.datasets._files import read_file
from beliefnet.datasets._raw import RawData
from beliefnet.datasets._record import Dataset, Record, checksum
from beliefnet.datasets._tables import SUFFIXES
from beliefnet.datasets.sources import SOURCES, Remote, Source


@dataclass(frozen=True)
class Listing:
    """One line of the listing of data sets.

    Attributes:
        name: The name that `load` takes.
        description: What it is.
        image_shape: Height and width of its images.
        splits: Number of train, valid and test rows.
        binarization: The default.
        where: `"built in"`, the path of its file, or `"absent"`.
    """

    name: str
    description: str
    image_shape: tuple[int, int]
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
            source.image_shape,
            dict(source.splits),
            source.binarization,
            source.whereabouts(),
        )
        for source in SOURCES.values()
    ]


def load(
    data: str | Path,
    *,
    binarization: str | None = None,
    seed: int = 0,
    valid_fraction: float | None = None,
    test_fraction: float | None = None,
) -> Dataset:
    """Load a data set by name, or a user's own file.

    Args:
        data: A name out of `names()`, or the path of a `.npy`, `.npz` or `.csv` file with values between 0 and 1.
        binarization: What becomes of values that are not 0 or 1. `"static"`: one Bernoulli sample, drawn now;
            `"threshold"`: 1 where the value is at least one half; `"dynamic"`: kept, to be sampled anew at every use.
            None for the data set's default, which for a file is `"dynamic"`.
        seed: Seed of the static sample, and of the split of a file. Named data sets have a fixed split.
        valid_fraction: Fraction of a file's training rows to cut off for validation, by default 0.1; only for a file
            without validation rows of its own.
        test_fraction: The same for test rows.

    Returns:
        The three splits `[n, num_features]` and their record.

    Raises:
        DataError: If the name is unknown, or the file or the options cannot be used.
        DataUnavailable: If a named data set is neither on this machine nor could be downloaded.

    >>> load("bars").train.shape
    (5000, 64)
    """
    fractions = {"valid": valid_fraction, "test": test_fraction}
    if isinstance(data, str) and data in SOURCES:
        return _load_named(SOURCES[data], binarization, seed, fractions)
    if isinstance(data, str) and not _looks_like_path(data):
        raise _unknown(data)
    path = Path(data).expanduser()
    raw, image_shape = read_file(path, seed=seed, fractions=fractions)
    mode = choose_binarization(raw.scale, binarization, "dynamic", str(data))
    return _assemble(raw, mode, seed, (path.stem, "user file", str(data)), image_shape)


def fetch(name: str, *, base_urls: Sequence[str] | None = None) -> Path:
    """Make sure that the file of a named data set is on this machine, downloading it if need be.

    Args:
        name: A name out of `names()` that is not built in.
        base_urls: Where to get its published files instead of their usual place; their checksums stay the same.

    Returns:
        The path of its `.npz` file.

    Raises:
        DataError: If there is no such data set, or it is built in.
        DataUnavailable: If a file could not be downloaded intact; the cache is then as it was before.
    """
    if name not in SOURCES:
        raise _unknown(name)
    source = SOURCES[name]
    if not isinstance(source, Remote):
        raise DataError(f"expected a data set that is downloaded, got {name!r}, which is built in; try loading it")
    return source.fetch(base_urls or source.base_urls)


def _load_named(source: Source, binarization: str | None, seed: int, fractions: dict[str, float | None]) -> Dataset:
    for split, fraction in fractions.items():
        if fraction is not None:
            raise DataError(
                f"expected no {split}_fraction for {source.name!r}, whose split is fixed, got {fraction}; "
                "try leaving the option out"
            )
    raw = source.read()
    mode = choose_binarization(raw.scale, binarization, source.binarization, repr(source.name))
    return _assemble(raw, mode, seed, (source.name, source.variant, source.origin), source.image_shape)


def _assemble(
    raw: RawData, mode: str, seed: int, provenance: tuple[str, str, str], image_shape: tuple[int, int] | None
) -> Dataset:
    train, valid, test = binarize(raw, mode, seed)
    name, variant, source = provenance
    record = Record(
        name=name,
        variant=variant,
        binarization=mode,
        splits={"train": len(train), "valid": len(valid), "test": len(test)},
        num_features=train.shape[1],
        image_shape=image_shape,
        source=source,
        checksum=checksum((train, valid, test)),
    )
    return Dataset(record, train, valid, test)


def _looks_like_path(data: str) -> bool:
    path = Path(data)
    return bool(path.suffix) or "/" in data or "\\" in data or path.exists()


def _unknown(name: str) -> DataError:
    guess = get_close_matches(name, SOURCES, n=1)
    hint = f"did you mean {guess[0]!r}?" if guess else "try one of these names, or the path of a file"
    kinds = f"{', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}"
    return DataError(
        f"expected a data set name ({', '.join(SOURCES)}) or a path to a {kinds} file, got {name!r}; {hint}"
    )
