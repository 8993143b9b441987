"""The one way to the terminal: whatever users bring is escaped and bounded here, and never read as markup."""

import json
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from beliefnet._text import printable
from beliefnet.cli._common import asked

if TYPE_CHECKING:
    from rich.console import Console

MOST_IN_A_MESSAGE = 2000
MOST_IN_A_CELL = 300
MOST_OF_A_PATH = 200


def for_terminal(text: object, most: int = MOST_IN_A_MESSAGE) -> str:
    """Return text on one line, without anything that a terminal obeys, of bounded length."""
    return printable(text, most)


def say(text: object = "") -> None:
    """Print one line that is said beside results: where a file is, what to do next."""
    if not asked().quiet:
        tell(text)


def tell(text: object = "") -> None:
    """Print one line of a result."""
    if not asked().json:
        print(for_terminal(text))


def report(result: Mapping[str, Any]) -> None:
    """Print a result as one JSON object, where that was asked for, and its tables and lines are not shown."""
    if asked().json:
        print(to_json(result))


def to_json(value: Any, *, indent: int | None = None) -> str:
    """Return JSON; what it cannot say, such as the standard error of a single example, becomes null."""
    return json.dumps(json.loads(json.dumps(value), parse_constant=lambda _: None), indent=indent)


def warn(text: object) -> None:
    """Print a warning to standard error."""
    if asked().quiet:
        return
    print(f"warning: {for_terminal(text)}", file=sys.stderr)


def make_console(*, stderr: bool = False, soft_wrap: bool = False) -> "Console":
    """Return a console to which `[bold]` and `:smile:` are text like any other."""
    from rich.console import Console

    return Console(stderr=stderr, soft_wrap=soft_wrap, markup=False, emoji=False, highlight=False)


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
    """Print a table of results.

    Args:
        header: Names of the columns.
        rows: Cells of each row.
        title: A line above it.
        words: Columns of words, which are folded where they are too wide; those in neither list hold numbers.
        names: Columns of names, which are never folded.
        is_plain: Without lines around the cells.
    """
    if asked().json:
        return
    from rich.table import Table
    from rich.text import Text

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
