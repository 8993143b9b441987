"""Perplexity of documents, in the two ways in which the field averages."""

import math
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import ArrayLike

from beliefnet._errors import ArgumentError
from beliefnet.evaluation._mean import Mean


@dataclass(frozen=True)
class Perplexity:
    """Perplexity of documents: how many equally probable words a word is as hard to tell as; lower is better.

    Attributes:
        per_document: exp of the mean over documents of -log p(x) / length, as in the tables of replicated softmax,
            DocNADE and NVIL: every document counts alike.
        per_token: exp of the sum of -log p(x) over the sum of lengths: every token counts alike.
    """

    per_document: Mean
    per_token: Mean

    def to_dict(self) -> dict:
        """Return plain numbers and dictionaries."""
        return asdict(self)


def perplexity(log_likelihood: ArrayLike, lengths: ArrayLike) -> Perplexity:
    """Return the perplexity of documents, with standard errors over documents (to first order).

    Args:
        log_likelihood: log p(x) of each document, the sum over its tokens, or a bound on it, `[documents]`, in nats.
        lengths: Number of tokens of each document, `[documents]`.

    Raises:
        ValueError: If the shapes differ, a document is empty, or a log-likelihood is NaN.

    Reference:
        Salakhutdinov & Hinton 2009, *Replicated softmax*, for the mean over documents; Blei, Ng & Jordan 2003, *Latent
        Dirichlet allocation*, for the mean over tokens.

    Examples:
        >>> uniform = perplexity([-math.log(10), -20 * math.log(10)], [1, 20])
        >>> round(uniform.per_document.mean, 6), round(uniform.per_token.mean, 6)
        (10.0, 10.0)
    """
    nats, lengths = -np.asarray(log_likelihood, np.float64), np.asarray(lengths, np.float64)
    if nats.shape != lengths.shape or nats.ndim != 1 or not len(nats):
        raise ArgumentError(
            f"expected one length per document, got shapes {list(nats.shape)} and {list(lengths.shape)}",
            "documents.sum(axis=1)",
        )
    if np.isnan(nats).any():
        raise ArgumentError(
            f"expected log-likelihoods that are numbers, got NaN for {int(np.isnan(nats).sum())} documents",
            "leaving them out",
        )
    if not (lengths > 0).all():
        raise ArgumentError(
            f"expected documents of at least one token, got {int((lengths <= 0).sum())} empty ones", "leaving them out"
        )
    document = Mean.of(nats / lengths)
    rate = nats.sum() / lengths.sum()
    # A ratio of two means: to first order, the error is that of the mean of (nats - rate * length) / mean length.
    token = Mean.of(rate + (nats - rate * lengths) / lengths.mean())
    return Perplexity(*(Mean(math.exp(mean.mean), math.exp(mean.mean) * mean.stderr) for mean in (document, token)))
