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

    A credit rule reads nothing else, so that it serves every model that can be recorded in this way. What is called a
    layer here is a site of such a model: whatever has one term of log q.

    Attributes:
        log_p: Terms of log p(x, h), bottom first: `[particles, batch, layers + 1]`; as many as there are in a model
            whose `reach` is given.
        log_q: Terms of log q(h | x), bottom first: `[particles, batch, layers]`.
        log_proposal: Log-probability under what the latents were drawn from: `[particles, batch]`.
        values: The observation and the latents, bottom first.
        log_layers: The terms of `log_proposal`, bottom first: `[particles, batch, layers]`; None where it has none.
        reach: 1 where the draw of a layer can still change a term of the log-weight, else 0: `[layers, terms]`, the
            terms of log p first, those of log q after them. None, the default, is a chain: see `chain_reach`.
        is_whole: Whether no value of the observation is missing, which NaN says, unless log p is NaN, too.
    """

    log_p: Float[Array, "particles batch terms_of_p"]
    log_q: Float[Array, "particles batch layers"]
    log_proposal: Float[Array, "particles batch"]
    values: Values
    log_layers: Float[Array, "particles batch layers"] | None = None
    reach: Float[Array, "layers terms"] | None = None
    is_whole: bool = eqx.field(static=True, default=False)

    @classmethod
    def record(cls, net: BeliefNet, particles: Particles) -> "Trace":
        """Score particles under both chains of the net."""
        x, latents = particles.x, particles.latents
        log_p = net.log_joint_terms(x, latents)
        return cls(
            # Without latents all particles are the same, and scored once.
            jnp.broadcast_to(log_p, (*particles.log_proposal.shape, log_p.shape[-1])),
            net.log_recognition_terms(x, latents),
            particles.log_proposal,
            (x, *latents),
            particles.log_layers,
            is_whole=net.generative.conditionals[-1].needs_every_unit,
        )

    @property
    def num_particles(self) -> int:
        """Number of particles per datum."""
        return self.log_proposal.shape[0]

    @property
    def observation(self) -> Float[Array, "... visible"]:
        """The observation, with zeros in the place of what is missing."""
        x = self.values[0]
        return x if self.is_whole else jnp.where(jnp.isnan(x), 0, x)

    @property
    def num_layers(self) -> int:
        """Number of latent layers."""
        return self.log_q.shape[-1]

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
        """The terms of log p(x, h) - log q(h | x) that the draw of each layer can still change, summed.

        In a chain, for layer l: log p(hL) + sum over j >= l of [log p(h_(j-1) | h_j) - log q(h_j | h_(j-1))], with
        h_0 = x. All layers at once are one reversed cumulative sum.
        """
        if self.reach is not None:
            return self._sum_where(self.reach != 0)
        steps = (self.log_p[..., :-1] - self.log_q).at[..., -1:].add(self.log_p[..., -1:])
        return jnp.flip(jnp.cumsum(jnp.flip(steps, axis=-1), axis=-1), axis=-1)

    @property
    def settled_signal(self) -> Float[Array, "particles batch layers"]:
        """The other terms, which were settled before the layer was drawn: with `local_signal` they are the whole."""
        if self.reach is not None:
            return self._sum_where(self.reach == 0)
        steps = self.log_p[..., : self.num_layers - 1] - self.log_q[..., :-1]
        return jnp.concatenate([jnp.zeros_like(self.log_q[..., :1]), jnp.cumsum(steps, axis=-1)], axis=-1)

    def above(self, layer: int) -> "Trace":
        """Return the record of the net above a layer of a chain, 0 being the data: what it drew is the observation."""
        log_q = self.log_q[..., layer:]
        is_whole = self.is_whole or layer > 0
        return Trace(self.log_p[..., layer:], log_q, log_q.sum(axis=-1), self.values[layer:], is_whole=is_whole)

    def _sum_where(self, is_in: Array) -> Float[Array, "particles batch layers"]:
        """Sum the terms that a layer has, so that what is infinite elsewhere leaves it alone."""
        terms = jnp.concatenate([self.log_p, -self.log_q], axis=-1)
        return jnp.sum(terms[..., None, :], axis=-1, where=is_in)


def chain_reach(num_layers: int) -> Float[Array, "layers terms"]:
    """Return the reach of a chain: a layer's draw changes its own terms and all of the layers above it.

    Args:
        num_layers: Number of latent layers, L.

    Returns:
        Zeros and ones, `[L, (L + 1) + L]`.

    Examples:
        >>> chain_reach(2).astype(int).tolist()
        [[1, 1, 1, 1, 1], [0, 1, 1, 0, 1]]
    """
    return jnp.concatenate([jnp.triu(jnp.ones((num_layers, size))) for size in (num_layers + 1, num_layers)], axis=1)
