"""Hamiltonian variational inference: net and dynamics climb one bound."""

from typing import ClassVar

import equinox as eqx
from jax import Array
from jaxtyping import Float

from beliefnet._errors import ArgumentError
from beliefnet._naming import named
from beliefnet._net import BeliefNet
from beliefnet._numerics import broadcasting
from beliefnet._types import Key
from beliefnet.distributions import UnitKind
from beliefnet.estimators._base import Estimate, Estimator, check_particles
from beliefnet.estimators._bound import Bound
from beliefnet.proposals import Hamiltonian


class HVI(Estimator[None]):
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
        ValueError: If `num_particles` is not positive, or the proposal is not a `Hamiltonian`.

    Reference:
        Salimans, Kingma & Welling 2015, *Markov chain Monte Carlo and variational inference: bridging the gap*.
    """

    kinds: ClassVar[frozenset[UnitKind]] = frozenset({UnitKind.CONTINUOUS})

    proposal: Hamiltonian
    num_particles: int = eqx.field(static=True, default=1)

    def __check_init__(self):
        check_particles("HVI", self.num_particles, least=1)
        if not self.proposal.has_derivative:
            raise ArgumentError(
                f"expected a Hamiltonian as the proposal of HVI, got {type(self.proposal).__name__}",
                "Hamiltonian(net, key=key)",
            )

    @property
    def bound(self) -> Bound:
        """The mean log-weight of the proposal's particles."""
        return Bound(1, self.proposal)

    def init(self, net: BeliefNet) -> None:
        """Return nothing: no statistics are kept.

        Raises:
            ValueError: If the proposal was not made for this net.
        """
        self.proposal.check(net)

    @broadcasting
    def estimate(self, net: BeliefNet, x: Float[Array, "batch visible"], state: None, *, key: Key) -> Estimate[None]:
        """Draw, and differentiate through the draw."""

        def bound(parts: tuple[BeliefNet, HVI]) -> tuple[Array, Array]:
            net, own = parts
            particles = own.proposal.draw(net, x, own.num_particles, key=key)
            log_weight = net.log_joint(x, particles.latents) - particles.log_proposal
            value = log_weight.mean()
            return value, value

        (net_grads, own_grads), objective = eqx.filter_grad(bound, has_aux=True)((net, self))
        return Estimate(net_grads, own_grads, state, objective)


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
