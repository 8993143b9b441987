"""Rules of the optimal control variate of the K-particle bound: what a particle's own draw is expected to bring."""

import equinox as eqx
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from beliefnet._errors import ArgumentError
from beliefnet._numerics import leave_one_out_log_sum_exp, log_mean_exp, normalised_weights
from beliefnet._trace import Trace
from beliefnet.estimators.rules._base import AbstractPureRule, Credit


class OptimalControl(AbstractPureRule):
    """A particle is credited with what it brought beyond what fresh draws in its place bring on average.

        d_k = L - w~_k,    score of particle k = d_k - mean over s of d_k(with auxiliary draw s in the place of k)

    The last `num_auxiliary` particles are the auxiliary draws; they are no part of the bound, and get no credit.
    """

    is_by_datum = True
    is_multi_sample = True

    num_auxiliary: int = eqx.field(static=True, default=1)

    def __call__(self, trace: Trace) -> Credit:
        """Return the credit of the particles, and nothing for the auxiliary draws.

        Raises:
            ValueError: If fewer than two particles are left beside the auxiliary draws.
        """
        if trace.num_particles < 2 + self.num_auxiliary:
            raise ArgumentError(
                f"expected at least 2 particles and {self.num_auxiliary} auxiliary draws, got {trace.num_particles} "
                f"draws",
                f"num_particles={2 + self.num_auxiliary}",
            )
        own, auxiliary = jnp.split(trace.log_weight, [trace.num_particles - self.num_auxiliary])
        bound, weights = log_mean_exp(own, axis=0), normalised_weights(own)
        # One log-sum-exp per auxiliary draw and particle: [auxiliary, particles, batch].
        total = jnp.logaddexp(leave_one_out_log_sum_exp(own)[None], auxiliary[:, None])
        share = jnp.exp(auxiliary[:, None] - jnp.where(jnp.isneginf(total), 0, total))
        expected = (_finite_or_zero(total) - jnp.log(len(own)) - share).mean(axis=0)
        score = _finite_or_zero(bound) - weights - jnp.where(jnp.isneginf(bound), 0, expected)
        nothing = jnp.zeros_like(auxiliary)
        return Credit(
            bound, model=jnp.concatenate([weights, nothing]), score=jnp.concatenate([score, nothing])[..., None]
        )


class AsymptoticControl(AbstractPureRule):
    """The limits of the optimal control variate, without auxiliary draws.

        score of particle k = gamma w~_k - w~_k + L - log mean of the weights without k - (1 - gamma) log(1 - 1/K)

    With gamma 0, the limit of one dominant weight, it is unbiased: the baseline is the bound with weight k at zero.
    With gamma 1, the limit of many effective draws, its bias is that of reweighted wake-sleep.
    """

    is_by_datum = True
    is_multi_sample = True
    least_particles = 2

    gamma: float = eqx.field(static=True, default=1.0)

    def __call__(self, trace: Trace) -> Credit:
        """Return the credit of each particle."""
        count = trace.num_particles
        bound, weights = log_mean_exp(trace.log_weight, axis=0), normalised_weights(trace.log_weight)
        others = leave_one_out_log_sum_exp(trace.log_weight) - jnp.log(count - 1)
        # Where no other particle has any weight there is no baseline.
        gain = _finite_or_zero(bound) - jnp.where(jnp.isneginf(bound), 0, _finite_or_zero(others))
        score = gain - (1 - self.gamma) * (weights + jnp.log1p(-1 / count))
        return Credit(bound, model=weights, score=score[..., None])


def _finite_or_zero(log_values: Float[Array, "*lead"]) -> Float[Array, "*lead"]:
    """Zero where no weight is left; a NaN stays visible."""
    return jnp.where(jnp.isneginf(log_values), 0, log_values)
