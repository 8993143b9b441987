"""Samplers choose how a layer is drawn and, with that, what derivative a draw has."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import equinox as eqx
import numpyro.distributions as dist
from jax import Array
from jaxtyping import Float

from beliefnet._streams import check_key
from beliefnet._types import Key
from beliefnet.distributions import UnitKind, check_kind


class AbstractSampler(eqx.Module):
    """Draws values from a layer's distribution.

    A sampler refuses the kinds of units that it would give a wrong derivative for, or none where it promises one.
    """

    kinds: ClassVar[frozenset[UnitKind]]
    """The kinds of units that it draws."""
    has_derivative: ClassVar[bool]
    """Whether draws are differentiable functions of the distribution's parameters."""
    is_exact: ClassVar[bool] = True
    """Whether draws follow the distribution, so that they can be weighed by its log-probability."""

    def __call__(
        self, distribution: dist.Distribution, shape: tuple[int, ...] = (), *, key: Key
    ) -> Float[Array, "*lead units"]:
        """Draw floats of shape `shape + distribution.batch_shape + distribution.event_shape`.

        Raises:
            TypeError: If the key is none.
            ValueError: If it does not draw units of this kind.
        """
        check_key(key)
        kind = UnitKind.of(distribution)
        check_kind(type(self).__name__, kind, self.kinds, _ADVICE[kind])
        return self._draw(distribution, shape, key=key)

    def check(self, kinds: Sequence[UnitKind]) -> None:
        """Check that it draws layers of these kinds, bottom first.

        Raises:
            ValueError: Naming the first layer that it does not draw.
        """
        for index, kind in enumerate(kinds):
            place = f" in latent layer {index + 1}"
            check_kind(type(self).__name__, kind, self.kinds, _ADVICE[kind], place=place)

    @abstractmethod
    def _draw(
        self, distribution: dist.Distribution, shape: tuple[int, ...], *, key: Key
    ) -> Float[Array, "*lead units"]:
        """Draw from a distribution of one of its kinds."""


_SCORE = "an estimator that needs no derivative of draws (vimco, nvil, reinforce)"
_ADVICE = {
    UnitKind.BINARY: f"a relaxation (concrete, straight-through), or {_SCORE}",
    UnitKind.ONE_HOT: f"a relaxation (concrete, straight-through), or {_SCORE}",
    UnitKind.AUTOREGRESSIVE: _SCORE,
    UnitKind.CONTINUOUS: f"sgvb, stl, iwae or dreg, or {_SCORE}",
    UnitKind.OTHER: _SCORE,
}
