"""Estimators made of estimators."""

from typing import Any

import equinox as eqx
import jax
from jax import Array
from jaxtyping import Float, Int

from beliefnet._errors import ArgumentError
from beliefnet._net import BeliefNet
from beliefnet._numerics import broadcasting
from beliefnet._streams import split_key
from beliefnet._types import Key
from beliefnet.estimators._base import AbstractEstimator, Estimate
from beliefnet.estimators._bound import Bound


class Sum(AbstractEstimator[tuple[Any, ...]]):
    """The sum of several estimators' gradients, each with its own draw; the first one names the objective.

    Args:
        parts: The estimators.

    Raises:
        ValueError: If there are none.
    """

    parts: tuple[AbstractEstimator, ...]

    def __check_init__(self):
        if not self.parts:
            raise ArgumentError("expected at least one estimator to sum, got none", "Sum((Wake(5), Sleep()))")

    @property
    def bound(self) -> Bound:
        """That of the first part."""
        return self.parts[0].bound

    def init(self, net: BeliefNet) -> tuple[Any, ...]:
        """Return the state of each part."""
        return tuple(part.init(net) for part in self.parts)

    def begin(self, net: BeliefNet, num_rows: int) -> tuple[Any, ...]:
        """Return the state of each part."""
        return tuple(part.begin(net, num_rows) for part in self.parts)

    def at_rows(self, state: tuple[Any, ...], rows: Int[Array, " batch"]) -> tuple[Any, ...]:
        """Return the state of each part for those rows."""
        return tuple(part.at_rows(inner, rows) for part, inner in zip(self.parts, state, strict=True))

    @property
    def draws_apart(self) -> int | None:
        """The most particles of a part; None if one of them has to see the whole batch."""
        if type(self) is not Sum:
            return None
        draws = [part.draws_apart for part in self.parts]
        found = [count for count in draws if count is not None]
        return max(found) if len(found) == len(draws) else None

    def in_chunks(self, chunk: int) -> "Sum | None":
        """Return the sum of the parts, each with a chunk of its particles at a time; None where one has no such form.

        Raises:
            ValueError: If `chunk` is not positive.
        """
        parts = [part.in_chunks(chunk) for part in self.parts]
        found = tuple(part for part in parts if part is not None)
        if all(one is part for one, part in zip(parts, self.parts, strict=True)):
            return self
        return Sum(found) if len(found) == len(parts) else None

    @broadcasting
    def estimate(
        self, net: BeliefNet, x: Float[Array, "batch visible"], state: tuple[Any, ...], *, key: Key
    ) -> Estimate[tuple[Any, ...]]:
        """Estimate with each part and add up."""
        keys = split_key(key, len(self.parts))
        estimates = [
            part.estimate(net, x, inner, key=k) for part, inner, k in zip(self.parts, state, keys, strict=True)
        ]
        total = jax.tree.map(lambda *leaves: sum(leaves), *(estimate.net for estimate in estimates))
        own = eqx.tree_at(lambda s: s.parts, self, tuple(estimate.estimator for estimate in estimates))
        return Estimate(total, own, tuple(estimate.state for estimate in estimates), estimates[0].objective)
