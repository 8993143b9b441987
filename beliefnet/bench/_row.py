"""What was measured of one contestant."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Bound:
    """A bound and its standard error, in nats per example.

    Attributes:
        mean: The mean of the draws.
        stderr: Its standard error.
    """

    mean: float
    stderr: float

    @classmethod
    def of(cls, draws: Sequence[float]) -> "Bound":
        """Return what draws say."""
        return cls(statistics.fmean(draws), statistics.stdev(draws) / math.sqrt(len(draws)))

    def __str__(self) -> str:
        """Both numbers."""
        return f"{self.mean:.2f} +- {self.stderr:.2f}"


def agreement(first: Bound, second: Bound) -> float:
    """Return the difference of two bounds in standard errors."""
    # Equal draws of float32 have no error of their own; a millionth of the bound is what rounding leaves.
    return (second.mean - first.mean) / math.hypot(first.stderr, second.stderr, 1e-6 * first.mean)


@dataclass
class Row:
    """A contestant of a workload.

    Attributes:
        workload: The workload.
        contestant: What runs it.
        peer: Name of the peer; "" for the library itself and the floors.
        seconds: Of a step in each round.
        bounds: At the weights that all start from and, where there is training, after the first steps.
        examples_per_second: The median over the rounds.
        ratio: How many times as fast the library is: the median over the rounds, each against its own round.
        of_floor: The share of the time that the products of the faster floor take.
        z: The difference of the bound from the library's, in standard errors.
        note: What is left out, or why nothing was measured.
        error: Why the ratio does not count.
    """

    workload: str
    contestant: str
    peer: str = ""
    seconds: list[float] = field(default_factory=list)
    bounds: list[Bound] = field(default_factory=list)
    examples_per_second: float | None = None
    ratio: float | None = None
    of_floor: float | None = None
    z: float | None = None
    note: str = ""
    error: str = ""

    @property
    def is_floor(self) -> bool:
        """Whether it is matrix products alone."""
        return self.contestant.startswith("products")

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers; a ratio that does not count is left out."""
        found = asdict(self)
        return found | {"ratio": None} if self.error else found
