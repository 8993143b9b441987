"""Learnt baselines: predictions of a learning signal, subtracted to lower the variance of a score-function estimate."""

from abc import abstractmethod

import equinox as eqx
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from beliefnet._trace import Trace


class AbstractBaseline(eqx.Module):
    """Predicts the learning signal of each layer from what was known before that layer was drawn."""

    @abstractmethod
    def predict(self, trace: Trace) -> Float[Array, "#particles batch #layers"]:
        """Return the predicted signal, in nats; it must not look at the draw of the layer it serves."""


class NoBaseline(AbstractBaseline):
    """Predicts zero."""

    def predict(self, trace: Trace) -> Float[Array, "#particles batch #layers"]:
        """Return zeros, `[1, batch, 1]`."""
        return jnp.zeros_like(trace.log_q[:1, :, :1])
