"""beliefnet datasets."""

from cyclopts import App
from rich.console import Console
from rich.table import Table

from beliefnet import data
from beliefnet.cli._app import command

datasets_app = App(name="datasets", help="List the data sets that can be named, or fetch one.")
command(datasets_app)


@datasets_app.default
def show() -> None:
    """List the data sets that --data takes by name, and where each is."""
    table = Table(box=None, pad_edge=False)
    table.add_column("name", no_wrap=True)
    for column in ("what", "size", "train / valid / test", "binarization", "where"):
        table.add_column(column, overflow="fold")
    for row in data.available():
        sizes = " / ".join(str(size) for size in row.splits.values())
        table.add_row(row.name, row.description, _size(row), sizes, row.binarization, row.where)
    Console().print(table)
    Console().print(
        "\nA .npy, .npz or .csv file of your own can be given instead of a name; "
        "for documents also a .mtx, .svmlight or .txt file, or a folder of .txt files.",
        soft_wrap=True,
    )


def _size(row: data.Listing) -> str:
    return f"{row.num_features} words" if row.image_shape is None else "{}x{}".format(*row.image_shape)


@datasets_app.command
def fetch(name: str, /) -> None:
    """Download a data set into the cache.

    Args:
        name: One of the names that `beliefnet datasets` lists.
    """
    print(f"{name} is at {data.fetch(name)}")
