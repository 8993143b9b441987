"""Binary units of one layer that depend on each other, in order."""

import math
from collections.abc import Callable
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jax import Array, lax
from jaxtyping import Float
from numpyro.distributions import constraints

from beliefnet._numerics import joint_bernoulli_log_prob, over_rows
from beliefnet._types import Key
from beliefnet.distributions._kind import UnitKind


class Autoregressive(dist.Distribution):
    """Binary units, each of which may depend on all that come before it in the layer.

    All units are scored in one pass; they are drawn one after the other, in one compiled loop.
    """

    unit_kind: ClassVar[UnitKind] = UnitKind.AUTOREGRESSIVE
    support = constraints.independent(constraints.boolean, 1)  # pyright: ignore

    def logits_given(self, value: Float[Array, "*#lead units"]) -> Float[Array, "*lead units"]:
        """Return the logit of each unit given the values of those before it; leading axes broadcast."""
        raise NotImplementedError

    def begin(self, shape: tuple[int, ...]) -> Array:
        """Return what is known before the first unit, `[*shape, ...]`."""
        raise NotImplementedError

    def logit(self, known: Array, index: Array) -> Float[Array, "*lead"]:
        """Return the logit of a unit given all before it."""
        raise NotImplementedError

    def follow(self, known: Array, index: Array, value: Float[Array, "*lead"]) -> Array:
        """Return what is known after a unit took a value."""
        raise NotImplementedError

    def sample(self, key: Key | None, sample_shape: tuple[int, ...] = ()) -> Float[Array, "..."]:
        """Draw zeros and ones, as floats of shape `sample_shape + batch_shape + event_shape`."""
        assert key is not None
        shape = sample_shape + self.batch_shape
        uniforms = jax.random.uniform(key, (*self.event_shape, *shape))

        def draw(logit: Array, index: Array) -> Array:
            return (uniforms[index] < jax.nn.sigmoid(logit)).astype(logit.dtype)

        return self.in_turn(draw, shape)

    def log_prob(self, value: Any, intermediates: Any = None) -> Float[Array, "..."]:
        """Return the log-probability of all units together, in nats."""
        value = jnp.asarray(value, float)
        return joint_bernoulli_log_prob(self.logits_given(value), value)

    @property
    def mean(self) -> Float[Array, "*lead units"]:
        """Raise: it has no closed form."""
        raise NotImplementedError(
            f"expected no use of the mean of {type(self).__name__}, which has no closed form; try fed_means"
        )

    @property
    def fed_means(self) -> Float[Array, "*lead units"]:
        """The probability of each unit where those before it are at theirs, `[*lead, units]`: a guess at the mean."""
        return self.in_turn(lambda logit, _: jax.nn.sigmoid(logit), self.batch_shape)

    def in_turn(self, choose: Callable[[Array, Array], Array], shape: tuple[int, ...]) -> Float[Array, "*lead units"]:
        """Give each unit a value in turn; those after it are given that value.

        Args:
            choose: Takes the logit of a unit given the values before it, `[*shape]`, and its index; returns its value.
            shape: Leading axes of the values, those of the distribution last.
        """

        def step(known: Array, index: Array) -> tuple[Array, Array]:
            value = choose(self.logit(known, index), index)
            return self.follow(known, index, value), value

        values = lax.scan(step, self.begin(shape), jnp.arange(self.event_shape[0]))[1]
        return jnp.moveaxis(values, 0, -1)


class LinearAutoregressive(Autoregressive):
    """Logits that are linear in the units before, as in a deep autoregressive network or a logistic autoregression.

    Units are seen as -1 and 1: `logits_i = base_i + sum_(j < i) (2 value_j - 1) weight_ji`.

    Args:
        base: Logits without what units say of each other, `[*lead, units]`.
        weight: `[units, units]`, of which only what is above the diagonal counts.

    Reference:
        Frey 1998, *Graphical models for machine learning and digital communication*; Gregor et al. 2014, *Deep
        autoregressive networks*.
    """

    arg_constraints: ClassVar[dict[str, Any]] = {  # pyright: ignore
        "base": constraints.real_vector,
        "weight": constraints.real_matrix,
    }

    def __init__(
        self,
        base: Float[Array, "*lead units"],
        weight: Float[Array, "units units"],
        *,
        validate_args: bool | None = None,
    ):
        self.base, self.weight = base, weight
        super().__init__(jnp.shape(base)[:-1], jnp.shape(base)[-1:], validate_args=validate_args)

    def logits_given(self, value: Float[Array, "*#lead units"]) -> Float[Array, "*lead units"]:
        """Return the base plus one product with the weights above the diagonal."""
        above = jnp.triu(self.weight, 1)
        return self.base + over_rows(lambda signs: signs @ above, 2 * value - 1.0)

    def begin(self, shape: tuple[int, ...]) -> Float[Array, "*lead units"]:
        """Return the units as signs, zeros for those that are not known yet."""
        return jnp.zeros((*shape, *self.event_shape), self.base.dtype)

    def logit(self, known: Float[Array, "*lead units"], index: Array) -> Float[Array, "*lead"]:
        """Return the base plus the product with one column."""
        return self.base[..., index] + known @ self.weight[:, index]

    def follow(
        self, known: Float[Array, "*lead units"], index: Array, value: Float[Array, "*lead"]
    ) -> Float[Array, "*lead units"]:
        """Note the sign of the unit."""
        return known.at[..., index].set(2 * value - 1)


