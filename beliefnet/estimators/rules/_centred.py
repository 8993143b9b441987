"""The rule of NVIL: signals are centred by learnt and running baselines, and scaled."""

import equinox as eqx

from beliefnet._errors import check_type
from beliefnet._trace import Trace
from beliefnet.baselines import AbstractBaseline, Moments, RunningMoments
from beliefnet.estimators.rules._base import AbstractCreditRule, Credit, SurrogateTerm
from beliefnet.estimators.rules._signal import Signal, check_signal


class Centred(AbstractCreditRule[Moments]):
    """The score-function weight of layer l is its centred and scaled signal, and trains the baseline as well.

        score of layer l = (signal_l - C_l(h_(l-1)) - c_l) / max(1, sd_l) / K,    model = 1/K

    Attributes:
        baseline: C, learnt: the same weight times grad C_l is its ascent.
        moments: The running mean c and standard deviation sd; they are the state.
        signal: Local signals per layer, or the whole one for every layer.
    """

    baseline: AbstractBaseline
    moments: RunningMoments
    signal: Signal = eqx.field(static=True, default=Signal.LOCAL)

    def __check_init__(self):
        check_type("moments", self.moments, RunningMoments, good="baselines.RunningMoments(0.8)")
        check_signal(self.signal)

    def init(self, num_layers: int) -> Moments:
        """Return the moments before the first batch."""
        return self.moments.init(num_layers)

    def step(self, trace: Trace, state: Moments) -> tuple[Credit, Moments]:
        """Return the centred and scaled signal of each layer, and the moments after this batch."""
        prediction = self.baseline.predict(trace)
        centred, state = self.moments.apply(self.signal.read(trace) - prediction, state)
        score = centred / trace.num_particles
        objective = trace.log_weight.mean(axis=0)
        own = SurrogateTerm(score, prediction)
        return Credit(objective, model=trace.uniform_weights, score=score, own=own), state
