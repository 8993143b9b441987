"""Samplers choose how a layer is drawn and, with that, what derivative a draw has."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import equinox as eqx
import numpyro.distributions as dist
from jax import Array
from jaxtyping import Float

from beliefnet._types import Key
from beliefnet.distributions import Kind


class Sampler(eqx.Module):
    """Draws values from a layer's distribution.

    A sampler refuses the kinds of units that it would give a wrong derivative for, or none where it promises one.
    """

    kinds: ClassVar[frozenset[Kind]]
    """The kinds of units that it draws."""
    has_derivative: ClassVar[bool]
    """Whether draws are differentiable functions of the distribution's parameters."""

    def __call__(
        self, distribution: dist.Distribution, shape: tuple[int, ...] = (), *, key: Key
    ) -> Float[Array, "*lead units"]:
        """Draw floats of shape `shape + distribution.batch_shape + distribution.event_shape`.

        Raises:
            ValueError: If it does not draw units of this kind.
        """
        self.check((Kind.of(distribution),))
        return self._draw(distribution, shape, key=key)

    def check(self, kinds: Sequence[Kind]) -> None:
        """Check that it draws layers of these kinds, bottom first.

        Raises:
            ValueError: Naming the first layer that it does not draw.
        """
        for index, kind in enumerate(kinds):
            if kind not in self.kinds:
                known = " or ".join(sorted(k.value for k in self.kinds))
                raise ValueError(
                    f"expected {known} units for {type(self).__name__}, got {kind.value} units in latent layer "
                    f"{index + 1}; try {_ADVICE[kind]}"
                )

    @abstractmethod
    def _draw(
        self, distribution: dist.Distribution, shape: tuple[int, ...], *, key: Key
    ) -> Float[Array, "*lead units"]:
        """Draw from a distribution of one of its kinds."""


_SCORE = "an estimator that needs no derivative of draws (vimco, nvil, reinforce)"
_ADVICE = {
    Kind.BINARY: f"a relaxation (Concrete, StraightThrough), or {_SCORE}",
    Kind.ONE_HOT: f"a relaxation (Concrete, StraightThrough), or {_SCORE}",
    Kind.CONTINUOUS: f"Reparameterize, or {_SCORE}",
    Kind.OTHER: _SCORE,
}
