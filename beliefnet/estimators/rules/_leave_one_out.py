"""The rule of REINFORCE with the other particles as the baseline."""

import equinox as eqx

from beliefnet._numerics import leave_one_out_sum
from beliefnet._trace import Trace
from beliefnet.estimators.rules._base import AbstractPureRule, Credit
from beliefnet.estimators.rules._signal import Signal, check_signal


class LeaveOneOut(AbstractPureRule):
    """Each particle's baseline is the mean signal of the others.

    score of particle k at layer l = (signal_kl - mean over j != k of signal_jl) / K,    model = 1/K
    """

    is_by_datum = True
    least_particles = 2

    signal: Signal = eqx.field(static=True, default=Signal.LOCAL)

    def __check_init__(self):
        check_signal(self.signal)

    def __call__(self, trace: Trace) -> Credit:
        """Return what each draw brought beyond the others."""
        count = trace.num_particles
        signal = self.signal.read(trace)
        score = (signal - leave_one_out_sum(signal) / (count - 1)) / count
        return Credit(trace.log_weight.mean(axis=0), model=trace.uniform_weights, score=score)