class NADELayer(Autoregressive):
    """Logits from hidden units that see all units before: a neural autoregressive distribution estimator.

    `logits_i = base_i + sigmoid(hidden + sum_(j < i) value_j inputs_j) . outputs_i`. Units are scored in about
    sqrt(units) blocks, one after the other, so that hidden units are kept for one block at a time.

    Args:
        base: Logits without what units say of each other, `[*lead, units]`.
        hidden: What hidden units see before the first unit, `[*lead, hidden]`.
        inputs: From each unit to the hidden ones, `[units, hidden]`.
        outputs: From the hidden units to each logit, `[units, hidden]`.

    Reference:
        Larochelle & Murray 2011, *The neural autoregressive distribution estimator*.
    """

    arg_constraints: ClassVar[dict[str, Any]] = {  # pyright: ignore
        "base": constraints.real_vector,
        "hidden": constraints.real_vector,
        "inputs": constraints.real_matrix,
        "outputs": constraints.real_matrix,
    }

    def __init__(
        self,
        base: Float[Array, "*lead units"],
        hidden: Float[Array, "*lead hidden"],
        inputs: Float[Array, "units hidden"],
        outputs: Float[Array, "units hidden"],
        *,
        validate_args: bool | None = None,
    ):
        self.base, self.hidden, self.inputs, self.outputs = base, hidden, inputs, outputs
        lead = jnp.broadcast_shapes(jnp.shape(base)[:-1], jnp.shape(hidden)[:-1])
        super().__init__(lead, jnp.shape(base)[-1:], validate_args=validate_args)

    def logits_given(self, value: Float[Array, "*#lead units"]) -> Float[Array, "*lead units"]:
        """Return the base plus what the hidden units say, a block of units at a time."""
        num_units = value.shape[-1]
        size = math.isqrt(num_units - 1) + 1
        count = -(-num_units // size)
        strict = jnp.tri(size, k=-1)

        def blocks(array: Array, axis: int) -> Array:
            """Cut an axis into blocks, the last one filled up with zeros, and put the blocks first."""
            axis %= array.ndim
            widths = [(0, 0)] * array.ndim
            widths[axis] = (0, count * size - num_units)
            shape = (*array.shape[:axis], count, size, *array.shape[axis + 1 :])
            return jnp.moveaxis(jnp.pad(array, widths).reshape(shape), axis, 0)

        @jax.checkpoint
        def block(known: Array, part: tuple[Array, Array, Array]) -> tuple[Array, Array]:
            some, inputs, outputs = part
            seen = known[..., None, :] + (some[..., None, :] * strict) @ inputs
            return known + some @ inputs, jnp.einsum("...uh,uh->...u", jax.nn.sigmoid(seen), outputs)

        lead = jnp.broadcast_shapes(value.shape[:-1], self.hidden.shape[:-1])
        parts = blocks(value, -1), blocks(self.inputs, 0), blocks(self.outputs, 0)
        said = jnp.moveaxis(lax.scan(block, self.begin(lead), parts)[1], 0, -2)
        return self.base + said.reshape(*lead, -1)[..., :num_units]

    def begin(self, shape: tuple[int, ...]) -> Float[Array, "*lead hidden"]:
        """Return what the hidden units see before the first unit."""
        return jnp.broadcast_to(self.hidden, (*shape, self.hidden.shape[-1]))

    def logit(self, known: Float[Array, "*lead hidden"], index: Array) -> Float[Array, "*lead"]:
        """Return the base plus what the hidden units say of one unit."""
        return self.base[..., index] + jax.nn.sigmoid(known) @ self.outputs[index]

    def follow(
        self, known: Float[Array, "*lead hidden"], index: Array, value: Float[Array, "*lead"]
    ) -> Float[Array, "*lead hidden"]:
        """Let the hidden units see the unit."""
        return known + value[..., None] * self.inputs[index]
