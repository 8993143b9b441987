"""What an estimator is: a stochastic gradient of a training objective, with whatever state it carries along."""

from abc import abstractmethod
from typing import ClassVar, Generic, TypeVar

import equinox as eqx
from jax import Array
from jaxtyping import Float

from beliefnet._net import BeliefNet
from beliefnet._types import Key
from beliefnet.distributions import Kind
from beliefnet.proposals import Proposal, Recognition

S = TypeVar("S")


class Estimate(eqx.Module, Generic[S]):
    """One estimate of an ascent direction.

    Attributes:
        net: Gradient for the net, shaped like it; ascent, in nats per example.
        estimator: Gradient for the estimator's own parameters (baseline networks), shaped like it; ascent.
        state: The estimator's state after this batch.
        objective: The quantity whose gradient is estimated, averaged over the batch: a float, in nats per example.
    """

    net: BeliefNet
    estimator: "Estimator[S]"
    state: S
    objective: Float[Array, ""]


class Estimator(eqx.Module, Generic[S]):
    """Estimates the gradient of a training objective.

    Learnable parts are fields and are trained by the same optimiser as the net; running statistics are the explicit
    state; fixed numbers are static fields.

    Attributes:
        kinds: Kinds of latents that it works with; any, if nothing else is said.
        least_particles: Fewest draws per datum that it works with.
    """

    kinds: ClassVar[frozenset[Kind]] = frozenset(Kind)
    least_particles: ClassVar[int] = 1

    @property
    @abstractmethod
    def bound_particles(self) -> int:
        """Number of particles inside the logarithm of the bound that it climbs; 1 for the ELBO."""

    @property
    def bound_proposal(self) -> Proposal:
        """What the bound that it climbs is measured with: the recognition net, if nothing else is said."""
        return Recognition()

    @abstractmethod
    def init(self, net: BeliefNet) -> S:
        """Return the state before the first batch."""

    @abstractmethod
    def estimate(self, net: BeliefNet, x: Float[Array, "batch visible"], state: S, *, key: Key) -> Estimate[S]:
        """Estimate the gradient on a batch.

        Args:
            net: The net at which the gradient is taken.
            x: Observations, `[batch, visible]`.
            state: What `init` or the estimate before returned.
            key: Random key for the draw.
        """
