"""The estimators that differentiate through their draws."""

from typing import ClassVar

import equinox as eqx
import jax

from beliefnet._errors import ArgumentError
from beliefnet._naming import named
from beliefnet._net import BeliefNet
from beliefnet.distributions import UnitKind
from beliefnet.estimators import rules
from beliefnet.estimators._driver_particles import AbstractCreditEstimator
from beliefnet.estimators.rules import AbstractShares
from beliefnet.proposals import Recognition
from beliefnet.samplers import AbstractSampler, Reparameterize


class AbstractPathEstimator(AbstractCreditEstimator[None]):
    """A row of the table of shares, with draws of the recognition net that have a derivative.

    Args:
        net: The net to be trained; its latent layers must be ones that the sampler draws.
        num_particles: Draws per datum, K.
        sampler: How draws get their derivative: `Reparameterize()`, the default, is exact and for continuous layers;
            the relaxations `Concrete`, `StraightThrough` and `Half` take discrete ones and are biased.

    Raises:
        ValueError: If `num_particles` is not positive, or the sampler does not draw a layer of the net, or gives no
            derivative.
    """

    kinds: ClassVar[frozenset[UnitKind]] = frozenset({UnitKind.CONTINUOUS})

    num_particles: int = eqx.field(static=True)
    sampler: AbstractSampler = eqx.field(static=True)

    def __init__(self, net: BeliefNet, num_particles: int = 1, *, sampler: AbstractSampler | None = None):
        self.num_particles = num_particles
        self.sampler = Reparameterize() if sampler is None else sampler
        self._check_sampler(net)

    def _check_sampler(self, net: BeliefNet) -> None:
        name = type(self).__name__
        if not self.sampler.has_derivative:
            raise ArgumentError(
                f"expected a sampler with a derivative for {name}, got {type(self.sampler).__name__}",
                "Reparameterize() for continuous units, Concrete() or StraightThrough() for discrete ones",
            )
        if any(eqx.is_array(leaf) for leaf in jax.tree.leaves(self.sampler)):
            raise ArgumentError(f"expected plain numbers in the sampler of {name}, got arrays", "Concrete(0.5)")
        self.sampler.check(net.latent_kinds)

    @property
    def is_unbiased(self) -> bool:
        """Where the derivative of draws is the true one: of continuous units."""
        return self.sampler.kinds <= {UnitKind.CONTINUOUS}

    @property
    def proposal(self) -> Recognition:
        """The recognition net, with draws that have a derivative."""
        return Recognition(self.sampler)


@named("sgvb", is_default=True)
class SGVB(AbstractPathEstimator):
    """The reparameterised estimator of the ELBO: log p(x, h) - log q(h | x) is differentiated, draws included.

        model = 1/K,    score = -1/K,    path = 1/K

    Unbiased for the ELBO with `Reparameterize`. With a relaxation it is biased: the gradient of a relaxed objective
    (`Concrete`), or one that follows the sampler's own slope. Costs K passes down and up. Arguments and errors are
    those of `AbstractPathEstimator`.

    Reference:
        Kingma & Welling 2014, *Auto-encoding variational Bayes*; Rezende, Mohamed & Wierstra 2014, *Stochastic
        backpropagation and approximate inference in deep generative models*.
    """

    def __init__(self, net: BeliefNet, num_particles: int = 1, *, sampler: AbstractSampler | None = None):
        AbstractPathEstimator.__init__(self, net, num_particles, sampler=sampler)

    @property
    def rule(self) -> AbstractShares:
        """The same share on all three routes, minus it on the score."""
        return rules.SGVB


@named("stl")
class STL(AbstractPathEstimator):
    """The path derivative of the ELBO ("sticking the landing"): SGVB without the score term, whose mean is zero.

        model = 1/K,    path = 1/K

    Unbiased for the ELBO with `Reparameterize`; its recognition gradient has no variance where q is the posterior.
    Costs K passes down and up. Arguments and errors are those of `AbstractPathEstimator`.

    Reference:
        Roeder, Wu & Duvenaud 2017, *Sticking the landing: simple, lower-variance gradient estimators for variational
        inference*.
    """

    def __init__(self, net: BeliefNet, num_particles: int = 1, *, sampler: AbstractSampler | None = None):
        AbstractPathEstimator.__init__(self, net, num_particles, sampler=sampler)

    @property
    def rule(self) -> AbstractShares:
        """The same share for the model and on the path."""
        return rules.STL


@named("iwae")
class IWAE(AbstractPathEstimator):
    """The reparameterised estimator of the K-particle bound L_K.

        model = w~,    score = -w~,    path = w~

    Unbiased for L_K with `Reparameterize`; biased with a relaxation. Costs K passes down and up. The signal-to-noise
    ratio of the recognition gradient falls as K grows (Rainforth et al. 2018); `DReG` does not have that. Arguments and
    errors are those of `AbstractPathEstimator`.

    Reference:
        Burda, Grosse & Salakhutdinov 2016, *Importance weighted autoencoders*.
    """

    def __init__(self, net: BeliefNet, num_particles: int = 5, *, sampler: AbstractSampler | None = None):
        AbstractPathEstimator.__init__(self, net, num_particles, sampler=sampler)

    @property
    def rule(self) -> AbstractShares:
        """The normalised weight on all three routes, minus it on the score."""
        return rules.IWAE


@named("dreg")
class DReG(AbstractPathEstimator):
    """The doubly reparameterised estimator of the K-particle bound L_K.

        model = w~,    path = w~^2

    Unbiased for L_K with `Reparameterize`, the model's gradient included: only the path has the squared weights. Costs
    K passes down and up. Arguments and errors are those of `AbstractPathEstimator`.

    Reference:
        Tucker, Lawson, Gu & Maddison 2019, *Doubly reparameterized gradient estimators for Monte Carlo objectives*.
    """

    def __init__(self, net: BeliefNet, num_particles: int = 5, *, sampler: AbstractSampler | None = None):
        AbstractPathEstimator.__init__(self, net, num_particles, sampler=sampler)

    @property
    def rule(self) -> AbstractShares:
        """The normalised weight for the model, its square on the path."""
        return rules.DREG
