"""The thermodynamic variational objective."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from beliefnet._naming import named
from beliefnet._net import BeliefNet
from beliefnet._numerics import normalised_weights
from beliefnet._trace import Trace
from beliefnet.estimators._credit import Credit, RecognitionCreditEstimator, check_particles


@named("tvo")
class TVO(RecognitionCreditEstimator[None]):
    """The covariance gradient of the thermodynamic variational objective, for latents of any kind.

    The bound log p(x) >= sum_j D_j E_(pi_b_j)[f] is the left Riemann sum of an integral from q (b = 0) to the posterior
    (b = 1), pi_b being proportional to q^(1-b) p^b. With w~_j = softmax_k(b_j f) and d_j = f minus its w~_j-mean,

        model = sum_j D_j w~_j (1 + b_j d_j),    score = sum_j D_j w~_j (-1 + (1 - b_j) d_j)

    Weights are normalised over the particles: biased at finite K, exact as K grows. Particles of weight zero (f = -inf)
    are left out. With one interval the score is that of the ELBO with the mean of all K particles as the baseline,
    shrunk by 1 - 1/K. Costs K passes down and up.

    Args:
        num_particles: K, at least 2.
        num_intervals: Number of intervals of the Riemann sum.
        first: Right end of the first interval, in (0, 1); the others are spaced evenly in the logarithm up to 1.

    Raises:
        ValueError: If there are fewer than two particles, no interval, or `first` is outside (0, 1).

    Reference:
        Masrani, Le & Wood 2019, *The thermodynamic variational objective*.
    """

    least_particles: ClassVar[int] = 2

    num_particles: int = eqx.field(static=True, default=5)
    num_intervals: int = eqx.field(static=True, default=5, kw_only=True)
    first: float = eqx.field(static=True, default=0.05, kw_only=True)

    def __check_init__(self):
        check_particles("TVO", self.num_particles, least=self.least_particles)
        if self.num_intervals < 1:
            raise ValueError(f"expected num_intervals of at least 1, got {self.num_intervals}; try 5")
        if not 0 < self.first < 1:
            raise ValueError(f"expected first in (0, 1), got {self.first}; try 0.05")

    @property
    def bound_particles(self) -> int:
        """K: validation reports L_K; the objective itself lies between the ELBO and log p(x)."""
        return self.num_particles

    def init(self, net: BeliefNet) -> None:
        """Return nothing: no statistics are kept."""
        return

    def credit(self, trace: Trace, state: None) -> tuple[Credit, None]:
        """Pay every particle at every point of the path from q to the posterior."""
        alive = jnp.isfinite(trace.log_weight)
        f = jnp.where(alive, trace.log_weight, 0)
        left, width = (jnp.asarray(part)[:, None, None] for part in self._partition())
        weights = normalised_weights(jnp.where(alive, left * f, -jnp.inf).swapaxes(0, 1)).swapaxes(0, 1)
        means = jnp.sum(weights * f, axis=1, keepdims=True)
        excess = f - means
        model = jnp.sum(width * weights * (1 + left * excess), axis=0)
        score = jnp.sum(width * weights * ((1 - left) * excess - 1), axis=0)
        return Credit(jnp.sum(width * means, axis=0)[0], model=model, score=score[..., None]), state

    def _partition(self) -> tuple[np.ndarray, np.ndarray]:
        """Left ends and widths of the intervals."""
        ends = np.append(0, np.geomspace(self.first, 1, self.num_intervals)).astype(np.float32)
        ends[-1] = 1
        return ends[:-1], np.diff(ends)
