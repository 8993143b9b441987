"""Which files make a data set, and which of them are held out."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from beliefnet._errors import DataError, listed, shown
from beliefnet.data._files import plain_suffix, readable
from beliefnet.data._record import SPLITS, LoadOptions
from beliefnet.data._split import DEFAULT_FRACTION, split_sizes
from beliefnet.data.readers._contents import KINDS
from beliefnet.data.readers._frames import PARQUET
from beliefnet.data.readers._images import IMAGES
from beliefnet.data.readers._texts import SPLIT_NAMES
from beliefnet.data.streamed._files import NPY, NPZ, AbstractShard, Archive, Array
from beliefnet.data.streamed._tables import ARROW, Arrow, Parquet

SHARDS: Mapping[str, type[Array] | type[Archive] | type[Parquet] | type[Arrow]] = {
    NPY: Array,
    NPZ: Archive,
    PARQUET: Parquet,
    **dict.fromkeys(ARROW, Arrow),
}
"""How one of many files of each suffix is read."""

_TEXT = ".txt"
_DATA = {*SHARDS, *KINDS, _TEXT, IMAGES}
"""Suffixes of files that may be data."""
_NOTES = {"readme", "license", "licence", "notice", "copying", "authors", "citation", "changelog", "changes"}
"""Names of texts about data."""

_ENOUGH = 10_000
"""Rows that are held out at least, where nothing was asked for and a tenth of the files has as many."""


def shards_below(folder: Path) -> list[Path]:
    """Return the files in and below a folder that can be shards, in the order of their paths; hidden ones are none.

    Notes such as `README.txt`, and files of kinds that are never data, may lie beside them.

    Raises:
        DataError: If data of other kinds lie beside them.
    """
    with readable(folder):
        inside = [path for path in folder.rglob("*") if plain_suffix(path) in _DATA and path.is_file()]
    seen = [path for path in inside if not any(part.startswith(".") for part in path.relative_to(folder).parts)]
    found, others = [], []
    for path in sorted(seen, key=lambda path: path.relative_to(folder).parts):
        if plain_suffix(path) != _TEXT or path.name.partition(".")[0].lower() not in _NOTES:
            (found if path.suffix.lower() in SHARDS else others).append(path)
    if found and others:
        raise DataError(
            f"expected a folder of shards or of other data, got both in {folder}: {len(found)} such as "
            f"{shown(found[0].name)} and {len(others)} such as {shown(others[0].name)}",
            "a folder of the shards alone",
            "in Python load_shards(train, valid, test) with lists of files",
        )
    return found


def are_shards(path: Path) -> bool:
    """Whether a path is a folder of shards; `DataError` if it is one of other data as well."""
    return path.is_dir() and bool(shards_below(path))


def opened_shards(paths: Sequence[Path], options: LoadOptions) -> list[AbstractShard]:
    """Return files once it is known what is in them, and that it is alike.

    Raises:
        DataError: If one cannot be read, is empty, is there twice, or has other columns than the first one, or of other
            kinds.
    """
    opened, known = [], set()
    for path in paths:
        place = os.path.realpath(path)
        if place in known:
            raise DataError(f"expected every file once, got {path} twice", "naming each in one place, for one split")
        known.add(place)
        kind = SHARDS.get(path.suffix.lower())
        if kind is None:
            raise DataError(f"expected files that end in {', '.join(SHARDS)}, got {path}", "one file of all rows")
        opened.append(kind.of(path, options))
    for shard in opened:
        _check_like(shard, opened[0])
    return opened


def _check_like(shard: AbstractShard, first: AbstractShard) -> None:
    if not shard.num_rows:
        raise DataError(f"expected rows in every file, got none in {shard.path}", "leaving the file out")
    names = [*first.form, *(name for name in shard.form if name not in first.form)]
    for name in names:
        held, wanted = shard.form.get(name, "none"), first.form.get(name, "none")
        # A column in which everything is missing has no kind.
        if held != wanted and held and wanted:
            raise DataError(
                f"expected {name} of every file to be as in {first.path}, {wanted}, got {held} in {shard.path}",
                "writing them alike",
            )


def named_splits(paths: Sequence[Path], folder: Path) -> dict[str, list[Path]]:
    """Return the files of each split, by the first word of their names, or of their subfolders; or all for training.

    Examples:
        >>> found = named_splits([Path("x/train-0.npy"), Path("x/train-1.npy"), Path("x/valid.npy")], Path("x"))
        >>> {split: len(paths) for split, paths in found.items()}
        {'train': 2, 'valid': 1}

    Raises:
        DataError: If some are named after splits and others are not, or none is for training.
    """
    called = [_split_of(path.relative_to(folder)) for path in paths]
    if not any(called):
        return {"train": list(paths)}
    if None in called:
        raise DataError(
            f"expected every file of {folder} to be named after a split, as some are, got "
            f"{shown(paths[called.index(None)].name)}",
            "a name such as train-000.npy, valid-000.npy or test-000.npy",
        )
    if "train" not in called:
        raise DataError(f"expected training rows in {folder}, got {listed(sorted(set(map(str, called))))}", "train.npy")
    return {
        split: [path for path, own in zip(paths, called, strict=True) if own == split]
        for split in SPLITS
        if split in called
    }


def _split_of(path: Path) -> str | None:
    words = (re.match(r"[a-z]*", part.lower()) for part in path.parts)
    return next((SPLIT_NAMES[word[0]] for word in words if word and word[0] in SPLIT_NAMES), None)


def held_out(
    splits: Mapping[str, list[AbstractShard]], options: LoadOptions, label: str
) -> dict[str, list[AbstractShard]]:
    """Return the files of all splits: those that are missing are whole files of the training rows, drawn by a seed.

    By default a tenth of the files, or as many as have 10,000 rows, whichever are fewer.

    Raises:
        DataError: If a fraction cannot be used, or there are too few files.
    """
    missing = {split: fraction for split, fraction in options.fractions.items() if split not in splits}
    for split, fraction in options.fractions.items():
        if fraction is not None and split in splits:
            raise DataError(
                f"expected no {{option}}, because {label} has {split} files of its own, got {fraction}",
                "leaving the option out",
                option=f"{split}_fraction",
            )
    # A split that is named takes the place of what would be cut off for it.
    if "valid" in splits and options.test_fraction is None:
        missing.pop("test", None)
    train = splits["train"]
    least = 1 + sum(fraction != 0 for fraction in missing.values())
    if len(train) < least:
        raise DataError(
            f"expected {least} files of training rows or more in {label}, of which some are held out, got {len(train)}",
            "smaller files, or one that is called valid.npy beside train.npy",
        )
    wanted = {split: DEFAULT_FRACTION if part is None else part for split, part in missing.items()}
    sizes = split_sizes(len(train), wanted, f"{label}, counted in files,") if wanted else {}
    order = np.random.default_rng(options.split_seed).permutation(len(train)).tolist()
    found = {**splits}
    for split, size in sizes.items():
        taken = order[: size if missing[split] is not None else _enough([train[index] for index in order[:size]])]
        order = order[len(taken) :]
        found[split] = [train[index] for index in sorted(taken)]
    found["train"] = [train[index] for index in sorted(order)]
    return {"test": [], **found}


def _enough(shards: Sequence[AbstractShard]) -> int:
    """Return how many of the first files have enough rows, at most all."""
    rows = np.cumsum([shard.num_rows for shard in shards])
    return min(len(shards), int(np.searchsorted(rows, _ENOUGH)) + 1)
