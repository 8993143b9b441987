"""What the estimators that differentiate through their draws have in common."""

from typing import ClassVar

import equinox as eqx
import jax
from equinox import AbstractVar

from beliefnet._net import BeliefNet
from beliefnet.distributions import Kind
from beliefnet.estimators._credit import CreditEstimator, check_particles
from beliefnet.proposals import Proposal, Recognition
from beliefnet.samplers import Reparameterize, Sampler


class PathEstimator(CreditEstimator[None]):
    """A credit estimator with a path route: draws of the recognition net that have a derivative."""

    kinds: ClassVar[frozenset[Kind]] = frozenset({Kind.CONTINUOUS})

    num_particles: AbstractVar[int]
    sampler: AbstractVar[Sampler]

    @property
    def proposal(self) -> Proposal:
        """The recognition net, with draws that have a derivative."""
        return Recognition(self.sampler)

    def init(self, net: BeliefNet) -> None:
        """Return nothing: no statistics are kept."""
        return


def checked_sampler(name: str, net: BeliefNet, num_particles: int, sampler: Sampler | None) -> Sampler:
    """Return the sampler of a path estimator, `Reparameterize()` by default.

    Raises:
        ValueError: If there is no particle, or the sampler does not draw a layer of the net, or gives no derivative.
    """
    check_particles(name, num_particles, least=1)
    sampler = Reparameterize() if sampler is None else sampler
    if not sampler.has_derivative:
        raise ValueError(
            f"expected a sampler with a derivative for {name}, got {type(sampler).__name__}; try Reparameterize() "
            "for continuous units, Concrete() or StraightThrough() for discrete ones"
        )
    if any(eqx.is_array(leaf) for leaf in jax.tree.leaves(sampler)):
        raise ValueError(f"expected plain numbers in the sampler of {name}, got arrays; try Concrete(0.5)")
    sampler.check(net.latent_kinds)
    return sampler
