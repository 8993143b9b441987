"""The training step, and many of them in one dispatch."""

from functools import partial
from operator import itemgetter
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import Array, lax
from jaxtyping import Int

from beliefnet._frozen import hold_frozen
from beliefnet._numerics import broadcasting
from beliefnet._types import Key
from beliefnet.data import DeviceRows
from beliefnet.estimators import Estimate, row_blocks, with_kl_weight
from beliefnet.optimizers import Learnable
from beliefnet.training._plan import Plan
from beliefnet.training._state import Learner

_MOST_NATS_PER_VISIBLE = 1e6
"""Saturated units keep a diverged objective finite; below this many nats a net has no way back."""


@broadcasting
def train_step(
    learner: Learner,
    data: DeviceRows,
    rows: Int[Array, " batch"] | None,
    plan: Plan,
    *,
    key: Key,
    numbers: Int[Array, " batch"] | None = None,
) -> Learner:
    """Take one step upward on some rows of the data.

    Args:
        learner: What the step changes.
        data: The data, on the device.
        rows: Which rows of them; None for all, in their order, and then they have numbers.
        plan: What a step does.
        key: Random key of the step.
        numbers: Their numbers among all training rows, where the data are some of these.
    """
    data_key, draw_key = jax.random.split(key)
    net, estimator, kl_share = learner.params.net, learner.params.estimator, learner.kl_share
    known = rows if numbers is None else numbers
    assert known is not None
    x = plan.layout.rows(data.take(slice(None) if rows is None else rows, key=data_key))
    rows_held, chunk = plan.pieces
    held = estimator if chunk is None else estimator.in_chunks(chunk)
    assert held is not None  # the plan has a chunk only where there is one
    state = estimator.at_rows(learner.estimator_state, known)
    with plan.layout.within():
        weight = None
        if plan.kl is not None:
            draw_key, kl_key = jax.random.split(draw_key)
            weight = plan.kl.weight(learner.step, kl_share)
            kl_share = plan.kl.next_share(net, x, kl_share, key=kl_key)

        def estimated(x: Array, own_key: Key) -> Estimate:
            if weight is None:
                return held.estimate(net, x, state, key=own_key)
            return with_kl_weight(held, net, x, state, weight, key=own_key)

        estimate = row_blocks(estimated, x, rows_held, key=draw_key)
    own = estimate.estimator
    if held is not estimator:  # in chunks it has the same parameters
        own = jax.tree.unflatten(jax.tree.structure(estimator), jax.tree.leaves(own))
    grads = Learnable(estimate.net, own)
    updates, opt_state = plan.optimizer.update(grads, learner.opt_state, learner.params)
    updates = jax.tree.map(lambda update: learner.step_scale * update, hold_frozen(updates))
    params: Any = optax.apply_updates(learner.params, updates)  # pyright: ignore
    is_sane = jnp.isfinite(estimate.objective) & (estimate.objective > -_MOST_NATS_PER_VISIBLE * data.shape[1])
    is_new_bad = (learner.first_bad_step < 0) & ~is_sane
    after = Learner(
        params=params,
        estimator_state=estimate.state,
        opt_state=opt_state,
        step=learner.step + 1,
        objective_sum=learner.objective_sum + estimate.objective,
        first_bad_step=jnp.where(is_new_bad, learner.step, learner.first_bad_step),
        average=plan.averaged(learner.average, params, learner.step),
        step_scale=learner.step_scale,
        kl_share=kl_share,
    )
    return plan.layout.held(after)


@partial(jax.jit, static_argnames="batch_size", donate_argnames="learner")
def run_steps(
    learner: Learner, data: DeviceRows, plan: Plan, num_steps: Int[Array, ""], *, batch_size: int, key: Key
) -> Learner:
    """Take many steps of one epoch in one dispatch.

    Every epoch has its own order of the data, drawn from the key and the epoch, and leaves out the examples of the
    last, incomplete batch; every step has its own key: the result depends on the step counter, never on how steps are
    dispatched. Runs that differ in numbers alone (seed, learning rates, length) share one compiled program.

    Args:
        learner: What the steps change; its buffers are reused.
        data: The training data, on the device.
        plan: What a step does.
        num_steps: How many steps, at most to the end of the epoch; 0 compiles the program and changes nothing.
        batch_size: Data per step.
        key: Random key of the run's steps.

    Returns:
        The learner after the steps.
    """
    return _steps(learner, data, plan, num_steps, batch_size, key)


@partial(jax.jit, static_argnames="batch_size", donate_argnames="learner")
def run_block(
    learner: Learner,
    block: DeviceRows,
    numbers: Int[Array, " rows"],
    plan: Plan,
    steps: tuple[Int[Array, ""], Int[Array, ""]],
    *,
    batch_size: int,
    key: Key,
) -> Learner:
    """Take steps on rows that were put on the device for them, batch after batch: what `run_steps` does, to the bit.

    Args:
        learner: What the steps change; its buffers are reused.
        block: The rows of some steps, in their order; on a mesh, those of each of its parts of `data` in turn.
        numbers: Their numbers among all training rows.
        plan: What a step does.
        steps: The step that the block begins with, and how many are taken; 0 compiles the program.
        batch_size: Data per step.
        key: Random key of the run's steps.
    """
    step_key, (first, count) = jax.random.split(key)[1], steps

    parts = plan.layout.size("data")

    def body(_, learner: Learner) -> Learner:
        def own(array: Array) -> Array:
            """Return what a batch has of an array; no part has to know another's."""
            split = array.reshape(parts, -1, batch_size // parts, *array.shape[1:])
            chosen = lax.dynamic_index_in_dim(split, learner.step - first, axis=1, keepdims=False)
            return chosen.reshape(batch_size, *array.shape[1:])

        batch, own_numbers = jax.tree.map(own, (block, numbers))
        own_key = jax.random.fold_in(step_key, learner.step)
        return train_step(learner, batch, None, plan, key=own_key, numbers=own_numbers)

    return plan.layout.held(lax.fori_loop(0, count, body, learner))


@partial(jax.jit, static_argnames="batch_size")
def run_steps_side_by_side(
    learners: tuple[Learner, ...],
    data: DeviceRows,
    plans: tuple[Plan, ...],
    num_steps: Int[Array, ""],
    *,
    batch_size: int,
    keys: tuple[Key, ...],
) -> tuple[Learner, ...]:
    """Take steps of several runs on the same data in one program; `run_steps` has the arguments of one run.

    The runs have nets and estimators of the same structure, and need not be at the same step.
    """

    def steps(learner: Learner, plan: Plan, key: Key) -> Learner:
        return _steps(learner, data, plan, num_steps, batch_size, key)

    stacked = (jax.tree.map(lambda *parts: jnp.stack(parts), *own) for own in (learners, plans, keys))
    found = jax.vmap(steps)(*stacked)
    return tuple(jax.tree.map(itemgetter(run), found) for run in range(len(learners)))


def _steps(
    learner: Learner, data: DeviceRows, plan: Plan, num_steps: Int[Array, ""], batch_size: int, key: Key
) -> Learner:
    order_key, step_key = jax.random.split(key)
    epoch_steps = data.num_rows // batch_size
    order = data.shuffled(key=jax.random.fold_in(order_key, learner.step // epoch_steps))

    def body(_, learner: Learner) -> Learner:
        start = (learner.step % epoch_steps) * batch_size
        rows = lax.dynamic_slice(order, (start,), (batch_size,))
        return train_step(learner, data, rows, plan, key=jax.random.fold_in(step_key, learner.step))

    return plan.layout.held(lax.fori_loop(0, num_steps, body, learner))
