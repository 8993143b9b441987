"""Uncorrected Hamiltonian annealing: net, step sizes and temperatures climb one bound."""

from typing import ClassVar

from beliefnet._naming import named
from beliefnet._net import BeliefNet
from beliefnet.estimators._moved import AbstractMovedEstimator
from beliefnet.proposals import UncorrectedAnnealing


class UHA(AbstractMovedEstimator):
    """The bound of particles that are annealed to the posterior, differentiated through draws and dynamics.

        E[ log p(x, h_N) - log q(h_0 | x) + sum_n (log N(v_n; 0, 1) - log N(v'_n; 0, 1)) ]

    with v'_n and v_n the momentum before and after the leapfrog steps at the n-th inverse temperature. The log-weight
    is a deterministic function of noise and of all parameters, so that its gradient is unbiased: for the model, the
    recognition net, step sizes, temperatures and persistence. Beside `HVI`, no reverse model is needed, and the bound
    tightens with the number of temperatures. Costs K passes down and up, and as many differentiated gradients of
    log p(x, h) and log q(h | x) for each leapfrog step.

    Args:
        proposal: The annealing, made for the net that is trained.
        num_particles: Draws per datum, K.

    Raises:
        ValueError: If `num_particles` is not positive, or draws of the proposal have no derivative.

    References:
        Geffner & Domke 2021, *MCMC variational inference via uncorrected Hamiltonian annealing*; Zhang, Hsu, Li, Finn &
        Grosse 2021, *Differentiable annealed importance sampling and the perils of gradient noise* (DAIS).
    """

    dynamics: ClassVar[str] = "UncorrectedAnnealing(net)"


@named("uha", title="uncorrected Hamiltonian annealing")
def uha(
    net: BeliefNet,
    num_particles: int = 1,
    *,
    num_temperatures: int = 6,
    num_steps: int = 1,
    step_size: float = 0.05,
    persistence: float = 0.9,
) -> UHA:
    """Return `UHA` with annealing made for a net; its settings are learnt from where they start.

    Args:
        net: The net to be trained.
        num_particles: Draws per datum, K.
        num_temperatures: Intervals between inverse temperatures.
        num_steps: Leapfrog steps at each stop between them.
        step_size: Of the leapfrog steps.
        persistence: Share of the momentum that is kept from stop to stop.

    Raises:
        ValueError: If a number is outside its range, or a latent layer is discrete or bounded.
    """
    annealing = UncorrectedAnnealing(net, num_temperatures, num_steps, step_size=step_size, persistence=persistence)
    return UHA(annealing, num_particles)
