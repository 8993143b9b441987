"""Particles from a refined posterior."""

from jax import Array
from jaxtyping import Float

from beliefnet._naming import named
from beliefnet._net import BeliefNet
from beliefnet._numerics import broadcasting
from beliefnet._streams import split_key
from beliefnet._types import Key, Values
from beliefnet.proposals._base import AbstractProposal, Particles
from beliefnet.proposals._defensive import Defensive
from beliefnet.refiners import AbstractPosterior, AbstractRefiner, MeanField


class FixedPosterior(AbstractProposal):
    """Draws from a given posterior of the batch.

    Args:
        posterior: What to draw from; for the data, in the order, that `draw` is called with.
    """

    posterior: AbstractPosterior

    def defended(self) -> Defensive:
        """Return it with particles of the recognition net among its own."""
        return Defensive(self)

    def mean_field(self, net: BeliefNet, x: Float[Array, "batch visible"]) -> MeanField:
        """Return each layer of the posterior given the data alone."""
        return self.posterior.mean_field

    def log_probs(
        self, net: BeliefNet, x: Float[Array, "batch visible"], latents: Values
    ) -> Float[Array, "particles batch layers"]:
        """Return the log-probability of any latents, layer by layer, in nats."""
        return self.posterior.log_probs(latents)

    @broadcasting
    def draw(self, net: BeliefNet, x: Float[Array, "batch visible"], num_particles: int, *, key: Key) -> Particles:
        """Draw `num_particles` configurations for every datum."""
        latents = self.posterior.draw(num_particles, key=key)
        log_layers = self.posterior.log_probs(latents)
        return Particles(x, latents, log_layers.sum(axis=-1), log_layers)


@named("refined")
class Refined(AbstractProposal):
    """Draws from the posterior that a refiner makes of the recognition net's.

    The draws of the refinement and those of the particles are independent, so that weights are importance weights: the
    mean of exp(log-weight) is p(x), whatever the refinement did.

    Args:
        refiner: How the posterior is improved.
    """

    refiner: AbstractRefiner

    def defended(self) -> Defensive:
        """Return it with particles of the recognition net among its own: refinement may end in a point."""
        return Defensive(self)

    def check(self, net: BeliefNet) -> None:
        """Check that the refiner can refine the posterior of a net.

        Raises:
            ValueError: If it cannot, naming the layer.
        """
        self.refiner.check(net)

    def prepare(self, net: BeliefNet, x: Float[Array, "batch visible"], *, key: Key) -> FixedPosterior:
        """Refine the posterior of every datum.

        Raises:
            ValueError: If the refiner cannot refine the posterior of this net.
        """
        return FixedPosterior(self.refiner.refine(net, x, key=key))

    @broadcasting
    def draw(self, net: BeliefNet, x: Float[Array, "batch visible"], num_particles: int, *, key: Key) -> Particles:
        """Refine, then draw `num_particles` configurations for every datum."""
        refine_key, draw_key = split_key(key)
        return self.prepare(net, x, key=refine_key).draw(net, x, num_particles, key=draw_key)
