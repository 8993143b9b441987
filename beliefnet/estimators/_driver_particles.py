"""The driver of every estimator that is a proposal and a credit rule for its particles."""

from typing import TYPE_CHECKING

import equinox as eqx
from equinox import AbstractVar
from jax import Array, lax
from jaxtyping import Float

from beliefnet._net import BeliefNet
from beliefnet._numerics import broadcasting
from beliefnet._trace import Trace
from beliefnet._types import Key
from beliefnet.estimators._base import AbstractEstimator, Estimate, check_particles
from beliefnet.estimators._bound import Bound
from beliefnet.estimators._driver_path import path_surrogate
from beliefnet.estimators.rules import AbstractCreditRule, S, surrogate
from beliefnet.proposals import AbstractProposal, Recognition


class AbstractCreditEstimator(AbstractEstimator[S]):
    """An estimator that is a proposal and a credit rule.

    The gradient is, averaged over the batch,

        sum_k [ model_k * grad log p(x, h_k) + sum_l score_kl * grad log q(h_kl | h_k,l-1)
                + path_k * grad f_k, through h_k only ]

    Attributes:
        rule: What each particle is credited with.
        num_particles: Draws per datum, K.
        proposal: Where the particles come from.

    Raises:
        ValueError: If there are fewer particles than the rule can work with.
    """

    num_particles: AbstractVar[int]

    if TYPE_CHECKING:
        # Read only: a property of most estimators, a field of those that are given one. Pyright knows no such thing.
        @property
        def rule(self) -> AbstractCreditRule[S]: ...

        @property
        def proposal(self) -> AbstractProposal: ...

    else:
        rule: AbstractVar[AbstractCreditRule]
        proposal: AbstractVar[AbstractProposal]

    @property
    def num_draws(self) -> int:
        """How many particles are drawn: those of the objective, if nothing else is said."""
        return self.num_particles

    def __check_init__(self):
        check_particles(type(self).__name__, self.num_particles, least=self.rule.least_particles)

    @property
    def bound(self) -> Bound:
        """L_K for a rule that credits all particles together, otherwise the ELBO.

        It is measured with the proposal, or with the recognition net where the proposal's weights say nothing of data.
        """
        is_importance = self.proposal.explains_data and self.proposal.is_exact
        return Bound(
            self.num_particles if self.rule.is_multi_sample else 1, self.proposal if is_importance else Recognition()
        )

    def init(self, net: BeliefNet) -> S:
        """Return the state of the rule before the first batch.

        Raises:
            ValueError: If the proposal cannot draw for this net.
        """
        self.proposal.check(net)
        return self.rule.init(len(net.layer_sizes))

    @broadcasting
    def estimate(self, net: BeliefNet, x: Float[Array, "batch visible"], state: S, *, key: Key) -> Estimate[S]:
        """Estimate the gradient on a batch: draw, credit, differentiate."""

        def objective_of(parts: tuple[BeliefNet, AbstractCreditEstimator[S]]):
            net, estimator = parts
            drawn = estimator.proposal.draw(net, x, estimator.num_draws, key=key)
            # Drawn values are constants here, whatever sampler drew them: only the path goes through them.
            trace = Trace.record(net, lax.stop_gradient(drawn))
            credit, new_state = estimator.rule.step(lax.stop_gradient(trace), state)
            total = surrogate(trace, credit)
            if credit.path is not None:
                total += path_surrogate(estimator.proposal, lax.stop_gradient(net), drawn, credit.path)
            return total, (new_state, credit.objective.mean())

        (net_grads, own_grads), (state, objective) = eqx.filter_grad(objective_of, has_aux=True)((net, self))
        return Estimate(net_grads, own_grads, state, objective)


class AbstractRecognitionEstimator(AbstractCreditEstimator[S]):
    """A credit rule whose particles come from the recognition net."""

    @property
    def proposal(self) -> Recognition:
        """The recognition net."""
        return Recognition()


class CreditEstimator(AbstractCreditEstimator[S]):
    """Any credit rule with any proposal.

    Args:
        rule: What each particle is credited with.
        num_particles: Draws per datum, K.
        proposal: Where they come from; the recognition net by default.

    Raises:
        ValueError: If there are fewer particles than the rule can work with.

    Examples:
        >>> import jax
        >>> from beliefnet.estimators.rules import LeaveOneOut
        >>> from beliefnet.nets import sigmoid_belief_net
        >>> net = sigmoid_belief_net(6, (3, 2), key=jax.random.key(0))
        >>> reinforce = CreditEstimator(LeaveOneOut(), 4)
        >>> estimate = reinforce.estimate(net, jax.numpy.ones((5, 6)), reinforce.init(net), key=jax.random.key(1))
        >>> estimate.net.layer_sizes
        (3, 2)
    """

    rule: AbstractCreditRule[S]  # pyright: ignore[reportIncompatibleMethodOverride]
    num_particles: int = eqx.field(static=True)
    proposal: AbstractProposal = eqx.field(default_factory=Recognition)  # pyright: ignore[reportIncompatibleMethodOverride]
