"""Means over data."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike


@dataclass(frozen=True)
class Mean:
    """A mean over data with its standard error."""

    mean: float
    stderr: float

    @classmethod
    def of(cls, values: ArrayLike) -> "Mean":
        """Average one value per datum."""
        values = np.asarray(values, np.float64)
        spread = float(values.std(ddof=1)) if len(values) > 1 else math.nan
        return cls(float(values.mean()), spread / math.sqrt(len(values)))
