"""The one way to the terminal: whatever users bring is escaped and bounded here, and never read as markup."""

import sys
from collections.abc import Collection, Iterable, Sequence

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.status import Status
from rich.table import Table
from rich.text import Text

from beliefnet._text import printable

MOST_IN_A_MESSAGE = 2000
MOST_IN_A_CELL = 300
MOST_OF_A_PATH = 200


def for_terminal(text: object, most: int = MOST_IN_A_MESSAGE) -> str:
    """Return text on one line, without anything that a terminal obeys, of bounded length."""
    return printable(text, most)


def say(text: object = "") -> None:
    """Print one line."""
    print(for_terminal(text))


def warn(text: object) -> None:
    """Print a warning to standard error."""
    print(f"warning: {for_terminal(text)}", file=sys.stderr)


def make_console(*, stderr: bool = False, soft_wrap: bool = False) -> Console:
    """Return a console to which `[bold]` and `:smile:` are text like any other."""
    return Console(stderr=stderr, soft_wrap=soft_wrap, markup=False, emoji=False, highlight=False)


def waiting(what: object) -> Status:
    """Return a context that shows a spinner and what is being done."""
    return make_console(stderr=True).status(Text(for_terminal(what, MOST_IN_A_CELL)))


def make_progress(*, is_quiet: bool = False) -> Progress:
    """Return a bar that goes away at the end; its descriptions are no markup."""
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=make_console(stderr=True),
        transient=True,
        disable=is_quiet,
    )


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return lines with the cells of a table under each other: no cell is cut or folded."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def show_table(
    header: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    title: object = None,
    words: Collection[str] = (),
    names: Collection[str] = (),
    is_plain: bool = False,
) -> None:
    """Print a table.

    Args:
        header: Names of the columns.
        rows: Cells of each row.
        title: A line above it.
        words: Columns of words, which are folded where they are too wide; those in neither list hold numbers.
        names: Columns of names, which are never folded.
        is_plain: Without lines around the cells.
    """
    shown = None if title is None else Text(for_terminal(title, MOST_IN_A_CELL), style="italic")
    look = {"box": None, "pad_edge": False, "padding": (0, 1, 0, 0)} if is_plain else {}
    table = Table(title=shown, title_justify="left", **look)
    for name in header:
        if name in words:
            table.add_column(name, overflow="fold")
        else:
            table.add_column(name, justify="left" if name in names else "right", no_wrap=True)
    for row in rows:
        table.add_row(*(for_terminal(cell, MOST_IN_A_CELL) for cell in row))
    make_console().print(table)
