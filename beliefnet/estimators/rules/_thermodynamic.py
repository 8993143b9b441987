"""The rule of the thermodynamic variational objective."""

from numbers import Real

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from beliefnet._errors import ArgumentError, check_type, whole_number
from beliefnet._numerics import normalised_weights
from beliefnet._trace import Trace
from beliefnet.estimators.rules._base import AbstractPureRule, Credit

_MOST_INTERVALS = 10_000


class Thermodynamic(AbstractPureRule):
    """The covariance form of the gradient at every point b_j of the path from q to the posterior.

        model = sum_j D_j w~_j (1 + b_j d_j),    score = sum_j D_j w~_j (-1 + (1 - b_j) d_j)

    with w~_j = softmax_k(b_j f) and d_j = f minus its w~_j-mean. Particles of weight zero (f = -inf) are left out.
    """

    is_by_datum = True
    is_multi_sample = True
    least_particles = 2

    num_intervals: int = eqx.field(static=True, default=5)
    first: float = eqx.field(static=True, default=0.05)

    def __check_init__(self):
        whole_number("num_intervals", self.num_intervals, good=5, most=_MOST_INTERVALS)
        check_type("first", self.first, Real, good="0.05")
        if not 0 < self.first < 1:
            raise ArgumentError(f"expected {{option}} in (0, 1), got {self.first}", "0.05", option="first")

    def __call__(self, trace: Trace) -> Credit:
        """Return the credit at all points of the path together."""
        is_out = jnp.isneginf(trace.log_weight)
        f = jnp.where(is_out, 0, trace.log_weight)
        left, width = (jnp.asarray(part)[:, None, None] for part in self._partition())
        weights = normalised_weights(jnp.where(is_out, -jnp.inf, left * f).swapaxes(0, 1)).swapaxes(0, 1)
        means = jnp.sum(weights * f, axis=1, keepdims=True)
        excess = f - means
        model = jnp.sum(width * weights * (1 + left * excess), axis=0)
        score = jnp.sum(width * weights * ((1 - left) * excess - 1), axis=0)
        return Credit(jnp.sum(width * means, axis=0)[0], model=model, score=score[..., None])

    def _partition(self) -> tuple[np.ndarray, np.ndarray]:
        """Left ends and widths of the intervals."""
        ends = np.append(0, np.geomspace(self.first, 1, self.num_intervals)).astype(np.float32)
        ends[-1] = 1
        return ends[:-1], np.diff(ends)
