"""What all trackers share: a thread that writes what is new, so that training waits for nothing."""

import re
import threading
import time
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeAlias

from beliefnet._errors import ArgumentError
from beliefnet._text import printable
from beliefnet.runs import RunFolder, read_tags
from beliefnet.training import Epoch, Fitted, NoCallback

Params: TypeAlias = Mapping[str, "str | int | float | bool"]

_NO_METRICS = frozenset({"step", "data"})
_MEANS = ("elbo", "nll", "ess")
_MOST_ROWS = 100
_SECONDS_TO_END = 30.0
_SECONDS_TO_STOP = 2.0
_SECONDS_BETWEEN_TRIES = 5.0
_SECONDS_BETWEEN_LAST_TRIES = 1.0
_LAST_TRIES = 3
_LONGEST_REASON = 300


class Status(Enum):
    """How a run ended."""

    FINISHED = "FINISHED"
    FAILED = "FAILED"
    KILLED = "KILLED"


class AbstractTracker(NoCallback, ABC):
    """Records a run while it trains: a callback of training, and the context in which it may write.

    What is written of an epoch are the numbers of its row in `metrics.jsonl`, under the same names and at its step, so
    that a callback which adds columns comes before this one. A run that goes on goes on in the same record: the epochs
    that are there are not written again, and those that are missing are.

    Args:
        folder: The run folder, which need not be there yet.

    Raises:
        ArgumentError: If it is told something outside of its context, where nothing is written, or entered twice.
    """

    def __init__(self, folder: Path | str):
        self.folder = RunFolder(folder)
        self._history: list[dict[str, Any]] = []
        self._num_written = 0
        self._recorded: set[tuple[str, int]] = set()
        self._figures: list[tuple[Mapping[str, float], int]] = []
        self._is_training = False
        self._described: Params = {}
        self._fitted: Fitted | None = None
        self._ending: Status | None = None
        self._trouble: Exception | None = None
        self._is_warned = False
        self._wake, self._hurry = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    @property
    @abstractmethod
    def place(self) -> str:
        """Where it is recorded, in words."""

    @abstractmethod
    def _open(self) -> set[tuple[str, int]]:
        """Make sure that something can be written, and return the names and steps of figures that are there.

        Raises:
            OptionError: If it cannot.
        """

    @abstractmethod
    def _describe(self, params: Params, facts: Mapping[str, str]) -> None:
        """Write the options of the run, and what else is known of it; again where that has changed."""

    @abstractmethod
    def _begin(self) -> None:
        """Write that training goes on."""

    @abstractmethod
    def _write(self, rows: Sequence[tuple[int, Mapping[str, float]]]) -> None:
        """Write figures at their steps."""

    @abstractmethod
    def _end(self, status: Status, *, has_trained: bool) -> None:
        """Write how it ended."""

    def __enter__(self) -> Self:
        if self._thread is not None:
            name = type(self).__name__
            raise ArgumentError(
                f"expected a new {name} for each context, got one that was entered", f"with {name}(...) as tracker"
            )
        self._recorded = self._open()
        # Ends with the process at the latest: no server that does not answer keeps it alive.
        self._thread = threading.Thread(target=self._work, name=f"beliefnet {type(self).__name__}", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        is_stopped = kind is not None and not issubclass(kind, Exception)
        was_interrupted = self._fitted is not None and self._fitted.reason == "interrupted"
        failed = Status.FAILED if kind is not None else Status.FINISHED
        thread = self._opened()
        self._ending = Status.KILLED if is_stopped or was_interrupted else failed
        self._hurry.set()
        self._wake.set()
        thread.join(_SECONDS_TO_STOP if is_stopped else _SECONDS_TO_END)
        if self._trouble is not None or thread.is_alive():
            self._warn("not all of this run is recorded")

    def on_steps(self, epoch: int, step: int, train_bound: float, examples_per_second: float) -> None:
        """Take note that training goes on."""
        self._opened()
        if not self._is_training:
            self._is_training = True
            self._wake.set()
        if self._trouble is not None and not self._is_warned:
            self._is_warned = True
            self._warn("training goes on, and what is missing is written later")

    def on_epoch(self, epoch: Epoch) -> None:
        """Have the epoch written."""
        self._opened()
        self._history = epoch.history
        self._wake.set()

    def on_end(self, fitted: Fitted) -> None:
        """Have the outcome written: the best validation bound and its epoch."""
        self._history, self._fitted = fitted.history, fitted
        if fitted.history:
            found = {"best_valid_bound": fitted.best_bound, "best_epoch": float(fitted.best_epoch)}
            self.log(found, step=fitted.history[-1]["step"])

    def log(self, figures: Mapping[str, float], *, step: int) -> None:
        """Have figures written, such as those of an evaluation.

        Args:
            figures: Numbers by their names.
            step: The step of training that they are about.
        """
        self._opened()
        self._figures.append((figures, step))
        self._wake.set()

    def _opened(self) -> threading.Thread:
        """Return the thread that writes."""
        if self._thread is None or self._ending is not None:
            name = type(self).__name__
            raise ArgumentError(
                f"expected a {name} within its context, got one outside", f"with {name}(...) as tracker"
            )
        return self._thread

    def _warn(self, what: str) -> None:
        reason = "no answer in time" if self._trouble is None else reason_of(self._trouble)
        warnings.warn(f"{self.place}: {what} ({reason})", stacklevel=3)

    def _work(self) -> None:
        tries = _LAST_TRIES
        while tries:
            self._wake.wait()
            self._wake.clear()
            ending = self._ending
            try:
                self._write_news(is_last=ending is not None)
                if ending is not None:
                    self._end(ending, has_trained=self._is_training or self._fitted is not None)
                    tries = 0
                self._trouble = None
            except Exception as error:
                # Whatever it is, it must cost the run nothing; what is missing is written at the next occasion.
                self._trouble = error
                if ending is None:
                    self._hurry.wait(_SECONDS_BETWEEN_TRIES)
                else:
                    tries -= 1
                    time.sleep(_SECONDS_BETWEEN_LAST_TRIES)
                self._wake.set()

    def _write_news(self, *, is_last: bool) -> None:
        if is_last or not self._described:
            params = self._params()
            if params != self._described:
                facts = {"folder": str(self.folder.path.resolve()), "tags": " ".join(read_tags(self.folder))}
                self._describe(params, facts)
                self._described = params
        if self._is_training:
            self._begin()
        while rows := self._history[self._num_written : self._num_written + _MOST_ROWS]:
            self._write([(row["step"], self._new(row)) for row in rows])
            self._num_written += len(rows)
        while self._figures:
            figures, step = self._figures[0]
            self._write([(step, figures)])
            self._figures.pop(0)

    def _new(self, row: Mapping[str, Any]) -> dict[str, float]:
        """Return the numbers of a row that are not recorded yet."""
        return {
            name: value
            for name, value in row.items()
            if name not in _NO_METRICS and type(value) in (int, float) and (name, row["step"]) not in self._recorded
        }

    def _params(self) -> Params:
        """Return the options of the run, under their flat names; none before they are known."""
        config = self.folder.read_config()
        if not config and self.folder.has_checkpoints:
            record = self.folder.read_record()
            config = {**record["settings"], "estimator": record["structure"]["estimator"].get("type", "")}
        return dict(_flat(config))


def reason_of(error: BaseException) -> str:
    """Return why something could not be written, on one line: what the system says, where a library wraps it.

    A password in an address, which libraries repeat, is left out.

    Examples:
        >>> reason_of(ValueError("Retries exceeded ([Errno 111] Connection refused)"))
        'Connection refused'
        >>> reason_of(ValueError("http://me:secret@there:5000/api timed out"))
        'http://there:5000/api timed out'
    """
    text = without_password(str(error).strip() or type(error).__name__)
    system = re.findall(r"\[Errno -?\d+\] ([\w ]+)", text)
    return system[-1] if system else printable(text.splitlines()[0], _LONGEST_REASON)


def without_password(text: str) -> str:
    """Return a text whose addresses have neither user nor password."""
    return re.sub(r"//[^/\s]*@", "//", text)


def _flat(options: Mapping[str, Any], within: str = "") -> Iterator[tuple[str, Any]]:
    """Yield options by their names, those in tables as in `nvil.smoothing`."""
    for name, value in options.items():
        match value:
            case None | "" | [] | ():
                pass
            case dict():
                yield from _flat(value, f"{within}{name}.")
            case str() | bool() | int() | float():
                yield f"{within}{name}", value
            case list() | tuple():
                yield f"{within}{name}", " ".join(map(str, value))


def evaluation_figures(result: Mapping[str, Any], *, proposal: str = "") -> dict[str, float]:
    """Return the figures of an evaluation by names to record them under, such as `test/nll_1000`.

    Args:
        result: As `Evaluation.to_dict` and its split.
        proposal: Where particles came from, if not from where they came in training.

    Examples:
        >>> evaluation_figures({"split": "test", "num_particles": 10, "nll": {"mean": 3.5}, "elbo": {"mean": -4.0}})
        {'test/elbo': -4.0, 'test/nll_10': 3.5}
    """
    end = f"_{re.sub(r'[^A-Za-z0-9.]+', '-', proposal).strip('-')}" if proposal else ""
    found = {}
    for name in _MEANS:
        if result.get(name):
            with_particles = "" if name == "elbo" else f"_{result['num_particles']}"
            found[f"{result.get('split', 'test')}/{name}{with_particles}{end}"] = result[name]["mean"]
    return found
