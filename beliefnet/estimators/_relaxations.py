"""Biased estimators of nets with discrete latents: the path estimators with samplers that relax a draw."""

from beliefnet._naming import named
from beliefnet._net import BeliefNet
from beliefnet.distributions import UnitKind
from beliefnet.estimators._path import IWAE, SGVB
from beliefnet.samplers import Concrete, GumbelRao, Half, ReinMax, StraightThrough

_DISCRETE = frozenset({UnitKind.BINARY, UnitKind.ONE_HOT})


@named("concrete", kinds=_DISCRETE)
def concrete(
    net: BeliefNet, num_particles: int = 1, *, temperature: float = 0.5, multi_sample: bool = False
) -> SGVB | IWAE:
    """Return the estimator with relaxed (Concrete, Gumbel-softmax) draws: biased for discrete latents.

    Args:
        net: The net to be trained.
        num_particles: Draws per datum, K.
        temperature: Of the relaxation: the lower, the less bias and the more variance.
        multi_sample: Climb the K-particle bound of the relaxed draws, not their ELBO.

    Raises:
        ValueError: If a number is not positive, or a layer of the net cannot be relaxed.

    Reference:
        Maddison, Mnih & Teh 2017, *The Concrete distribution*; Jang, Gu & Poole 2017, *Categorical reparameterization
        with Gumbel-softmax*.
    """
    make = IWAE if multi_sample else SGVB
    return make(net, num_particles, sampler=Concrete(temperature))


@named("straight-through", kinds=_DISCRETE)
def straight_through(net: BeliefNet, num_particles: int = 1) -> SGVB:
    """Return the estimator with exact draws that have the derivative of their mean: biased.

    Args:
        net: The net to be trained.
        num_particles: Draws per datum.

    Raises:
        ValueError: If `num_particles` is not positive, or a layer of the net is not discrete.

    Reference:
        Bengio, Leonard & Courville 2013, *Estimating or propagating gradients through stochastic neurons for
        conditional computation*.
    """
    return SGVB(net, num_particles, sampler=StraightThrough())


@named("half", title="the 1/2 estimator", kinds=frozenset({UnitKind.BINARY}))
def half(net: BeliefNet, num_particles: int = 1) -> SGVB:
    """Return the 1/2 estimator, straight-through without the derivative of the sigmoid: biased.

    Args:
        net: The net to be trained.
        num_particles: Draws per datum.

    Raises:
        ValueError: If `num_particles` is not positive, or a layer of the net is not binary.

    Reference:
        Gregor, Danihelka, Mnih, Blundell & Wierstra 2014, *Deep autoregressive networks*.
    """
    return SGVB(net, num_particles, sampler=Half())


@named("reinmax", kinds=_DISCRETE)
def reinmax(net: BeliefNet, num_particles: int = 1, *, temperature: float = 1.0) -> SGVB:
    """Return the estimator with exact draws that have a derivative of second order: biased.

    Args:
        net: The net to be trained.
        num_particles: Draws per datum.
        temperature: Of the softmax; at 1 there is no bias where the objective is quadratic in each unit.

    Raises:
        ValueError: If a number is not positive, or a layer of the net is not discrete.

    Reference:
        Liu, Dong, Liu, Yu & Gao 2023, *Bridging discrete and backpropagation: straight-through and beyond*.
    """
    return SGVB(net, num_particles, sampler=ReinMax(temperature))


@named("gumbel-rao", title="Rao-Blackwellised straight-through Gumbel-softmax", kinds=_DISCRETE)
def gumbel_rao(net: BeliefNet, num_particles: int = 1, *, temperature: float = 0.5, num_samples: int = 10) -> SGVB:
    """Return the estimator with exact draws that have the derivative of relaxed ones, averaged over noise: biased.

    Args:
        net: The net to be trained.
        num_particles: Draws per datum.
        temperature: Of the relaxation: the lower, the less bias and the more variance.
        num_samples: Draws of the noise; 1 is the straight-through Gumbel-softmax.

    Raises:
        ValueError: If a number is not positive, or a layer of the net is not discrete.

    Reference:
        Paulus, Maddison & Krause 2021, *Rao-Blackwellizing the straight-through Gumbel-softmax gradient estimator*.
    """
    return SGVB(net, num_particles, sampler=GumbelRao(temperature, num_samples))
