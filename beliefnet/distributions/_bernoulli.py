"""Independent Bernoulli units by their logits."""

from typing import Any

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jax import Array
from jaxtyping import Float

from beliefnet._numerics import bernoulli_log_prob, joint_bernoulli_log_prob
from beliefnet._types import Key


class Bernoulli(dist.BernoulliLogits):
    """A NumPyro `BernoulliLogits` whose samples are floats and whose log-probability is one fused pass.

    The library keeps discrete values as floats (they are multiplied by weights at once). NumPyro's own formula pays
    for a `log1p` and an unsimplified derivative; here the derivative by the logits is `value - sigmoid(logits)`.
    """

    def sample(self, key: Key | None, sample_shape: tuple[int, ...] = ()) -> Float[Array, "..."]:
        """Draw zeros and ones, as floats of the logits' type, of shape `sample_shape + batch_shape`."""
        assert key is not None
        logits = jnp.asarray(self.logits)
        uniforms = jax.random.uniform(key, sample_shape + self.batch_shape, logits.dtype)
        return (uniforms < jax.nn.sigmoid(logits)).astype(logits.dtype)

    def log_prob(self, value: Any, intermediates: Any = None) -> Float[Array, "..."]:
        """Return the log-probability of each unit, in nats."""
        return bernoulli_log_prob(jnp.asarray(self.logits), value)


class BernoulliLayer(dist.Independent):
    """Independent Bernoulli units as one event, whose log-probability is one fused pass."""

    def log_prob(self, value: Any, intermediates: Any = None) -> Float[Array, "..."]:
        """Return the log-probability of all units together, in nats."""
        return joint_bernoulli_log_prob(jnp.asarray(self.base_dist.logits), jnp.asarray(value, float))  # pyright: ignore
