"""Tables in Parquet and Arrow files, which are read in parts."""

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from beliefnet._errors import DataError, listed, shown
from beliefnet.data._files import opened
from beliefnet.data._record import LoadOptions
from beliefnet.data._split import Contents
from beliefnet.data.readers._frames import number_columns
from beliefnet.data.streamed._files import AbstractShard, Part, check_reading, evenly
from beliefnet.tables import frame_of

ARROW = (".arrow", ".feather")
_OPTIONS = ("columns", "drop", "name_column", "label_column", "unseen")
_VALUE_BYTES = 8


class AbstractTable(AbstractShard):
    """A table in a file that says which columns it has, and of which types."""

    @abstractmethod
    def table(self, part: Part) -> Any:
        """Return some rows as a table of pyarrow."""

    def read(self, part: Part) -> Contents:
        """Return some rows as a frame, or as an array where all columns that are data are whole numbers or floats."""
        with intact(self.path):
            table = self.table(part)
        names = data_columns(table.column_names, self.options)
        if self.options.values not in ("mixed", "auto") and all(map(_is_plain, (table[name] for name in names))):
            rows = np.stack([table[name].to_numpy() for name in names], axis=1)
            return Contents({"train": rows}, columns=tuple(names), reading=self.options.reading)
        frame = frame_of(table, str(self.path))
        if self.options.values in ("mixed", "auto"):
            return Contents({"train": frame}, values="mixed", reading=self.options.reading)
        rows, columns, _ = number_columns(frame, self.options)
        return Contents({"train": rows}, columns=columns, reading=self.options.reading)


class Parquet(AbstractTable):
    """A Parquet file, which is read by its row groups."""

    @classmethod
    def of(cls, path: Path, options: LoadOptions) -> "Parquet":
        """Return the file, once its footer is read."""
        check_reading(path, options, _OPTIONS)
        with _parquet(path) as file:
            return cls(path, options, file.metadata.num_rows, *_form(file.schema_arrow, options))

    @property
    def parts(self) -> list[Part]:
        """The row groups."""
        with _parquet(self.path) as file:
            sizes = [file.metadata.row_group(group).num_rows for group in range(file.metadata.num_row_groups)]
        ends = np.cumsum([0, *sizes]).tolist()
        return [Part(first, last) for first, last in pairwise(ends) if last > first]

    def table(self, part: Part) -> Any:
        """Return the rows of a row group, or the first of them."""
        with _parquet(self.path) as file:
            begin, group = 0, 0
            while begin + file.metadata.row_group(group).num_rows <= part.first:
                begin, group = begin + file.metadata.row_group(group).num_rows, group + 1
            return file.read_row_group(group, use_threads=False).slice(part.first - begin, part.last - part.first)


class Arrow(AbstractTable):
    """A file of Arrow batches, with or without a footer, which is mapped into memory while some rows are copied."""

    @classmethod
    def of(cls, path: Path, options: LoadOptions) -> "Arrow":
        """Return the file, once its batches are found."""
        check_reading(path, options, _OPTIONS)
        with opened(path), intact(path):
            table = _mapped_table(path)
        return cls(path, options, table.num_rows, *_form(table.schema, options))

    @property
    def parts(self) -> list[Part]:
        """Parts of one size, but for the last."""
        return evenly(self.num_rows, self.row_bytes)

    def table(self, part: Part) -> Any:
        """Return some rows, where they are in the file."""
        return _mapped_table(self.path).slice(part.first, part.last - part.first)


def data_columns(names: list[str], options: LoadOptions) -> list[str]:
    """Return the names of the columns that are data."""
    return [name for name in options.columns or names if name not in (*options.drop, options.name_column)]


def _form(schema: Any, options: LoadOptions) -> tuple[int, dict[str, str]]:
    """Return the size of a row, and what each column holds."""
    names = schema.names
    for name in (*options.columns, *options.drop):
        if name not in names:
            raise DataError(f"expected a column {shown(name)} in every file, got {', '.join(names)}", "one of these")
    chosen = data_columns(names, options)
    if not chosen:
        raise DataError(f"expected a column of data in every file, got none of {listed(names)} left", "fewer to drop")
    held = {f"column {shown(name)}": _held(schema.field(name).type) for name in chosen}
    return _VALUE_BYTES * max(len(held), 1), held | {"the order of columns": listed(chosen)}


def _held(kind: Any) -> str:
    from pyarrow import types

    if types.is_null(kind):
        return ""
    if types.is_boolean(kind):
        return "truth values"
    return "numbers" if types.is_integer(kind) or types.is_floating(kind) else "texts or dates"


def _is_plain(column: Any) -> bool:
    """Whether a column holds numbers, and none is missing."""
    return column.null_count == 0 and _held(column.type) == "numbers"


@contextmanager
def _parquet(path: Path) -> Iterator[Any]:
    from pyarrow import parquet

    with opened(path) as file, intact(path):
        yield parquet.ParquetFile(file)


def _mapped_table(path: Path) -> Any:
    import pyarrow

    with pyarrow.memory_map(str(path)) as file:
        try:
            return pyarrow.ipc.open_file(file).read_all()
        except pyarrow.ArrowInvalid:
            file.seek(0)
            return pyarrow.ipc.open_stream(file).read_all()


@contextmanager
def intact(path: Path) -> Iterator[None]:
    """Blame the file for whatever its reader finds wrong with it, and say what to install where there is no reader."""
    try:
        yield
    except ImportError as error:
        raise DataError(
            f"expected the package pyarrow for {path}, got none", "pip install 'beliefnet[stream]'"
        ) from error
    except DataError:
        raise
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DataError(
            f"expected a complete {path.suffix} file, got a damaged {path} ({shown(str(error), 200)})",
            "writing it again",
        ) from error
