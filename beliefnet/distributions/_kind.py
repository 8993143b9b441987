"""What kind of units a layer has: that decides which derivatives its draws can have."""

from enum import Enum

import numpyro.distributions as dist
from numpyro.distributions import constraints

from beliefnet.distributions._one_hot import OneHot


class Kind(Enum):
    """Kinds of units."""

    BINARY = "binary"
    ONE_HOT = "one-hot"
    CONTINUOUS = "continuous"
    """Draws are a differentiable function of the parameters."""
    OTHER = "other"

    @classmethod
    def of(cls, distribution: dist.Distribution) -> "Kind":
        """Return the kind of a layer's distribution."""
        base = units(distribution)
        if isinstance(base, OneHot):
            return cls.ONE_HOT
        if base.support is constraints.boolean:
            return cls.BINARY
        return cls.CONTINUOUS if base.has_rsample else cls.OTHER


def units(distribution: dist.Distribution) -> dist.Distribution:
    """Return the distribution of the units themselves, where a layer only gathers independent ones."""
    return distribution.base_dist if isinstance(distribution, dist.Independent) else distribution
