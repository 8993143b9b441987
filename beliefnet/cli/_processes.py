"""Several processes that run one command together: the first one writes and prints."""

from collections.abc import Callable
from pathlib import Path

from beliefnet._errors import OptionError
from beliefnet.catalogue import TrainConfig
from beliefnet.cli._common import hush
from beliefnet.cli._text import warn
from beliefnet.cli._tracking import LiveView, Tracking
from beliefnet.devices import is_alone, is_first, start_processes, wait_for_all
from beliefnet.runs import RunFolder


def join_processes(how: str | None, place: Path | None) -> None:
    """Join the other processes, and leave what is said to the first one.

    Args:
        how: As `--distributed` says; None joins none.
        place: The run folder, which is the same for all.

    Raises:
        OptionError: If they cannot be joined, or no folder was named.
    """
    if how is None:
        return
    if place is None:
        raise OptionError("expected --out or --resume with --distributed, got neither", "--out runs/mine")
    start_processes(how, warn)
    if not is_first():
        hush()


def watching(view: LiveView, tracking: Tracking) -> tuple[LiveView, Tracking]:
    """Return what looks on: the first process's, and nothing elsewhere."""
    return (view, tracking) if is_first() else (LiveView(False, None), Tracking())


def check_alone(config: TrainConfig) -> None:
    """Refuse to choose an estimator by the clocks of several processes.

    Raises:
        OptionError: If there are several.
    """
    if not is_alone():
        raise OptionError(
            "expected one estimator for several processes, got auto, which each would choose by its own clock",
            f"--estimator {config.estimator.name}",
        )


def first_of_all(make: Callable[[], RunFolder], place: Path | None) -> RunFolder:
    """Return a run folder that the first process has made."""
    folder = make() if is_first() or place is None else RunFolder(place)
    wait_for_all("the run folder")
    return folder
