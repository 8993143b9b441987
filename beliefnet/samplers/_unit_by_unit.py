"""Draws of layers whose units depend on each other, with the derivative that a sampler gives to independent ones."""

import equinox as eqx
import jax
import numpyro.distributions as dist
from jax import Array
from jaxtyping import Float

from beliefnet._types import Key
from beliefnet.distributions import Autoregressive, UnitKind, bernoulli
from beliefnet.samplers._base import AbstractSampler


class UnitByUnit(AbstractSampler):
    """Draws a layer of units that depend on each other one unit after the other, each by another sampler.

    Values go on to the units after it with their derivatives. Layers of independent units are drawn by the other
    sampler as they are.

    Args:
        sampler: What draws a unit given those before it.
    """

    sampler: AbstractSampler = eqx.field(static=True)

    @property
    def kinds(self) -> frozenset[UnitKind]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Those of the sampler, and autoregressive ones where it draws binary ones."""
        known = self.sampler.kinds
        return known | {UnitKind.AUTOREGRESSIVE} if UnitKind.BINARY in known else known

    @property
    def has_derivative(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        """That of the sampler."""
        return self.sampler.has_derivative

    @property
    def is_exact(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        """That of the sampler."""
        return self.sampler.is_exact

    def _draw(
        self, distribution: dist.Distribution, shape: tuple[int, ...], *, key: Key
    ) -> Float[Array, "*lead units"]:
        if not isinstance(distribution, Autoregressive):
            return self.sampler(distribution, shape, key=key)
        keys = jax.random.split(key, distribution.event_shape[0])

        def draw(logit: Array, index: Array) -> Array:
            return self.sampler(bernoulli(logit[..., None]), key=keys[index])[..., 0]

        return distribution.in_turn(draw, shape + distribution.batch_shape)
