"""What a proposal is: it draws the configurations that an estimator or an evaluation weighs."""

from abc import abstractmethod

import equinox as eqx
from jax import Array
from jaxtyping import Float

from beliefnet._net import BeliefNet
from beliefnet._types import Key, Values


class Particles(eqx.Module):
    """Drawn configurations of a net.

    Attributes:
        x: The observation, `[batch, visible]` (one for all particles) or `[particles, batch, visible]` (dreamt).
        latents: One array `[particles, batch, units]` per latent layer, bottom first.
        log_q: Log-probability of each layer under the recognition net, `[particles, batch, layers]`, in nats.
        log_proposal: Log-probability of the latents under what they were actually drawn from, `[particles, batch]`.
    """

    x: Float[Array, "*#lead visible"]
    latents: Values
    log_q: Float[Array, "particles batch layers"]
    log_proposal: Float[Array, "particles batch"]


class Proposal(eqx.Module):
    """Draws particles for a batch of observations."""

    @abstractmethod
    def draw(self, net: BeliefNet, x: Float[Array, "batch visible"], num_particles: int, *, key: Key) -> Particles:
        """Draw `num_particles` configurations for every datum."""
