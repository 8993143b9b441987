"""What the latents of a document net stand for: the words that they make more probable."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float
from scipy import sparse

from beliefnet._errors import ArgumentError, whole_number
from beliefnet._net import BeliefNet
from beliefnet._numerics import broadcasting
from beliefnet.data import observations_of
from beliefnet.distributions import UnitKind
from beliefnet.evaluation._encode import encode
from beliefnet.evaluation._observe import DataLike, observe


@dataclass(frozen=True)
class Topic:
    """The words that a latent unit stands for.

    Attributes:
        unit: Number of the unit in the layer next to the data, from 1.
        activity: Mean of the unit over the documents; of a binary unit, the share of documents that have it on.
        words: Indices of the words that it speaks for most, the strongest first; where there are too few, those that it
            speaks against least, whose strengths are negative, come last.
        strengths: For each of them sqrt(p_on(w)) - sqrt(p_off(w)), p being the probabilities of the words with the unit
            on and off, the other units being at their means: what the word adds to the Hellinger distance of the two.
        coherence: Mean NPMI of the pairs of these words, from -1 to 1.
    """

    unit: int
    activity: float
    words: tuple[int, ...]
    strengths: tuple[float, ...]
    coherence: float

    def to_dict(self) -> dict:
        """Return plain numbers and tuples."""
        return asdict(self)


@broadcasting
def topics(net: BeliefNet, data: DataLike, *, num_words: int = 10) -> list[Topic]:
    """Return a topic for each unit of the layer next to the data.

    A binary or one-hot unit is turned on and off; a normal one is moved a standard deviation up and down.

    Args:
        net: A net over word counts.
        data: Counts that say how active units are and which words occur together, `[documents, words]`.
        num_words: Words per topic.

    Raises:
        ValueError: If the net is not one of word counts, there are no documents, or `num_words` is below 2 or above the
            size of the vocabulary.
    """
    if net.generative.conditionals[-1].units.report != "perplexity":
        raise ArgumentError("expected a net over word counts for topics, got another one", "nets.document_net")
    documents = observe(net, data, label="documents")
    num_words = whole_number("num_words", num_words, least=2, most=net.num_visible, good=min(10, net.num_visible))
    means = encode(net, documents)[0]
    on, off = _switched(net, means.mean(axis=0), means.std(axis=0))
    strengths = np.asarray(_strengths(net, on, off))
    chosen = np.argsort(-strengths, axis=1)[:, :num_words]
    coherences = npmi(chosen, documents)
    return [
        Topic(
            unit=unit + 1,
            activity=float(means[:, unit].mean()),
            words=tuple(int(word) for word in words),
            strengths=tuple(float(value) for value in strengths[unit, words]),
            coherence=float(coherences[unit]),
        )
        for unit, words in enumerate(chosen)
    ]


def npmi(topic_words: Sequence[Sequence[int]] | np.ndarray, documents: DataLike) -> np.ndarray:
    """Return the coherence of topics: normalised pointwise mutual information, averaged over the pairs of words.

    Of two words it is log(p(i, j) / (p(i) p(j))) / -log p(i, j), where p is the share of the documents in which both,
    or one, occur: 1 if they only occur together, 0 if independent, and -1 if never together.

    Args:
        topic_words: Indices of the words of each topic, `[topics, words]`.
        documents: Counts, `[documents, words]`: anything that `observe` takes.

    Returns:
        One mean per topic, `[topics]`.

    Raises:
        ValueError: If topics differ in size or have fewer than two words, or there is no such word.

    Reference:
        Bouma 2009, *Normalized (pointwise) mutual information in collocation extraction*; Lau, Newman & Baldwin 2014,
        *Machine reading tea leaves*.
    """
    counts = observations_of(documents, "counts", label="documents")
    documents, width = sparse.csr_matrix(counts.rows), counts.num_features
    if len({len(words) for words in topic_words}) > 1 or np.ndim(topic_words[0]) != 1 or len(topic_words[0]) < 2:
        raise ArgumentError("expected topics of as many words each, two or more, got others", "10 words per topic")
    topic_words = np.asarray(topic_words)
    wrong = topic_words[(topic_words < 0) | (topic_words >= width)]
    if wrong.size:
        raise ArgumentError(f"expected indices of words from 0 to {width - 1}, got {wrong[0]}", "other words")
    known, places = np.unique(topic_words, return_inverse=True)
    present = (documents[:, known] > 0).astype(np.float64)
    together = np.asarray((present.T @ present).todense()) / documents.shape[0]
    alone = np.diag(together)
    with np.errstate(divide="ignore", invalid="ignore"):
        values = np.log(together / np.outer(alone, alone)) / -np.log(together)
    values = np.where(together == 1, 1, np.where(together > 0, values, -1))
    first, second = np.triu_indices(topic_words.shape[1], 1)
    grid = places.reshape(topic_words.shape)
    return values[grid[:, first], grid[:, second]].mean(axis=1)


def _switched(net: BeliefNet, mean: np.ndarray, spread: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return latents with each unit in turn on, and off, the others being at their means, `[units, units]` each."""
    kind, count = net.latent_kinds[0], len(mean)
    on, off = np.tile(mean, (count, 1)), np.tile(mean, (count, 1))
    diagonal = np.arange(count)
    if kind is UnitKind.ONE_HOT:
        # Turning one category on turns the others of its variable off.
        groups = _groups(net)
        on = np.where(groups[:, None] == groups, 0, on)
    is_normal = kind is UnitKind.CONTINUOUS
    on[diagonal, diagonal] = mean + spread if is_normal else 1
    off[diagonal, diagonal] = mean - spread if is_normal else 0
    return on.astype(np.float32), off.astype(np.float32)


def _groups(net: BeliefNet) -> np.ndarray:
    """Number the variables to which one-hot units belong."""
    family = net.recognition.conditionals[0].units
    return np.arange(net.layer_sizes[0]) // family.num_parameters(1)


@jax.jit
def _strengths(
    net: BeliefNet, on: Float[Array, "units units"], off: Float[Array, "units units"]
) -> Float[Array, "units words"]:
    bottom = net.generative.conditionals[-1]
    log_on, log_off = (jax.nn.log_softmax(bottom.parameters_given(latents), axis=-1) for latents in (on, off))
    return jnp.exp(log_on / 2) - jnp.exp(log_off / 2)
