"""What estimators through moved particles share: the bound of a proposal, differentiated through draws and dynamics."""

from typing import ClassVar

import equinox as eqx
from jax import Array
from jaxtyping import Float

from beliefnet._errors import ArgumentError
from beliefnet._net import BeliefNet
from beliefnet._numerics import broadcasting
from beliefnet._types import Key
from beliefnet.distributions import UnitKind
from beliefnet.estimators._base import AbstractEstimator, Estimate, check_particles
from beliefnet.estimators._bound import Bound
from beliefnet.proposals import AbstractProposal


class AbstractMovedEstimator(AbstractEstimator[None]):
    """The mean log-weight of particles that dynamics move: a deterministic function of noise and of all parameters.

    Args:
        proposal: The dynamics, made for the net that is trained.
        num_particles: Draws per datum, K.

    Raises:
        ValueError: If `num_particles` is not positive, or draws of the proposal have no derivative.
    """

    kinds: ClassVar[frozenset[UnitKind]] = frozenset({UnitKind.CONTINUOUS})
    dynamics: ClassVar[str]
    """How the proposal is made, for error messages."""

    proposal: AbstractProposal
    num_particles: int = eqx.field(static=True, default=1)

    def __check_init__(self):
        name = type(self).__name__
        check_particles(name, self.num_particles, least=1)
        if not self.proposal.has_derivative:
            raise ArgumentError(
                f"expected dynamics as the proposal of {name}, got {type(self.proposal).__name__}", self.dynamics
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

        def bound(parts: tuple[BeliefNet, AbstractMovedEstimator]) -> tuple[Array, Array]:
            net, own = parts
            particles = own.proposal.draw(net, x, own.num_particles, key=key)
            log_weight = net.log_joint(x, particles.latents) - particles.log_proposal
            value = log_weight.mean()
            return value, value

        (net_grads, own_grads), objective = eqx.filter_grad(bound, has_aux=True)((net, self))
        return Estimate(net_grads, own_grads, state, objective)
