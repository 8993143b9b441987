"""Reparameterised estimators of the K-particle bound."""

from beliefnet._numerics import log_mean_exp, normalised_weights
from beliefnet._trace import Trace
from beliefnet.estimators._credit import Credit
from beliefnet.estimators._path import PathEstimator


class IWAE(PathEstimator):
    """The reparameterised estimator of the K-particle bound L_K.

        model = w~,    score = -w~,    path = w~

    Unbiased for L_K with `Reparameterize`; biased with a relaxation. Costs K passes down and up. The signal-to-noise
    ratio of the recognition gradient falls as K grows (Rainforth et al. 2018); `DReG` does not have that.

    Reference:
        Burda, Grosse & Salakhutdinov 2016, *Importance weighted autoencoders*.
    """

    @property
    def bound_particles(self) -> int:
        """K: it climbs L_K."""
        return self.num_particles

    def credit(self, trace: Trace, state: None) -> tuple[Credit, None]:
        """Pay all three routes by normalised weight."""
        weights = normalised_weights(trace.log_weight)
        return Credit(log_mean_exp(trace.log_weight), model=weights, score=-weights[..., None], path=weights), state


class DReG(PathEstimator):
    """The doubly reparameterised estimator of the K-particle bound L_K.

        model = w~,    path = w~^2

    Unbiased for L_K with `Reparameterize`, the model's gradient included: only the path is paid the squared weights.
    Costs K passes down and up.

    Reference:
        Tucker, Lawson, Gu & Maddison 2019, *Doubly reparameterized gradient estimators for Monte Carlo objectives*.
    """

    @property
    def bound_particles(self) -> int:
        """K: it climbs L_K."""
        return self.num_particles

    def credit(self, trace: Trace, state: None) -> tuple[Credit, None]:
        """Pay the model by normalised weight and the path by its square."""
        weights = normalised_weights(trace.log_weight)
        return Credit(log_mean_exp(trace.log_weight), model=weights, path=weights**2), state
