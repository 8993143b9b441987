"""Particles from the model itself: the sleep phase."""

from jax import Array
from jaxtyping import Float

from beliefnet._net import BeliefNet
from beliefnet._types import Key
from beliefnet.proposals._base import AbstractProposal, Particles


class Dream(AbstractProposal):
    """Draws observation and latents together from p(x, h); the given observations only say how many to draw.

    Of a conditional net, outputs and latents are drawn, for the conditions in the given observations.
    """

    is_by_datum = True

    @property
    def explains_data(self) -> bool:
        """False: the observation is dreamt as well."""
        return False

    def draw(self, net: BeliefNet, x: Float[Array, "batch visible"], num_particles: int, *, key: Key) -> Particles:
        """Dream `num_particles` configurations for every row of `x`; log_proposal is log p(x, h)."""
        dreamt, latents = net.dream_like(x, num_particles, key=key)
        return Particles(dreamt, latents, net.log_joint(dreamt, latents))
