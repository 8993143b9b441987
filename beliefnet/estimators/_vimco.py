"""Variational inference for Monte Carlo objectives."""

import equinox as eqx

from beliefnet._naming import named
from beliefnet.estimators._driver_particles import AbstractRecognitionEstimator
from beliefnet.estimators.rules import LeaveOneOutBound, Replacement, Signal


class VIMCO(AbstractRecognitionEstimator[None]):
    """The score-function estimator of the K-particle bound, each particle's baseline coming from the others.

        score of particle k = (L - L without k) - w~_k,    model = w~_k

    with L the log-mean-exp of the K log-weights, w~ their softmax, and "without k" meaning that particle k's weight is
    replaced by a mean of the others. Unbiased for L_K. Nothing is learnt beside the net, and nothing is carried from
    batch to batch. Costs K passes down and up; the baselines take time and memory linear in K.

    With local signals, the replacement of particle k at layer l keeps what particle k drew below that layer, and takes
    only what follows from the others: a closer baseline for the upper layers, unbiased as well. (This goes beyond the
    paper, in which all layers have the same signal.)

    Args:
        num_particles: K, at least 2.
        replacement: Which mean of the other weights replaces a particle's own.
        signal: One signal for all layers (the paper's) or one for each.

    Raises:
        ValueError: If there are fewer than two particles.

    Reference:
        Mnih & Rezende 2016, *Variational inference for Monte Carlo objectives*.
    """

    num_particles: int = eqx.field(static=True, default=5)
    replacement: Replacement = eqx.field(static=True, default=Replacement.GEOMETRIC, kw_only=True)
    signal: Signal = eqx.field(static=True, default=Signal.WHOLE, kw_only=True)

    @property
    def is_unbiased(self) -> bool:
        """For L_K."""
        return True

    @property
    def rule(self) -> LeaveOneOutBound:
        """What the bound would lose without each particle."""
        return LeaveOneOutBound(self.replacement, self.signal)


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
