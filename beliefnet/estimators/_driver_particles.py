"""The driver of every estimator that is a proposal and a credit rule for its particles."""

from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import equinox as eqx
import jax
from equinox import AbstractVar
from jax import Array, lax
from jaxtyping import Float

from beliefnet._errors import ArgumentError, whole_number
from beliefnet._net import BeliefNet
from beliefnet._numerics import broadcasting
from beliefnet._streams import split_key
from beliefnet._trace import Trace
from beliefnet._types import Key
from beliefnet.conditionals import Feedforward, Seen
from beliefnet.estimators._base import AbstractEstimator, Estimate, check_particles
from beliefnet.estimators._bound import Bound
from beliefnet.estimators._driver_path import path_log_weight, path_surrogate
from beliefnet.estimators.rules import AbstractCreditRule, S, surrogate
from beliefnet.proposals import AbstractProposal, Recognition

Recorded: TypeAlias = tuple[Trace, Float[Array, "particles batch"] | None]


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

    @property
    def draws_apart(self) -> int | None:
        """How many particles are drawn, if rule and proposal look at each datum by itself."""
        # What a class says of itself is not said of its subclasses, which may look at the whole batch.
        is_driven = type(self).estimate is AbstractCreditEstimator.estimate
        is_plain = is_driven and type(self).record is AbstractCreditEstimator.record
        by_datum = [vars(type(part)).get("is_by_datum", False) for part in (self.rule, self.proposal)]
        return self.num_draws if is_plain and all(by_datum) else None

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

    def in_chunks(self, chunk: int) -> "AbstractCreditEstimator[S] | None":
        """Return the estimator with so many particles held at a time; None where the proposal draws all at once."""
        chunk = whole_number("chunk", chunk, good=50)
        if self.num_draws <= chunk:
            return self
        return None if self.proposal.is_joint else Chunked(self, chunk)

    def record(self, net: BeliefNet, x: Float[Array, "batch visible"], *, key: Key) -> Recorded:
        """Draw all particles, and return their record, differentiable by the parameters of the net.

        Args:
            net: The net.
            x: Observations, `[batch, visible]`.
            key: Random key for the draw.

        Returns:
            The record with drawn values held, and the log-weights `[particles, batch]` with all else held: the path;
            None where draws have none.
        """
        return _recorded(self.proposal, net, x, self.num_draws, key=key)

    @broadcasting
    def estimate(self, net: BeliefNet, x: Float[Array, "batch visible"], state: S, *, key: Key) -> Estimate[S]:
        """Estimate the gradient on a batch: draw, credit, differentiate."""

        def objective_of(parts: tuple[BeliefNet, AbstractCreditEstimator[S]]):
            net, estimator = parts
            trace, path = estimator.record(net, x, key=key)
            credit, new_state = estimator.rule.step(lax.stop_gradient(trace), state)
            total = surrogate(trace, credit)
            if credit.path is not None:
                total += path_surrogate(estimator.proposal, path, credit.path)
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


