"""The training step, and many of them in one dispatch."""

import jax
import jax.numpy as jnp
import optax
from jax import Array, lax
from jaxtyping import Int

from beliefnet._types import Key
from beliefnet.data import DeviceRows
from beliefnet.training._optimizers import Learnable
from beliefnet.training._state import Learner

_MOST_NATS_PER_VISIBLE = 1e6
"""Saturated units keep a diverged objective finite; below this many nats a net has no way back."""


def train_step(
    learner: Learner,
    data: DeviceRows,
    rows: Int[Array, " batch"],
    optimizer: optax.GradientTransformation,
    *,
    key: Key,
) -> Learner:
    """Take one step upward on some rows of the data."""
    data_key, draw_key = jax.random.split(key)
    net, estimator = learner.params.net, learner.params.estimator
    estimate = estimator.estimate(net, data.take(rows, key=data_key), learner.estimator_state, key=draw_key)
    grads = Learnable(estimate.net, estimate.estimator)
    updates, opt_state = optimizer.update(grads, learner.opt_state, learner.params)  # pyright: ignore
    is_sane = jnp.isfinite(estimate.objective) & (estimate.objective > -_MOST_NATS_PER_VISIBLE * data.shape[1])
    is_new_bad = (learner.first_bad_step < 0) & ~is_sane
    return Learner(
        params=optax.apply_updates(learner.params, updates),  # pyright: ignore
        estimator_state=estimate.state,
        opt_state=opt_state,
        step=learner.step + 1,
        objective_sum=learner.objective_sum + estimate.objective,
        first_bad_step=jnp.where(is_new_bad, learner.step, learner.first_bad_step),
    )


def make_run_steps(optimizer: optax.GradientTransformation, *, batch_size: int, key: Key) -> jax.stages.Wrapped:
    """Return a compiled function that takes many steps in one dispatch.

    It is called as `run(learner, data, num_steps)` with the data already on the device, and gives the learner after
    `num_steps` more steps of this epoch; the learner's buffers are reused. Every epoch has its own order of the data,
    drawn from the key and the epoch, and leaves out the examples of the last, incomplete batch; every step has its own
    key: the result depends on the step counter, never on how steps are dispatched.
    """
    order_key, step_key = jax.random.split(key)

    def run(learner: Learner, data: DeviceRows, num_steps: Int[Array, ""]) -> Learner:
        epoch_steps = data.shape[0] // batch_size
        order = jax.random.permutation(jax.random.fold_in(order_key, learner.step // epoch_steps), data.shape[0])

        def body(_, learner: Learner) -> Learner:
            start = (learner.step % epoch_steps) * batch_size
            rows = lax.dynamic_slice(order, (start,), (batch_size,))
            return train_step(learner, data, rows, optimizer, key=jax.random.fold_in(step_key, learner.step))

        return lax.fori_loop(0, num_steps, body, learner)

    return jax.jit(run, donate_argnums=0)
