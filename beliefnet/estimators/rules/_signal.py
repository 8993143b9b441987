"""Which part of the log-weight credits the draw of a layer."""

from enum import Enum

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from beliefnet._errors import check_type
from beliefnet._trace import Trace


class Signal(Enum):
    """Which learning signal a layer's draw is credited with."""

    LOCAL = "local"
    """Only the terms that the layer's draw can still change."""
    WHOLE = "whole"
    """log p(x, h) - log q(h | x), the same for every layer."""

    def read(self, trace: Trace) -> Float[Array, "particles batch layers"]:
        """Return the signal of every layer, in nats."""
        if self is Signal.LOCAL:
            return trace.local_signal
        return jnp.broadcast_to(trace.log_weight[..., None], trace.log_q.shape)


def check_signal(signal: object) -> None:
    """Check that a signal is a `Signal`, and not its name.

    Raises:
        TypeError: If it is something else.
    """
    check_type("signal", signal, Signal, good="estimators.Signal.LOCAL or estimators.Signal.WHOLE")
