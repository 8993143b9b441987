"""Hamiltonian variational inference: net and dynamics climb one bound."""

from typing import ClassVar

from beliefnet._naming import named
from beliefnet._net import BeliefNet
from beliefnet._types import Key
from beliefnet.estimators._moved import AbstractMovedEstimator
from beliefnet.proposals import Hamiltonian


class HVI(AbstractMovedEstimator):
    """The bound of particles that Hamiltonian dynamics move, differentiated through draws and dynamics.

        E[ log p(x, h_T) - log q(h_0 | x) + sum_t (log r(v'_t | x, h_t) - log N(v_t; 0, scale_t^2)) ]

    The log-weight is a deterministic function of noise and of all parameters, so that its gradient is unbiased: for the
    model, which also enters through its force on the particles, for the recognition net, and for step sizes, momentum
    scales and reverse models, which are trained with the net. The bound is on log p(x), and is that of the trained
    `proposal`, not of the recognition net alone. Costs K passes down and up, and as many differentiated gradients of
    log p(x, h) for each leapfrog step.

    Args:
        proposal: The dynamics, made for the net that is trained.
        num_particles: Draws per datum, K.

    Raises:
        ValueError: If `num_particles` is not positive, or draws of the proposal have no derivative.

    Reference:
        Salimans, Kingma & Welling 2015, *Markov chain Monte Carlo and variational inference: bridging the gap*.
    """

    dynamics: ClassVar[str] = "Hamiltonian(net, key=key)"


@named("hvi", title="Hamiltonian variational inference")
def hvi(
    net: BeliefNet,
    num_particles: int = 1,
    *,
    key: Key,
    num_iterations: int = 1,
    num_steps: int = 5,
    step_size: float = 0.05,
    num_units: int = 100,
) -> HVI:
    """Return `HVI` with Hamiltonian dynamics made for a net; the settings of the dynamics are learnt from there.

    Args:
        net: The net to be trained.
        num_particles: Draws per datum, K.
        key: Random key for the reverse model's weights.
        num_iterations: Draws of the momentum.
        num_steps: Leapfrog steps after each.
        step_size: Of the leapfrog steps.
        num_units: Tanh units in the reverse model of each iteration.

    Raises:
        ValueError: If a number is outside its range, or a latent layer is discrete or bounded.
    """
    dynamics = Hamiltonian(net, num_iterations, num_steps, key=key, step_size=step_size, num_units=num_units)
    return HVI(dynamics, num_particles)
