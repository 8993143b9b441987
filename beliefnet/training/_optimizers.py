"""Optimisers by name, with a learning rate for each part of the model."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import equinox as eqx
import jax
import optax

from beliefnet._errors import OptionError
from beliefnet._net import BeliefNet
from beliefnet._options import check_fields
from beliefnet.estimators import Estimator
from beliefnet.training._checks import Options


class Learnable(eqx.Module):
    """All that is trained together: the net, and the estimator's own parameters."""

    net: BeliefNet
    estimator: Estimator


@dataclass(frozen=True, kw_only=True)
class OptimizerOptions(Options):
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

    Raises:
        OptionError: If a value is out of range, or a name is not known.
    """

    optimizer: Literal["adam", "rmsprop", "sgd"] = "adam"
    learning_rate: float = 3e-3
    recognition_learning_rate: float | None = None
    estimator_learning_rate: float | None = None
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    momentum: float = 0.9
    clip: float = 0.0
    weight_decay: float = 3e-3

    def __post_init__(self):
        check_fields(self)
        self.at_least(0, "learning_rate", "recognition_learning_rate", "estimator_learning_rate")
        self.at_least(0, "clip", "weight_decay")
        if not 0 <= self.momentum < 1:
            raise OptionError(f"expected momentum in [0, 1), got {self.momentum}; try 0.9")


def make_optimizer(options: OptimizerOptions, num_steps: int) -> optax.GradientTransformation:
    """Return a transformation of ascent directions, shaped like `Learnable`, into steps upward.

    Args:
        options: What was asked for.
        num_steps: Length of the run; decaying schedules end there.
    """
    parts = [optax.clip_by_global_norm(options.clip)] if options.clip else []
    parts.append(_RULES[options.optimizer](options.momentum))
    if options.weight_decay:
        # Steps go upward here, so the decay enters with the opposite sign of a descent's.
        parts.append(optax.add_decayed_weights(-options.weight_decay, mask=_is_matrix))
    return optax.chain(
        *parts, _scale_by_part(options), optax.scale_by_schedule(_SCHEDULES[options.schedule](num_steps))
    )


_RULES: dict[str, Callable[[float], optax.GradientTransformation]] = {
    "adam": lambda momentum: optax.scale_by_adam(b1=momentum),
    "rmsprop": lambda momentum: optax.chain(optax.scale_by_rms(decay=0.9, eps=1e-8), optax.trace(momentum)),
    "sgd": lambda momentum: optax.trace(momentum),
}

_SCHEDULES: dict[str, Callable[[int], optax.Schedule]] = {
    "cosine": lambda num_steps: optax.cosine_decay_schedule(1.0, num_steps),
    "linear": lambda num_steps: optax.linear_schedule(1.0, 0.0, num_steps),
    "constant": lambda num_steps: optax.constant_schedule(1.0),
}


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
    # A bias of a convolution is [channels, 1, 1].
    return jax.tree.map(lambda p: p.ndim == 2 or sum(size > 1 for size in p.shape) > 1, params)
