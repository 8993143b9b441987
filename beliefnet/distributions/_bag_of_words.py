"""Counts of words whose order does not matter."""

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jax import Array, lax
from jaxtyping import Float
from numpyro.distributions import constraints

from beliefnet._types import Key


class BagOfWords(dist.Distribution):
    """Counts of a document's words, which are drawn independently, each with the same probabilities.

    The log-probability is that of the words in their order, given how many there are, as documents are scored
    everywhere: sum over words of count * log softmax(logits). That of the counts alone has a multinomial coefficient
    more, which no parameter enters. Drawn documents have a Poisson number of words.

    Args:
        logits: Unnormalised log-probabilities of the words, `[*lead, words]`.
        length: Mean number of words of documents that are drawn.
    """

    arg_constraints: ClassVar[dict[str, Any]] = {"logits": constraints.real_vector}  # pyright: ignore
    support = constraints.independent(constraints.nonnegative_integer, 1)  # pyright: ignore
    pytree_aux_fields = ("length",)

    def __init__(self, logits: Float[Array, "*lead words"], length: float, *, validate_args: bool | None = None):
        self.logits, self.length = logits, length
        super().__init__(jnp.shape(logits)[:-1], jnp.shape(logits)[-1:], validate_args=validate_args)

    def sample(self, key: Key | None, sample_shape: tuple[int, ...] = ()) -> Float[Array, "..."]:
        """Draw counts, as floats of shape `sample_shape + batch_shape + event_shape`."""
        assert key is not None
        counts = jax.random.poisson(key, self.mean, sample_shape + self.batch_shape + self.event_shape)
        return counts.astype(self.logits.dtype)

    def log_prob(self, value: Any, intermediates: Any = None) -> Float[Array, "..."]:
        """Return the log-probability of the words in their order, in nats."""
        value = jnp.asarray(value, float)
        # A product with ones, not a sum: see joint_bernoulli_log_prob.
        ones = jnp.ones(value.shape[-1], value.dtype)
        said = jnp.matmul(value * self.logits, ones, precision=lax.Precision.HIGHEST)
        return said - value.sum(axis=-1) * jax.nn.logsumexp(self.logits, axis=-1)

    @property
    def mean(self) -> Float[Array, "*lead words"]:
        """Mean counts of documents that are drawn."""
        return self.length * jax.nn.softmax(self.logits, axis=-1)

    @property
    def variance(self) -> Float[Array, "*lead words"]:
        """Variance of the counts of documents that are drawn: Poisson, so their mean."""
        return self.mean
