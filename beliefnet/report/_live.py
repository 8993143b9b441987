"""The page about a run while it trains: its curves grow."""

import contextlib
import math
import secrets
import shlex
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, TypeAlias

from beliefnet._errors import ArgumentError
from beliefnet._text import printable
from beliefnet.report._contents import Contents
from beliefnet.report._html import Html, as_json, joined, tag
from beliefnet.report._page import page
from beliefnet.report._parts import chart, facts, label_of, note, number, section
from beliefnet.report._results import ZOOMING, bounds_chart, record
from beliefnet.report._server import Answer, LocalServer
from beliefnet.runs import CheckpointError, Overview, RunFolder
from beliefnet.training import Epoch, Fitted, NoCallback

State: TypeAlias = Literal["starting", "training", "finished", "interrupted", "failed"]

_SECONDS_TO_BE_READ = 1.5
"""How long the end is told to browsers that ask every second."""
_SECONDS_WATCHED = 3.0
_LONGEST_REASON = 400
_OF_THE_NET = ("stamp", "seconds")
_FACTS = {
    "live-epochs": "epochs",
    "live-best": "best validation bound",
    "live-train": "training bound, this epoch",
    "live-speed": "examples per second",
    "live-left": "time left",
}


@dataclass(frozen=True)
class _Progress:
    step: int
    train_bound: float
    speed: float


