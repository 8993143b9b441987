"""beliefnet datasets."""

import textwrap
from dataclasses import asdict
from pathlib import Path

from cyclopts import App

from beliefnet import data
from beliefnet.cli._app import command
from beliefnet.cli._progress import progress
from beliefnet.cli._text import aligned, report, say, tell

datasets_app = App(name="datasets", help="List the data sets that can be named, or fetch one.")
command(datasets_app)

_COLUMNS = ("name", "size", "train / valid / test", "binarization", "where")
_PLACES = ("built in", "absent")
_WIDTH = 80


@datasets_app.default
def show() -> None:
    """List the data sets that --data takes by name, and where each is."""
    listings = data.available()
    report({"datasets": [asdict(row) for row in listings]})
    rows = [_COLUMNS, *map(_cells, listings)]
    notes = ["", *(row.description for row in listings)]
    for line, note in zip(aligned(rows), notes, strict=True):
        tell(line)
        for own in textwrap.wrap(note, _WIDTH, initial_indent="    ", subsequent_indent="    "):
            tell(own)
    folders = sorted({str(Path(row.where).parent) for row in listings if row.where not in _PLACES})
    if folders:
        say(f"here: in {', '.join(folders)}")
    say()
    for line in textwrap.wrap(
        "A .npy, .npz or .csv file of your own can be given instead of a name; for documents also a .mtx, .svmlight or "
        ".txt file, or a folder of .txt files.",
        _WIDTH,
    ):
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
    with progress(f"fetching {name}", waits_for="connecting") as shown:

        def show_bytes(file_name: str, done: int, total: int | None) -> None:
            kilobytes = None if total is None else -(-total // 1000)
            shown.update(done // 1000, f"fetching {file_name}, kB", kilobytes)

        place = data.fetch(name, progress=show_bytes)
    report({"name": name, "place": str(place)})
    tell(f"{name} is at {place}")
