"""Checks of data, on the host: which value is the first that units are no model of, and what to do about it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Num
from numpy.typing import NDArray

from beliefnet._errors import DataError, entry

_BLOCK = 2**20
"""Entries that are looked at in one go."""


@dataclass(frozen=True)
class Range:
    """What is known of the values of data, for advice.

    Attributes:
        least: The least value.
        largest: The largest value.
        is_whole: Whether all are whole numbers.
    """

    least: float
    largest: float
    is_whole: bool

    @property
    def is_unit(self) -> bool:
        """Whether all values are between 0 and 1."""
        return self.least >= 0 and self.largest <= 1

    @property
    def is_signs(self) -> bool:
        """Whether all values are between -1 and 1, and some are negative."""
        return -1 <= self.least < 0 and self.largest <= 1

    @property
    def is_bytes(self) -> bool:
        """Whether all values are whole numbers from 0 to 255, as images are stored."""
        return self.is_whole and self.least >= 0 and self.largest <= 255

    @property
    def to_unit(self) -> str:
        """What brings the values into [0, 1]."""
        if self.is_signs:
            return "(x + 1) / 2"
        return "x / 255" if self.is_bytes and self.largest > 16 else "(x - x.min()) / (x.max() - x.min())"


@dataclass(frozen=True)
class Support:
    """The values that units are a model of.

    Attributes:
        expected: What to call them.
        is_wrong: Which of some values are others, elementwise.
        advice: What to try, given the range of the data's values.
    """

    expected: str
    is_wrong: Callable[[Num[np.ndarray, "*lead"]], Bool[np.ndarray, "*lead"]]
    advice: Callable[[Range], str]

    def check(self, rows: Any, label: str, observed: NDArray[np.bool_] | None = None) -> None:
        """Check data, a block of rows at a time.

        Args:
            rows: `[rows, units]`, an array of numbers or a SciPy sparse matrix, of which only what is stored counts.
            label: What to call the data.
            observed: Which entries count, of the same shape; by default all.

        Raises:
            DataError: Naming the first value that is not finite, or that units are no model of.
        """
        advice = "leaving these rows out, or evaluation.impute, which fills in entries that are NaN"
        self._refuse(rows, label, observed, lambda values: ~np.isfinite(values), "finite values", lambda _: advice)
        self._refuse(rows, label, observed, self.is_wrong, self.expected, self.advice)

    def _refuse(
        self,
        rows: Any,
        label: str,
        observed: NDArray[np.bool_] | None,
        is_wrong: Callable[[np.ndarray], np.ndarray],
        expected: str,
        advice: Callable[[Range], str],
    ) -> None:
        for start, values in _blocks(rows):
            wrong = is_wrong(values)
            if observed is not None:
                wrong &= observed[start : start + len(values)]
            if wrong.any():
                place = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
                raise refusal(rows, values[place], _position(rows, start, place), expected, label, advice)


def refusal(
    rows: Any, value: Any, place: tuple[int, int], expected: str, label: str, advice: Callable[[Range], str]
) -> DataError:
    """Return the error for the first value that does not fit, at a row and a column."""
    return DataError(
        f"expected {expected} in {label}, got {value:g} at {entry(*place)}",
        f"{advice(_range_of(rows))}",
    )


def _blocks(rows: Any) -> Iterator[tuple[int, np.ndarray]]:
    """Yield where each block begins, and its values: rows of an array, or what a sparse matrix stores."""
    values = rows.data if _is_sparse(rows) else rows
    size = max(1, _BLOCK // max(1, values[:1].size))
    for start in range(0, len(values), size):
        yield start, values[start : start + size]


def _position(rows: Any, start: int, place: tuple[Any, ...]) -> tuple[int, int]:
    if not _is_sparse(rows):
        return start + int(place[0]), int(place[1])
    entries, index = rows.tocoo(), start + int(place[0])
    return int(entries.row[index]), int(entries.col[index])


def _range_of(rows: Any) -> Range:
    least, largest, is_whole = np.inf, -np.inf, True
    for _, values in _blocks(rows):
        finite = values[np.isfinite(values)]
        if finite.size:
            least, largest = min(least, float(finite.min())), max(largest, float(finite.max()))
            is_whole = is_whole and bool(np.all(finite == np.rint(finite)))
    return Range(min(least, 0.0) if _is_sparse(rows) else least, largest, is_whole)


def _is_sparse(rows: Any) -> bool:
    return hasattr(rows, "tocoo")