class Chunked(AbstractCreditEstimator[S]):
    """A credit estimator that holds a chunk of its particles at a time, with exact gradients.

    The log-probabilities of all particles are kept, a few numbers for each, and everything that they are computed from
    is let go chunk by chunk. Credits need the log-probabilities alone; each chunk is then drawn and computed again,
    by the same key, for its part of the gradient. So memory is that of one chunk, whatever K, and a step costs another
    pass of K. Draws differ from those of the whole, and follow the same distribution.

    A rule that looks at drawn values, such as the baselines of `NVIL`, has those of all particles.

    Args:
        estimator: Draws, and says what is credited.
        chunk: Particles of each datum that are held at a time, at most; the chunks are made equal.

    Raises:
        ValueError: If `chunk` is not positive, or the proposal draws all particles at once.

    Examples:
        >>> import jax
        >>> from beliefnet.estimators import VIMCO
        >>> from beliefnet.nets import sigmoid_belief_net
        >>> net, vimco = sigmoid_belief_net(6, (3, 2), key=jax.random.key(0)), Chunked(VIMCO(1000), 100)
        >>> estimate = vimco.estimate(net, jax.numpy.ones((5, 6)), None, key=jax.random.key(1))
        >>> estimate.net.layer_sizes
        (3, 2)
    """

    estimator: AbstractCreditEstimator[S]
    chunk: int = eqx.field(static=True)

    def __init__(self, estimator: AbstractCreditEstimator[S], chunk: int):
        self.estimator, self.chunk = estimator, whole_number("chunk", chunk, good=50)

    def __check_init__(self):
        if self.proposal.is_joint:
            raise ArgumentError(
                f"expected a proposal that draws particles in chunks, got {type(self.proposal).__name__}, which draws "
                "all of them at once",
                "Recognition() or Refined(AIR())",
            )

    @property
    def rule(self) -> AbstractCreditRule[S]:
        """That of the estimator."""
        return self.estimator.rule

    @property
    def num_particles(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """That of the estimator."""
        return self.estimator.num_particles

    @property
    def proposal(self) -> AbstractProposal:
        """That of the estimator."""
        return self.estimator.proposal

    @property
    def num_draws(self) -> int:
        """That of the estimator."""
        return self.estimator.num_draws

    @property
    def is_unbiased(self) -> bool:
        """As the estimator is."""
        return self.estimator.is_unbiased

    @property
    def bound(self) -> Bound:
        """That of the estimator."""
        return self.estimator.bound

    def init(self, net: BeliefNet) -> S:
        """Return what the estimator starts with."""
        return self.estimator.init(net)

    def record(self, net: BeliefNet, x: Float[Array, "batch visible"], *, key: Key) -> Recorded:
        """Draw all particles chunk by chunk, and return their record, whose derivative draws each chunk again."""
        prepare_key, draw_key = split_key(key)
        ready = self.proposal.prepare(net, x, key=prepare_key)
        count = -(-self.num_draws // self.chunk)
        size = -(-self.num_draws // count)

        @partial(jax.checkpoint, prevent_cse=False)
        def chunk(chunk_key: Key) -> tuple[Trace, tuple[Array, ...], Array | None]:
            trace, path = _recorded(ready, net, x, size, key=chunk_key)
            # An observation that all particles share is not repeated.
            values = trace.values if trace.values[0].ndim > x.ndim else trace.values[1:]
            return eqx.tree_at(lambda t: t.values, trace, ()), values, path

        def joined(parts: Array) -> Array:
            return parts.reshape(-1, *parts.shape[2:])[: self.num_draws]

        found: Any = lax.map(chunk, split_key(draw_key, count))
        trace, values, path = jax.tree.map(joined, found)
        values = values if len(values) > len(net.layer_sizes) else (x, *values)
        return eqx.tree_at(lambda t: t.values, trace, values), path


def _recorded(
    proposal: AbstractProposal, net: BeliefNet, x: Float[Array, "batch visible"], num_particles: int, *, key: Key
) -> Recorded:
    """Draw particles, and return their record with drawn values held, and the log-weights with all else held."""
    net = _seeing(proposal, net, x)
    drawn = proposal.draw(net, x, num_particles, key=key)
    # Drawn values are constants in the record, whatever sampler drew them: only the path goes through them.
    return Trace.record(net, lax.stop_gradient(drawn)), path_log_weight(proposal, lax.stop_gradient(net), drawn)


def _seeing(proposal: AbstractProposal, net: BeliefNet, x: Float[Array, "batch visible"]) -> BeliefNet:
    """Return the net with the first layer of the recognition net computed, where it sees nothing but the data."""
    first = net.recognition.conditionals[:1]
    if type(proposal) is not Recognition or [type(conditional) for conditional in first] != [Feedforward]:
        return net
    return eqx.tree_at(lambda n: n.recognition.conditionals[0], net, Seen(first[0], x))
