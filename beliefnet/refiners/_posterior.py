"""A factorial posterior over all latent layers of a batch: what refiners move."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jax import Array
from jaxtyping import Float

from beliefnet._net import BeliefNet
from beliefnet._numerics import broadcasting
from beliefnet._types import Key, Values
from beliefnet.distributions import AbstractRefinableFamily
from beliefnet.samplers import Plain, Sampler


class Posterior(eqx.Module):
    """Independent units in every latent layer, for each datum of a batch: q~(h1, ..., hL) = prod_l q~_l(h_l).

    Unlike under a deep recognition net, no layer depends on what was drawn in another one.

    Attributes:
        parameters: One array `[batch, parameters]` per latent layer, bottom first.
        families: The family of each layer.
    """

    parameters: tuple[Float[Array, "batch _"], ...]
    families: tuple[AbstractRefinableFamily, ...] = eqx.field(static=True)

    @classmethod
    @broadcasting
    def recognised(cls, net: BeliefNet, x: Float[Array, "batch visible"]) -> "Posterior":
        """Start from the recognition net; means, not draws, are fed upward, so that the layers are independent.

        Raises:
            ValueError: If a latent layer is of a family that cannot be refined.
        """
        value, parameters, families = jnp.asarray(x), [], []
        for conditional in net.recognition.conditionals:
            family = conditional.units
            if not family.is_refinable:
                raise ValueError(
                    f"expected latents of a family that can be refined, got {family.name}; try bernoulli, "
                    "categorical or normal ones"
                )
            given = conditional.parameters_given(value)
            value = jnp.asarray(family(given).mean)
            parameters.append(given)
            families.append(family)
        return cls(tuple(parameters), tuple(families))

    @property
    def layers(self) -> tuple[dist.Distribution, ...]:
        """The distribution of each layer, bottom first: batch shape `[batch]`, event shape `[units]`."""
        return tuple(family(given) for family, given in zip(self.families, self.parameters, strict=True))

    @property
    def means(self) -> Values:
        """The mean of each layer, `[batch, units]`, bottom first."""
        return tuple(jnp.asarray(layer.mean) for layer in self.layers)

    @property
    def moments(self) -> tuple[Float[Array, "batch _"], ...]:
        """The expected sufficient statistics of each layer, bottom first."""
        return tuple(family.to_moments(given) for family, given in zip(self.families, self.parameters, strict=True))

    def with_moments(self, moments: tuple[Float[Array, "batch _"], ...]) -> "Posterior":
        """Return the posterior of the same families with these expected statistics."""
        parameters = tuple(family.from_moments(given) for family, given in zip(self.families, moments, strict=True))
        return Posterior(parameters, self.families)

    @broadcasting
    def draw(self, num_particles: int, *, key: Key, sampler: Sampler | None = None) -> Values:
        """Draw `[particles, batch, units]` for each layer, bottom first."""
        sampler = sampler or Plain()
        keys = jax.random.split(key, len(self.families))
        return tuple(sampler(layer, (num_particles,), key=k) for layer, k in zip(self.layers, keys, strict=True))

    @broadcasting
    def log_probs(self, latents: Values) -> Float[Array, "*lead layers"]:
        """Return log q~_l(h_l) of each layer, bottom first, in nats."""
        terms = [layer.log_prob(value) for layer, value in zip(self.layers, latents, strict=True)]
        return jnp.stack(jnp.broadcast_arrays(*terms), axis=-1)

    @broadcasting
    def elbo(self, net: BeliefNet, x: Float[Array, "batch visible"], latents: Values) -> Float[Array, "*lead"]:
        """Return what draws say of the ELBO, with everything that has a closed form taken in closed form.

        That is log p(x | h1) + sum_l E_q~[log p(h_l | h_(l+1)) | h_(l+1)] + sum_l H(q~_l), in nats. Its mean over exact
        draws is the ELBO; in a net with one latent layer, prior and entropy are exact. An autoregressive layer has no
        closed form and is taken at the draw. At the means in place of draws it is the mean-field surrogate that
        mean-passing climbs, which is no bound.

        Args:
            net: The net whose ELBO it is.
            x: Observations, `[batch, visible]`.
            latents: Draws of the latent layers, `[particles, batch, units]`, bottom first.
        """
        prior, *downward = net.generative.conditionals
        condition, outputs = net.split(jnp.asarray(x))
        total = jnp.asarray(downward[-1](latents[0]).log_prob(outputs))
        parents = (*latents[1:], condition)
        models = [*downward[-2::-1], prior]
        for family, own, model, parent, drawn in zip(self.families, self.layers, models, parents, latents, strict=True):
            total += model.expected_log_prob(parent, own, drawn) + family.entropy(own)
        return total

    @broadcasting
    def divergence(self, net: BeliefNet, x: Float[Array, "batch visible"], latents: Values) -> Float[Array, "*lead"]:
        """Return what draws say of KL(q~(h) || q(h | x)) with the recognition net, in nats.

        Each layer is taken in closed form given the draw of the one below it, an autoregressive one at its own draw; in
        a net with one latent layer of independent units the result is exact and does not depend on the draws.

        Args:
            net: The net whose recognition net it is.
            x: Observations, `[batch, visible]`.
            latents: Draws of the latent layers from this posterior, `[particles, batch, units]`, bottom first.
        """
        total = jnp.zeros(latents[0].shape[:-1])
        models, parents = net.recognition.conditionals, (jnp.asarray(x), *latents[:-1])
        for family, own, model, parent, drawn in zip(self.families, self.layers, models, parents, latents, strict=True):
            total -= model.expected_log_prob(parent, own, drawn) + family.entropy(own)
        return total
