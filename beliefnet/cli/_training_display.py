"""How training is shown, and how it is stopped."""

import signal
import sys
import time
from typing import Any

from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from beliefnet.cli._common import asked
from beliefnet.cli._progress import chosen_style, unheard
from beliefnet.cli._text import make_console
from beliefnet.training import Epoch, NoCallback

_SECONDS_BETWEEN_LINES = 5.0
_STOPPING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


class _Speed(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.fields['speed']:>9,.0f} ex/s")


class Display(NoCallback):
    """Shows epoch, bounds, speed and time left: a live line on a terminal, else a line every few seconds.

    The first Ctrl-C, TERM signal or closed terminal asks training to save and stop; another one stops at once. What can
    no longer be printed, because the terminal is gone, does not matter to training. A run started with `nohup` outlives
    its terminal.
    """

    def __init__(self, num_epochs: int, num_steps: int, step: int):
        self.console, self.num_epochs = make_console(stderr=asked().json, soft_wrap=True), num_epochs
        self.is_stopping = False
        self._last_line = time.monotonic()
        self._first_epoch: tuple[int, float] | None = None
        self._style = chosen_style(is_terminal=sys.stdout.isatty())
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            TextColumn("train {task.fields[train]:.2f}  valid {task.fields[valid]:.2f} nats"),
            _Speed(),
            TimeRemainingColumn(),
            console=self.console,
            disable=self._style != "rich",
            expand=True,
        )
        nothing = float("nan")
        self.task = self.progress.add_task(
            "compiling", total=num_steps, completed=step, train=nothing, valid=nothing, speed=0.0
        )

    def __enter__(self) -> "Display":
        heeded = [
            number for number in _STOPPING if signal.getsignal(number) is not signal.SIG_IGN or number == signal.SIGINT
        ]
        self._handlers = {number: signal.signal(number, self._stop) for number in heeded}
        with unheard():
            self.progress.start()
        return self

    def __exit__(self, *_) -> None:
        with unheard():
            self.progress.stop()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def _stop(self, number: int, frame: Any) -> None:
        if self.is_stopping:
            raise KeyboardInterrupt
        self.is_stopping = True
        self._say("stopping after these steps; once more stops at once, without saving")

    def _say(self, line: str) -> None:
        if asked().json or asked().quiet:
            return
        with unheard():
            self.console.print(line, soft_wrap=True)

    def on_steps(self, epoch: int, step: int, train_bound: float, examples_per_second: float) -> None:
        """Move the bar."""
        self.progress.update(
            self.task,
            completed=step,
            description=f"epoch {epoch}/{self.num_epochs}",
            train=train_bound,
            speed=examples_per_second,
        )

    def on_epoch(self, epoch: Epoch) -> None:
        """Show the bounds of an epoch."""
        row, number = epoch.row, epoch.row["epoch"]
        self.progress.update(self.task, valid=row["valid_bound"], train=row["train_bound"])
        self._first_epoch = self._first_epoch or (number, time.monotonic())
        is_last = number == self.num_epochs
        if self._style == "plain" and (is_last or time.monotonic() - self._last_line > _SECONDS_BETWEEN_LINES):
            self._last_line = time.monotonic()
            self._say(
                f"epoch {number}/{self.num_epochs}  train {row['train_bound']:.2f}  "
                f"valid {row['valid_bound']:.2f} nats  {row['examples_per_second']:,.0f} ex/s{self._left(number)}"
            )

    def _left(self, epoch: int) -> str:
        """Say how long the rest will take, going by the epochs after the first, which waits for compilation."""
        if self._first_epoch is None or self._first_epoch[0] == epoch:
            return ""
        first, moment = self._first_epoch
        return f"  {(time.monotonic() - moment) / (epoch - first) * (self.num_epochs - epoch):.0f} s left"

    def should_stop(self) -> bool:
        """Say whether Ctrl-C was pressed."""
        return self.is_stopping
