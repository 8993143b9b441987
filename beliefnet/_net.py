"""A belief net: a generative chain from the top layer to the data, and a recognition chain back up."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from beliefnet._chain import Chain, Draw
from beliefnet._types import Key, Values
from beliefnet.distributions import Kind
from beliefnet.samplers import Plain, Sampler


class BeliefNet(eqx.Module):
    """A deep directed latent-variable model with its recognition net (a Helmholtz machine).

    Everything public is ordered from the bottom up: the observation `x`, then `latents = (h1, ..., hL)`.

    Args:
        generative: Chain that draws `hL, ..., h1, x`.
        recognition: Chain that draws `h1, ..., hL` given `x`.

    Raises:
        ValueError: If the two chains' layers do not meet.
    """

    generative: Chain
    recognition: Chain

    def __check_init__(self):
        if self.generative.conditionals[0].num_parents is not None:
            raise ValueError(
                f"expected a generative chain that starts with a Prior, got "
                f"{type(self.generative.conditionals[0]).__name__}; try Prior(parameters, family) first"
            )
        down = [c.num_units for c in self.generative.conditionals]
        up = [self.recognition.conditionals[0].num_parents] + [c.num_units for c in self.recognition.conditionals]
        if down[::-1] != up:
            raise ValueError(
                f"expected chains over the same layers, got a generative chain of widths {down[::-1]} (from the data "
                f"up) and a recognition chain of widths {up}; try equal sizes"
            )

    @property
    def num_visible(self) -> int:
        """Width of the observation."""
        return self.generative.conditionals[-1].num_units

    @property
    def layer_sizes(self) -> tuple[int, ...]:
        """Widths of the latent layers, from the bottom up."""
        return tuple(c.num_units for c in self.recognition.conditionals)

    @property
    def latent_kinds(self) -> tuple[Kind, ...]:
        """What kind of units each latent layer has under the recognition net, from the bottom up."""
        kinds = []

        def look(value: Array) -> None:
            for conditional in self.recognition.conditionals:
                distribution = conditional(value)
                kinds.append(Kind.of(distribution))
                value = jnp.zeros(distribution.shape())

        jax.eval_shape(look, jax.ShapeDtypeStruct((1, self.num_visible), jnp.float32))
        return tuple(kinds)

    def above(self, layer: int) -> "BeliefNet":
        """Return the net whose observation is a layer of this one, 0 being the data: it shares the parameters.

        Raises:
            ValueError: If there is no such layer, or nothing above it.
        """
        depth = len(self.recognition)
        if not 0 <= layer < depth:
            raise ValueError(f"expected a layer from 0 to {depth - 1}, got {layer}; try 0")
        return BeliefNet(
            Chain(self.generative.conditionals[: depth - layer + 1]), Chain(self.recognition.conditionals[layer:])
        )

    def log_joint(
        self, x: Float[Array, "... visible"], latents: Values
    ) -> Float[Array, "*lead layers_and_observation"]:
        """Return the terms of log p(x, h): log p(x | h1), ..., log p(hL), bottom first, in nats."""
        return self.generative.log_probs(None, (*latents[::-1], x))[..., ::-1]

    def log_recognition(self, x: Float[Array, "... visible"], latents: Values) -> Float[Array, "*lead layers"]:
        """Return the terms of log q(h | x): log q(h1 | x), ..., log q(hL | hL-1), in nats."""
        return self.recognition.log_probs(x, latents)

    def infer(
        self, x: Float[Array, "batch visible"], num_particles: int, *, key: Key, sampler: Sampler | None = None
    ) -> Draw:
        """Draw latents from the recognition net: values `[particles, batch, units]`, bottom first."""
        return self.recognition.draw(jnp.asarray(x), (num_particles,), sampler=sampler or Plain(), key=key)

    def dream(self, shape: tuple[int, ...], *, key: Key) -> tuple[Float[Array, "*shape visible"], Values]:
        """Draw an observation and its latents from the generative chain.

        Returns:
            `x` of shape `[*shape, visible]`, and the latents, bottom first.
        """
        values = self.generative.draw(None, shape, sampler=Plain(), key=key).values
        return values[-1], values[-2::-1]

    def sample_means(self, shape: tuple[int, ...], *, key: Key) -> Float[Array, "*shape visible"]:
        """Draw latents from the generative chain and return the mean of the observation given them."""
        _, latents = self.dream(shape, key=key)
        return self.decode(latents)

    def decode(self, latents: Values) -> Float[Array, "*lead visible"]:
        """Return the mean of the observation given the bottom latent layer."""
        return self.generative.conditionals[-1](latents[0]).mean  # pyright: ignore[reportReturnType]

    def reconstruct(self, x: Float[Array, "batch visible"], *, key: Key) -> Float[Array, "batch visible"]:
        """Return the mean of the observation given one draw of the latents for each datum."""
        return self.decode(self.infer(x, 1, key=key).values)[0]

    def encode(self, x: Float[Array, "batch visible"]) -> Values:
        """Return the means of the latent layers, `[batch, units]` each; means, not draws, are fed upward."""
        x, means = jnp.asarray(x), []
        for conditional in self.recognition.conditionals:
            x = conditional(x).mean  # pyright: ignore[reportAssignmentType]
            means.append(x)
        return tuple(means)
