"""Optimal variance control of the score function for importance-weighted bounds."""

import equinox as eqx

from beliefnet._errors import ArgumentError, whole_number
from beliefnet._naming import named
from beliefnet.estimators._base import check_particles
from beliefnet.estimators._driver_particles import AbstractRecognitionEstimator
from beliefnet.estimators.rules import AsymptoticControl, OptimalControl


@named("ovis", title="optimal control variate")
class OVIS(AbstractRecognitionEstimator[None]):
    """The score-function estimator of the K-particle bound with the optimal control variate, estimated by fresh draws.

        d_k = L - w~_k,    score of particle k = d_k - mean over s of d_k(auxiliary draw s in the place of k),
        model = w~_k

    with L the log-mean-exp of the K log-weights and w~ their softmax. Unbiased for L_K. Costs K + S passes
    down and up, and memory in proportion to K S.

    Args:
        num_particles: K, at least 2.
        num_auxiliary: Auxiliary draws, S; they serve the control variates alone.

    Raises:
        ValueError: If there are fewer than two particles, or no auxiliary draw.

    Reference:
        Lievin, Dittadi, Christensen & Winther 2020, *Optimal variance control of the score function gradient estimator
        for importance weighted bounds* (OVIS-MC).
    """

    num_particles: int = eqx.field(static=True, default=5)
    num_auxiliary: int = eqx.field(static=True, default=1, kw_only=True)

    def __check_init__(self):
        check_particles("OVIS", self.num_particles, least=2)
        whole_number("num_auxiliary", self.num_auxiliary, good=1, whose="OVIS's ")

    @property
    def is_unbiased(self) -> bool:
        """For L_K."""
        return True

    @property
    def rule(self) -> OptimalControl:
        """What each particle brought beyond auxiliary draws in its place."""
        return OptimalControl(self.num_auxiliary)

    @property
    def num_draws(self) -> int:
        """Particles of the bound, and auxiliary ones."""
        return self.num_particles + self.num_auxiliary


@named("ovis-asymptotic", title="asymptotic control variate")
class AsymptoticOVIS(AbstractRecognitionEstimator[None]):
    """The score-function estimator of the K-particle bound with a limit of the optimal control variate.

        score of particle k = L - log mean of the weights without k - (1 - gamma) (w~_k + log(1 - 1/K)),
        model = w~_k

    With gamma 0, the limit of one dominant weight, it is unbiased for L_K. With gamma 1, the limit of many effective
    draws, the recognition net's gradient is that of L_K plus that of reweighted wake-sleep's wake phase, and what is
    in between is in between. No auxiliary draws: K passes down and up.

    Args:
        num_particles: K, at least 2.
        gamma: Which limit, in [0, 1].

    Raises:
        ValueError: If there are fewer than two particles, or gamma is outside [0, 1].

    Reference:
        Lievin, Dittadi, Christensen & Winther 2020, *Optimal variance control of the score function gradient estimator
        for importance weighted bounds* (OVIS~).
    """

    num_particles: int = eqx.field(static=True, default=5)
    gamma: float = eqx.field(static=True, default=1.0, kw_only=True)

    def __check_init__(self):
        check_particles("AsymptoticOVIS", self.num_particles, least=2)
        if not 0 <= self.gamma <= 1:
            raise ArgumentError(
                f"expected AsymptoticOVIS to have {{option}} in [0, 1], got {self.gamma}", "1", option="gamma"
            )

    @property
    def is_unbiased(self) -> bool:
        """For L_K, in the limit of one dominant weight."""
        return self.gamma == 0

    @property
    def rule(self) -> AsymptoticControl:
        """What the bound would lose without each particle, as one of the two limits has it."""
        return AsymptoticControl(self.gamma)
