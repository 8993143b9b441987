"""The log-variance divergence between the recognition net and the posterior."""

from beliefnet._naming import named
from beliefnet._numerics import log_mean_exp, normalised_weights
from beliefnet._trace import Trace
from beliefnet.estimators._wake_sleep import AbstractWakePhase
from beliefnet.estimators.rules import AbstractPureRule, Credit
from beliefnet.proposals import AbstractProposal, Recognition


class Covariances(AbstractPureRule):
    """The recognition net by the covariance of its score function with log p - log q; the model by normalised weight.

    score of particle k = (f_k - mean f) / (K - 1), f = log p(x, h) - log q(h | x),    model = w~_k
    """

    is_by_datum = True
    is_multi_sample = True
    least_particles = 2

    def __call__(self, trace: Trace) -> Credit:
        """Return how far each particle's f is from their mean."""
        f = trace.log_p.sum(axis=-1) - trace.log_q.sum(axis=-1)
        score = (f - f.mean(axis=0)) / (trace.num_particles - 1)
        bound, weights = log_mean_exp(trace.log_weight), normalised_weights(trace.log_weight)
        return Credit(bound, model=weights, score=score[..., None])


class LogVariance(AbstractWakePhase):
    """The recognition net descends the variance of log p(x, h) - log q(h | x) over draws from anywhere.

        grad 1/2 Var_r[f] = -Cov_r[f, grad log q],    score of particle k = (f_k - mean f) / (K - 1),    model = w~_k

    Unbiased for it, whatever r draws: the recognition net, a refined posterior, tempered or kept draws. It is zero
    where q is the posterior. With draws from the recognition net it is the gradient of the ELBO, as REINFORCE with
    leave-one-out has it. The model's gradient is unbiased for the K-particle bound of r. Costs K passes up and down.

    Args:
        num_particles: Draws per datum, at least 2.
        proposal: Where they come from: the recognition net, or for example `Refined(AIR())`.

    Raises:
        ValueError: If there are fewer than two particles, or the proposal does not draw for the data what it scores.

    Reference:
        Richter, Boustati, Nüsken, Ruiz & Akyildiz 2020, *VarGrad: a low-variance gradient estimator for variational
        inference*.
    """

    @property
    def rule(self) -> Covariances:
        """The covariance with the score function."""
        return Covariances()


@named("log-variance")
def log_variance(num_particles: int = 5, *, proposal: AbstractProposal | None = None) -> LogVariance:
    """Return the gradient of the log-variance divergence over draws from anywhere.

    Args:
        num_particles: Draws per datum, at least 2.
        proposal: What draws come from, such as `Refined(AIR())`; the recognition net by default.

    Raises:
        ValueError: If there are fewer than two particles.
    """
    return LogVariance(num_particles, Recognition() if proposal is None else proposal)
