"""What kind of units a layer has: that decides which derivatives its draws can have."""

from enum import Enum

import numpyro.distributions as dist
from numpyro.distributions import constraints

from beliefnet.distributions._autoregressive import Autoregressive
from beliefnet.distributions._one_hot import OneHot


class Kind(Enum):
    """Kinds of units."""

    BINARY = "binary"
    """Zeros and ones, with a logit each."""
    ONE_HOT = "one-hot"
    AUTOREGRESSIVE = "autoregressive"
    """Zeros and ones that depend on each other."""
    CONTINUOUS = "continuous"
    """Draws are a differentiable function of the parameters."""
    OTHER = "other"

    @property
    def is_finite(self) -> bool:
        """Whether a unit takes finitely many values."""
        return self in (Kind.BINARY, Kind.ONE_HOT, Kind.AUTOREGRESSIVE)

    @property
    def factorial(self) -> "Kind":
        """The kind of independent units with the same values."""
        return Kind.BINARY if self is Kind.AUTOREGRESSIVE else self

    @classmethod
    def of(cls, distribution: dist.Distribution) -> "Kind":
        """Return the kind of a layer's distribution."""
        base = units(distribution)
        if isinstance(base, OneHot):
            return cls.ONE_HOT
        if isinstance(base, Autoregressive):
            return cls.AUTOREGRESSIVE
        if base.support is constraints.boolean and hasattr(base, "logits"):
            return cls.BINARY
        return cls.CONTINUOUS if base.has_rsample else cls.OTHER


def units(distribution: dist.Distribution) -> dist.Distribution:
    """Return the distribution of the units themselves, where a layer only gathers independent ones."""
    while isinstance(distribution, dist.Independent):
        distribution = distribution.base_dist
    return distribution


def check_kind(name: str, kind: Kind, allowed: frozenset[Kind], advice: str, *, place: str = "") -> None:
    """Check that something can work with a kind of units.

    Args:
        name: Of what is to work with them.
        kind: What there is.
        allowed: What it can work with.
        advice: What to try instead.
        place: Where the units are, such as " in latent layer 2".

    Raises:
        ValueError: If it cannot.
    """
    if kind not in allowed:
        known = " or ".join(sorted(k.value for k in allowed))
        raise ValueError(f"expected {known} units for {name}, got {kind.value} units{place}; try {advice}")
