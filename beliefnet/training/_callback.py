"""Who is told of training while it runs, and may have a say in it."""

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import equinox as eqx

from beliefnet._errors import ArgumentError, check_type, listed, real_number, shown
from beliefnet._net import BeliefNet
from beliefnet._numerics import copied
from beliefnet.training._monitor import COLUMNS
from beliefnet.training._plan import Plan
from beliefnet.training._state import TrainState

if TYPE_CHECKING:
    from beliefnet.training._run import Fitted


class Epoch:
    """A finished epoch, as a callback sees it, and what it may change there.

    The changes are part of the training state and of its checkpoints. A run that was stopped goes on bit for bit, as
    long as a callback decides by what it finds here, the history from before a stop included, and not by what it
    remembers.

    Attributes:
        history: The rows of `metrics.jsonl` so far, that of this epoch last.
        state: Everything that training changes, before this epoch's net is compared with the best. The next step reuses
            its arrays: copy what is to be kept.

    Examples:
        >>> class Halving(NoCallback):
        ...     def on_epoch(self, epoch):
        ...         bounds = [row["valid_bound"] for row in epoch.history]
        ...         if len(bounds) > 1 and bounds[-1] < bounds[-2]:
        ...             epoch.scale_learning_rate(0.5)
        ...         epoch.log(learning_rate=epoch.learning_rate)
    """

    def __init__(self, history: list[dict[str, Any]], state: TrainState, plan: Plan):
        self.history, self.state, self._plan = history, state, plan

    @property
    def row(self) -> dict[str, Any]:
        """The row of this epoch."""
        return self.history[-1]

    @property
    def net(self) -> BeliefNet:
        """A copy of the net after the epoch, as it is validated: with averaged parameters, where there are any."""
        return copied(self.state.learner.judged.net)

    @property
    def learning_rate(self) -> float:
        """Step size of the generative net at the next step, by the schedule and all that it was multiplied by."""
        learner = self.state.learner
        return float(self._plan.optimizer.rates_at(learner.step)[0] * learner.step_scale)

    def scale_learning_rate(self, factor: float) -> None:
        """Multiply the step sizes of all parts of the model, now and for the rest of the run, under any schedule.

        Args:
            factor: What they are multiplied by.

        Raises:
            ArgumentError: If it is no finite number above 0.
        """
        by = real_number("factor", factor, lambda given: 0 < given < float("inf"), expected="above 0", good="0.5")
        scale = self.state.learner.step_scale * by
        self.state = eqx.tree_at(lambda state: state.learner.step_scale, self.state, scale)

    def log(self, **values: Any) -> None:
        """Add columns to the row of this epoch, and so to `metrics.jsonl`.

        Args:
            **values: Numbers by the names of their columns, scalars of NumPy and JAX among them.

        Raises:
            ArgumentError: If a value is no number, or the column is one that `fit` writes.
        """
        for name, value in values.items():
            if name in COLUMNS:
                raise ArgumentError(f"expected a column other than {listed(COLUMNS)}, got {shown(name)}", f"my_{name}")
            try:
                self.row[name] = float(value)
            except (TypeError, ValueError):
                raise ArgumentError(f"expected {name} to be a number, got {shown(value)}", "float(value)") from None


@runtime_checkable
class Callback(Protocol):
    """Is told of progress by `fit`, in its thread, and may ask it to stop or change how it goes on.

    What `on_epoch` does to its `Epoch` changes the result, and nothing else does. If a callback raises, training ends
    without saving, and a folder keeps its last checkpoint.

    Examples:
        >>> class StopAt(NoCallback):
        ...     def __init__(self, bound):
        ...         self.bound, self.reached = bound, False
        ...     def on_epoch(self, epoch):
        ...         self.reached = epoch.row["valid_bound"] > self.bound
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

    def on_epoch(self, epoch: Epoch) -> None:
        """Learn of a finished epoch, before its row is written; add columns to it, or change the learning rate."""

    def should_stop(self) -> bool:
        """Say whether training should save and stop now; asked before every dispatch."""
        ...

    def on_end(self, fitted: "Fitted") -> None:
        """Learn what came of training, once it is saved; not where it ended by an error."""


class NoCallback:
    """A callback that says nothing and never stops; a base for those that do one thing."""

    def on_steps(self, epoch: int, step: int, train_bound: float, examples_per_second: float) -> None:
        """Ignore progress."""

    def on_epoch(self, epoch: Epoch) -> None:
        """Ignore the epoch."""

    def should_stop(self) -> bool:
        """Never stop."""
        return False

    def on_end(self, fitted: "Fitted") -> None:
        """Ignore the outcome."""


class Callbacks:
    """Several callbacks as one: all are told, in their order, and each may stop training.

    Args:
        *callbacks: One that adds columns to an epoch comes before those that are to see them.

    Examples:
        >>> Callbacks(NoCallback(), NoCallback()).should_stop()
        False
    """

    def __init__(self, *callbacks: Callback):
        for callback in callbacks:
            check_type("callback", callback, Callback, good="one that extends NoCallback")
        self.callbacks = callbacks

    def on_steps(self, epoch: int, step: int, train_bound: float, examples_per_second: float) -> None:
        """Tell all of progress."""
        for callback in self.callbacks:
            callback.on_steps(epoch, step, train_bound, examples_per_second)

    def on_epoch(self, epoch: Epoch) -> None:
        """Show the epoch to all; each sees what those before it did to it."""
        for callback in self.callbacks:
            callback.on_epoch(epoch)

    def should_stop(self) -> bool:
        """Stop if one of them wants to."""
        return any(callback.should_stop() for callback in self.callbacks)

    def on_end(self, fitted: "Fitted") -> None:
        """Tell all of the outcome."""
        for callback in self.callbacks:
            callback.on_end(fitted)
