"""Which column of the epochs says what net is kept, and when training stops early."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from beliefnet._errors import OptionError, listed, shown, suggestion

COLUMNS = ("epoch", "step", "seconds", "examples_per_second", "train_bound", "valid_bound", "data")
"""What `fit` writes of every epoch."""
BOUNDS = ("valid_bound", "train_bound")
"""The columns of `fit` that say how good a net is."""
_GOALS = {"": 1, "max": 1, "min": -1}
_LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Monitor:
    """A column of the epochs, and whether it is better the higher or the lower.

    Attributes:
        column: Name of the column.
        sign: 1 where the highest value is the best, -1 where the lowest is.

    Examples:
        >>> Monitor.of("perplexity:min").score({"perplexity": 3.0})
        -3.0
    """

    column: str
    sign: int

    @classmethod
    def of(cls, text: str) -> "Monitor":
        """Read a monitor: the name of a column, with `:min` if the lowest value is the best.

        Raises:
            OptionError: If it cannot be read, or a column of `fit` says nothing of how good a net is.
        """
        column, _, goal = text.partition(":")
        if goal not in _GOALS or not column:
            raise OptionError(f"expected monitor to be a column, or one with ':min', got {shown(text)}", "'loss:min'")
        if column in COLUMNS and column not in BOUNDS:
            raise OptionError(
                f"expected monitor to be {listed(BOUNDS)} or a column that a callback logs, got {shown(column)}",
                repr(BOUNDS[0]),
            )
        if column in BOUNDS and _GOALS[goal] < 0:
            raise OptionError(f"expected monitor to want the highest {column}, got {shown(text)}", repr(column))
        return cls(column, _GOALS[goal])

    def check_without_callback(self) -> None:
        """Check that the column is there although no callback logs any.

        Raises:
            OptionError: If it is not.
        """
        if self.column not in BOUNDS:
            raise self._unknown(BOUNDS, "a callback that logs it")

    def score(self, row: Mapping[str, Any]) -> float:
        """Return how good an epoch is, higher being better; one without a value (NaN) is the worst.

        Args:
            row: The row of the epoch.

        Raises:
            OptionError: If the row has no such column.
        """
        if self.column not in row:
            own = [name for name in row if name not in COLUMNS]
            raise self._unknown((*BOUNDS, *own), f"epoch.log({self.column}=...) in every epoch")
        # As a checkpoint holds it.
        value = float(np.float32(self.sign * row[self.column]))
        return -_LARGEST if np.isnan(value) else min(max(value, -_LARGEST), _LARGEST)

    def _unknown(self, known: tuple[str, ...], hint: str) -> OptionError:
        near = suggestion(self.column, known)
        return OptionError(
            f"expected monitor to be a column of the epochs, {listed(known)}, got {shown(self.column)}{near}", hint
        )
