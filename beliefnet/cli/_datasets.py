"""beliefnet datasets."""

from cyclopts import App

from beliefnet import data
from beliefnet.cli._app import command
from beliefnet.cli._text import say, show_table

datasets_app = App(name="datasets", help="List the data sets that can be named, or fetch one.")
command(datasets_app)

_COLUMNS = ("name", "what", "size", "train / valid / test", "binarization", "where")


@datasets_app.default
def show() -> None:
    """List the data sets that --data takes by name, and where each is."""
    rows = [
        (
            row.name,
            row.description,
            _size(row),
            " / ".join(str(size) for size in row.splits.values()),
            row.binarization,
            row.where,
        )
        for row in data.available()
    ]
    show_table(_COLUMNS, rows, words=_COLUMNS[1:], names=_COLUMNS[:1], is_plain=True)
    say()
    say(
        "A .npy, .npz or .csv file of your own can be given instead of a name; "
        "for documents also a .mtx, .svmlight or .txt file, or a folder of .txt files."
    )


def _size(row: data.Listing) -> str:
    return f"{row.num_features} words" if row.image_shape is None else "{}x{}".format(*row.image_shape)


@datasets_app.command
def fetch(name: str, /) -> None:
    """Download a data set into the cache.

    Args:
        name: One of the names that `beliefnet datasets` lists.
    """
    say(f"{name} is at {data.fetch(name)}")
