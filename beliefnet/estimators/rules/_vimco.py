"""The rule of VIMCO: what the bound would lose without a particle."""

from enum import Enum

import equinox as eqx
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from beliefnet._errors import check_type
from beliefnet._numerics import leave_one_out_log_sum_exp, leave_one_out_sum, log_mean_exp, normalised_weights
from beliefnet._trace import Trace
from beliefnet.estimators.rules._base import AbstractPureRule, Credit
from beliefnet.estimators.rules._signal import Signal, check_signal


class Replacement(Enum):
    """What takes the place of a particle's weight in the bound without it."""

    GEOMETRIC = "geometric"
    """The geometric mean of the other weights, as in the paper's experiments."""
    ARITHMETIC = "arithmetic"
    """The arithmetic mean of the other weights."""


class LeaveOneOutBound(AbstractPureRule):
    """A particle's score-function weight is what the bound would lose without it, less its share of the bound.

        score of particle k = (L - L without k) - w~_k,    model = w~_k

    "Without k" means that the weight of particle k is replaced by a mean of the others. With local signals, the
    replacement at layer l keeps what was settled before the particle drew that layer.
    """

    is_by_datum = True
    is_multi_sample = True
    least_particles = 2

    replacement: Replacement = eqx.field(static=True, default=Replacement.GEOMETRIC)
    signal: Signal = eqx.field(static=True, default=Signal.WHOLE)

    def __check_init__(self):
        check_type("replacement", self.replacement, Replacement, good="estimators.Replacement.GEOMETRIC")
        check_signal(self.signal)

    def __call__(self, trace: Trace) -> Credit:
        """Return what the bound would lose without each particle."""
        log_weight = trace.log_weight
        bound, weights = log_mean_exp(log_weight, axis=0), normalised_weights(log_weight)
        others = leave_one_out_log_sum_exp(log_weight)[..., None]
        without = jnp.logaddexp(others, self._replaced(trace)) - jnp.log(trace.num_particles)
        # Where no other particle has any weight there is no baseline; zero is as good as any number.
        without = jnp.where(jnp.isneginf(without), 0, without)
        gain = jnp.where(jnp.isneginf(bound)[:, None], 0, bound[:, None] - without)
        return Credit(bound, model=weights, score=gain - weights[..., None])

    def _replaced(self, trace: Trace) -> Float[Array, "particles batch #layers"]:
        """Log of the weight that replaces each particle's own."""
        if self.signal is Signal.LOCAL:
            return trace.settled_signal + self._mean_of_others(trace.local_signal)
        return self._mean_of_others(trace.log_weight[..., None])

    def _mean_of_others(self, signal: Float[Array, "particles batch #layers"]) -> Array:
        """Log of the mean over the other particles of exp(signal)."""
        num_others = signal.shape[0] - 1
        if self.replacement is Replacement.GEOMETRIC:
            return leave_one_out_sum(signal) / num_others
        return leave_one_out_log_sum_exp(signal) - jnp.log(num_others)
