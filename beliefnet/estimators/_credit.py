"""The driver of every estimator that pays each particle a scalar credit."""

from abc import abstractmethod

import equinox as eqx
import jax.numpy as jnp
from equinox import AbstractVar
from jax import Array, lax
from jaxtyping import Float

from beliefnet._net import BeliefNet
from beliefnet._trace import Trace
from beliefnet._types import Key
from beliefnet.estimators._base import Estimate, Estimator, S
from beliefnet.proposals import Particles, Proposal, Recognition


class SurrogateTerm(eqx.Module):
    """Credit paid to any value that depends on parameters: it buys amount * grad value.

    Attributes:
        amount: `[particles, batch, ...]`.
        value: What is paid for, such as a baseline's predictions or a layer's logits; broadcast against the amount.
    """

    amount: Float[Array, "particles batch *rest"]
    value: Array

    def scalar(self) -> Float[Array, ""]:
        """Return the scalar whose gradient is what the payment buys, summed over the batch.

        Raises:
            ValueError: If the value has other axes than the amount.
        """
        if jnp.broadcast_shapes(self.value.shape, self.amount.shape) != self.amount.shape or (
            self.amount.ndim - self.value.ndim > 1
        ):
            raise ValueError(
                f"expected a payment's value with the axes of its amount {self.amount.shape}, or all but particles, "
                f"got {self.value.shape}; try adding an axis with [..., None]"
            )
        return jnp.sum(lax.stop_gradient(self.amount) * self.value)


class Credit(eqx.Module):
    """What a rule pays for one draw; the driver holds all amounts constant under differentiation.

    Attributes:
        objective: The estimated objective of each datum, `[batch]`, in nats.
        model: Pays grad log p(x, h), per particle; None buys nothing.
        score: Pays grad log q(h_l | h_(l-1)), per particle and layer (or one amount for all layers); None buys nothing.
        path: Pays grad f = grad [log p(x, h) - log q(h | x)] through the drawn values alone, per particle; only for
            a proposal whose draws have a derivative. None buys nothing.
        own: SurrogateTerm for the estimator's own parameters, if it has any.
    """

    objective: Float[Array, " batch"]
    model: Float[Array, "particles batch"] | None = None
    score: Float[Array, "particles batch #layers"] | None = None
    path: Float[Array, "particles batch"] | None = None
    own: SurrogateTerm | None = None


class CreditEstimator(Estimator[S]):
    """An estimator that is a proposal and a rule of payment.

    The gradient is what the payment buys, averaged over the batch:

        sum_k [ model_k * grad log p(x, h_k) + sum_l score_kl * grad log q(h_kl | h_k,l-1)
                + path_k * grad f_k, through h_k only ]
    """

    num_particles: AbstractVar[int]

    @property
    @abstractmethod
    def proposal(self) -> Proposal:
        """Where the particles come from."""

    @abstractmethod
    def credit(self, trace: Trace, state: S) -> tuple[Credit, S]:
        """Return what each particle is paid, and the state after this batch."""

    def estimate(self, net: BeliefNet, x: Float[Array, "batch visible"], state: S, *, key: Key) -> Estimate[S]:
        """Estimate the gradient on a batch: draw, pay, differentiate."""

        def objective_of(parts: tuple[BeliefNet, CreditEstimator[S]]):
            net, estimator = parts
            drawn = estimator.proposal.draw(net, x, estimator.num_particles, key=key)
            # Drawn values are constants here, whatever sampler drew them: only what is paid for moves a parameter.
            trace = Trace.record(net, lax.stop_gradient(drawn))
            credit, new_state = estimator.credit(lax.stop_gradient(trace), state)
            total = surrogate(trace, credit)
            if credit.path is not None:
                total += _path_surrogate(estimator.proposal, lax.stop_gradient(net), drawn, credit.path)
            return total, (new_state, credit.objective.mean())

        (net_grads, own_grads), (state, objective) = eqx.filter_grad(objective_of, has_aux=True)((net, self))
        return Estimate(net_grads, own_grads, state, objective)


class RecognitionCreditEstimator(CreditEstimator[S]):
    """A credit estimator whose particles come from the recognition net."""

    @property
    def proposal(self) -> Proposal:
        """The recognition net."""
        return Recognition()


def surrogate(trace: Trace, credit: Credit) -> Float[Array, ""]:
    """Return the scalar whose gradient is what the credit buys with held values, per example.

    Raises:
        ValueError: If an amount is not of the shape that it should be.
    """
    _check_shapes(trace, credit)
    total = jnp.zeros(())
    if credit.model is not None:
        total += jnp.sum(lax.stop_gradient(credit.model)[..., None] * trace.log_p)
    if credit.score is not None:
        total += jnp.sum(lax.stop_gradient(credit.score) * trace.log_q)
    if credit.own is not None:
        total += credit.own.scalar()
    return total / trace.log_proposal.shape[1]


def _path_surrogate(
    proposal: Proposal, net: BeliefNet, drawn: Particles, path: Float[Array, "particles batch"]
) -> Float[Array, ""]:
    """The scalar whose gradient is what the path credit buys, per example; the net's parameters are held."""
    if not proposal.has_derivative:
        raise ValueError(
            f"expected a proposal whose draws have a derivative for a path credit, got {type(proposal).__name__} "
            "without one; try Recognition(Reparameterize())"
        )
    if drawn.log_layers is None:
        raise ValueError(
            f"expected a proposal that scores each layer for a path credit, got {type(proposal).__name__}, which "
            "scores whole paths; try HVI for Hamiltonian dynamics"
        )
    trace = Trace.record(net, drawn)
    log_weight = trace.log_p.sum(axis=-1) - trace.log_q.sum(axis=-1)
    return jnp.sum(lax.stop_gradient(path) * log_weight) / path.shape[1]


def _check_shapes(trace: Trace, credit: Credit) -> None:
    particles, layers = trace.log_proposal.shape, trace.log_q.shape[-1]
    for name, amount, shapes in (
        ("objective", credit.objective, [particles[1:]]),
        ("model", credit.model, [particles]),
        ("score", credit.score, [(*particles, 1), (*particles, layers)]),
        ("path", credit.path, [particles]),
    ):
        if amount is not None and amount.shape not in shapes:
            raise ValueError(
                f"expected the credit's {name} of shape {' or '.join(map(str, shapes))}, got {amount.shape}; "
                "try adding the axis of layers to a score with [..., None]"
            )


def check_particles(name: str, num_particles: int, *, least: int) -> None:
    """Check the number of particles of an estimator.

    Raises:
        ValueError: If there are fewer than the least that it can work with, or a fraction.
    """
    if num_particles < least or num_particles != int(num_particles):
        raise ValueError(
            f"expected {name} to have num_particles of at least {least}, got {num_particles}; try {least + 3}"
        )
