"""What the estimators that differentiate through their draws have in common."""

import equinox as eqx

from beliefnet._net import BeliefNet
from beliefnet.estimators._credit import CreditEstimator, check_particles
from beliefnet.proposals import Proposal, Recognition
from beliefnet.samplers import Reparameterize, Sampler


class PathEstimator(CreditEstimator[None]):
    """A credit estimator with a path route, for draws of the recognition net that have a derivative.

    Args:
        net: The net to be trained; its latent layers must be ones that the sampler draws.
        num_particles: Draws per datum, K.
        sampler: How draws get their derivative: `Reparameterize()` is exact and for continuous layers, the relaxations
            `Concrete`, `StraightThrough` and `Half` take discrete ones and are biased.

    Raises:
        ValueError: If `num_particles` is not positive, or the sampler does not draw a layer of the net, or gives no
            derivative.
    """

    num_particles: int = eqx.field(static=True)
    sampler: Sampler = eqx.field(static=True)

    def __init__(self, net: BeliefNet, num_particles: int = 1, *, sampler: Sampler | None = None):
        name = type(self).__name__
        check_particles(name, num_particles, least=1)
        sampler = Reparameterize() if sampler is None else sampler
        if not sampler.has_derivative:
            raise ValueError(
                f"expected a sampler with a derivative for {name}, got {type(sampler).__name__}; try Reparameterize() "
                "for continuous units, Concrete() or StraightThrough() for discrete ones"
            )
        sampler.check(net.latent_kinds)
        self.num_particles = num_particles
        self.sampler = sampler

    @property
    def proposal(self) -> Proposal:
        """The recognition net, with draws that have a derivative."""
        return Recognition(self.sampler)

    def init(self, net: BeliefNet) -> None:
        """Return nothing: no statistics are kept."""
        return
