"""The wake and sleep phases, and their reweighted forms."""

import equinox as eqx

from beliefnet._errors import ArgumentError
from beliefnet._naming import named
from beliefnet.estimators import rules
from beliefnet.estimators._base import AbstractEstimator
from beliefnet.estimators._combine import Sum
from beliefnet.estimators._driver_particles import AbstractCreditEstimator
from beliefnet.estimators.rules import AbstractShares
from beliefnet.proposals import AbstractProposal, Dream, Recognition


class AbstractWakePhase(AbstractCreditEstimator[None]):
    """A phase that learns from data, with any number of particles.

    Args:
        num_particles: Draws per datum.
        proposal: Where they come from: the recognition net, or for example `Refined(AIR())`.

    Raises:
        ValueError: If `num_particles` is not positive, or the proposal does not draw for the data what it scores.
    """

    num_particles: int = eqx.field(static=True, default=1)
    proposal: AbstractProposal = eqx.field(default_factory=Recognition)  # pyright: ignore[reportIncompatibleMethodOverride]

    def __check_init__(self):
        if not (self.proposal.explains_data and self.proposal.is_exact):
            raise ArgumentError(
                f"expected a proposal for {type(self).__name__} that draws for the data from what it scores, got "
                f"{type(self.proposal).__name__}",
                "Recognition() or Refined(AIR())",
            )


class Wake(AbstractWakePhase):
    """The model learns from what the recognition net sees: model credit 1/K, no score.

    Unbiased for the model's gradient of the ELBO; the recognition net gets none.

    Reference:
        Hinton, Dayan, Frey & Neal 1995, *The wake-sleep algorithm for unsupervised neural networks*.
    """

    @property
    def rule(self) -> AbstractShares:
        """1/K for the model."""
        return rules.WAKE


class Sleep(AbstractCreditEstimator[None]):
    """The recognition net learns from dreams: score 1/K for configurations drawn from the model.

    Unbiased for the gradient of E_p(x, h)[log q(h | x)], which is not a bound of log p(x): it fits q to the posterior
    from the other side, KL(p || q), on the model's own data. The model gets no gradient; it is judged by the ELBO.

    Args:
        num_particles: Dreams per datum.

    Raises:
        ValueError: If `num_particles` is not positive.

    Reference:
        Hinton, Dayan, Frey & Neal 1995, *The wake-sleep algorithm for unsupervised neural networks*.
    """

    num_particles: int = eqx.field(static=True, default=1)

    @property
    def rule(self) -> AbstractShares:
        """1/K on the score of dreams."""
        return rules.SLEEP

    @property
    def proposal(self) -> Dream:
        """The model's dreams."""
        return Dream()


class WeightedWake(AbstractWakePhase):
    """The model learns from weighted draws: model credit w~_k, no score.

    Unbiased for the model's gradient of the K-particle bound; the recognition net gets none.

    Reference:
        Bornschein & Bengio 2015, *Reweighted wake-sleep*.
    """

    @property
    def rule(self) -> AbstractShares:
        """The normalised weight for the model."""
        return rules.WEIGHTED_WAKE


class ReweightedWake(AbstractWakePhase):
    """Model and recognition net learn from the same weighted draws: model credit w~_k, score w~_k.

    The model's gradient is unbiased for the K-particle bound. That of the recognition net is a self-normalised estimate
    of the gradient of E_p(h | x)[log q(h | x)]: biased at finite K, exact as K grows. Weights are normalised for each
    datum, so nothing depends on the batch.

    Reference:
        Bornschein & Bengio 2015, *Reweighted wake-sleep*.
    """

    @property
    def rule(self) -> AbstractShares:
        """The normalised weight for the model and on the score."""
        return rules.REWEIGHTED_WAKE


@named("wake-sleep")
def wake_sleep(num_particles: int = 1) -> AbstractEstimator:
    """Return the wake-sleep algorithm: `Wake` for the model and `Sleep` for the recognition net."""
    return Sum((Wake(num_particles), Sleep(num_particles)))


@named("rws", title="reweighted wake-sleep")
def reweighted_wake_sleep(
    num_particles: int = 5, *, wake_phi: bool = True, sleep_phi: bool = True, proposal: AbstractProposal | None = None
) -> AbstractEstimator:
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
        raise ArgumentError(
            "expected {option}, or the sleep phase, to train the recognition net, got neither",
            "both",
            option="wake_phi",
        )
    proposal = Recognition() if proposal is None else proposal
    wake = ReweightedWake(num_particles, proposal) if wake_phi else WeightedWake(num_particles, proposal)
    return Sum((wake, Sleep())) if sleep_phi else wake
