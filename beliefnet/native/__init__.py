"""Code in C for what XLA does slowly on a processor: it is compiled where it is used, and never needed."""

from beliefnet.native._library import native_code
from beliefnet.native._scores import bernoulli_scores

__all__ = ["bernoulli_scores", "native_code"]
