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

    The first part of the work waits for compilation, or something else: until it is done, that is what is said, and
    the time left goes by what came after.

    Args:
        what: What is being done.
        total: How much there is of it; None where that is not known.
        done: How much of it is done already.
        style: rich, plain or none.
        seconds: The least time between two plain lines.
        waits_for: What the first part of the work waits for.
    """

    def __init__(
        self,
        what: object,
        total: int | None = None,
        *,
        done: int = 0,
        style: str,
        seconds: float,
        waits_for: str = _COMPILING,
    ):
        self.what, self.total, self._done, self._style = for_terminal(what, MOST_IN_A_CELL), total, done, style
        self._seconds, self._last, self._waits_for = seconds, time.monotonic(), waits_for
        self._first: tuple[int, float] | None = None
        self._bar: tuple[Progress, TaskID] | None = None

    def __enter__(self) -> "Shown":
        if self._style == "rich":
            bar = _bar()
            self._bar = bar, bar.add_task(f"{self.what}: {self._waits_for}", total=self.total, completed=self._done)
            with unheard():
                bar.start()
        elif asked().progress == "plain":
            self.line(f"{self.what}: {self._waits_for}")
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            with unheard():
                self._bar[0].stop()

    def update(self, done: int | None = None, what: object = None, total: int | None = None) -> None:
        """Show how much is done now.

        Args:
            done: How much.
            what: What is being done, if that is something else.
            total: How much there is of it, if that is something else.
        """
        if total is not None and total != self.total:
            self.total, self._first = total, None
        self.what = self.what if what is None else for_terminal(what, MOST_IN_A_CELL)
        self._done = self._done if done is None else done
        now = time.monotonic()
        if done is not None and self._first is None:
            self._first = self._done, now
        if self._bar is not None:
            bar, task = self._bar
            bar.update(task, description=self.what, completed=self._done, total=self.total)
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


def progress(what: object, total: int | None = None, *, waits_for: str = _COMPILING) -> Shown:
    """Return a context in which progress is shown on standard error, as was asked for.

    Args:
        what: What is being done.
        total: How much there is of it.
        waits_for: What the first part of the work waits for.
    """
    style = chosen_style(is_terminal=sys.stderr.isatty())
    return Shown(what, total, style=style, seconds=SECONDS_BETWEEN_LINES, waits_for=waits_for)


def chosen_style(*, is_terminal: bool) -> str:
    """Return how progress is shown: rich, plain or none."""
    common = asked()
    if common.progress != "auto":
        return common.progress
    if common.json or common.quiet:
        return "none"
    return "rich" if is_terminal else "plain"


def _bar() -> "Progress":
    """Return a bar that goes away at the end, and pulses where there is no total; its descriptions are no markup."""
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
    columns = (BarColumn(), TaskProgressColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    return Progress(SpinnerColumn(), text, *columns, console=make_console(stderr=True), transient=True)


@contextlib.contextmanager
def unheard() -> Iterator[None]:
    """Go on where printing fails: the terminal is gone, or a signal came in the middle of a write to its stream."""
    with contextlib.suppress(OSError, RuntimeError):
        yield
