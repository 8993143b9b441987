"""A belief net: a generative chain from the top layer to the data, and a recognition chain back up."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jax import Array
from jaxtyping import Float

from beliefnet._chain import Chain, Draw
from beliefnet._types import Key, Values
from beliefnet.conditionals import AbstractConditional
from beliefnet.distributions import Autoregressive, UnitKind
from beliefnet.samplers import Plain, Sampler


class BeliefNet(eqx.Module):
    """A deep directed latent-variable model with its recognition net (a Helmholtz machine).

    Everything public is ordered from the bottom up: the observation `x`, then `latents = (h1, ..., hL)`. With an empty
    recognition chain there are no latents: the generative chain is one layer, whose likelihood is exact.

    With a generative chain that starts with a conditional which has a parent, not with a prior, the net is conditional,
    as structured prediction asks for: the first units of `x` are the condition, which is given, not modelled, and what
    the net draws and scores are the others, p(outputs | condition). The recognition net sees all of `x`.

    Args:
        generative: Chain that draws `hL, ..., h1, x`; in a conditional net, from the condition down to the outputs.
        recognition: Chain that draws `h1, ..., hL` given `x`.

    Raises:
        ValueError: If the two chains' layers do not meet.
    """

    generative: Chain
    recognition: Chain

    def __check_init__(self):
        if not self.generative.conditionals:
            raise ValueError("expected at least one conditional in the generative chain, got none; try a Prior")
        *between, _ = [c.num_units for c in self.generative.conditionals]
        down = [*between, self.num_visible]
        seen = self.recognition.conditionals[0].num_parents if self.recognition.conditionals else down[-1]
        up = [seen] + [c.num_units for c in self.recognition.conditionals]
        if down[::-1] != up:
            raise ValueError(
                f"expected chains over the same layers, got a generative chain of widths {down[::-1]} (from the data "
                f"up) and a recognition chain of widths {up}; try equal sizes"
            )

    @property
    def num_visible(self) -> int:
        """Width of the observation, with the condition if there is one."""
        return self.num_condition + self.num_outputs

    @property
    def num_condition(self) -> int:
        """How many units of the observation, the first ones, are given; 0 in a net of all of it."""
        return self.generative.conditionals[0].num_parents or 0

    @property
    def layer_sizes(self) -> tuple[int, ...]:
        """Widths of the latent layers, from the bottom up."""
        return tuple(c.num_units for c in self.recognition.conditionals)

    @property
    def num_outputs(self) -> int:
        """How many units of the observation the net is a model of; all of them, unless it is conditional."""
        return self.generative.conditionals[-1].num_units

    def split(
        self, x: Float[Array, "*lead visible"]
    ) -> tuple[Float[Array, "*lead condition"] | None, Float[Array, "*lead outputs"]]:
        """Return the condition, None in a net without, and the units that the net is a model of."""
        if not self.num_condition:
            return None, x
        return x[..., : self.num_condition], x[..., self.num_condition :]

    @property
    def latent_kinds(self) -> tuple[UnitKind, ...]:
        """What kind of units each latent layer has under the recognition net, from the bottom up."""
        return tuple(conditional.kind for conditional in self.recognition.conditionals)

    @property
    def latent_layers(self) -> tuple[tuple[AbstractConditional, AbstractConditional], ...]:
        """Each latent layer under the recognition and under the generative chain, from the bottom up."""
        return tuple(zip(self.recognition.conditionals, self.generative.conditionals[-2::-1], strict=True))

    def above(self, layer: int) -> "BeliefNet":
        """Return the net whose observation is a layer of this one, 0 being the data: it shares the parameters.

        Raises:
            ValueError: If there is no such layer, or nothing above it, or the layer is a latent one of a conditional
                net.
        """
        depth = len(self.recognition)
        if not 0 <= layer < depth:
            raise ValueError(f"expected a layer from 0 to {depth - 1}, got {layer}; try 0")
        if layer and self.num_condition:
            raise ValueError(
                "expected a net without a condition to look at the layers above a latent one, got one given "
                f"{self.num_condition} units; try nvil or vimco, or one latent layer"
            )
        return BeliefNet(
            Chain(self.generative.conditionals[: depth - layer + 1]), Chain(self.recognition.conditionals[layer:])
        )

    def log_joint(
        self, x: Float[Array, "... visible"], latents: Values
    ) -> Float[Array, "*lead layers_and_observation"]:
        """Return the terms of log p(x, h): log p(x | h1), ..., log p(hL), bottom first, in nats.

        In a conditional net they are those of log p(outputs, h | condition).
        """
        condition, outputs = self.split(x)
        return self.generative.log_probs(condition, (*latents[::-1], outputs))[..., ::-1]

    def log_recognition(self, x: Float[Array, "... visible"], latents: Values) -> Float[Array, "*lead layers"]:
        """Return the terms of log q(h | x): log q(h1 | x), ..., log q(hL | hL-1), in nats."""
        return self.recognition.log_probs(x, latents)

    def infer(
        self, x: Float[Array, "batch visible"], num_particles: int, *, key: Key, sampler: Sampler | None = None
    ) -> Draw:
        """Draw latents from the recognition net: values `[particles, batch, units]`, bottom first."""
        return self.recognition.draw(jnp.asarray(x), (num_particles,), sampler=sampler or Plain(), key=key)

    def dream(
        self, shape: tuple[int, ...], *, key: Key, condition: Float[Array, "batch condition"] | None = None
    ) -> tuple[Float[Array, "*lead visible"], Values]:
        """Draw an observation and its latents from the generative chain.

        Args:
            shape: Leading axes of the draws; in a conditional net the axis of the conditions follows.
            key: Random key.
            condition: What a conditional net is given, `[batch, condition]`.

        Returns:
            `x` of shape `[*shape, visible]`, or `[*shape, batch, visible]` with the condition in it, and the latents,
            bottom first.

        Raises:
            ValueError: If there is a condition where there should be none, none where there should be one, or one of
                another width.
        """
        condition = None if condition is None else jnp.asarray(condition, float)
        self._check_condition(condition)
        values = self.generative.draw(condition, shape, sampler=Plain(), key=key).values
        return _joined(condition, values[-1]), values[-2::-1]

    def sample_means(
        self, shape: tuple[int, ...], *, key: Key, condition: Float[Array, "batch condition"] | None = None
    ) -> Float[Array, "*lead visible"]:
        """Draw from the generative chain and return the mean of the observation given the latents that were drawn.

        Of an autoregressive observation it is the mean of each unit given those that were drawn before it. Arguments,
        shapes and errors are those of `dream`.
        """
        x, latents = self.dream(shape, key=key, condition=condition)
        given, outputs = self.split(x)
        layer = self.generative.conditionals[-1](latents[0] if latents else given)
        return _joined(given, _unit_means(layer, outputs))

    def _check_condition(self, condition: Array | None) -> None:
        if not self.num_condition:
            if condition is not None:
                raise ValueError(f"expected no condition, got one of shape {condition.shape}; try leaving it out")
        elif condition is None or condition.ndim != 2 or condition.shape[1] != self.num_condition:
            raise ValueError(
                f"expected a condition of shape [batch, {self.num_condition}], got "
                f"{'none' if condition is None else condition.shape}; try condition=x[:, :{self.num_condition}]"
            )

    def decode(self, latents: Values) -> Float[Array, "*lead visible"]:
        """Return the mean of the observation given the bottom latent layer; of a conditional net, that of the outputs.

        Of an autoregressive layer it is a guess: means in the place of draws are fed to later units.
        """
        return self.generative.conditionals[-1].mean_given(latents[0])

    def reconstruct(self, x: Float[Array, "batch visible"], *, key: Key) -> Float[Array, "batch visible"]:
        """Return the mean of the observation given one draw of the latents for each datum.

        Of an autoregressive observation it is the mean of each unit given a draw of those before it.
        """
        condition, _ = self.split(jnp.asarray(x))
        latents = self.infer(x, 1, key=key).values
        layer = self.generative.conditionals[-1](latents[0][0] if latents else condition)
        drawn = layer.sample(jax.random.fold_in(key, 1)) if isinstance(layer, Autoregressive) else layer.mean
        return jnp.broadcast_to(_joined(condition, _unit_means(layer, drawn)), x.shape)

    def encode(self, x: Float[Array, "batch visible"]) -> Values:
        """Return the means of the latent layers, `[batch, units]` each; means, not draws, are fed upward."""
        x, means = jnp.asarray(x), []
        for conditional in self.recognition.conditionals:
            x = conditional.mean_given(x)
            means.append(x)
        return tuple(means)


def _joined(condition: Array | None, outputs: Float[Array, "*lead outputs"]) -> Float[Array, "*lead visible"]:
    """Return outputs with the condition before them, as an observation has it."""
    if condition is None:
        return outputs
    return jnp.concatenate([jnp.broadcast_to(condition, (*outputs.shape[:-1], condition.shape[-1])), outputs], axis=-1)


def _unit_means(layer: dist.Distribution, value: Float[Array, "*lead units"]) -> Float[Array, "*lead units"]:
    """Return the mean of each unit of a layer, given the values of those before it where that matters."""
    if isinstance(layer, Autoregressive):
        return jax.nn.sigmoid(layer.logits_given(value))
    return layer.mean  # pyright: ignore[reportReturnType]
