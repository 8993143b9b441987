"""Optimisers by name, with a step size for each part of the model."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jax import Array
from jaxtyping import Float, Int

from beliefnet._net import BeliefNet
from beliefnet.conditionals import has_convolutions
from beliefnet.distributions import UnitKind
from beliefnet.estimators import AbstractEstimator
from beliefnet.optimizers._adam import scale_by_adam
from beliefnet.optimizers._options import OptimizerOptions

_LONG_RUN = 20_000
_LONG_RUN_RATE, _SHORT_RUN_RATE, _CONVOLUTIONAL_RATE = 3e-3, 1e-2, 1e-3


class Learnable(eqx.Module):
    """All that is trained together: the net, and the estimator's own parameters."""

    net: BeliefNet
    estimator: AbstractEstimator


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
        warm_up: Steps over which the step sizes rise from zero.
        rule: Name of the update rule.
        schedule: Name of the schedule.
        is_clipping: Whether gradients are clipped at all.
    """

    rates: Float[Array, "3"]
    momentum: Float[Array, ""]
    clip: Float[Array, ""]
    weight_decay: Float[Array, ""]
    num_steps: Float[Array, ""]
    warm_up: Float[Array, ""]
    rule: str = eqx.field(static=True)
    schedule: str = eqx.field(static=True)
    is_clipping: bool = eqx.field(static=True)

    @eqx.filter_jit
    def init(self, params: Learnable) -> optax.OptState:
        """Return the state before the first step."""
        return self._chain().init(params)  # pyright: ignore[reportArgumentType]

    def update(self, grads: Learnable, state: optax.OptState, params: Learnable) -> tuple[Learnable, optax.OptState]:
        """Return what to add to the parameters, and the state after the step."""
        return self._chain().update(grads, state, params)  # pyright: ignore

    def rates_at(self, step: Int[Array, ""]) -> Float[Array, "3"]:
        """Return the step sizes of generative net, recognition net and estimator after so many steps."""
        return self.rates * self._share(step)

    def _chain(self) -> optax.GradientTransformation:
        parts = [optax.clip_by_global_norm(self.clip)] if self.is_clipping else []  # pyright: ignore
        return optax.chain(
            *parts,
            _RULES[self.rule](self.momentum),
            # Steps go upward here, so the decay enters with the opposite sign of a descent's.
            optax.add_decayed_weights(-self.weight_decay, mask=_is_matrix),  # pyright: ignore
            optax.stateless(lambda updates, _: self._scaled(updates)),  # pyright: ignore
            optax.scale_by_schedule(self._share),  # pyright: ignore
        )

    def _share(self, count: Int[Array, ""]) -> Float[Array, ""]:
        """How much of the step size is taken after so many steps."""
        left = _SCHEDULES[self.schedule](jnp.minimum(count / self.num_steps, 1.0))
        return left * jnp.minimum((count + 1) / jnp.maximum(self.warm_up, 1), 1.0)

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


def make_optimizer(options: OptimizerOptions, num_steps: int, *, epoch_steps: int = 1) -> Optimizer:
    """Return the optimiser that was asked for.

    Args:
        options: What was asked for.
        num_steps: Length of the run; decaying schedules end there.
        epoch_steps: Steps of an epoch.
    """
    base = _LONG_RUN_RATE if options.learning_rate is None else options.learning_rate
    rates = [base if r is None else r for r in (options.recognition_learning_rate, options.estimator_learning_rate)]
    numbers = (options.momentum, options.clip, options.weight_decay, num_steps)
    numbers += (options.learning_rate_warm_up * epoch_steps,)
    return Optimizer(
        jnp.asarray([base, *rates], float),
        *(jnp.asarray(number, float) for number in numbers),
        rule=options.optimizer,
        schedule=options.schedule,
        is_clipping=options.clip > 0,
    )


_RULES: dict[str, Callable[[Array], optax.GradientTransformation]] = {
    "adam": scale_by_adam,
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
    "plateau": jnp.ones_like,
}
"""How much of the step size is left when so much of the run is over."""


def _is_matrix(params: Learnable):
    # A bias of a convolution is [channels, 1, 1].
    return jax.tree.map(lambda p: p.ndim == 2 or sum(size > 1 for size in p.shape) > 1, params)
