"""Running moments of a learning signal: the constant baseline and the variance normalisation of NVIL."""

from enum import Enum
from numbers import Real

import equinox as eqx
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from beliefnet._errors import ArgumentError, check_type


class Order(Enum):
    """Whether a batch is normalised with statistics that already contain it."""

    PAPER = "paper"
    """Update, then use, as in Algorithm 1 of NVIL."""
    STATISTICS_FIRST = "statistics-first"
    """Use what earlier batches left, then update: unbiased up to the scale."""


class Moments(eqx.Module):
    """Exponentially smoothed mean and variance, one pair per layer or one for all, in nats and nats squared."""

    mean: Float[Array, " layers"]
    variance: Float[Array, " layers"]


class RunningMoments(eqx.Module):
    """Centres a signal by its running mean and divides it by max(1, its running standard deviation).

    In the paper's order a batch is normalised with moments that contain it. With moments per layer and without the
    division, the part of the signal that its own draw explains is then shrunk by 1 - (1 - smoothing) / n in
    expectation, n being the number of draws in the batch; the division by a standard deviation that contains the batch
    is no constant factor, and shared moments mix the layers.

    Args:
        smoothing: Weight of the past in each update, in [0, 1); 0.8 in the paper.
        centre: Whether the running mean is subtracted (the constant baseline).
        normalise: Whether the signal is divided by max(1, sd).
        per_layer: Whether each layer has its own moments; otherwise one pair serves all.
        order: Whether the moments are updated before or after they are used.

    Raises:
        ValueError: If `smoothing` is outside [0, 1).

    Reference:
        Mnih & Gregor 2014, *Neural variational inference and learning in belief networks*, Algorithm 1 (supplement).
    """

    smoothing: float = eqx.field(static=True, default=0.8)
    centre: bool = eqx.field(static=True, default=True, kw_only=True)
    normalise: bool = eqx.field(static=True, default=True, kw_only=True)
    per_layer: bool = eqx.field(static=True, default=True, kw_only=True)
    order: Order = eqx.field(static=True, default=Order.PAPER, kw_only=True)

    def __check_init__(self):
        check_type("order", self.order, Order, good="baselines.Order.PAPER")
        check_type("smoothing", self.smoothing, Real, good="0.8")
        if not 0 <= self.smoothing < 1:
            raise ArgumentError(f"expected {{option}} in [0, 1), got {self.smoothing}", "0.8", option="smoothing")

    def init(self, num_layers: int) -> Moments:
        """Return zero mean and zero variance, with which the first signal passes unscaled."""
        zeros = jnp.zeros(num_layers if self.per_layer else 1)
        return Moments(zeros, zeros)

    def apply(
        self, signal: Float[Array, "particles batch layers"], moments: Moments
    ) -> tuple[Float[Array, "particles batch layers"], Moments]:
        """Return the centred and scaled signal, and the moments after this batch."""
        updated = self._update(signal, moments)
        used = updated if self.order is Order.PAPER else moments
        if self.centre:
            signal = signal - used.mean
        if self.normalise:
            signal = signal / jnp.maximum(1.0, jnp.sqrt(used.variance))
        return signal, updated

    def _update(self, signal: Float[Array, "particles batch layers"], moments: Moments) -> Moments:
        axes = (0, 1) if self.per_layer else (0, 1, 2)
        mean, variance = jnp.atleast_1d(signal.mean(axes)), jnp.atleast_1d(signal.var(axes))
        keep = self.smoothing
        return Moments(keep * moments.mean + (1 - keep) * mean, keep * moments.variance + (1 - keep) * variance)
