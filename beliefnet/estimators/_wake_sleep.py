"""The wake and sleep phases, and their reweighted forms."""

import equinox as eqx

from beliefnet._naming import named
from beliefnet._net import BeliefNet
from beliefnet._numerics import log_mean_exp, normalised_weights
from beliefnet._trace import Trace
from beliefnet.estimators._base import Estimator
from beliefnet.estimators._combine import Sum
from beliefnet.estimators._credit import Credit, CreditEstimator, check_particles
from beliefnet.proposals import Dream, Proposal, Recognition


class _WakePhase(CreditEstimator[None]):
    """A phase that learns from data: it keeps no statistics and works with any number of particles.

    Args:
        num_particles: Draws per datum.
        source: Where they come from: the recognition net, or for example `Refined(AIR())`.

    Raises:
        ValueError: If `num_particles` is not positive, or the proposal does not draw for the data what it scores.
    """

    num_particles: int = eqx.field(static=True, default=1)
    source: Proposal = eqx.field(default_factory=Recognition)

    def __check_init__(self):
        check_particles(type(self).__name__, self.num_particles, least=1)
        if not (self.proposal.explains_data and self.proposal.is_exact):
            raise ValueError(
                f"expected a proposal for {type(self).__name__} that draws for the data from what it scores, got "
                f"{type(self.proposal).__name__}; try Recognition() or Refined(AIR())"
            )

    @property
    def proposal(self) -> Proposal:
        """The source of the draws."""
        return self.source

    @property
    def bound_proposal(self) -> Proposal:
        """The source of the draws."""
        return self.source

    def init(self, net: BeliefNet) -> None:
        """Return nothing: no statistics are kept.

        Raises:
            ValueError: If the source cannot draw for this net.
        """
        self.source.check(net)


class Wake(_WakePhase):
    """The model learns from what the recognition net sees: model credit 1/K, no score.

    Unbiased for the model's gradient of the ELBO; the recognition net gets none.

    Reference:
        Hinton, Dayan, Frey & Neal 1995, *The wake-sleep algorithm for unsupervised neural networks*.
    """

    @property
    def bound_particles(self) -> int:
        """1: it climbs the ELBO."""
        return 1

    def credit(self, trace: Trace, state: None) -> tuple[Credit, None]:
        """Pay the model for every draw alike."""
        return Credit(trace.log_weight.mean(axis=0), model=trace.uniform_weights), state


class Sleep(CreditEstimator[None]):
    """The recognition net learns from dreams: score 1/K for configurations drawn from the model.

    Unbiased for the gradient of E_p(x, h)[log q(h | x)], which is not a bound of log p(x): it fits q to the posterior
    from the other side, KL(p || q), on the model's own data. The model gets no gradient.

    Reference:
        Hinton, Dayan, Frey & Neal 1995, *The wake-sleep algorithm for unsupervised neural networks*.
    """

    num_particles: int = eqx.field(static=True, default=1)

    def __check_init__(self):
        check_particles("Sleep", self.num_particles, least=1)

    def init(self, net: BeliefNet) -> None:
        """Return nothing: no statistics are kept."""
        return

    @property
    def proposal(self) -> Proposal:
        """The model's dreams."""
        return Dream()

    @property
    def bound_particles(self) -> int:
        """1: what the model is judged by is the ELBO."""
        return 1

    def credit(self, trace: Trace, state: None) -> tuple[Credit, None]:
        """Pay the recognition net for naming what was dreamt."""
        score = trace.uniform_weights[..., None]
        return Credit(trace.log_q.sum(axis=-1).mean(axis=0), score=score), state


class WeightedWake(_WakePhase):
    """The model learns from weighted draws: model credit w~_k, no score.

    Unbiased for the model's gradient of the K-particle bound; the recognition net gets none.

    Reference:
        Bornschein & Bengio 2015, *Reweighted wake-sleep*.
    """

    @property
    def bound_particles(self) -> int:
        """K: it climbs L_K."""
        return self.num_particles

    def credit(self, trace: Trace, state: None) -> tuple[Credit, None]:
        """Pay the model by normalised weight."""
        return Credit(log_mean_exp(trace.log_weight), model=normalised_weights(trace.log_weight)), state


class ReweightedWake(_WakePhase):
    """Model and recognition net learn from the same weighted draws: model credit w~_k, score w~_k.

    The model's gradient is unbiased for the K-particle bound. That of the recognition net is a self-normalised estimate
    of the gradient of E_p(h | x)[log q(h | x)]: biased at finite K, exact as K grows. Weights are normalised for each
    datum, so nothing depends on the batch.

    Reference:
        Bornschein & Bengio 2015, *Reweighted wake-sleep*.
    """

    @property
    def bound_particles(self) -> int:
        """K: it climbs L_K."""
        return self.num_particles

    def credit(self, trace: Trace, state: None) -> tuple[Credit, None]:
        """Pay both nets by normalised weight."""
        weights = normalised_weights(trace.log_weight)
        return Credit(log_mean_exp(trace.log_weight), model=weights, score=weights[..., None]), state


@named("wake-sleep")
def wake_sleep(num_particles: int = 1) -> Estimator:
    """Return the wake-sleep algorithm: `Wake` for the model and `Sleep` for the recognition net."""
    return Sum((Wake(num_particles), Sleep(num_particles)))


@named("rws", title="reweighted wake-sleep")
def reweighted_wake_sleep(
    num_particles: int = 5, *, wake_phi: bool = True, sleep_phi: bool = True, proposal: Proposal | None = None
) -> Estimator:
    """Return reweighted wake-sleep, with wake-phase updates, sleep-phase updates or both for the recognition net.

    Args:
        num_particles: Weighted draws per datum in the wake phase; the sleep phase dreams once per datum.
        wake_phi: Whether the recognition net learns in the wake phase.
        sleep_phi: Whether the recognition net learns in the sleep phase.
        proposal: What the weighted draws come from, such as `Refined(AIR())`; the recognition net by default.

    Raises:
        ValueError: If the recognition net would not learn at all.
    """
    if not (wake_phi or sleep_phi):
        raise ValueError("expected wake_phi, sleep_phi or both, got neither; the recognition net would not learn")
    proposal = Recognition() if proposal is None else proposal
    wake = ReweightedWake(num_particles, proposal) if wake_phi else WeightedWake(num_particles, proposal)
    return Sum((wake, Sleep())) if sleep_phi else wake
