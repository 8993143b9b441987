"""Groups of one-hot units by their logits."""

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jax import Array
from jaxtyping import Float
from numpyro.distributions import constraints

from beliefnet._types import Key


class OneHot(dist.Distribution):
    """Independent categorical variables, each written as one unit per category of which exactly one is on.

    The event is flat, `(variables * categories,)`, so that the next layer takes it like any other. The log-probability
    is linear in the value, which lets relaxed and averaged values through.

    Args:
        logits: Unnormalised log-probabilities, `[*lead, variables, categories]`.
    """

    arg_constraints: ClassVar[dict[str, Any]] = {"logits": constraints.real_matrix}  # pyright: ignore
    support = constraints.independent(constraints.boolean, 1)  # pyright: ignore

    def __init__(self, logits: Float[Array, "*lead variables categories"], *, validate_args: bool | None = None):
        self.logits = logits
        *lead, variables, categories = jnp.shape(logits)
        super().__init__(tuple(lead), (variables * categories,), validate_args=validate_args)

    @property
    def num_categories(self) -> int:
        """Number of units of each variable."""
        return self.logits.shape[-1]

    def sample(self, key: Key | None, sample_shape: tuple[int, ...] = ()) -> Float[Array, "..."]:
        """Draw one unit per variable, as floats of shape `sample_shape + batch_shape + event_shape`."""
        assert key is not None
        chosen = jax.random.categorical(key, self.logits, shape=sample_shape + self.logits.shape[:-1])
        return self.flat(jax.nn.one_hot(chosen, self.num_categories, dtype=self.logits.dtype))

    def log_prob(self, value: Any, intermediates: Any = None) -> Float[Array, "..."]:
        """Return the log-probability of all variables together, in nats."""
        return jnp.sum(self.grouped(jnp.asarray(value)) * jax.nn.log_softmax(self.logits), axis=(-2, -1))

    def grouped(self, value: Float[Array, "*lead units"]) -> Float[Array, "*lead variables categories"]:
        """Give each variable an axis of its own."""
        return value.reshape(*value.shape[:-1], *self.logits.shape[-2:])

    def flat(self, value: Float[Array, "*lead variables categories"]) -> Float[Array, "*lead units"]:
        """Put all variables on one axis."""
        return value.reshape(*value.shape[:-2], -1)

    @property
    def mean(self) -> Float[Array, "*lead units"]:
        """Probability of each unit."""
        return self.flat(jax.nn.softmax(self.logits))

    @property
    def variance(self) -> Float[Array, "*lead units"]:
        """Variance of each unit."""
        return self.mean * (1 - self.mean)
