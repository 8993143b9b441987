"""Rules that are a row of a table: every route is a multiple of the particle's share.

rule                       share   model   score   path
SGVB                       1/K     1       -1      1
STL                        1/K     1       -       1
WAKE                       1/K     1       -       -
SLEEP (dreams)             1/K     -       1       -
IWAE                       w~      1       -1      1
DREG                       w~      1       -       share
WEIGHTED_WAKE              w~      1       -       -
REWEIGHTED_WAKE            w~      1       1       -
"""

from abc import abstractmethod

import equinox as eqx
from jax import Array
from jaxtyping import Float

from beliefnet._numerics import log_mean_exp, normalised_weights
from beliefnet._trace import Trace
from beliefnet.estimators.rules._base import AbstractPureRule, Credit


class AbstractShares(AbstractPureRule):
    """A row of the table.

    Attributes:
        model: Multiple of the share that weighs grad log p(x, h).
        score: Multiple of the share that weighs the score function, for every layer alike.
        path: Multiple of the share that weighs the derivative through the draws.
        path_power: Power of the share on the path.
    """

    model: float = eqx.field(static=True, default=0, kw_only=True)
    score: float = eqx.field(static=True, default=0, kw_only=True)
    path: float = eqx.field(static=True, default=0, kw_only=True)
    path_power: int = eqx.field(static=True, default=1, kw_only=True)

    @abstractmethod
    def objective(self, trace: Trace) -> Float[Array, " batch"]:
        """Return the estimated objective of each datum, in nats."""

    @abstractmethod
    def share(self, trace: Trace) -> Float[Array, "particles batch"]:
        """Return what falls to each particle of a datum; in all it is 1."""

    def __call__(self, trace: Trace) -> Credit:
        """Return the shares times the row; a route of multiple 0 is left out."""
        share = self.share(trace)
        return Credit(
            self.objective(trace),
            model=self.model * share if self.model else None,
            score=self.score * share[..., None] if self.score else None,
            path=self.path * share**self.path_power if self.path else None,
        )


class UniformShares(AbstractShares):
    """1/K to each particle; the objective is the mean log-weight, the ELBO."""

    is_by_datum = True

    def objective(self, trace: Trace) -> Float[Array, " batch"]:
        """Return the mean log-weight."""
        return trace.log_weight.mean(axis=0)

    def share(self, trace: Trace) -> Float[Array, "particles batch"]:
        """Return 1/K."""
        return trace.uniform_weights


class WeightedShares(AbstractShares):
    """To each particle its normalised weight w~; the objective is the K-particle bound."""

    is_by_datum = True
    is_multi_sample = True

    def objective(self, trace: Trace) -> Float[Array, " batch"]:
        """Return the log-mean-exp of the log-weights."""
        return log_mean_exp(trace.log_weight)

    def share(self, trace: Trace) -> Float[Array, "particles batch"]:
        """Return the softmax of the log-weights."""
        return normalised_weights(trace.log_weight)


class DreamShares(AbstractShares):
    """1/K to each dream; the objective is the mean of log q(h | x)."""

    is_by_datum = True

    def objective(self, trace: Trace) -> Float[Array, " batch"]:
        """Return the mean log-probability of the dreamt latents under the recognition net."""
        return trace.log_q.sum(axis=-1).mean(axis=0)

    def share(self, trace: Trace) -> Float[Array, "particles batch"]:
        """Return 1/K."""
        return trace.uniform_weights


class ExcessShares(AbstractPureRule):
    """The model by normalised weight; of the score, what equal shares have more than that.

        model = w~,    score = 1/K - w~

    The 1/K takes noise away and no mean. It is for estimators that credit the draws themselves elsewhere.
    """

    is_by_datum = True
    is_multi_sample = True

    def __call__(self, trace: Trace) -> Credit:
        """Return the weights, and what equal shares have more."""
        weights = normalised_weights(trace.log_weight)
        score = (trace.uniform_weights - weights)[..., None]
        return Credit(log_mean_exp(trace.log_weight), model=weights, score=score)


SGVB = UniformShares(model=1, score=-1, path=1)
STL = UniformShares(model=1, path=1)
WAKE = UniformShares(model=1)
SLEEP = DreamShares(score=1)
IWAE = WeightedShares(model=1, score=-1, path=1)
DREG = WeightedShares(model=1, path=1, path_power=2)
WEIGHTED_WAKE = WeightedShares(model=1)
REWEIGHTED_WAKE = WeightedShares(model=1, score=1)
EXCESS = ExcessShares()
