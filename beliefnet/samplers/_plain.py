"""Samplers choose how a layer is drawn and, with that, what derivative a draw has."""

from abc import abstractmethod

import equinox as eqx
import jax.numpy as jnp
import numpyro.distributions as dist
from jax import Array, lax
from jaxtyping import Float

from beliefnet._types import Key


class Sampler(eqx.Module):
    """Draws values from a layer's distribution."""

    @abstractmethod
    def __call__(
        self, distribution: dist.Distribution, shape: tuple[int, ...] = (), *, key: Key
    ) -> Float[Array, "*lead units"]:
        """Draw floats of shape `shape + distribution.batch_shape + distribution.event_shape`."""


class Plain(Sampler):
    """Exact draws without a derivative: what score-function estimators and evaluation use."""

    def __call__(
        self, distribution: dist.Distribution, shape: tuple[int, ...] = (), *, key: Key
    ) -> Float[Array, "*lead units"]:
        """Draw exactly; the result is constant under differentiation."""
        return lax.stop_gradient(jnp.asarray(distribution.sample(key, shape)))
