"""How progress is shown, by every command in one way: a bar on a terminal, or a line now and then, or nothing."""

import contextlib
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from beliefnet.cli._common import asked
from beliefnet.cli._text import MOST_IN_A_CELL, for_terminal, make_console

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

SECONDS_BETWEEN_LINES = 10.0
_COMPILING = "compiling"


class Shown:
    """Progress that is shown.

    The first part of the work waits for compilation: until it is done, that is what is said, and the time left goes by
    what came after.

    Args:
        what: What is being done.
        total: How much there is of it; None where that is not known.
        done: How much of it is done already.
        style: rich, plain or none.
        seconds: The least time between two plain lines.
        is_shown_at_once: Whether the first plain line waits for no time to pass.
    """

    def __init__(self, what: object, total: int | None = None, *, done: int = 0, style: str, seconds: float):
        self.what, self.total, self._done, self._style = for_terminal(what, MOST_IN_A_CELL), total, done, style
        self._seconds, self._last = seconds, time.monotonic()
        self._first: tuple[int, float] | None = None
        self._bar: tuple[Progress, TaskID] | None = None

    def __enter__(self) -> "Shown":
        if self._style == "rich":
            bar = _bar(has_total=self.total is not None)
            self._bar = bar, bar.add_task(f"{self.what}: {_COMPILING}", total=self.total, completed=self._done)
            with unheard():
                bar.start()
        elif asked().progress == "plain":
            self.line(f"{self.what}: {_COMPILING}")
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            with unheard():
                self._bar[0].stop()

    def update(self, done: int | None = None, what: object = None) -> None:
        """Show how much is done now.

        Args:
            done: How much.
            what: What is being done, if that is something else.
        """
        self.what = self.what if what is None else for_terminal(what, MOST_IN_A_CELL)
        self._done = self._done if done is None else done
        now = time.monotonic()
        if done is not None and self._first is None:
            self._first = self._done, now
        if self._bar is not None:
            bar, task = self._bar
            bar.update(task, description=self.what, completed=self._done)
        elif self._style == "plain" and now - self._last >= self._seconds:
            self._last = now
            self.line(f"{self.what}{self._share()}{self.left()}")

    def line(self, text: str) -> None:
        """Print a line about progress."""
        with unheard():
            print(for_terminal(text), file=sys.stderr, flush=True)

    def left(self) -> str:
        """Say how long the rest will take, going by what was done after the first part."""
        if self._first is None or self.total is None or self._done <= self._first[0]:
            return ""
        begun, moment = self._first
        return f", {(time.monotonic() - moment) / (self._done - begun) * (self.total - self._done):.0f} s left"

    def _share(self) -> str:
        return "" if self.total is None else f": {self._done} of {self.total}"


def progress(what: object, total: int | None = None) -> Shown:
    """Return a context in which progress is shown on standard error, as was asked for.

    Args:
        what: What is being done.
        total: How much there is of it.
    """
    return Shown(what, total, style=chosen_style(is_terminal=sys.stderr.isatty()), seconds=SECONDS_BETWEEN_LINES)


def chosen_style(*, is_terminal: bool) -> str:
    """Return how progress is shown: rich, plain or none."""
    common = asked()
    if common.progress != "auto":
        return common.progress
    if common.json or common.quiet:
        return "none"
    return "rich" if is_terminal else "plain"


def _bar(*, has_total: bool) -> "Progress":
    """Return a bar that goes away at the end; its descriptions are no markup."""
    from rich.progress import (
        BarColumn,
        Progress,
        SpinnerColumn,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    text = TextColumn("{task.description}", markup=False)
    amount = (BarColumn(), TaskProgressColumn(), TimeRemainingColumn()) if has_total else (TimeElapsedColumn(),)
    return Progress(SpinnerColumn(), text, *amount, console=make_console(stderr=True), transient=True)


@contextlib.contextmanager
def unheard() -> Iterator[None]:
    """Go on where printing fails: the terminal is gone, or a signal came in the middle of a write to its stream."""
    with contextlib.suppress(OSError, RuntimeError):
        yield
