"""What kind of units a layer has: that decides which derivatives its draws can have."""

from enum import Enum

import numpyro.distributions as dist
from numpyro.distributions import constraints

from beliefnet._errors import ArgumentError


class UnitKind(Enum):
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
        return self in (UnitKind.BINARY, UnitKind.ONE_HOT, UnitKind.AUTOREGRESSIVE)

    @property
    def factorial(self) -> "UnitKind":
        """The kind of independent units with the same values."""
        return UnitKind.BINARY if self is UnitKind.AUTOREGRESSIVE else self

    @classmethod
    def of(cls, distribution: dist.Distribution) -> "UnitKind":
        """Return the kind of a layer's distribution: what it says itself in `unit_kind`, or what NumPyro says of it."""
        base = units(distribution)
        known = getattr(base, "unit_kind", None)
        if known is not None:
            return known
        if base.support is constraints.boolean and hasattr(base, "logits"):
            return cls.BINARY
        return cls.CONTINUOUS if base.has_rsample else cls.OTHER


def units(distribution: dist.Distribution) -> dist.Distribution:
    """Return the distribution of the units themselves, where a layer only gathers independent ones."""
    while isinstance(distribution, dist.Independent):
        distribution = distribution.base_dist
    return distribution


def check_kind(name: str, kind: UnitKind, allowed: frozenset[UnitKind], advice: str, *, place: str = "") -> None:
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
        raise ArgumentError(f"expected {known} units for {name}, got {kind.value} units{place}", f"{advice}")