class Live(NoCallback):
    """The page about a run while it trains: a callback of training, and the context in which the page is served.

    It is served to browsers of this machine alone, at `url`, and asks once a second for the epochs that are new. With
    the context the server ends; pages that are open then say how the run ended, and stay as they are.

    Args:
        folder: The run folder, which need not be there yet.
        port: Where it is served; by default a port that is free.

    Raises:
        OptionError: If the port cannot be used, when the context is entered.
        ArgumentError: If it is used outside of its context, where nothing is served.

    Examples:
        >>> with Live("runs/mine") as live:  # fit(..., folder="runs/mine", callback=live)
        ...     live.url.startswith("http://127.0.0.1:")
        True
    """

    def __init__(self, folder: Path | str, *, port: int | None = None):
        self._folder, self._port = RunFolder(folder), port
        self._rows: list[dict[str, Any]] = []
        self._state: State = "starting"
        self._said = "Training is about to start: programs are compiled."
        self._progress: _Progress | None = None
        self._first: tuple[int, float] | None = None
        self._asked, self._ended = -math.inf, -math.inf
        self._record: dict[str, Any] = {}
        self._name = secrets.token_hex(8)
        self._server: LocalServer | None = None

    def __enter__(self) -> Self:
        self._rows = self._folder.read_metrics()
        self._server = LocalServer({"/": self._page, "/metrics.json": self._metrics}, self._port)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is not None and not issubclass(kind, Exception):
            self._end("interrupted", "Stopped at once, without saving.")
        elif error is not None:
            reason = printable(f"{type(error).__name__}: {error}", _LONGEST_REASON)
            self._end("failed", f"Ended by an error. {reason}")
        try:
            if kind is None or issubclass(kind, Exception):
                self._wait_for_readers()
        finally:
            self._serving().close()

    @property
    def url(self) -> str:
        """The address of the page, within the context."""
        return self._serving().url

    def _serving(self) -> LocalServer:
        if self._server is None:
            raise ArgumentError("expected a Live within its context, got one outside", "with Live(...) as live")
        return self._server

    def on_steps(self, epoch: int, step: int, train_bound: float, examples_per_second: float) -> None:
        """Take note of progress."""
        self._serving()
        if self._state == "starting":
            self._state, self._said = "training", "Training."
        self._first = self._first or (step, time.monotonic())
        self._progress = _Progress(step, train_bound, examples_per_second)

    def on_epoch(self, epoch: Epoch) -> None:
        """Take note of an epoch."""
        self._rows = epoch.history

    def on_end(self, fitted: Fitted) -> None:
        """Say how the run ended."""
        self._rows, name = fitted.history, shlex.quote(str(self._folder.path))
        if fitted.reason == "interrupted":
            return self._end("interrupted", f"Stopped and saved. It goes on with: beliefnet train --resume {name}")
        how = "all epochs are done" if fitted.reason == "finished" else f"no better since epoch {fitted.best_epoch}"
        self._end("finished", f"Finished: {how}. The whole page is written by: beliefnet report {name}")

    def _end(self, state: State, said: str) -> None:
        self._state, self._said, self._ended = state, said, time.monotonic()

    def _wait_for_readers(self) -> None:
        """Let pages that are open learn of the end."""
        if time.monotonic() - self._asked < _SECONDS_WATCHED:
            time.sleep(max(0.0, self._ended + _SECONDS_TO_BE_READ - time.monotonic()))

    @property
    def _known_by(self) -> str:
        """What tells this run, and how much is known of it, from others at the same address."""
        return f"{self._name}-{int(self._folder.has_checkpoints)}"

    def _known(self) -> dict[str, Any]:
        """Return what is recorded beside the net, once something is saved."""
        if not self._record and self._folder.has_checkpoints:
            with contextlib.suppress(CheckpointError):
                self._record = self._folder.read_record()
        return self._record

    @property
    def _is_over(self) -> bool:
        return self._state not in ("starting", "training")

    def _metrics(self, query: Mapping[str, str]) -> Answer:
        """Return the epochs after so many, and what else changes."""
        self._asked = time.monotonic()
        rows, given = self._rows, query.get("after", "")
        after = int(given) if given.isdecimal() and int(given) <= len(rows) else 0
        whole, new = bounds_chart(rows), bounds_chart(rows[after:])
        answer = {
            "page": self._known_by,
            "state": self._state,
            "is_over": self._is_over,
            "texts": self._texts(),
            "steps": self._steps(),
            "short": "" if self._is_over else f"{len(rows)}/{self._num_epochs() or '?'}",
            "curves": {
                "after": after,
                "x": new.series[0].x,
                "y": {series.name: series.y for series in new.series},
                "label": label_of(whole) if len(rows) > after else "",
            },
        }
        return Answer("application/json", as_json(answer))

    def _page(self, query: Mapping[str, str]) -> Answer:
        """Return the page as it is now."""
        folder, texts = self._folder, self._texts()
        about = Overview.of(folder)
        name, config = folder.path.resolve().name, folder.read_config()
        # What is known of the net itself is as old as the first checkpoint.
        lasting = {key: value for key, value in self._known().items() if key not in _OF_THE_NET}
        contents = Contents(folder, name, about, self._rows, config, lasting)
        shown: dict[str, Html | str | None] = {
            label: tag("span", texts[ident], id=ident) for ident, label in _FACTS.items()
        }
        known = {"net": about.net, "data": about.data or str(config.get("data", "")), "estimator": about.estimator}
        step, most = self._steps()
        summary = tag(
            "div",
            tag("p", texts["live-said"], id="live-said", role="status"),
            tag("progress", id="live-steps", aria_label="Steps", value=step, max=max(most, 1)),
            facts({**shown, **known}),
            id="live",
            class_="summary",
            data_page=self._known_by,
            data_state=self._state,
        )
        drawn = tag("div", chart(bounds_chart(self._rows)), id="live-chart")
        later = note(f"Higher is better. {ZOOMING} Samples and units come with beliefnet report, after training.")
        body = [
            summary,
            tag("noscript", note("Without scripts, reload the page to see what is new.", is_warning=True)),
            section("training", "Training", drawn, later),
            section("record", "Record", record(contents)),
        ]
        links = (tag("li", tag("a", title, href=f"#{title.lower()}")) for title in ("Training", "Record"))
        return Answer("text/html", page(name, tag("ul", *links), joined(body), is_live=True))

    def _texts(self) -> dict[str, str]:
        """Return what changes, in words, by the identifier of its place."""
        rows, now, epochs = self._rows, self._progress, self._num_epochs()
        bounds = {row["epoch"]: row["valid_bound"] for row in rows if type(row.get("valid_bound")) is float}
        best = max(bounds, key=bounds.__getitem__, default=None)
        said = self._said if rows or self._is_over else f"{self._said} No epoch has ended yet."
        return {
            "live-said": said,
            "live-epochs": f"{len(rows)} of {epochs}" if epochs else f"{len(rows)}",
            "live-best": "" if best is None else f"{number(bounds[best]).text} nats, after epoch {best}",
            "live-train": "" if now is None or self._is_over else f"{number(now.train_bound).text} nats",
            "live-speed": "" if now is None else f"{now.speed:,.0f}",
            "live-left": "" if self._is_over else self._left(),
        }

    def _num_epochs(self) -> int:
        """Return the epochs that were asked for; 0 while that is not known."""
        return (self._known().get("settings") or self._folder.read_config()).get("epochs", 0)

    def _steps(self) -> tuple[int, int]:
        """Return the steps that were taken, and those there are; 0 while that is not known."""
        known, most = self._known(), 0
        if known:
            most = known["settings"]["epochs"] * (known["data"]["splits"]["train"] // known["settings"]["batch_size"])
        taken = self._progress.step if self._progress else (self._rows[-1]["step"] if self._rows else 0)
        return taken, most

    def _left(self) -> str:
        """Say how long the rest will take, going by the steps after the first ones."""
        now, most = self._progress, self._steps()[1]
        if now is None or self._first is None or now.step <= self._first[0] or not most:
            return ""
        step, moment = self._first
        seconds = (time.monotonic() - moment) / (now.step - step) * (most - now.step)
        minutes = round(seconds / 60)
        if minutes < 2:
            return f"{seconds:.0f} s"
        return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
