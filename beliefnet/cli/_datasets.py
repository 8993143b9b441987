"""beliefnet datasets."""

import textwrap
from pathlib import Path

from cyclopts import App

from beliefnet import data
from beliefnet.cli._app import command
from beliefnet.cli._text import aligned, say

datasets_app = App(name="datasets", help="List the data sets that can be named, or fetch one.")
command(datasets_app)

_COLUMNS = ("name", "size", "train / valid / test", "binarization", "where")
_PLACES = ("built in", "absent")
_WIDTH = 80


@datasets_app.default
def show() -> None:
    """List the data sets that --data takes by name, and where each is."""
    listings = data.available()
    rows = [_COLUMNS, *map(_cells, listings)]
    notes = ["", *(row.description for row in listings)]
    for line, note in zip(aligned(rows), notes, strict=True):
        say(line)
        _say_wrapped(note, indent="    ")
    folders = sorted({str(Path(row.where).parent) for row in listings if row.where not in _PLACES})
    if folders:
        say(f"here: in {', '.join(folders)}")
    say()
    _say_wrapped(
        "A .npy, .npz or .csv file of your own can be given instead of a name; for documents also a .mtx, .svmlight or "
        ".txt file, or a folder of .txt files."
    )


def _say_wrapped(text: str, indent: str = "") -> None:
    for line in textwrap.wrap(text, _WIDTH, initial_indent=indent, subsequent_indent=indent):
        say(line)


def _cells(row: data.Listing) -> tuple[str, ...]:
    size = f"{row.num_features} words" if row.image_shape is None else "{}x{}".format(*row.image_shape)
    splits = " / ".join(map(str, row.splits.values()))
    return row.name, size, splits, row.binarization, row.where if row.where in _PLACES else "here"


@datasets_app.command
def fetch(name: str, /) -> None:
    """Download a data set into the cache.

    Args:
        name: One of the names that `beliefnet datasets` lists.
    """
    say(f"{name} is at {data.fetch(name)}")
