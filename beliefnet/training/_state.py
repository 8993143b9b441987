"""Everything that training changes, as one pytree of arrays: what is in it is what a checkpoint holds."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import optax
from jax import Array
from jaxtyping import Float, Int

from beliefnet._net import BeliefNet
from beliefnet._numerics import copied
from beliefnet.estimators import AbstractEstimator
from beliefnet.optimizers import Learnable
from beliefnet.training._plan import Plan


class Learner(eqx.Module):
    """What one step changes.

    Attributes:
        params: The net and the estimator's own parameters.
        estimator_state: The estimator's running statistics.
        opt_state: The optimiser's state.
        step: Number of steps taken; with the epoch length it is also the position in the data.
        objective_sum: Sum of the objective over the steps of this epoch, in nats per example.
        first_bad_step: The first step whose objective was not finite, or beyond all reason; -1 if there is none.
        average: The moving average of the parameters; None where none is kept.
        step_scale: What the plateau schedule and callbacks multiply step sizes by.
        kl_share: What free nats leave of the weight of the KL divergence.
    """

    params: Learnable
    estimator_state: Any
    opt_state: optax.OptState
    step: Int[Array, ""]
    objective_sum: Float[Array, ""]
    first_bad_step: Int[Array, ""]
    average: Learnable | None
    step_scale: Float[Array, ""]
    kl_share: Float[Array, ""]

    @property
    def judged(self) -> Learnable:
        """The parameters that are validated and kept: the average, if there is one."""
        return self.params if self.average is None else self.average


class TrainState(eqx.Module):
    """A whole training run at one moment.

    Attributes:
        learner: What the steps change.
        best: The best parameters so far, by what is monitored.
        best_score: How good they are by it, higher being better.
        best_bound: Their validation bound, in nats per example.
        best_epoch: The epoch after which it was found; 0 before the first evaluation.
        reduced_epoch: The epoch after which the plateau schedule last took smaller steps; 0 if it never did.
    """

    learner: Learner
    best: Learnable
    best_score: Float[Array, ""]
    best_bound: Float[Array, ""]
    best_epoch: Int[Array, ""]
    reduced_epoch: Int[Array, ""]

    @classmethod
    def start(cls, net: BeliefNet, estimator: AbstractEstimator, plan: Plan, num_rows: int = 0) -> "TrainState":
        """Return the state before the first step of training on so many rows."""
        params = Learnable(net, estimator)
        learner = Learner(
            params=params,
            estimator_state=estimator.begin(net, num_rows),
            opt_state=plan.optimizer.init(params),
            step=jnp.zeros((), jnp.int32),
            objective_sum=jnp.zeros(()),
            first_bad_step=jnp.full((), -1, jnp.int32),
            average=None if plan.decay is None else params,
            step_scale=jnp.ones(()),
            kl_share=jnp.ones(()),
        )
        none = jnp.zeros((), jnp.int32)
        lowest = jnp.full((), jnp.finfo(jnp.float32).min)
        state = cls(learner, params, lowest, lowest, none, none)
        # Steps donate their buffers: no two leaves may share one, nor belong to the caller.
        return copied(state)
