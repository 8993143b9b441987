"""A structured posterior: the recognition net's own chain, with offsets of each datum."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jax import Array
from jaxtyping import Float

from beliefnet._chain import Chain
from beliefnet._net import BeliefNet
from beliefnet._numerics import broadcasting
from beliefnet._types import Key, Values
from beliefnet.conditionals import AbstractConditional
from beliefnet.distributions import AbstractRefinableFamily
from beliefnet.refiners._mean_field import MeanField
from beliefnet.refiners._posterior import AbstractPosterior, Averages, refinable
from beliefnet.samplers import AbstractSampler, Plain


class StructuredPosterior(AbstractPosterior):
    """The recognition net with something added to the parameters of each layer, datum by datum.

        q~(h1, ..., hL) = prod_l q~_l(h_l | h_(l-1)),  parameters of q~_l = those of q_l given h_(l-1) + d_l

    All that the recognition net says of dependence, between layers and within an autoregressive one, is kept. With
    offsets d of zero it is the recognition net: the same key draws the same latents. With one layer of independent
    units it is the mean-field posterior.

    Attributes:
        parameters: The offsets d, one array `[batch, parameters]` per latent layer, bottom first.
        recognition: The recognition net's chain.
        x: What feeds its first layer, `[batch, visible]`.
    """

    parameters: tuple[Float[Array, "batch _"], ...]
    recognition: Chain
    x: Float[Array, "batch visible"]

    @classmethod
    @broadcasting
    def recognised(cls, net: BeliefNet, x: Float[Array, "batch visible"]) -> "StructuredPosterior":
        """Start from the recognition net, with offsets of zero.

        Raises:
            ValueError: If a latent layer is of a family that cannot be refined.
        """
        x = jnp.asarray(x)
        sizes = num_offsets(net.recognition.conditionals)
        # A net may be more precise than the data.
        dtype = jnp.result_type(x, *jax.tree.leaves(eqx.filter(net.recognition, eqx.is_inexact_array)))
        return cls(tuple(jnp.zeros((len(x), size), dtype) for size in sizes), net.recognition, x)

    @property
    def chain(self) -> Chain:
        """The chain with the offsets in it: what a recognition net for this batch would be."""
        layers = zip(self.recognition.conditionals, self.parameters, strict=True)
        return Chain(tuple(conditional.offset_by(offset) for conditional, offset in layers))

    @property
    def mean_field(self) -> MeanField:
        """Each layer given the data alone: layer means are fed upward."""
        return MeanField.of_chain(self.chain, self.x)

    @property
    def means(self) -> Values:
        """The mean of each layer, `[batch, units]`, bottom first; layer means are fed upward."""
        return self.chain.means(self.x)

    def draw(self, num_particles: int, *, key: Key, sampler: AbstractSampler | None = None) -> Values:
        """Draw `[particles, batch, units]` for each layer, bottom first."""
        return self.chain.draw(self.x, (num_particles,), sampler=sampler or Plain(), key=key).values

    def log_probs(self, latents: Values) -> Float[Array, "*lead layers"]:
        """Return log q~_l(h_l | h_(l-1)) of each layer, bottom first, in nats."""
        return self.chain.log_probs(self.x, latents)

    @broadcasting
    def averages(self, latents: Values, weights: Float[Array, "particles batch"]) -> tuple[Averages, ...]:
        """Return what weighted draws say of each layer's moments, bottom first: those expected are given their parents.

        Those of an autoregressive layer are given the units drawn before each.
        """
        families, layers = refinable(self.recognition.conditionals), self._unit_parameters(latents)
        return tuple(
            Averages.of(weights, family, given, drawn)
            for family, given, drawn in zip(families, layers, latents, strict=True)
        )

    @broadcasting
    def towards(self, averages: tuple[Averages, ...], shares: tuple[Array, ...]) -> "StructuredPosterior":
        """Return the posterior with d_l + g(m + share (s - m)) - g(m), of averaged moments m and s; g gives parameters.

        With one layer of independent units m is its own mean, and the result has the mean m + share (s - m). Else a
        mixture varies more than its parts, so that a step is shorter than it is for one part.
        """
        families, offsets = refinable(self.recognition.conditionals), []
        for family, offset, means, share in zip(families, self.parameters, averages, shares, strict=True):
            before = means.expected
            after = before + share * (means.drawn - before)
            moved = offset + family.from_moments(after) - family.from_moments(before)
            offsets.append(jnp.where(share == 0, offset, moved))
        return self.at(tuple(offsets))

    @broadcasting
    def elbo(self, net: BeliefNet, x: Float[Array, "batch visible"], latents: Values) -> Float[Array, "*lead"]:
        """Return log p(x, h1, ..., h_(L-1) | h_L) + E_q~[log p(h_L) | h_(L-1)] + sum_l H(q~_l | h_(l-1)), in nats.

        Args:
            net: The net whose ELBO it is.
            x: Observations, `[batch, visible]`.
            latents: Draws of the latent layers, `[particles, batch, units]`, bottom first.
        """
        prior, *downward = net.generative.conditionals
        condition, outputs = net.split(jnp.asarray(x))
        total = jnp.asarray(downward[-1](latents[0]).log_prob(outputs))
        for model, parent, drawn in zip(downward[-2::-1], latents[1:], latents[:-1], strict=True):
            total += model(parent).log_prob(drawn)
        _, top = self.layers_given(latents)[-1]
        return total + prior.expected_log_prob(condition, top, latents[-1]) + self.entropies(latents)

    def layers_given(self, latents: Values) -> list[tuple[AbstractRefinableFamily, dist.Distribution]]:
        """Return each layer given what was drawn below it and, if autoregressive, before each unit."""
        families = refinable(self.recognition.conditionals)
        layers = zip(families, self._unit_parameters(latents), strict=True)
        return [(family, family(given)) for family, given in layers]

    def _unit_parameters(self, latents: Values) -> list[Float[Array, "*#lead parameters"]]:
        parents = (self.x, *latents[:-1])
        layers = zip(self.chain.conditionals, parents, latents, strict=True)
        return [conditional.unit_parameters(parent, drawn) for conditional, parent, drawn in layers]


def num_offsets(conditionals: tuple[AbstractConditional, ...]) -> list[int]:
    """Return how many offsets each layer of a recognition chain has for a datum.

    Raises:
        ValueError: If a layer is of a family that cannot be refined.
    """
    layers = zip(refinable(conditionals), conditionals, strict=True)
    return [family.num_parameters(layer.num_units // family.units_per_variable) for family, layer in layers]
