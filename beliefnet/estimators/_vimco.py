"""Variational inference for Monte Carlo objectives."""

from enum import Enum
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from beliefnet._naming import named
from beliefnet._net import BeliefNet
from beliefnet._numerics import leave_one_out_log_sum_exp, leave_one_out_sum, log_mean_exp, normalised_weights
from beliefnet._trace import Trace
from beliefnet.estimators._credit import Credit, RecognitionCreditEstimator, check_particles
from beliefnet.estimators._signal import Signal


class Replacement(Enum):
    """What takes the place of a particle's weight in the bound without it."""

    GEOMETRIC = "geometric"
    """The geometric mean of the other weights, as in the paper's experiments."""
    ARITHMETIC = "arithmetic"
    """The arithmetic mean of the other weights."""


class VIMCO(RecognitionCreditEstimator[None]):
    """The score-function estimator of the K-particle bound, each particle's baseline coming from the others.

        score of particle k = (L - L without k) - w~_k,    model credit = w~_k

    with L the log-mean-exp of the K log-weights, w~ their softmax, and "without k" meaning that particle k's weight is
    replaced by a mean of the others. Unbiased for L_K. Nothing is learnt beside the net, and nothing is carried from
    batch to batch. Costs K passes down and up; the baselines take time and memory linear in K.

    With local signals, the replacement of particle k at layer l keeps what particle k drew below that layer, and takes
    only what follows from the others: a closer baseline for the upper layers, unbiased as well. (This goes beyond the
    paper, which pays every layer the same signal.)

    Args:
        num_particles: K, at least 2.
        replacement: Which mean of the other weights replaces a particle's own.
        signal: One signal for all layers (the paper's) or one for each.

    Raises:
        ValueError: If there are fewer than two particles.

    Reference:
        Mnih & Rezende 2016, *Variational inference for Monte Carlo objectives*.
    """

    least_particles: ClassVar[int] = 2

    num_particles: int = eqx.field(static=True, default=5)
    replacement: Replacement = eqx.field(static=True, default=Replacement.GEOMETRIC, kw_only=True)
    signal: Signal = eqx.field(static=True, default=Signal.WHOLE, kw_only=True)

    def __check_init__(self):
        check_particles("VIMCO", self.num_particles, least=self.least_particles)

    @property
    def bound_particles(self) -> int:
        """K: it climbs L_K."""
        return self.num_particles

    def init(self, net: BeliefNet) -> None:
        """Return nothing: no statistics are kept."""
        return

    def credit(self, trace: Trace, state: None) -> tuple[Credit, None]:
        """Pay each particle for what the bound would lose without it."""
        log_weight = trace.log_weight
        bound, weights = log_mean_exp(log_weight, axis=0), normalised_weights(log_weight)
        others = leave_one_out_log_sum_exp(log_weight)[..., None]
        without = jnp.logaddexp(others, self._stand_in(trace, others)) - jnp.log(self.num_particles)
        # Where no other particle has any weight there is no baseline; zero is as good as any number.
        without = jnp.where(jnp.isfinite(without), without, 0)
        gain = jnp.where(jnp.isfinite(bound)[:, None], bound[:, None] - without, 0)
        return Credit(bound, model=weights, score=gain - weights[..., None]), state

    def _stand_in(self, trace: Trace, others: Array) -> Float[Array, "particles batch #layers"]:
        """Log of the weight that replaces each particle's own."""
        signal = self.signal.read(trace) if self.signal is Signal.LOCAL else trace.log_weight[..., None]
        before = trace.log_weight[..., None] - signal if self.signal is Signal.LOCAL else 0.0
        num_others = self.num_particles - 1
        if self.replacement is Replacement.GEOMETRIC:
            return before + leave_one_out_sum(signal) / num_others
        return before + leave_one_out_log_sum_exp(signal) - jnp.log(num_others)


@named("vimco")
def vimco(
    num_particles: int = 5, *, replacement: Replacement = Replacement.GEOMETRIC, local_signals: bool = False
) -> VIMCO:
    """Return `VIMCO`, with its choice of signals as a switch.

    Args:
        num_particles: K, at least 2.
        replacement: Mean of the other weights that replaces a particle's own.
        local_signals: Keep, for each layer, what the particle itself drew below it.

    Raises:
        ValueError: If there are fewer than two particles.
    """
    signal = Signal.LOCAL if local_signals else Signal.WHOLE
    return VIMCO(num_particles, replacement=replacement, signal=signal)
