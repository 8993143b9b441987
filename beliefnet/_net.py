"""A belief net: a generative chain from the top layer to the data, and a recognition chain back up."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jax import Array
from jaxtyping import Float

from beliefnet._chain import Chain, Draw
from beliefnet._types import Key, Values
from beliefnet.distributions import Autoregressive, Kind, units
from beliefnet.samplers import Plain, Sampler


class BeliefNet(eqx.Module):
    """A deep directed latent-variable model with its recognition net (a Helmholtz machine).

    Everything public is ordered from the bottom up: the observation `x`, then `latents = (h1, ..., hL)`. With an empty
    recognition chain there are no latents: the generative chain is one layer, whose likelihood is exact.

    Args:
        generative: Chain that draws `hL, ..., h1, x`.
        recognition: Chain that draws `h1, ..., hL` given `x`.

    Raises:
        ValueError: If the two chains' layers do not meet.
    """

    generative: Chain
    recognition: Chain

    def __check_init__(self):
        if not self.generative.conditionals:
            raise ValueError("expected at least one conditional in the generative chain, got none; try a Prior")
        if self.generative.conditionals[0].num_parents is not None:
            raise ValueError(
                f"expected a generative chain that starts with a Prior, got "
                f"{type(self.generative.conditionals[0]).__name__}; try Prior(parameters, family) first"
            )
        down = [c.num_units for c in self.generative.conditionals]
        seen = self.recognition.conditionals[0].num_parents if self.recognition.conditionals else down[-1]
        up = [seen] + [c.num_units for c in self.recognition.conditionals]
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
        self.show_latents(lambda _, recognised, __: kinds.append(Kind.of(recognised)))
        return tuple(kinds)

    def show_latents(self, look: Callable[[int, dist.Distribution, dist.Distribution], None]) -> None:
        """Show the units of each latent layer to a function, without computing anything.

        Args:
            look: Called with the number of the layer, 1 being the bottom one, and the distribution of its units under
                the recognition and under the generative chain, whose parameters have shapes but no values.
        """

        def show(x: Array, latents: Values) -> None:
            up = self.recognition.distributions(x, latents)
            down = self.generative.distributions(None, (*latents[::-1], x))[-2::-1]
            for index, (recognised, generated) in enumerate(zip(up, down, strict=True), 1):
                look(index, units(recognised), units(generated))

        shapes = [jax.ShapeDtypeStruct((1, size), jnp.float32) for size in (self.num_visible, *self.layer_sizes)]
        jax.eval_shape(show, shapes[0], tuple(shapes[1:]))

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
        """Draw from the generative chain and return the mean of the observation given the latents that were drawn.

        Of an autoregressive observation it is the mean of each unit given those that were drawn before it.
        """
        x, latents = self.dream(shape, key=key)
        return _unit_means(self.generative.conditionals[-1](latents[0] if latents else None), x)

    def decode(self, latents: Values) -> Float[Array, "*lead visible"]:
        """Return the mean of the observation given the bottom latent layer.

        Of an autoregressive layer it is a guess: means in the place of draws are fed to later units.
        """
        return self.generative.conditionals[-1].mean_given(latents[0])

    def reconstruct(self, x: Float[Array, "batch visible"], *, key: Key) -> Float[Array, "batch visible"]:
        """Return the mean of the observation given one draw of the latents for each datum.

        Of an autoregressive observation it is the mean of each unit given a draw of those before it.
        """
        visible = self.generative.conditionals[-1](self.infer(x, 1, key=key).values[0])
        if not isinstance(visible, Autoregressive):
            return visible.mean[0]
        return _unit_means(visible, visible.sample(jax.random.fold_in(key, 1)))[0]

    def encode(self, x: Float[Array, "batch visible"]) -> Values:
        """Return the means of the latent layers, `[batch, units]` each; means, not draws, are fed upward."""
        x, means = jnp.asarray(x), []
        for conditional in self.recognition.conditionals:
            x = conditional.mean_given(x)
            means.append(x)
        return tuple(means)


def _unit_means(layer: dist.Distribution, value: Float[Array, "*lead units"]) -> Float[Array, "*lead units"]:
    """Return the mean of each unit of a layer, given the values of those before it where that matters."""
    if isinstance(layer, Autoregressive):
        return jax.nn.sigmoid(layer.logits_given(value))
    return layer.mean  # pyright: ignore[reportReturnType]
