"""What looks on while a run trains, and where it is recorded: the live view, TensorBoard, MLflow."""

import contextlib
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from beliefnet._errors import OptionError
from beliefnet.cli._common import asked
from beliefnet.cli._text import for_terminal, say
from beliefnet.report import Live, check_port
from beliefnet.runs import RunFolder
from beliefnet.tracking import AbstractTracker, MLflow, TensorBoard, check_store, check_tensorboard
from beliefnet.training import Callback


@dataclass(frozen=True)
class Tracking:
    """Where a run is recorded, as it was asked for.

    Attributes:
        tensorboard: Write event files for TensorBoard.
        mlflow: The address of MLflow's server or store; None for none.
    """

    tensorboard: bool = False
    mlflow: str | None = None

    @property
    def words(self) -> str:
        """The options that say the same on a command line, each after a space."""
        mlflow = "" if self.mlflow is None else f" --mlflow {shlex.quote(self.mlflow)}"
        return f"{' --tensorboard' if self.tensorboard else ''}{mlflow}"

    def check(self) -> None:
        """Check that all of it can be had, before anything is loaded.

        Raises:
            OptionError: If something cannot.
        """
        if self.tensorboard:
            check_tensorboard()
        if self.mlflow is not None:
            with _naming("--mlflow"):
                check_store(self.mlflow)

    @contextlib.contextmanager
    def of(self, folder: RunFolder) -> Iterator[tuple[AbstractTracker, ...]]:
        """Return a context with what records a run."""
        with contextlib.ExitStack() as stack:
            trackers: list[AbstractTracker] = []
            if self.tensorboard:
                trackers.append(stack.enter_context(TensorBoard(folder.path)))
            if self.mlflow is not None:
                with _naming("--mlflow"):
                    trackers.append(stack.enter_context(MLflow(self.mlflow, folder.path)))
            yield tuple(trackers)


@dataclass(frozen=True)
class LiveView:
    """The live view, as it was asked for.

    Attributes:
        is_wanted: Whether a page is served while the run trains.
        port: Where; None for a free port.
    """

    is_wanted: bool
    port: int | None

    def check(self) -> None:
        """Check that the port is free.

        Raises:
            OptionError: If it is not.
        """
        if self.port is not None:
            with _naming("--live-port"):
                check_port(self.port)

    @contextlib.contextmanager
    def of(self, folder: RunFolder) -> Iterator[tuple[Callback, ...]]:
        """Return a context in which the page is served, and what tells it of training."""
        if not self.is_wanted and self.port is None:
            yield ()
            return
        with contextlib.ExitStack() as stack:
            with _naming("--live-port"):
                live = stack.enter_context(Live(folder.path, port=self.port))
            _say_address(live.url)
            yield (live,)


@contextlib.contextmanager
def _naming(option: str) -> Iterator[None]:
    """Have errors name the option of the command line."""
    try:
        yield
    except OptionError as error:
        raise OptionError.of(error, option=option) from None


def _say_address(url: str) -> None:
    """Say where the page is; beside a JSON object on standard error, as nobody could know it otherwise."""
    line = f"live view   {url}"
    if asked().json and not asked().quiet:
        print(for_terminal(line), file=sys.stderr, flush=True)
    else:
        say(line)
