"""Reparameterised estimators of the K-particle bound."""

import equinox as eqx

from beliefnet._naming import named
from beliefnet._net import BeliefNet
from beliefnet._numerics import log_mean_exp, normalised_weights
from beliefnet._trace import Trace
from beliefnet.estimators._credit import Credit
from beliefnet.estimators._path import PathEstimator, checked_sampler
from beliefnet.samplers import Sampler


@named("iwae")
class IWAE(PathEstimator):
    """The reparameterised estimator of the K-particle bound L_K.

        model = w~,    score = -w~,    path = w~

    Unbiased for L_K with `Reparameterize`; biased with a relaxation. Costs K passes down and up. The signal-to-noise
    ratio of the recognition gradient falls as K grows (Rainforth et al. 2018); `DReG` does not have that.

    Args:
        net: The net to be trained; its latent layers must be ones that the sampler draws.
        num_particles: Draws per datum, K.
        sampler: How draws get their derivative: `Reparameterize()`, the default, is exact and for continuous layers;
            the relaxations `Concrete`, `StraightThrough` and `Half` take discrete ones and are biased.

    Raises:
        ValueError: If `num_particles` is not positive, or the sampler does not draw a layer of the net, or gives no
            derivative.

    Reference:
        Burda, Grosse & Salakhutdinov 2016, *Importance weighted autoencoders*.
    """

    num_particles: int = eqx.field(static=True)
    sampler: Sampler = eqx.field(static=True)

    def __init__(self, net: BeliefNet, num_particles: int = 5, *, sampler: Sampler | None = None):
        self.sampler = checked_sampler("IWAE", net, num_particles, sampler)
        self.num_particles = num_particles

    @property
    def bound_particles(self) -> int:
        """K: it climbs L_K."""
        return self.num_particles

    def credit(self, trace: Trace, state: None) -> tuple[Credit, None]:
        """Pay all three routes by normalised weight."""
        weights = normalised_weights(trace.log_weight)
        return Credit(log_mean_exp(trace.log_weight), model=weights, score=-weights[..., None], path=weights), state


@named("dreg")
class DReG(PathEstimator):
    """The doubly reparameterised estimator of the K-particle bound L_K.

        model = w~,    path = w~^2

    Unbiased for L_K with `Reparameterize`, the model's gradient included: only the path is paid the squared weights.
    Costs K passes down and up.

    Args:
        net: The net to be trained; its latent layers must be ones that the sampler draws.
        num_particles: Draws per datum, K.
        sampler: How draws get their derivative: `Reparameterize()`, the default, is exact and for continuous layers;
            the relaxations `Concrete`, `StraightThrough` and `Half` take discrete ones and are biased.

    Raises:
        ValueError: If `num_particles` is not positive, or the sampler does not draw a layer of the net, or gives no
            derivative.

    Reference:
        Tucker, Lawson, Gu & Maddison 2019, *Doubly reparameterized gradient estimators for Monte Carlo objectives*.
    """

    num_particles: int = eqx.field(static=True)
    sampler: Sampler = eqx.field(static=True)

    def __init__(self, net: BeliefNet, num_particles: int = 5, *, sampler: Sampler | None = None):
        self.sampler = checked_sampler("DReG", net, num_particles, sampler)
        self.num_particles = num_particles

    @property
    def bound_particles(self) -> int:
        """K: it climbs L_K."""
        return self.num_particles

    def credit(self, trace: Trace, state: None) -> tuple[Credit, None]:
        """Pay the model by normalised weight and the path by its square."""
        weights = normalised_weights(trace.log_weight)
        return Credit(log_mean_exp(trace.log_weight), model=weights, path=weights**2), state
