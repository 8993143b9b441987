"""Latent Dirichlet allocation, trained by scikit-learn and scored document by document."""

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Self

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse
from scipy.special import digamma, gammaln

from beliefnet._errors import ArgumentError, shown
from beliefnet._naming import named
from beliefnet.comparisons._base import (
    AbstractComparison,
    ProgressCallback,
    Rows,
    count_rows,
    fitted,
    in_blocks,
    shape_of,
)

_BATCH_DOCUMENTS, _DECAY = 128, 0.7
_BLOCK_DOCUMENTS = 500
_MAX_STEPS = 200
_TOLERANCE = 1e-3


@named("lda")
@dataclass(eq=False)
class LDA(AbstractComparison):
    """Latent Dirichlet allocation: `sklearn.decomposition.LatentDirichletAllocation` with a bound for every document.

    scikit-learn's own `perplexity` is from a bound on the whole corpus, topics included. Here the topics are fixed at
    their posterior mean, as the parameters of a net are, and each document has a bound of its own (`document_bound`):
    a lower bound on its log p(x), just as a belief net's ELBO is. Defaults are scikit-learn's; a fair comparison
    chooses the number of topics and the priors on validation data.

    Attributes:
        num_topics: Topics.
        num_passes: Passes over the training documents.
        doc_topic_prior: Parameter of the symmetric Dirichlet prior of a document's topics, at most 1; 1 / num_topics by
            default.
        topic_word_prior: That of a topic's words, at most 1; 1 / num_topics by default.
        learning_method: `"batch"` updates topics after every pass, `"online"` after every `batch_size` documents.
        batch_size: Documents per update, of `"online"` alone; 128 by default.

    Raises:
        ValueError: If a setting cannot work.

    Reference:
        Blei, Ng & Jordan 2003, *Latent Dirichlet allocation*; Hoffman, Blei & Bach 2010, *Online learning for latent
        Dirichlet allocation*.
    """

    method: ClassVar[str] = "lower bound"
    values: ClassVar[str] = "counts"

    num_topics: int = 50
    num_passes: int = 10
    doc_topic_prior: float | None = None
    topic_word_prior: float | None = None
    learning_method: Literal["batch", "online"] = "batch"
    batch_size: int | None = None
    topics_: Float[np.ndarray, "topics words"] | None = field(init=False, repr=False, default=None)
    valid_: float | None = field(init=False, repr=False, default=None)

    def __post_init__(self):
        self._at_least(1, "num_topics", "num_passes", "batch_size")
        self._above_zero("doc_topic_prior", "topic_word_prior")
        for name in ("doc_topic_prior", "topic_word_prior"):
            prior = getattr(self, name)
            if prior is not None and prior > 1:
                raise ArgumentError(
                    f"expected {{option}} of at most 1, which is all scikit-learn takes, got {prior}", "1", option=name
                )
        if self.learning_method not in ("batch", "online"):
            raise ArgumentError(
                f"expected {{option}} batch or online, got {shown(self.learning_method)}",
                "'batch'",
                option="learning_method",
            )
        if self.batch_size is not None and self.learning_method == "batch":
            raise ArgumentError(
                f"expected {{option}} for online learning alone, got {self.batch_size} for batch, which takes "
                "all documents",
                "the online learning method",
                option="batch_size",
            )

    @property
    def num_steps(self) -> int:
        """Passes over the training documents."""
        return self.num_passes

    def fit(self, train: Rows, valid: Rows, *, seed: int, progress: ProgressCallback = None) -> Self:
        """Find the topics by variational Bayes.

        Args:
            train: Counts, `[documents, words]`.
            valid: More of them, to be scored in the end.
            seed: Of the topics that training starts from.
            progress: Called with the number of passes done so far.

        Raises:
            ValueError: If the rows are not counts, or a document is empty.
        """
        # It takes seconds to import, which other commands need not wait for.
        from sklearn.decomposition import LatentDirichletAllocation

        train = count_rows(train)
        valid = count_rows(valid, shape_of(train)[1])
        num_train = shape_of(train)[0]
        # One batch of all documents, whose update forgets the topics before it, is the update of "batch".
        is_batch = self.learning_method == "batch"
        learner = LatentDirichletAllocation(
            self.num_topics,
            doc_topic_prior=self.doc_topic_prior,
            topic_word_prior=self.topic_word_prior,
            total_samples=num_train,
            random_state=seed,
            batch_size=num_train if is_batch else self.batch_size or _BATCH_DOCUMENTS,
            learning_decay=0 if is_batch else _DECAY,
        )
        for done in range(1, self.num_passes + 1):
            learner.partial_fit(train)
            if progress is not None:
                progress(done)
        self.topics_ = learner.components_ / learner.components_.sum(axis=1, keepdims=True)
        self.valid_ = float(self.log_likelihood(valid).mean())
        return self

    def log_likelihood(self, rows: Rows, *, progress: ProgressCallback = None) -> Float[np.ndarray, " documents"]:
        """Return a lower bound on log p(x) of each document, in nats: of its words in their order (`document_bound`).

        Raises:
            ValueError: If the model was not fitted, or the rows are not counts or of another width.
        """
        topics = fitted(self.topics_, self)
        rows = count_rows(rows, topics.shape[1])
        prior = 1 / self.num_topics if self.doc_topic_prior is None else self.doc_topic_prior
        return in_blocks(lambda block: document_bound(block, topics, prior), rows, _BLOCK_DOCUMENTS, progress)

    def topics(self, num_words: int) -> Int[np.ndarray, "topics num_words"]:
        """Return the most probable words of each topic, most probable first, as columns of the counts.

        Raises:
            ValueError: If the model was not fitted, or there are not so many words.
        """
        topics = fitted(self.topics_, self)
        if not 1 <= num_words <= topics.shape[1]:
            raise ArgumentError(
                f"expected {{option}} from 1 to {topics.shape[1]}, got {num_words}", "10", option="num_words"
            )
        return np.argsort(-topics, axis=1, kind="stable")[:, :num_words]

    @property
    def findings(self) -> dict[str, Any]:
        """The mean bound of the validation documents (nats per document)."""
        return {"valid_log_likelihood": fitted(self.valid_, self)}


