"""Who is told of training while it runs."""

from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class Callback(Protocol):
    """Is told of progress by `fit`, in its thread, and may ask it to stop.

    Nothing a callback does changes the result, unless it raises: then training ends without saving, and a folder keeps
    its last checkpoint.

    Example:
        >>> class StopAt(NoCallback):
        ...     def __init__(self, bound):
        ...         self.bound, self.reached = bound, False
        ...     def on_epoch(self, row):
        ...         self.reached = row["valid_bound"] > self.bound
        ...     def should_stop(self):
        ...         return self.reached
        >>> StopAt(-80.0).should_stop()
        False
    """

    def on_steps(self, epoch: int, step: int, train_bound: float, examples_per_second: float) -> None:
        """Learn of progress, a few times a second at most.

        Args:
            epoch: The one in progress, from 1.
            step: Steps taken so far, over all epochs.
            train_bound: Mean objective of the epoch so far, in nats per example.
            examples_per_second: Speed in this epoch.
        """

    def on_epoch(self, row: dict[str, Any]) -> None:
        """Learn of a finished epoch: a row of `metrics.jsonl`."""

    def should_stop(self) -> bool:
        """Say whether training should save and stop now; asked before every dispatch."""
        ...


class NoCallback:
    """A callback that says nothing and never stops; a base for those that do one thing."""

    def on_steps(self, epoch: int, step: int, train_bound: float, examples_per_second: float) -> None:
        """Ignore progress."""

    def on_epoch(self, row: dict[str, Any]) -> None:
        """Ignore the epoch."""

    def should_stop(self) -> bool:
        """Never stop."""
        return False
