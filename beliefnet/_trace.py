"""The record of a draw: all that a credit rule, a baseline or an evaluation reads."""

import equinox as eqx
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from beliefnet._net import BeliefNet
from beliefnet._types import Values
from beliefnet.proposals import Particles


class Trace(eqx.Module):
    """Log-probabilities of drawn configurations, in nats, and the drawn values.

    Attributes:
        log_p: Terms of log p(x, h), bottom first: `[particles, batch, layers + 1]`.
        log_q: Terms of log q(h | x), bottom first: `[particles, batch, layers]`.
        log_proposal: Log-probability under what the latents were drawn from: `[particles, batch]`.
        values: The observation and the latents, bottom first.
        log_layers: The terms of `log_proposal`, bottom first: `[particles, batch, layers]`; None where it has none.
    """

    log_p: Float[Array, "particles batch layers_and_observation"]
    log_q: Float[Array, "particles batch layers"]
    log_proposal: Float[Array, "particles batch"]
    values: Values
    log_layers: Float[Array, "particles batch layers"] | None = None

    @classmethod
    def record(cls, net: BeliefNet, particles: Particles) -> "Trace":
        """Score particles under both chains of the net."""
        x, latents = particles.x, particles.latents
        log_p = net.log_joint(x, latents)
        return cls(
            # Without latents all particles are the same, and scored once.
            jnp.broadcast_to(log_p, (*particles.log_proposal.shape, log_p.shape[-1])),
            net.log_recognition(x, latents),
            particles.log_proposal,
            (x, *latents),
            particles.log_layers,
        )

    @property
    def num_particles(self) -> int:
        """Number of particles per datum."""
        return self.log_proposal.shape[0]

    @property
    def log_weight(self) -> Float[Array, "particles batch"]:
        """The log importance weight f = log p(x, h) - log r(h) of each particle."""
        return self.log_p.sum(axis=-1) - self.log_proposal

    @property
    def uniform_weights(self) -> Float[Array, "particles batch"]:
        """1/K for each of the K particles."""
        return jnp.full_like(self.log_proposal, 1 / self.num_particles)

    @property
    def local_signal(self) -> Float[Array, "particles batch layers"]:
        """The part of log p(x, h) - log q(h | x) that the draw of each layer can still change.

        For layer l: log p(hL) + sum over j >= l of [log p(h_(j-1) | h_j) - log q(h_j | h_(j-1))], with h_0 = x.
        All layers at once are one reversed cumulative sum.
        """
        steps = self.log_p[..., :-1] - self.log_q
        steps = steps.at[..., -1:].add(self.log_p[..., -1:])
        return jnp.flip(jnp.cumsum(jnp.flip(steps, axis=-1), axis=-1), axis=-1)