def document_bound(
    counts: sparse.csr_matrix, topics: Float[np.ndarray, "topics words"], prior: float
) -> Float[np.ndarray, " documents"]:
    """Return the best lower bound on log p(x) of each document under a posterior that is factorial.

        E_q[log p(x, z, t) - log q(z, t)],   q(z, t) = Dirichlet(t; g) prod_n q(z_n)

    t being the shares of the topics in the document, with a symmetric Dirichlet prior, and z_n the topic of its n-th
    token. The best q(z_n) given g is known, and leaves

        sum_w c_w log sum_k exp(E log t_k) topics_kw - KL(Dirichlet(g) || Dirichlet(prior))

    which g, per document, climbs by the fixed point g_k = prior + sum_n q(z_n = k). It is the probability of the words
    in their order: there is no multinomial coefficient in it, as in published perplexities.

    Args:
        counts: Counts, `[documents, words]`.
        topics: Distributions over words, `[topics, words]`.
        prior: Parameter of the prior, one for all topics.

    Returns:
        The bound of each document, in nats.

    Reference:
        Blei, Ng & Jordan 2003, *Latent Dirichlet allocation*, equations (6) to (8) and appendix A.3.
    """
    num_topics = len(topics)
    num_documents = shape_of(counts)[0]
    document = np.repeat(np.arange(num_documents), np.diff(counts.indptr))
    word_topics = topics.T[counts.indices]
    gamma = prior + np.asarray(counts.sum(axis=1), np.float64) / num_topics * np.ones((1, num_topics))
    for _ in range(_MAX_STEPS):
        shares = np.exp(_expected_log(gamma))
        ratios = counts.data / _token_sums(shares, document, word_topics)
        weighted = sparse.csr_matrix((ratios, counts.indices, counts.indptr), counts.shape)
        before, gamma = gamma, prior + shares * (weighted @ topics.T)
        if np.abs(gamma - before).mean(axis=1).max() < _TOLERANCE:
            break
    expected_log = _expected_log(gamma)
    tokens = counts.data * np.log(_token_sums(np.exp(expected_log), document, word_topics))
    explained = np.bincount(document, tokens, num_documents)
    prior_terms = gammaln(num_topics * prior) - num_topics * gammaln(prior)
    posterior_terms = gammaln(gamma.sum(axis=1)) - gammaln(gamma).sum(axis=1)
    return explained + prior_terms - posterior_terms + ((prior - gamma) * expected_log).sum(axis=1)


def _expected_log(gamma: Float[np.ndarray, "documents topics"]) -> Float[np.ndarray, "documents topics"]:
    return digamma(gamma) - digamma(gamma.sum(axis=1, keepdims=True))


def _token_sums(
    shares: Float[np.ndarray, "documents topics"],
    document: Int[np.ndarray, " pairs"],
    word_topics: Float[np.ndarray, "pairs topics"],
) -> Float[np.ndarray, " pairs"]:
    """Return sum_k shares_k topics_kw for each pair of a document and a word in it."""
    return np.einsum("pk,pk->p", shares[document], word_topics)
