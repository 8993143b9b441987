"""A belief net: a generative chain from the top layer to the data, and a recognition chain back up."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float
from numpy.typing import NDArray

from beliefnet._chain import Chain, Draw
from beliefnet._errors import ArgumentError, check_axes, check_type, whole_number
from beliefnet._numerics import broadcasting
from beliefnet._types import Key, ValueKind, Values
from beliefnet.conditionals import AbstractConditional
from beliefnet.distributions import AbstractFamily, UnitKind, normal
from beliefnet.samplers import AbstractSampler, Plain


class BeliefNet(eqx.Module):
    """A deep directed latent-variable model with its recognition net (a Helmholtz machine).

    Everything public is ordered from the bottom up: the observation `x`, then `latents = (h1, ..., hL)`. With an empty
    recognition chain there are no latents: the generative chain is one layer, whose likelihood is exact.

    Args:
        generative: Chain that draws `hL, ..., h1, x`; it starts with a prior.
        recognition: Chain that draws `h1, ..., hL` given `x`.

    Raises:
        ValueError: If the two chains' layers do not meet, or the generative chain does not start with a prior.
    """

    generative: Chain
    recognition: Chain

    def __check_init__(self):
        if not self.generative.conditionals:
            raise ArgumentError("expected at least one conditional in the generative chain, got none", "a Prior")
        given = self.generative.conditionals[0].num_parents or 0
        if given != self.num_condition:
            raise ArgumentError(
                f"expected a generative chain that starts with a prior, got a first conditional with {given} parents",
                "a Prior, or ConditionalNet",
            )
        *between, _ = [c.num_units for c in self.generative.conditionals]
        down = [*between, self.num_visible]
        seen = self.recognition.conditionals[0].num_parents if self.recognition.conditionals else down[-1]
        up = [seen] + [c.num_units for c in self.recognition.conditionals]
        if down[::-1] != up:
            raise ArgumentError(
                f"expected chains over the same layers, got a generative chain of widths {down[::-1]} (from the data "
                f"up) and a recognition chain of widths {up}",
                "equal sizes",
            )

    @property
    def num_visible(self) -> int:
        """Width of the observation."""
        return self.num_condition + self.num_outputs

    @property
    def num_condition(self) -> int:
        """How many units of the observation, the first ones, are given: none."""
        return 0

    @property
    def num_outputs(self) -> int:
        """How many units of the observation the net is a model of; all of them, unless it is conditional."""
        return self.generative.conditionals[-1].num_units

    @property
    def layer_sizes(self) -> tuple[int, ...]:
        """Widths of the latent layers, from the bottom up."""
        return tuple(c.num_units for c in self.recognition.conditionals)

    @property
    def latent_kinds(self) -> tuple[UnitKind, ...]:
        """What kind of units each latent layer has under the recognition net, from the bottom up."""
        return tuple(conditional.kind for conditional in self.recognition.conditionals)

    @property
    def latent_layers(self) -> tuple[tuple[AbstractConditional, AbstractConditional], ...]:
        """Each latent layer under the recognition and under the generative chain, from the bottom up."""
        return tuple(zip(self.recognition.conditionals, self.generative.conditionals[-2::-1], strict=True))

    @property
    def visible(self) -> AbstractFamily:
        """The family of the units that the net is a model of."""
        return self.generative.conditionals[-1].units

    @property
    def values(self) -> ValueKind | None:
        """What data the net takes; None for numbers of any kind."""
        return self.visible.values

    def check(self, rows: Any, label: str = "data", *, observed: NDArray[np.bool_] | None = None) -> None:
        """Check that data are what the net is a model of, on the host.

        Args:
            rows: Values as the net sees them, `[rows, visible]`: an array of numbers, or a SciPy sparse matrix.
            label: What to call the data in an error.
            observed: Which entries are to be looked at, `[rows, visible]`; by default all, but for NaN where the net is
                one of incomplete data.

        Raises:
            DataError: Naming the first value that does not fit, its row and column, and what to try.
        """
        if observed is None and self.generative.conditionals[-1].takes_missing:
            observed = ~np.isnan(rows)
        for name, family, columns in self.parts(label):
            is_all = columns == slice(None)
            known = observed if observed is None or is_all else observed[:, columns]
            family.check(rows if is_all else rows[:, columns], name, observed=known)

    def parts(self, label: str = "data") -> tuple[tuple[str, AbstractFamily, slice], ...]:
        """Return the parts of an observation: what to call each, the family of its values, and its columns."""
        return ((label, self.visible, slice(None)),)

    def split(
        self, x: Float[Array, "*lead visible"]
    ) -> tuple[Float[Array, "*lead condition"] | None, Float[Array, "*lead outputs"]]:
        """Return the condition, None in a net without, and the units that the net is a model of."""
        return None, x

    def joined(
        self, condition: Float[Array, "*#lead condition"] | None, outputs: Float[Array, "*lead outputs"]
    ) -> Float[Array, "*lead visible"]:
        """Return outputs with the condition before them, as an observation has it."""
        return outputs

    def above(self, layer: int) -> "BeliefNet":
        """Return the net whose observation is a layer of this one, 0 being the data: it shares the parameters.

        Raises:
            ValueError: If there is no such layer, or nothing above it, or the layer is a latent one of a conditional
                net.
        """
        depth = len(self.recognition)
        if not 0 <= layer < depth:
            raise ArgumentError(f"expected a layer from 0 to {depth - 1}, got {layer}", "0")
        if not layer:
            return self
        if self.num_condition:
            raise ArgumentError(
                "expected a net without a condition to look at the layers above a latent one, got one given "
                f"{self.num_condition} units",
                "nvil or vimco, or one latent layer",
            )
        return BeliefNet(
            Chain(self.generative.conditionals[: depth - layer + 1]), Chain(self.recognition.conditionals[layer:])
        )

    def log_joint(self, x: Float[Array, "*#lead visible"], latents: Values) -> Float[Array, "*lead"]:
        """Return log p(x, h) of each configuration, in nats; in a conditional net, log p(outputs, h | condition)."""
        return self.log_joint_terms(x, latents).sum(axis=-1)

    def log_recognition(self, x: Float[Array, "*#lead visible"], latents: Values) -> Float[Array, "*lead"]:
        """Return log q(h | x) of each configuration, in nats."""
        return self.log_recognition_terms(x, latents).sum(axis=-1)

    def log_weight(self, x: Float[Array, "*#lead visible"], latents: Values) -> Float[Array, "*lead"]:
        """Return log p(x, h) - log q(h | x), the log importance weight of each draw of the recognition net, in nats."""
        return self.log_joint(x, latents) - self.log_recognition(x, latents)

    @broadcasting
    def log_joint_terms(self, x: Float[Array, "*#lead visible"], latents: Values) -> Float[Array, "*lead terms"]:
        """Return the terms of log p(x, h): log p(x | h1), ..., log p(hL), bottom first, in nats: one more than layers.

        In a conditional net they are those of log p(outputs, h | condition).
        """
        self._check_shapes(x, latents)
        condition, outputs = self.split(x)
        return self.generative.log_probs(condition, (*latents[::-1], outputs))[..., ::-1]

    @broadcasting
    def log_recognition_terms(self, x: Float[Array, "*#lead visible"], latents: Values) -> Float[Array, "*lead layers"]:
        """Return the terms of log q(h | x): log q(h1 | x), ..., log q(hL | hL-1), in nats."""
        self._check_shapes(x, latents)
        return self.recognition.log_probs(x, latents, by_distributions=True)

    def _check_shapes(self, x: Any, latents: Values | None = None) -> None:
        """Check widths and leading axes: an axis of one would be broadcast without a word.

        Raises:
            ValueError: Naming what does not fit.
        """
        if jnp.shape(x)[-1:] != (self.num_visible,):
            raise ArgumentError(
                f"expected x of shape [..., {self.num_visible}], got {list(jnp.shape(x))}",
                "the columns that the net was made for",
            )
        shapes = [] if latents is None else [jnp.shape(layer) for layer in latents]
        if latents is not None and tuple(shape[-1] if shape else 0 for shape in shapes) != self.layer_sizes:
            found = ", ".join(str(list(shape)) for shape in shapes[:4]) or "none"
            raise ArgumentError(
                f"expected a tuple of {len(self.layer_sizes)} latent layers of {self.layer_sizes} units, bottom first, "
                f"got {len(shapes)} of shapes {found}",
                "net.infer(x, 5, key=key).values",
            )
        leads = [jnp.shape(x)[:-1], *(shape[:-1] for shape in shapes)]
        for axes in zip(*(lead[::-1] for lead in leads), strict=False):
            if len({*axes} - {1}) > 1:
                raise ArgumentError(
                    f"expected x and latents of leading axes that broadcast, got {', '.join(map(str, leads))}",
                    "x of shape [batch, visible] and latents of shape [particles, batch, units]",
                )

    def infer(
        self, x: Float[Array, "batch visible"], num_particles: int, *, key: Key, sampler: AbstractSampler | None = None
    ) -> Draw:
        """Draw latents from the recognition net: values `[particles, batch, units]`, bottom first."""
        self._check_shapes(x)
        num_particles = whole_number("num_particles", num_particles, good=5)
        return self.recognition.draw(jnp.asarray(x), (num_particles,), sampler=sampler or Plain(), key=key)

    def dream(
        self, shape: tuple[int, ...], *, key: Key, condition: Float[Array, "batch condition"] | None = None
    ) -> tuple[Float[Array, "*lead visible"], Values]:
        """Draw an observation and its latents from the generative chain.

        Args:
            shape: Leading axes of the draws.
            key: Random key.
            condition: None: what a `ConditionalNet` is given.

        Returns:
            `x` of shape `[*shape, visible]`, and the latents, bottom first.

        Raises:
            TypeError: If the shape is no tuple, or the key is none.
            ValueError: If there is a condition, or a negative axis.
        """
        check_axes(shape)
        if condition is not None:
            raise ArgumentError(f"expected no condition, got one of shape {jnp.shape(condition)}", "leaving it out")
        values = self.generative.draw(None, shape, sampler=Plain(), key=key).values
        return values[-1], values[-2::-1]

    def dream_like(
        self, x: Float[Array, "batch visible"], num_particles: int, *, key: Key
    ) -> tuple[Float[Array, "particles batch visible"], Values]:
        """Draw `num_particles` observations and their latents for each datum, given its condition if it has one."""
        return self.dream((num_particles, x.shape[0]), key=key)


class ConditionalNet(BeliefNet):
    """A net of some units given others, p(outputs | condition), as structured prediction asks for.

    An observation is the condition, then the outputs. The condition is given, not modelled: what the net draws and
    scores are the outputs. The recognition net sees both. Each of the two may hold its own kind of values.

    Args:
        generative: Chain from the condition over `hL, ..., h1` down to the outputs: its first conditional has the
            condition for a parent.
        recognition: Chain that draws `h1, ..., hL` given the whole observation.
        condition: Family of units with the condition's values, which data are checked by; None for any numbers.

    Raises:
        ValueError: If the two chains' layers do not meet, or the generative chain starts with a prior.

    Examples:
        >>> import jax
        >>> from beliefnet.conditionals import Dense, Feedforward
        >>> from beliefnet.distributions import bernoulli
        >>> key = jax.random.key(0)
        >>> net = ConditionalNet(
        ...     Chain((Feedforward(Dense(3, 4, key=key), bernoulli), Feedforward(Dense(4, 2, key=key), bernoulli))),
        ...     Chain((Feedforward(Dense(5, 4, key=key), bernoulli),)),
        ... )
        >>> net.num_condition, net.num_outputs, net.num_visible
        (3, 2, 5)
    """

    condition: AbstractFamily | None = eqx.field(static=True, default=None)

    def __check_init__(self):
        if not self.num_condition:
            raise ArgumentError(
                "expected a first conditional that the condition feeds, got a prior", "a Feedforward, or BeliefNet"
            )

    @property
    def num_condition(self) -> int:
        """How many units of the observation, the first ones, are given."""
        return self.generative.conditionals[0].num_parents or 0

    @property
    def values(self) -> ValueKind | None:
        """What both parts of the data hold; None for numbers of any kind, or where they differ."""
        return self.visible.values if self.condition is None or self.condition.values == self.visible.values else None

    def parts(self, label: str = "data") -> tuple[tuple[str, AbstractFamily, slice], ...]:
        """Return the condition and the outputs: what to call each, the family of its values, and its columns."""
        family = normal if self.condition is None else self.condition
        given, outputs = slice(None, self.num_condition), self._outputs
        return (f"the condition of {label}", family, given), (f"the outputs of {label}", self.visible, outputs)

    def split(
        self, x: Float[Array, "*lead visible"]
    ) -> tuple[Float[Array, "*lead condition"], Float[Array, "*lead outputs"]]:
        """Return the condition, and the outputs."""
        return x[..., : self.num_condition], x[..., self._outputs]

    def joined(
        self, condition: Float[Array, "*#lead condition"] | None, outputs: Float[Array, "*lead outputs"]
    ) -> Float[Array, "*lead visible"]:
        """Return outputs with the condition before them, as an observation has it."""
        assert condition is not None
        given = jnp.broadcast_to(condition, (*outputs.shape[:-1], self.num_condition))
        return jnp.concatenate([given, outputs], axis=-1)

    def dream(
        self, shape: tuple[int, ...], *, key: Key, condition: Float[Array, "batch condition"] | None = None
    ) -> tuple[Float[Array, "*lead visible"], Values]:
        """Draw outputs and latents given conditions.

        Args:
            shape: Leading axes of the draws; the axis of the conditions follows.
            key: Random key.
            condition: What is given, `[batch, condition]`.

        Returns:
            `x` of shape `[*shape, batch, visible]`, with the condition in it, and the latents, bottom first.

        Raises:
            TypeError: If the shape is no tuple, or the key is none.
            ValueError: If there is no condition, one of another width, or a negative axis.
        """
        check_axes(shape)
        condition = None if condition is None else jnp.asarray(condition, float)
        if condition is None or condition.ndim != 2 or condition.shape[1] != self.num_condition:
            raise ArgumentError(
                f"expected a condition of shape [batch, {self.num_condition}], got "
                f"{'none' if condition is None else condition.shape}",
                f"condition=x[:, :{self.num_condition}]",
            )
        values = self.generative.draw(condition, shape, sampler=Plain(), key=key).values
        return self.joined(condition, values[-1]), values[-2::-1]

    def dream_like(
        self, x: Float[Array, "batch visible"], num_particles: int, *, key: Key
    ) -> tuple[Float[Array, "particles batch visible"], Values]:
        """Draw `num_particles` outputs and their latents for the condition of each of a batch."""
        return self.dream((num_particles,), key=key, condition=self.split(x)[0])

    @property
    def _outputs(self) -> slice:
        return slice(self.num_condition, None)


def check_net(net: object) -> None:
    """Check that a net is one, and not a thing that holds one, such as the outcome of training.

    Raises:
        TypeError: If it is something else.
    """
    holds_one = issubclass(type(getattr(net, "net", None)), BeliefNet)
    good = f"{type(net).__name__.lower()}.net" if holds_one else "nets.sigmoid_belief_net(64, (200,), key=key)"
    check_type("net", net, BeliefNet, good=good)
