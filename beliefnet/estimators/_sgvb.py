"""Stochastic gradient variational Bayes, and the form without the score term."""

import equinox as eqx

from beliefnet._naming import named
from beliefnet._net import BeliefNet
from beliefnet._trace import Trace
from beliefnet.estimators._credit import Credit
from beliefnet.estimators._path import PathEstimator, checked_sampler
from beliefnet.samplers import Sampler


@named("sgvb", is_default=True)
class SGVB(PathEstimator):
    """The reparameterised estimator of the ELBO: log p(x, h) - log q(h | x) is differentiated, draws included.

        model = 1/K,    score = -1/K,    path = 1/K

    Unbiased for the ELBO with `Reparameterize`. With a relaxation it is biased: the gradient of a relaxed objective
    (`Concrete`), or one that follows the sampler's own slope. Costs K passes down and up.

    Args:
        net: The net to be trained; its latent layers must be ones that the sampler draws.
        num_particles: Draws per datum, K.
        sampler: How draws get their derivative: `Reparameterize()`, the default, is exact and for continuous layers;
            the relaxations `Concrete`, `StraightThrough` and `Half` take discrete ones and are biased.

    Raises:
        ValueError: If `num_particles` is not positive, or the sampler does not draw a layer of the net, or gives no
            derivative.

    Reference:
        Kingma & Welling 2014, *Auto-encoding variational Bayes*; Rezende, Mohamed & Wierstra 2014, *Stochastic
        backpropagation and approximate inference in deep generative models*.
    """

    num_particles: int = eqx.field(static=True)
    sampler: Sampler = eqx.field(static=True)

    def __init__(self, net: BeliefNet, num_particles: int = 1, *, sampler: Sampler | None = None):
        self.sampler = checked_sampler("SGVB", net, num_particles, sampler)
        self.num_particles = num_particles

    @property
    def bound_particles(self) -> int:
        """1: it climbs the ELBO."""
        return 1

    def credit(self, trace: Trace, state: None) -> tuple[Credit, None]:
        """Pay all three routes alike."""
        share = trace.uniform_weights
        return Credit(trace.log_weight.mean(axis=0), model=share, score=-share[..., None], path=share), state


@named("stl")
class STL(PathEstimator):
    """The path derivative of the ELBO ("sticking the landing"): SGVB without the score term, whose mean is zero.

        model = 1/K,    path = 1/K

    Unbiased for the ELBO with `Reparameterize`; its recognition gradient has no variance where q is the posterior.
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
        Roeder, Wu & Duvenaud 2017, *Sticking the landing: simple, lower-variance gradient estimators for variational
        inference*.
    """

    num_particles: int = eqx.field(static=True)
    sampler: Sampler = eqx.field(static=True)

    def __init__(self, net: BeliefNet, num_particles: int = 1, *, sampler: Sampler | None = None):
        self.sampler = checked_sampler("STL", net, num_particles, sampler)
        self.num_particles = num_particles

    @property
    def bound_particles(self) -> int:
        """1: it climbs the ELBO."""
        return 1

    def credit(self, trace: Trace, state: None) -> tuple[Credit, None]:
        """Pay the model and the path."""
        share = trace.uniform_weights
        return Credit(trace.log_weight.mean(axis=0), model=share, path=share), state
