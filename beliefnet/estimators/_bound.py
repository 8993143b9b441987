"""What an estimator is judged by."""

import equinox as eqx

from beliefnet.proposals import AbstractProposal, Recognition


class Bound(eqx.Module):
    """A lower bound of log p(x): L_K = E[log-mean-exp of K log-weights], with particles of a proposal.

    Attributes:
        num_particles: Particles inside the logarithm, K; with 1 it is the ELBO.
        proposal: Where they are drawn from: the recognition net, if nothing else is said.
    """

    num_particles: int = eqx.field(static=True, default=1)
    proposal: AbstractProposal = eqx.field(default_factory=Recognition)
