"""Optimisers by name, with a learning rate for each part of the model."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jax import Array
from jaxtyping import Float, Int

from beliefnet._checks import Options
from beliefnet._errors import OptionError
from beliefnet._net import BeliefNet
from beliefnet._options import check_fields
from beliefnet.conditionals import has_convolutions
from beliefnet.distributions import UnitKind
from beliefnet.estimators import Estimator

_LONG_RUN = 20_000
_LONG_RUN_RATE, _SHORT_RUN_RATE, _CONVOLUTIONAL_RATE = 3e-3, 1e-2, 1e-3


class Learnable(eqx.Module):
    """All that is trained together: the net, and the estimator's own parameters."""

    net: BeliefNet
    estimator: Estimator


@dataclass(frozen=True, kw_only=True)
class OptimizerOptions(Options):
    """How parameters move.

    Attributes:
        optimizer: Update rule: adam, rmsprop (with momentum) or sgd (with momentum).
        learning_rate: Step size of the generative net, at the start of the schedule; by default 0.003, and 0.01 in runs
            of fewer than 20,000 steps of nets without normal latents; 0.001 with convolutions.
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
    learning_rate: float | None = None
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
            raise OptionError(f"expected momentum in [0, 1), got {self.momentum}", "0.9")


class Optimizer(eqx.Module):
    """Turns ascent directions, shaped like `Learnable`, into steps upward.

    Its numbers are arrays, so that runs that differ in them share a compiled training step; what changes the
    computation is static.

    Attributes:
        rates: Step sizes of generative net, recognition net and estimator, at the start of the schedule.
        momentum: Momentum, or the first-moment decay of adam.
        clip: Longest allowed gradient.
        weight_decay: Pull of weights towards zero, times the step size.
        num_steps: Length of the run; decaying schedules end there.
        rule: Name of the update rule.
        schedule: Name of the schedule.
        is_clipping: Whether gradients are clipped at all.
    """

    rates: Float[Array, "3"]
    momentum: Float[Array, ""]
    clip: Float[Array, ""]
    weight_decay: Float[Array, ""]
    num_steps: Float[Array, ""]
    rule: str = eqx.field(static=True)
    schedule: str = eqx.field(static=True)
    is_clipping: bool = eqx.field(static=True)

    def init(self, params: Learnable) -> optax.OptState:
        """Return the state before the first step."""
        return self._chain().init(params)  # pyright: ignore[reportArgumentType]

    def update(self, grads: Learnable, state: optax.OptState, params: Learnable) -> tuple[Learnable, optax.OptState]:
        """Return what to add to the parameters, and the state after the step."""
        return self._chain().update(grads, state, params)  # pyright: ignore

    def _chain(self) -> optax.GradientTransformation:
        parts = [optax.clip_by_global_norm(self.clip)] if self.is_clipping else []  # pyright: ignore
        return optax.chain(
            *parts,
            _RULES[self.rule](self.momentum),
            # Steps go upward here, so the decay enters with the opposite sign of a descent's.
            optax.add_decayed_weights(-self.weight_decay, mask=_is_matrix),  # pyright: ignore
            optax.stateless(lambda updates, _: self._scaled(updates)),  # pyright: ignore
            optax.scale_by_schedule(lambda count: _SCHEDULES[self.schedule](self._progress(count))),  # pyright: ignore
        )

    def _progress(self, count: Int[Array, ""]) -> Float[Array, ""]:
        return jnp.minimum(count / self.num_steps, 1.0)

    def _scaled(self, updates: Learnable) -> Learnable:
        parts = (updates.net.generative, updates.net.recognition, updates.estimator)
        scaled = [jax.tree.map(rate.__mul__, part) for rate, part in zip(self.rates, parts, strict=True)]
        return eqx.tree_at(lambda p: (p.net.generative, p.net.recognition, p.estimator), updates, tuple(scaled))


def default_learning_rate(net: BeliefNet, num_steps: int) -> float:
    """Return the step size that is taken where none is given, as validation chose it (`benchmarks/defaults.py`)."""
    if has_convolutions(net):
        return _CONVOLUTIONAL_RATE
    is_short = num_steps < _LONG_RUN and UnitKind.CONTINUOUS not in net.latent_kinds
    return _SHORT_RUN_RATE if is_short else _LONG_RUN_RATE


def make_optimizer(options: OptimizerOptions, num_steps: int) -> Optimizer:
    """Return the optimiser that was asked for.

    Args:
        options: What was asked for.
        num_steps: Length of the run; decaying schedules end there.
    """
    base = _LONG_RUN_RATE if options.learning_rate is None else options.learning_rate
    rates = [base if r is None else r for r in (options.recognition_learning_rate, options.estimator_learning_rate)]
    numbers = (options.momentum, options.clip, options.weight_decay, num_steps)
    return Optimizer(
        jnp.asarray([base, *rates], float),
        *(jnp.asarray(number, float) for number in numbers),
        rule=options.optimizer,
        schedule=options.schedule,
        is_clipping=options.clip > 0,
    )


_RULES: dict[str, Callable[[Array], optax.GradientTransformation]] = {
    "adam": lambda momentum: optax.scale_by_adam(b1=momentum),  # pyright: ignore[reportArgumentType]
    "rmsprop": lambda momentum: optax.chain(
        optax.scale_by_rms(decay=0.9, eps=1e-8),
        optax.trace(momentum),  # pyright: ignore[reportArgumentType]
    ),
    "sgd": lambda momentum: optax.trace(momentum),  # pyright: ignore[reportArgumentType]
}

_SCHEDULES: dict[str, Callable[[Array], Array]] = {
    "cosine": lambda progress: 0.5 * (1 + jnp.cos(jnp.pi * progress)),
    "linear": lambda progress: 1 - progress,
    "constant": jnp.ones_like,
}
"""How much of the step size is left when so much of the run is over."""


def _is_matrix(params: Learnable):
    # A bias of a convolution is [channels, 1, 1].
    return jax.tree.map(lambda p: p.ndim == 2 or sum(size > 1 for size in p.shape) > 1, params)
