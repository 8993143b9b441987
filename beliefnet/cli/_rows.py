"""The rows that a command uses: of the run's own data, of another data set, or all rows of a file."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np

from beliefnet._errors import OptionError
from beliefnet.cli._flags import HowRead, given_flags
from beliefnet.cli._hints import flag
from beliefnet.cli._run import Run
from beliefnet.cli._text import warn
from beliefnet.data import (
    DataError,
    Dataset,
    Observations,
    check_width,
    checksum,
    load,
    names,
    numbered_columns,
    read_like,
    read_table_like,
)
from beliefnet.evaluation import observe
from beliefnet.tables import Frame

Split: TypeAlias = Literal["train", "valid", "test"]


@dataclass(frozen=True)
class Chosen:
    """Rows that a command uses.

    Attributes:
        rows: The rows.
        split: The split that they are, or "all" for those of a file.
        data: Where they came from, as a report says it.
        frame: The table that they were read from, with all its columns, where they are of a table of mixed columns.
    """

    rows: Observations
    split: str
    data: dict[str, Any]
    frame: Frame | None = None

    @property
    def place(self) -> str:
        """What to call them in a title."""
        part = "all rows" if self.split == "all" else f"{self.split} split"
        return f"{self.data['name']}, {part}"

    def limited(self, limit: int | None) -> "Chosen":
        """Return the choice of so many of the rows, spread evenly, and of those of the table."""
        places = spread(np.arange(len(self.rows)), limit)
        return replace(self, rows=self.rows[places], frame=None if self.frame is None else self.frame[places])

    def spread(self, limit: int | None) -> Observations:
        """Return so many of the rows, spread evenly: a split may be sorted by class."""
        return spread(self.rows, limit)


def chosen_rows(
    run: Run, data: str | None, split: Split | None, reading: HowRead, *, default: Split = "test"
) -> Chosen:
    """Return the rows that were asked for; a file is not split, since the net is there already.

    Args:
        run: The run whose net is to see them.
        data: Name of a data set, or a file; None for the data that the run was trained on.
        split: The split; the array, of a `.npz` file.
        reading: How the file is read, where the run's own data were read in another way.
        default: The split where none was asked for.
    """
    if data is not None and is_file(data):
        return _all_rows(run, data, split, reading)
    check_unread(data or run.data, reading)
    dataset = own_data(run) if data is None else load_like(run, data)
    name = split or default
    if not len(dataset.split(name)):
        raise DataError(
            f"expected {name} rows in {dataset.record.name}, got none: all were left for training", "--split valid"
        )
    if name == "train":
        warn_of_sample(dataset)
    return Chosen(dataset.split(name), name, dataset.record.to_dict())


def warn_of_sample(dataset: Dataset) -> None:
    """Say so where training rows that are used are a sample of those that a net is trained on."""
    used, whole = len(dataset.train), dataset.record.splits["train"]
    if used < whole:
        warn(f"of the {whole} training rows of {dataset.record.name}, which are read as needed, {used} are used")


def is_file(data: str) -> bool:
    """Whether data are a file rather than a data set that has a name."""
    return data not in names() and Path(data).expanduser().exists()


def own_data(run: Run) -> Dataset:
    """Load the data that a run was trained on.

    Raises:
        DataError: If they are not there any more, or have other contents.
    """
    try:
        return run.load_data()
    except DataError as error:
        if error.option == "data":
            raise
        raise DataError(
            f"{error.reason} (data of {run.folder.path})", *error.hints, "--data FILE if they moved"
        ) from error


def load_like(run: Run, data: str) -> Dataset:
    """Load another data set with the binarisation of the run's own, where there is anything to binarise."""
    wanted: dict[str, Any] = {"values": run.record.values, "seed": run.seed}
    if run.record.values == "counts":
        named = {"vocabulary_size": run.record.num_features, "text_column": run.record.reading.text_column}
        wanted |= named if run.config is None else {name: run.config.data.values[name] for name in named}
        wanted |= {"keep_empty": run.net.visible.takes_empty_rows}
    dataset = load(data, **wanted)
    if "none" not in (dataset.record.binarization, run.record.binarization):
        dataset = load(data, **wanted, binarization=run.record.binarization)
    check_width(dataset.train.rows, run.net.num_visible, data)
    observe(run.net, dataset.train)
    return dataset


def words_of(run: Run) -> tuple[str, ...] | None:
    """Return the names of the columns of a run's data, such as words; None where they have none."""
    return run.folder.words


def words_or_numbers(run: Run) -> tuple[str, ...]:
    """Return the names of the columns of a run's data, or `column 1` and so on where they have none."""
    return words_of(run) or numbered_columns(run.net.num_visible)


def spread(rows: Any, limit: int | None) -> Any:
    """Take so many rows, spread evenly: a split may be sorted by class."""
    num_rows = rows.shape[0]
    if limit is None or limit >= num_rows:
        return rows
    return rows[np.arange(limit) * num_rows // limit]


def _all_rows(run: Run, data: str, array: str | None, reading: HowRead) -> Chosen:
    how = how_to_read(data, array, reading)
    frame = None
    if run.record.schema is not None:
        rows, frame = read_table_like(run.record, data, **how)
    else:
        rows = read_like(run.record, data, columns=words_of(run), seed=run.seed, **how)
    observe(run.net, rows)
    if Path(data).expanduser().resolve() == Path(run.data).expanduser().resolve():
        warn(
            f"all {len(rows)} rows of {data} are used, those that the net was trained on among them; "
            f"{run.folder.evaluate_command} takes those that were held out"
        )
    path = Path(data)
    about = {
        "name": path.stem,
        "variant": "user file",
        "source": data,
        "num_examples": len(rows),
        "num_features": rows.num_features,
        "values": rows.values,
        "binarization": how.get("binarization", run.record.binarization),
        "checksum": checksum([rows.rows]),
    }
    return Chosen(rows, "all", about, frame)


def how_to_read(data: str, array: str | None, reading: HowRead) -> dict[str, Any]:
    """Return how a file is read, where the run's own data were read in another way; --split may name its array."""
    given = given_flags(reading)
    if array is None:
        return given
    if Path(data).suffix not in (".npz", ".mat") or "array" in given:
        raise OptionError(
            f"expected no --split for the rows of {data}, all of which are used, got {array}", "leaving it out"
        )
    return {**given, "array": array}


def check_unread(data: str, reading: HowRead) -> None:
    """Refuse options of files for what is no file, or is read as it was in training."""
    for name in given_flags(reading):
        raise OptionError(f"expected a file of rows with --{flag(name)}, got {data}", "leaving the option out")
