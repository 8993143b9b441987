"""Data sets of many files."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from beliefnet._errors import DataError, check_type, shown
from beliefnet.data._dataset import Dataset, assemble, default_values
from beliefnet.data._record import SPLITS, LoadOptions, Provenance
from beliefnet.data._split import Contents
from beliefnet.data._table import is_mixed
from beliefnet.data.streamed._batches import check_batch_options
from beliefnet.data.streamed._files import AbstractShard
from beliefnet.data.streamed._found import held_out, named_splits, opened_shards, shards_below
from beliefnet.data.streamed._stacked import stacked
from beliefnet.data.streamed._windows import Place, Shards

_SAMPLE_ROWS, _SAMPLE_BYTES, _SAMPLED_PARTS = 10_000, 2**26, 16
"""Training rows by which all are read, and how many parts they are from, at most."""


def load_shards(
    train: str | Path | Sequence[str | Path],
    valid: str | Path | Sequence[str | Path] | None = None,
    test: str | Path | Sequence[str | Path] | None = None,
    **options: Any,
) -> Dataset:
    """Load a data set of many files, which may be more than memory holds: training rows are read as they are needed.

    All files have the same columns. Those of validation and test are read into memory; of the training rows, some
    10,000 from all over the files are the sample by which rows are read and means are taken. In each epoch the order is
    another one, by the seed of the run: parts of files are shuffled, and then the rows within a window of parts, about
    64 MiB of them.

    Args:
        train: A folder of `.npy`, `.npz`, `.parquet`, `.arrow` or `.feather` files, in which those of which the name,
            or that of a subfolder, begins with `train`, `valid` or `test` are of that split; or a list of such files.
        valid: Files of validation rows, or one, beside a list; None to hold out some of the training files.
        test: Files of test rows; likewise, or none where there are files of validation rows.
        **options: As in `load`, without what needs all rows at once. `valid_fraction` and `test_fraction` are fractions
            of the files, which `split_seed` draws.

    Raises:
        TypeError: If something is no path, and no list of paths.
        DataError: If a file or an option cannot be used, a file is named twice, files are not alike, other data lie in
            the folder, or a package is missing.

    Examples:
        >>> import numpy as np
        >>> from tempfile import mkdtemp
        >>> folder = Path(mkdtemp())
        >>> for part in range(4):
        ...     np.save(folder / f"part-{part}.npy", np.eye(6)[np.arange(50) % 6])
        >>> load_shards(folder).record.splits
        {'train': 100, 'valid': 50, 'test': 50}
    """
    chosen = LoadOptions.of(options)
    check_batch_options(options)
    given = {"valid": valid, "test": test}
    if issubclass(type(train), str | Path):
        folder, label = Path(str(train)).expanduser(), str(train)
        _check_folder_alone(given, label)
        paths = named_splits(shards_below(folder), folder)
    else:
        check_type("train", train, list, tuple, good="'a/folder', or a list of files")
        paths = {"train": _paths("train", train)} | {
            split: _paths(split, own) for split, own in given.items() if own is not None
        }
        folder, label = Path(os.path.commonpath([p.parent for own in paths.values() for p in own] or [Path()])), "files"
    if not paths.get("train"):
        raise DataError(f"expected files of training rows in {label}, got none", "'a/folder', or a list of files")
    every = opened_shards([path for own in paths.values() for path in own], chosen)
    by_path = {shard.path: shard for shard in every}
    splits = held_out({split: [by_path[path] for path in own] for split, own in paths.items()}, chosen, label)
    return _dataset(splits, chosen, Provenance(folder.name, "many files", label, label), folder)


def _check_folder_alone(given: Mapping[str, Any], label: str) -> None:
    for split, files in given.items():
        if files is not None:
            raise DataError(
                f"expected no {{option}} beside {label}, which is taken for a folder of all splits, got {shown(files)}",
                f"files in it that are called {split}-000.npy",
                "a list of files for each split",
                option=split,
            )


def _paths(split: str, files: Any) -> list[Path]:
    """Return the files of a split, of which there is one at least but for training, where that is checked."""
    if issubclass(type(files), str | Path):
        files = [files]
    check_type(split, files, list, tuple, good=f"['{split}-000.npy'], a list of files")
    for path in files:
        check_type(f"each file of {split}", path, str, Path, good=f"'{split}-000.npy'")
    if not files and split != "train":
        raise DataError(
            "expected {option} to have a file, got an empty list",
            f"{split}=None, which holds out some training files where no others are named",
            option=split,
        )
    return [Path(path).expanduser() for path in files]


def _dataset(
    splits: Mapping[str, list[AbstractShard]], options: LoadOptions, provenance: Provenance, folder: Path
) -> Dataset:
    parts = _parts(splits)
    contents = _contents(parts)
    if contents.values == "mixed" and options.values == "auto" and not any(map(is_mixed, contents.splits.values())):
        options = replace(options, values="binary")
        splits = {split: [replace(shard, options=options) for shard in own] for split, own in splits.items()}
        parts = _parts(splits)
        contents = _contents(parts)
    undivided = replace(options, valid_fraction=None, test_fraction=None)
    try:
        found = assemble(contents, provenance, undivided)
    except DataError:
        _check_each(parts, undivided)
        raise
    streamed, sizes = Shards(splits["train"]), {split: sum(s.num_rows for s in own) for split, own in splits.items()}
    test = found.test if splits["test"] else found.test[:0]
    files = [
        (split, shard.path.relative_to(folder).as_posix(), shard.num_rows, shard.path.stat().st_size)
        for split, own in sorted(splits.items())
        for shard in own
    ]
    digest = hashlib.sha256(repr((found.record.checksum, files)).encode()).hexdigest()
    record = replace(
        found.record, splits={name: sizes[name] for name in found.record.splits}, checksum=f"sha256:{digest}"
    )
    return Dataset(record, found.train, found.valid, test, streamed)


def _parts(splits: Mapping[str, list[AbstractShard]]) -> dict[str, list[Place]]:
    """Return parts that are a sample of the training rows, and all others; for the test, if need be those of valid."""
    parts = {split: Shards(own).places for split, own in splits.items()}
    return parts | {"train": _sample(parts["train"]), "test": parts["test"] or parts["valid"]}


def _contents(parts: Mapping[str, list[Place]]) -> Contents:
    """Return the rows of parts."""
    read = {split: [place.shard.read(place.part) for place in own] for split, own in parts.items()}
    first = read["train"][0]
    rows = {split: stacked([contents.splits["train"] for contents in own]) for split, own in read.items()}
    values = first.values if first.values == "mixed" else default_values(rows["train"])
    return replace(first, splits=rows, values=values, names={}, place=None)


def _check_each(parts: Mapping[str, list[Place]], options: LoadOptions) -> None:
    """Read parts one by one, so that an error says which it is of."""
    for place in (place for own in parts.values() for place in own):
        contents = _contents({split: [place] for split in SPLITS})
        assemble(contents, Provenance("", "", "", str(place)), options)


def _sample(parts: Sequence[Place]) -> list[Place]:
    """Return the first rows of some parts, from all over the files."""
    count = min(len(parts), _SAMPLED_PARTS)
    chosen = [parts[index * len(parts) // count] for index in range(count)]
    most = max(1, min(_SAMPLE_ROWS, _SAMPLE_BYTES // max(place.shard.row_bytes for place in chosen)) // count)
    return [place.limited(most) for place in chosen]
