"""Samplers whose draws follow the layer's own distribution, with the derivative that they truly have."""

from typing import ClassVar

import jax.numpy as jnp
import numpyro.distributions as dist
from jax import Array, lax
from jaxtyping import Float

from beliefnet._types import Key
from beliefnet.distributions import UnitKind
from beliefnet.samplers._base import AbstractSampler


class Plain(AbstractSampler):
    """Exact draws without a derivative: what score-function estimators and evaluation use."""

    kinds: ClassVar[frozenset[UnitKind]] = frozenset(UnitKind)
    has_derivative: ClassVar[bool] = False

    def _draw(
        self, distribution: dist.Distribution, shape: tuple[int, ...], *, key: Key
    ) -> Float[Array, "*lead units"]:
        return lax.stop_gradient(jnp.asarray(distribution.sample(key, shape)))


class Reparameterize(AbstractSampler):
    """Exact draws as a differentiable function of the parameters and of noise; for continuous units.

    Reference:
        Kingma & Welling 2014, *Auto-encoding variational Bayes*.
    """

    kinds: ClassVar[frozenset[UnitKind]] = frozenset({UnitKind.CONTINUOUS})
    has_derivative: ClassVar[bool] = True

    def _draw(
        self, distribution: dist.Distribution, shape: tuple[int, ...], *, key: Key
    ) -> Float[Array, "*lead units"]:
        return jnp.asarray(distribution.sample(key, shape))
