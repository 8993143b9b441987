"""REINFORCE with a leave-one-out baseline."""

from typing import ClassVar

import equinox as eqx
from jax import Array
from jaxtyping import Float

from beliefnet._naming import named
from beliefnet._net import BeliefNet
from beliefnet._numerics import leave_one_out_sum
from beliefnet._trace import Trace
from beliefnet.estimators._credit import Credit, RecognitionCreditEstimator, check_particles
from beliefnet.estimators._signal import Signal


class Reinforce(RecognitionCreditEstimator[None]):
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

    least_particles: ClassVar[int] = 2

    num_particles: int = eqx.field(static=True, default=4)
    signal: Signal = eqx.field(static=True, default=Signal.LOCAL, kw_only=True)

    @property
    def bound_particles(self) -> int:
        """1: it climbs the ELBO."""
        return 1

    def __check_init__(self):
        check_particles("Reinforce", self.num_particles, least=self.least_particles)

    def init(self, net: BeliefNet) -> None:
        """Return nothing: no statistics are kept."""
        return

    def credit(self, trace: Trace, state: None) -> tuple[Credit, None]:
        """Pay each draw what it brought beyond the others."""
        count = self.num_particles
        signal: Float[Array, "particles batch layers"] = self.signal.read(trace)
        score = (signal - leave_one_out_sum(signal) / (count - 1)) / count
        return Credit(trace.log_weight.mean(axis=0), model=trace.uniform_weights, score=score), state


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
