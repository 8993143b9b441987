"""What a credit rule is: it reads the record of a draw, and says what each particle is credited with."""

from abc import abstractmethod
from typing import ClassVar, Generic, TypeVar

import equinox as eqx
import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Float

from beliefnet._errors import ArgumentError
from beliefnet._trace import Trace

S = TypeVar("S")


class SurrogateTerm(eqx.Module):
    """A term of a surrogate: its gradient is amount * grad value, the amount being a constant.

    Attributes:
        amount: `[particles, batch, ...]`.
        value: What depends on parameters, such as a baseline's predictions or a layer's logits; broadcast against the
            amount.
    """

    amount: Float[Array, "particles batch *rest"]
    value: Array

    def scalar(self) -> Float[Array, ""]:
        """Return the sum of amount * value, over the batch as well.

        Raises:
            ValueError: If the value has other axes than the amount.
        """
        if jnp.broadcast_shapes(self.value.shape, self.amount.shape) != self.amount.shape or (
            self.amount.ndim - self.value.ndim > 1
        ):
            raise ArgumentError(
                f"expected a term's value with the axes of its amount {self.amount.shape}, or all but particles, "
                f"got {self.value.shape}",
                "adding an axis with [..., None]",
            )
        return jnp.sum(lax.stop_gradient(self.amount) * self.value)


class Credit(eqx.Module):
    """What each particle of one draw is credited with; amounts are constants under differentiation.

    Attributes:
        objective: The estimated objective of each datum, `[batch]`, in nats.
        model: Weight of grad log p(x, h), per particle; None for no such gradient.
        score: Weight of the score function grad log q(h_l | h_(l-1)), per particle and layer, or one for all layers;
            None for no such gradient.
        path: Weight of grad f = grad [log p(x, h) - log q(h | x)] through the drawn values alone, per particle; only
            for a proposal whose draws have a derivative. None for no such gradient.
        own: The surrogate term of the rule's own parameters, if it has any.
    """

    objective: Float[Array, " batch"]
    model: Float[Array, "particles batch"] | None = None
    score: Float[Array, "particles batch #layers"] | None = None
    path: Float[Array, "particles batch"] | None = None
    own: SurrogateTerm | None = None


class AbstractCreditRule(eqx.Module, Generic[S]):
    """A credit rule that may carry statistics from batch to batch, as its state.

    Learnable parts are fields and are trained with the net; the state is an argument and a result.
    """

    is_multi_sample: ClassVar[bool] = False
    """Whether it climbs the bound of all particles together, L_K; otherwise the ELBO."""
    least_particles: ClassVar[int] = 1
    """The fewest particles that it can work with."""
    is_by_datum: ClassVar[bool] = False
    """Whether a datum is credited by its own particles alone, and nothing is carried from batch to batch; a subclass
    has to say so anew."""

    @abstractmethod
    def init(self, num_layers: int) -> S:
        """Return the state before the first batch, for so many latent layers."""

    @abstractmethod
    def step(self, trace: Trace, state: S) -> tuple[Credit, S]:
        """Return the credit of a draw, and the state after this batch."""


class AbstractPureRule(AbstractCreditRule[None]):
    """A credit rule that keeps no statistics: a pure function of the trace."""

    @abstractmethod
    def __call__(self, trace: Trace) -> Credit:
        """Return the credit of a draw."""

    def init(self, num_layers: int) -> None:
        """Return nothing: no statistics are kept."""
        return

    def step(self, trace: Trace, state: None) -> tuple[Credit, None]:
        """Return the credit of a draw, and nothing."""
        return self(trace), state


def surrogate(trace: Trace, credit: Credit) -> Float[Array, ""]:
    """Return the scalar whose gradient is the estimate, per example, with drawn values held.

    That is sum_k [ model_k * grad log p(x, h_k) + sum_l score_kl * grad log q_l(h_k) ] and the gradient of the rule's
    own term. The path credit is not in it: it needs the draws themselves.

    Args:
        trace: The record of the draw, differentiable by the parameters.
        credit: What a rule says of it.

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


def _check_shapes(trace: Trace, credit: Credit) -> None:
    particles, layers = trace.log_proposal.shape, trace.num_layers
    for name, amount, shapes in (
        ("objective", credit.objective, [particles[1:]]),
        ("model", credit.model, [particles]),
        ("score", credit.score, [(*particles, 1), (*particles, layers)]),
        ("path", credit.path, [particles]),
    ):
        if amount is not None and amount.shape not in shapes:
            raise ArgumentError(
                f"expected the credit's {name} of shape {' or '.join(map(str, shapes))}, got {amount.shape}",
                "adding the axis of layers to a score with [..., None]",
            )
