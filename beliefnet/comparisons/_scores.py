"""How good a comparison is, in the same words as the evaluation of a net."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from beliefnet.comparisons._base import AbstractComparison, ProgressCallback, Rows
from beliefnet.evaluation import Mean, Perplexity, perplexity


@dataclass(frozen=True)
class Scores:
    """What a comparison is worth on rows; nats per example.

    Attributes:
        num_examples: Number of rows.
        nll: Negative log-likelihood, or what `method` says that it is instead; lower is better.
        perplexity: Of documents, from the same log-likelihoods; None for binary rows.
        method: What the log-likelihood is: exact, an estimate or a bound.
    """

    num_examples: int
    nll: Mean
    perplexity: Perplexity | None
    method: str

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers and dictionaries, named as in evaluation.json."""
        return {
            "num_examples": self.num_examples,
            "nll": {"mean": self.nll.mean, "stderr": self.nll.stderr},
            "perplexity": None if self.perplexity is None else self.perplexity.to_dict(),
            "method": self.method,
        }


def score(model: AbstractComparison, rows: Rows, *, progress: ProgressCallback = None) -> Scores:
    """Score a fitted model on rows `[examples, width]`.

    Args:
        model: The model.
        rows: Rows like those of training.
        progress: Called with the number of rows done so far.

    Raises:
        ValueError: If the model was not fitted, or the rows are of another kind or width.
    """
    log_likelihood = model.log_likelihood(rows, progress=progress)
    is_documents = model.values == "counts"
    lengths = np.asarray(rows.sum(axis=1)).ravel()
    return Scores(
        num_examples=len(log_likelihood),
        nll=Mean.of(-log_likelihood),
        perplexity=perplexity(log_likelihood, lengths) if is_documents else None,
        method=model.method,
    )
