"""Optimisers by name, with a learning rate for each part of the model."""

from dataclasses import dataclass
from typing import Literal

import equinox as eqx
import jax
import optax

from beliefnet._net import BeliefNet
from beliefnet.estimators import Estimator


class Learnable(eqx.Module):
    """All that is trained together: the net, and the estimator's own parameters."""

    net: BeliefNet
    estimator: Estimator


@dataclass(frozen=True, kw_only=True)
class OptimizerOptions:
    """How parameters move.

    Attributes:
        optimizer: Update rule: adam, rmsprop (with momentum) or sgd (with momentum).
        learning_rate: Step size of the generative net, at the start of the schedule.
        recognition_learning_rate: Step size of the recognition net; that of the generative net when not given.
        estimator_learning_rate: Step size of the estimator's baselines; that of the generative net when not given.
        schedule: How the step sizes change over the run: cosine (down to zero), linear (down to zero) or constant.
        momentum: Momentum of rmsprop and sgd, and the first-moment decay of adam, in [0, 1).
        clip: Longest allowed gradient (norm over all of net and baselines); 0 does not clip.
        weight_decay: Pull of weights (not biases) towards zero, times the step size.
    """

    optimizer: Literal["adam", "rmsprop", "sgd"] = "adam"
    learning_rate: float = 3e-3
    recognition_learning_rate: float | None = None
    estimator_learning_rate: float | None = None
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    momentum: float = 0.9
    clip: float = 0.0
    weight_decay: float = 3e-3


def make_optimizer(options: OptimizerOptions, num_steps: int) -> optax.GradientTransformation:
    """Return a transformation of ascent directions, shaped like `Learnable`, into steps upward.

    Args:
        options: What was asked for.
        num_steps: Length of the run; decaying schedules end there.
    """
    parts = [optax.clip_by_global_norm(options.clip)] if options.clip else []
    parts.append(_rule(options))
    if options.weight_decay:
        # Steps go upward here, so the decay enters with the opposite sign of a descent's.
        parts.append(optax.add_decayed_weights(-options.weight_decay, mask=_is_matrix))
    return optax.chain(*parts, _scale_by_part(options), optax.scale_by_schedule(_schedule(options, num_steps)))


def _rule(options: OptimizerOptions) -> optax.GradientTransformation:
    if options.optimizer == "adam":
        return optax.scale_by_adam(b1=options.momentum)
    if options.optimizer == "rmsprop":
        return optax.chain(optax.scale_by_rms(decay=0.9, eps=1e-8), optax.trace(options.momentum))
    return optax.trace(options.momentum)


def _schedule(options: OptimizerOptions, num_steps: int) -> optax.Schedule:
    if options.schedule == "cosine":
        return optax.cosine_decay_schedule(1.0, num_steps)
    if options.schedule == "linear":
        return optax.linear_schedule(1.0, 0.0, num_steps)
    return optax.constant_schedule(1.0)


def _scale_by_part(options: OptimizerOptions) -> optax.GradientTransformation:
    base = options.learning_rate
    recognition = base if options.recognition_learning_rate is None else options.recognition_learning_rate
    estimator = base if options.estimator_learning_rate is None else options.estimator_learning_rate

    def scale(updates, _):
        rates = eqx.tree_at(
            lambda parts: (parts.net.generative, parts.net.recognition, parts.estimator),
            updates,
            (base, recognition, estimator),
        )
        return jax.tree.map(lambda rate, part: jax.tree.map(lambda u: rate * u, part), rates, updates)

    return optax.stateless(scale)


def _is_matrix(params: Learnable):
    return jax.tree.map(lambda p: p.ndim > 1, params)
