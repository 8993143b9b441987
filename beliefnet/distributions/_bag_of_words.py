"""Counts of words whose order does not matter."""

from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jax import Array, lax
from jaxtyping import Float
from numpyro.distributions import constraints

from beliefnet._errors import ArgumentError
from beliefnet._types import Key, ValueKind
from beliefnet.distributions._check import Support
from beliefnet.distributions._family import AbstractFamily, ReportUnit
from beliefnet.distributions._kind import UnitKind
from beliefnet.distributions._poisson import counts_support

_USUAL_SMALLEST_SHARE = 1e-6


class BagOfWords(dist.Distribution):
    """Counts of a document's words, which are drawn independently, each with the same probabilities.

    The log-probability is that of the words in their order, given how many there are, as documents are scored
    everywhere: sum over words of count * log softmax(logits). That of the counts alone has a multinomial coefficient
    more, which no parameter enters. Drawn documents have a Poisson number of words.

    Args:
        logits: Unnormalised log-probabilities of the words, `[*lead, words]`.
        length: Mean number of words of documents that are drawn.
    """

    unit_kind: ClassVar[UnitKind] = UnitKind.OTHER
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


@dataclass(frozen=True)
class BagOfWordsFamily(AbstractFamily):
    """Word counts of documents; one parameter per word, the logit.

    Attributes:
        length: Mean number of words of documents that are drawn; that of documents that are scored is their own.
    """

    name: ClassVar[str] = "bag-of-words"
    kind: ClassVar[UnitKind] = UnitKind.OTHER
    values: ClassVar[ValueKind | None] = "counts"
    takes_empty_rows: ClassVar[bool] = False
    report: ClassVar[ReportUnit] = "perplexity"
    bounds: ClassVar[tuple[float, float]] = (0, float("inf"))
    length: float

    def __post_init__(self):
        if not 0 < self.length < float("inf"):
            raise ArgumentError(f"expected documents of a positive mean length, got {self.length}", "100")

    def __call__(self, parameters: Float[Array, "*lead parameters"]) -> dist.Distribution:
        """Return documents with the parameters as logits of the words."""
        return BagOfWords(parameters, self.length)

    def starting(self, mean: Float[Array, " units"], num_rows: int | None = None) -> Float[Array, " parameters"]:
        """Return the logs of the words' shares of the counts, however long the documents are.

        Words that never occurred have a share each that is at most a millionth, and a hundredth all together.
        """
        share = mean / jnp.where(mean.sum() > 0, mean.sum(), 1)
        if num_rows is not None:
            return jnp.log(jnp.maximum(share, 1 / (num_rows * mean.sum() + len(mean))))
        return jnp.log(jnp.maximum(share, min(_USUAL_SMALLEST_SHARE, 0.01 / len(mean))))

    def num_units(self, num_parameters: int) -> int:
        """Return the number of parameters."""
        return num_parameters

    def num_parameters(self, size: int) -> int:
        """Return `size`."""
        return size

    @property
    def support(self) -> Support:
        """Whole numbers from 0 up."""
        return counts_support


@dataclass(frozen=True)
class WeightedWordsFamily(BagOfWordsFamily):
    """Word counts of documents in which a word may count in part, such as by how rare it is (TF-IDF).

    A document without words is one like any other: its log-probability is 0.
    """

    name: ClassVar[str] = "weighted-words"
    takes_empty_rows: ClassVar[bool] = True

    @property
    def support(self) -> Support:
        """Numbers from 0 up."""
        return Support("numbers from 0 up, as weights of words are,", lambda values: values < 0, lambda _: "abs(x)")


def bag_of_words(length: float) -> BagOfWordsFamily:
    """Return the family of documents; those that are drawn have so many words on average."""
    return BagOfWordsFamily(length)
