"""The thermodynamic variational objective."""

import equinox as eqx

from beliefnet._naming import named
from beliefnet.estimators._driver_particles import AbstractRecognitionEstimator
from beliefnet.estimators.rules import Thermodynamic


@named("tvo")
class TVO(AbstractRecognitionEstimator[None]):
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

    num_particles: int = eqx.field(static=True, default=5)
    num_intervals: int = eqx.field(static=True, default=5, kw_only=True)
    first: float = eqx.field(static=True, default=0.05, kw_only=True)

    @property
    def rule(self) -> Thermodynamic:
        """The covariances at every point of the path."""
        return Thermodynamic(self.num_intervals, self.first)
