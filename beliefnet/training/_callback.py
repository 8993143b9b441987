"""Who looks on while a net is trained."""

from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class Callback(Protocol):
    """Looks on while a net is trained."""

    def on_steps(self, epoch: int, step: int, train_bound: float, examples_per_second: float) -> None:
        """Learn of progress, a few times a second at most; `epoch` is the one in progress, from 1."""

    def on_epoch(self, row: dict[str, Any]) -> None:
        """Learn of a finished epoch: a row of `metrics.jsonl`."""

    def should_stop(self) -> bool:
        """Say whether training should save and stop now."""
        ...


class NoCallback:
    """A callback that says nothing and never stops."""

    def on_steps(self, epoch: int, step: int, train_bound: float, examples_per_second: float) -> None:
        """Ignore progress."""

    def on_epoch(self, row: dict[str, Any]) -> None:
        """Ignore the epoch."""

    def should_stop(self) -> bool:
        """Never stop."""
        return False
