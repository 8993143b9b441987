"""Counts by the logarithms of their rates."""

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jax import Array
from jax.scipy.special import gammaln
from jaxtyping import Float
from numpyro.distributions import constraints

from beliefnet._types import Key


class Poisson(dist.Distribution):
    """Poisson counts, as floats; by the logarithms of their rates, so that a tiny rate is not special.

        log p(n) = n log_rate - exp(log_rate) - log n!

    Args:
        log_rate: Logarithm of the mean count, `[*lead]`.

    Example:
        >>> import jax.numpy as jnp
        >>> round(float(Poisson(jnp.array(0.0)).log_prob(2.0)), 4)
        -1.6931
    """

    arg_constraints: ClassVar[dict[str, Any]] = {"log_rate": constraints.real}  # pyright: ignore
    support = constraints.nonnegative_integer  # pyright: ignore

    def __init__(self, log_rate: Float[Array, "*lead"], *, validate_args: bool | None = None):
        self.log_rate = log_rate
        super().__init__(jnp.shape(log_rate), validate_args=validate_args)

    def sample(self, key: Key | None, sample_shape: tuple[int, ...] = ()) -> Float[Array, "..."]:
        """Draw counts, as floats of shape `sample_shape + batch_shape`."""
        assert key is not None
        counts = jax.random.poisson(key, self.mean, sample_shape + self.batch_shape)
        return counts.astype(jnp.result_type(float))

    def log_prob(self, value: Any, intermediates: Any = None) -> Float[Array, "..."]:
        """Return the log-probability of each count, in nats."""
        value = jnp.asarray(value, float)
        return value * self.log_rate - jnp.exp(self.log_rate) - gammaln(value + 1)

    @property
    def mean(self) -> Float[Array, "*lead"]:
        """The rates."""
        return jnp.exp(self.log_rate)

    @property
    def variance(self) -> Float[Array, "*lead"]:
        """The rates, too."""
        return self.mean
