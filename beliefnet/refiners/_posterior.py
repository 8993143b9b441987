"""What refiners move: a posterior over all latent layers, for each datum of a batch."""

import dataclasses
from abc import abstractmethod
from typing import TYPE_CHECKING, Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from equinox import AbstractVar
from jax import Array
from jaxtyping import Float

from beliefnet._errors import ArgumentError
from beliefnet._net import BeliefNet
from beliefnet._numerics import broadcasting
from beliefnet._types import Key, Values
from beliefnet.conditionals import AbstractConditional
from beliefnet.distributions import AbstractRefinableFamily
from beliefnet.samplers import AbstractSampler

if TYPE_CHECKING:
    from beliefnet.refiners._mean_field import MeanField


class Averages(eqx.Module):
    """What weighted draws say of the moments of one layer, for each datum.

    Attributes:
        expected: Weighted mean of the moments that the posterior itself expects, `[batch, parameters]`.
        drawn: Weighted mean of the statistics of what was drawn, `[batch, parameters]`.
        noise: Squared standard error of the difference of the two, `[batch, parameters]`.
        variance: Weighted mean of the variances of the statistics that the posterior expects, `[batch, parameters]`.
    """

    expected: Float[Array, "batch parameters"]
    drawn: Float[Array, "batch parameters"]
    noise: Float[Array, "batch parameters"]
    variance: Float[Array, "batch parameters"]

    @classmethod
    @broadcasting
    def of(
        cls,
        weights: Float[Array, "particles batch"],
        family: AbstractRefinableFamily,
        parameters: Float[Array, "*#lead parameters"],
        values: Float[Array, "particles batch units"],
    ) -> "Averages":
        """Average over draws of a layer with normalised weights, given the parameters that they were drawn with."""

        def mean(weights: Array, numbers: Array) -> Array:
            numbers = jnp.broadcast_to(numbers, (*weights.shape, numbers.shape[-1]))
            return jnp.einsum("nb,nbs->bs", weights, numbers, precision=jax.lax.Precision.HIGHEST)

        expected, drawn = family.to_moments(parameters), family.statistics(values)
        return cls(
            mean(weights, expected),
            mean(weights, drawn),
            mean(weights**2, (drawn - expected) ** 2),
            mean(weights, family.statistic_variances(parameters)),
        )


class AbstractPosterior(eqx.Module):
    """A distribution q~ of all latent layers given the data of a batch, by parameters of each datum.

    Attributes:
        parameters: What refiners move: one array `[batch, parameters]` per latent layer, bottom first.
    """

    parameters: AbstractVar[tuple[Float[Array, "batch _"], ...]]

    @classmethod
    @abstractmethod
    def recognised(cls, net: BeliefNet, x: Float[Array, "batch visible"]) -> Self:
        """Start from the recognition net.

        Raises:
            ValueError: If a latent layer is of a family that cannot be refined.
        """

    def at(self, parameters: tuple[Float[Array, "batch _"], ...]) -> Self:
        """Return the posterior with other parameters."""
        return dataclasses.replace(self, parameters=parameters)

    @broadcasting
    def between(self, other: Self, share: Float[Array, "batch 1"] | float) -> Self:
        """Return the posterior whose parameters are a share of the way to those of another one."""
        return self.at(tuple(a + share * (b - a) for a, b in zip(self.parameters, other.parameters, strict=True)))

    @property
    @abstractmethod
    def means(self) -> Values:
        """The mean of each layer, `[batch, units]`, bottom first; where layers depend on each other, a guess."""

    @property
    @abstractmethod
    def mean_field(self) -> "MeanField":
        """A distribution of each layer given the data alone."""

    @abstractmethod
    def draw(self, num_particles: int, *, key: Key, sampler: AbstractSampler | None = None) -> Values:
        """Draw `[particles, batch, units]` for each layer, bottom first."""

    @abstractmethod
    def log_probs(self, latents: Values) -> Float[Array, "*lead layers"]:
        """Return the terms of log q~(h), bottom first, in nats."""

    @abstractmethod
    def averages(self, latents: Values, weights: Float[Array, "particles batch"]) -> tuple[Averages, ...]:
        """Return what weighted draws say of each layer's moments, bottom first.

        Args:
            latents: Draws, `[particles, batch, units]`, bottom first.
            weights: Their normalised weights, `[particles, batch]`.
        """

    @abstractmethod
    def towards(self, averages: tuple[Averages, ...], shares: tuple[Float[Array, "*#lead parameters"], ...]) -> Self:
        """Return the posterior with moments that have moved a share of the way to those that were drawn.

        Args:
            averages: What draws say, layer by layer, bottom first.
            shares: Of each layer, how far: between 0 and 1, `[batch, parameters]`, or one for all.
        """

    @abstractmethod
    def elbo(self, net: BeliefNet, x: Float[Array, "batch visible"], latents: Values) -> Float[Array, "*lead"]:
        """Return what draws say of the ELBO, with everything that has a closed form taken in closed form, in nats.

        Its mean over exact draws is the ELBO. At the means in place of draws it is the surrogate that mean-passing
        climbs, which is no bound.

        Args:
            net: The net whose ELBO it is.
            x: Observations, `[batch, visible]`.
            latents: Draws of the latent layers, `[particles, batch, units]`, bottom first.
        """

    @abstractmethod
    def layers_given(self, latents: Values) -> list[tuple[AbstractRefinableFamily, dist.Distribution]]:
        """Return the family of each layer and its distribution given draws, as independent units, bottom first."""

    def entropies(self, latents: Values) -> Float[Array, "*#lead"]:
        """Return the sum of the layers' entropies given draws, in nats."""
        return sum((family.entropy(own) for family, own in self.layers_given(latents)), jnp.zeros(()))

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
        total = jnp.zeros(latents[0].shape[:-1]) - self.entropies(latents)
        models, parents = net.recognition.conditionals, (jnp.asarray(x), *latents[:-1])
        for (_, own), model, parent, drawn in zip(self.layers_given(latents), models, parents, latents, strict=True):
            total -= model.expected_log_prob(parent, own, drawn)
        return total


def refinable(conditionals: tuple[AbstractConditional, ...]) -> tuple[AbstractRefinableFamily, ...]:
    """Return the families of layers.

    Raises:
        ValueError: If one cannot be refined.
    """
    families = []
    for conditional in conditionals:
        family = conditional.units
        if not family.is_refinable:
            raise ArgumentError(
                f"expected latents of a family that can be refined, got {family.name}",
                "bernoulli, categorical or normal ones",
            )
        families.append(family)
    return tuple(families)
