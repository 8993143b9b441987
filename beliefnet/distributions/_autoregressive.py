"""Binary units of one layer that depend on each other, in order."""

from abc import abstractmethod
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jax import Array, lax
from jaxtyping import Float
from numpyro.distributions import constraints

from beliefnet._numerics import joint_bernoulli_log_prob
from beliefnet._types import Key


class Autoregressive(dist.Distribution):
    """Binary units, each of which may depend on all that come before it in the layer.

    All units are scored in one pass; they are drawn one after the other, in one compiled loop.
    """

    support = constraints.independent(constraints.boolean, 1)  # pyright: ignore

    @abstractmethod
    def logits_given(self, value: Float[Array, "*lead units"]) -> Float[Array, "*lead units"]:
        """Return the logit of each unit given the values of those before it."""

    @abstractmethod
    def begin(self, shape: tuple[int, ...]) -> Any:
        """Return what is known before the first unit, for draws of the leading shape `shape`."""

    @abstractmethod
    def logit(self, known: Any, index: Array) -> Float[Array, "*lead"]:
        """Return the logit of a unit given all before it."""

    @abstractmethod
    def follow(self, known: Any, index: Array, value: Float[Array, "*lead"]) -> Any:
        """Return what is known after a unit took a value."""

    def sample(self, key: Key | None, sample_shape: tuple[int, ...] = ()) -> Float[Array, "..."]:
        """Draw zeros and ones, as floats of shape `sample_shape + batch_shape + event_shape`."""
        assert key is not None
        shape = sample_shape + self.batch_shape
        uniforms = jax.random.uniform(key, (*self.event_shape, *shape))

        def draw(probability: Array, index: Array) -> Array:
            return (uniforms[index] < probability).astype(probability.dtype)

        return self._in_turn(draw, shape)

    def log_prob(self, value: Any, intermediates: Any = None) -> Float[Array, "..."]:
        """Return the log-probability of all units together, in nats."""
        value = jnp.asarray(value)
        return joint_bernoulli_log_prob(self.logits_given(value), value)

    @property
    def fed_means(self) -> Float[Array, "*lead units"]:
        """The probability of each unit where those before it are at theirs: a guess at the mean, which has no form."""
        return self._in_turn(lambda probability, _: probability, self.batch_shape)

    def _in_turn(self, choose: Any, shape: tuple[int, ...]) -> Float[Array, "*lead units"]:
        """Give each unit the value that is chosen for its probability and index."""

        def step(known: Any, index: Array) -> tuple[Any, Array]:
            value = choose(jax.nn.sigmoid(self.logit(known, index)), index)
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

    def logits_given(self, value: Float[Array, "*lead units"]) -> Float[Array, "*lead units"]:
        """Return the base plus one product with the weights above the diagonal."""
        flat = (2 * value - 1).reshape(-1, value.shape[-1]) @ jnp.triu(self.weight, 1)
        return self.base + flat.reshape(value.shape)

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
