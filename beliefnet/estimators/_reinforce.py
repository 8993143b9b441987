"""REINFORCE with a leave-one-out baseline."""

import equinox as eqx

from beliefnet._naming import named
from beliefnet.estimators._driver_particles import AbstractRecognitionEstimator
from beliefnet.estimators.rules import LeaveOneOut, Signal


class Reinforce(AbstractRecognitionEstimator[None]):
    """The score-function estimator of the ELBO, each particle's baseline being the mean signal of the others.

        score of particle k at layer l = (signal_kl - mean over j != k of signal_jl) / K

    Unbiased for the ELBO. Nothing is learnt beside the net, and nothing is carried from batch to batch. Costs K passes
    down and up.

    Args:
        num_particles: Draws per datum, at least 2.
        signal: Local signals per layer (default) or the whole one for every layer.

    Raises:
        ValueError: If there are fewer than two particles.

    Reference:
        Williams 1992, *Simple statistical gradient-following algorithms for connectionist reinforcement learning*;
        Kool, van Hoof & Welling 2019, *Buy 4 REINFORCE samples, get a baseline for free!*
    """

    num_particles: int = eqx.field(static=True, default=4)
    signal: Signal = eqx.field(static=True, default=Signal.LOCAL, kw_only=True)

    @property
    def is_unbiased(self) -> bool:
        """For the ELBO."""
        return True

    @property
    def rule(self) -> LeaveOneOut:
        """Each particle's signal less the mean of the others'."""
        return LeaveOneOut(self.signal)


@named("reinforce")
def reinforce(num_particles: int = 4, *, local_signals: bool = True) -> Reinforce:
    """Return `Reinforce`, with its choice of signals as a switch.

    Args:
        num_particles: Draws per datum, at least 2.
        local_signals: Weigh each layer's score by the terms that its draw can change, not by the whole signal.

    Raises:
        ValueError: If there are fewer than two particles.
    """
    return Reinforce(num_particles, signal=Signal.LOCAL if local_signals else Signal.WHOLE)
