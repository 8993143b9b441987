"""A mean-field posterior: no latent layer depends on what was drawn in another one."""

import equinox as eqx
import jax.numpy as jnp
import numpyro.distributions as dist
from jax import Array
from jaxtyping import Float

from beliefnet._chain import Chain
from beliefnet._net import BeliefNet
from beliefnet._numerics import broadcasting
from beliefnet._streams import split_key
from beliefnet._types import Key, Values
from beliefnet.distributions import AbstractRefinableFamily
from beliefnet.refiners._posterior import AbstractPosterior, Averages, refinable
from beliefnet.samplers import AbstractSampler, Plain


class MeanField(AbstractPosterior):
    """Independent units in every latent layer: q~(h1, ..., hL) = prod_l q~_l(h_l).

    With one latent layer of independent units it is what the recognition net has too. A deep recognition net lets each
    layer depend on what was drawn below it: that is given up.

    Attributes:
        parameters: Those of the layers, one array `[batch, parameters]` each, bottom first.
        families: The family of each layer.
    """

    parameters: tuple[Float[Array, "batch _"], ...]
    families: tuple[AbstractRefinableFamily, ...] = eqx.field(static=True)

    @classmethod
    @broadcasting
    def recognised(cls, net: BeliefNet, x: Float[Array, "batch visible"]) -> "MeanField":
        """Start from the recognition net; means, not draws, are fed upward, so that the layers are independent.

        Raises:
            ValueError: If a latent layer is of a family that cannot be refined.
        """
        return cls.of_chain(net.recognition, jnp.asarray(x))

    @classmethod
    @broadcasting
    def of_chain(cls, chain: Chain, x: Float[Array, "batch visible"]) -> "MeanField":
        """Return the layers of a chain from the data up, each given the means of the one below it.

        Raises:
            ValueError: If a layer is of a family that cannot be refined.
        """
        families, parents = refinable(chain.conditionals), (x, *chain.means(x)[:-1])
        layers = zip(chain.conditionals, parents, strict=True)
        return cls(tuple(conditional.parameters_given(parent) for conditional, parent in layers), families)

    @property
    def layers(self) -> tuple[dist.Distribution, ...]:
        """The distribution of each layer, bottom first: batch shape `[batch]`, event shape `[units]`."""
        return tuple(family(given) for family, given in zip(self.families, self.parameters, strict=True))

    def layers_given(self, latents: Values) -> list[tuple[AbstractRefinableFamily, dist.Distribution]]:
        """Return the family and the distribution of each layer, whatever was drawn."""
        return list(zip(self.families, self.layers, strict=True))

    @property
    def mean_field(self) -> "MeanField":
        """Itself."""
        return self

    @property
    def means(self) -> Values:
        """The mean of each layer, `[batch, units]`, bottom first."""
        return tuple(jnp.asarray(layer.mean) for layer in self.layers)

    @broadcasting
    def draw(self, num_particles: int, *, key: Key, sampler: AbstractSampler | None = None) -> Values:
        """Draw `[particles, batch, units]` for each layer, bottom first."""
        sampler = sampler or Plain()
        keys = split_key(key, len(self.families))
        return tuple(sampler(layer, (num_particles,), key=k) for layer, k in zip(self.layers, keys, strict=True))

    @broadcasting
    def log_probs(self, latents: Values) -> Float[Array, "*lead layers"]:
        """Return log q~_l(h_l) of each layer, bottom first, in nats."""
        terms = [layer.log_prob(value) for layer, value in zip(self.layers, latents, strict=True)]
        return jnp.stack(jnp.broadcast_arrays(*terms), axis=-1)

    def averages(self, latents: Values, weights: Float[Array, "particles batch"]) -> tuple[Averages, ...]:
        """Return what weighted draws say of each layer's moments, bottom first."""
        layers = zip(self.families, self.parameters, latents, strict=True)
        return tuple(Averages.of(weights, family, given, drawn) for family, given, drawn in layers)

    @broadcasting
    def towards(self, averages: tuple[Averages, ...], shares: tuple[Array, ...]) -> "MeanField":
        """Return the posterior whose moments have moved a share of the way to those that were drawn."""
        parameters = []
        for family, given, means, share in zip(self.families, self.parameters, averages, shares, strict=True):
            old = family.to_moments(given)
            moved = family.from_moments(old + share * (means.drawn - old))
            parameters.append(jnp.where(share == 0, given, moved))
        return self.at(tuple(parameters))

    @broadcasting
    def elbo(self, net: BeliefNet, x: Float[Array, "batch visible"], latents: Values) -> Float[Array, "*lead"]:
        """Return log p(x | h1) + sum_l E_q~[log p(h_l | h_(l+1)) | h_(l+1)] + sum_l H(q~_l) of draws, in nats.

        An autoregressive layer of the generative net has no closed form and is taken at the draw.

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
        for own, model, parent, drawn in zip(self.layers, models, parents, latents, strict=True):
            total += model.expected_log_prob(parent, own, drawn)
        return total + self.entropies(latents)
