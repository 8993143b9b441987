"""What an estimator is: a stochastic gradient of a training objective, with whatever state it carries along."""

from abc import abstractmethod
from typing import ClassVar, Generic

import equinox as eqx
from jax import Array
from jaxtyping import Float, Int

from beliefnet._errors import whole_number
from beliefnet._net import BeliefNet
from beliefnet._types import Key
from beliefnet.distributions import UnitKind
from beliefnet.estimators._bound import Bound
from beliefnet.estimators.rules import S


class Estimate(eqx.Module, Generic[S]):
    """One estimate of an ascent direction.

    Attributes:
        net: Gradient for the net, shaped like it; ascent, in nats per example.
        estimator: Gradient for the estimator's own parameters (baseline networks), shaped like it; ascent.
        state: The estimator's state after this batch.
        objective: The quantity whose gradient is estimated, averaged over the batch: a float, in nats per example.
    """

    net: BeliefNet
    estimator: "AbstractEstimator[S]"
    state: S
    objective: Float[Array, ""]


class AbstractEstimator(eqx.Module, Generic[S]):
    """Estimates the gradient of a training objective.

    Learnable parts are fields and are trained by the same optimiser as the net; running statistics are the explicit
    state; fixed numbers are static fields.

    Attributes:
        kinds: Kinds of latents that it works with; any, if nothing else is said.
    """

    kinds: ClassVar[frozenset[UnitKind]] = frozenset(UnitKind)

    @property
    def is_unbiased(self) -> bool:
        """Whether it estimates the gradient of its bound, of both nets, without bias; unless it says so, it is not."""
        return False

    @property
    @abstractmethod
    def bound(self) -> Bound:
        """The bound that the net is judged by, which for most estimators is the one that they climb."""

    @abstractmethod
    def init(self, net: BeliefNet) -> S:
        """Return the state before the first batch.

        Raises:
            ValueError: If the estimator cannot work with the net.
        """

    def begin(self, net: BeliefNet, num_rows: int) -> S:
        """Return the state before the first batch of a training set: that of `init`, unless rows have a state each.

        Args:
            net: The net.
            num_rows: Rows of the training set.
        """
        return self.init(net)

    def at_rows(self, state: S, rows: Int[Array, " batch"]) -> S:
        """Return the state for an estimate on some rows of the training set: the same, unless rows have a state each.

        Args:
            state: What `begin` or the estimate before returned.
            rows: Which rows the batch is.
        """
        return state

    @property
    def draws_apart(self) -> int | None:
        """Particles of a datum, if the rows of a batch can be taken apart (`row_blocks`); None if they cannot.

        They can where each adds to the gradient what depends on it alone, and nothing is carried from batch to batch.
        """
        return None

    def in_chunks(self, chunk: int) -> "AbstractEstimator[S] | None":
        """Return an estimator of the same that holds a chunk of its particles at a time; None where there is none.

        Args:
            chunk: Particles of each datum that are held at a time, at most.

        Raises:
            ValueError: If `chunk` is not positive.
        """
        return None

    @abstractmethod
    def estimate(self, net: BeliefNet, x: Float[Array, "batch visible"], state: S, *, key: Key) -> Estimate[S]:
        """Estimate the gradient on a batch.

        Args:
            net: The net at which the gradient is taken.
            x: Observations, `[batch, visible]`.
            state: What `init` or the estimate before returned.
            key: Random key for the draw.
        """


def check_particles(name: str, num_particles: int, *, least: int) -> None:
    """Check the number of particles of an estimator.

    Raises:
        ValueError: If there are fewer than the least that it can work with, or no whole number.
    """
    whole_number("num_particles", num_particles, good=least + 3, least=least, whose=f"{name}'s ")
