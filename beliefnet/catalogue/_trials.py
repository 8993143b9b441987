"""Nets and estimators made without their arrays, to see what can be made, and what an estimator is chosen from."""

from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax

from beliefnet._errors import OptionError
from beliefnet._net import BeliefNet
from beliefnet.catalogue._entries import Choice, tried
from beliefnet.catalogue._methods import build_estimator
from beliefnet.catalogue._nets import DataShape, build_net
from beliefnet.distributions import UnitKind
from beliefnet.estimators import AbstractEstimator
from beliefnet.proposals import Recognition

_TRIAL = DataShape(512 * 512, image_shape=(512, 512))
"""Data that any net can be of: nothing of this size is ever made."""
UNSCALED: Mapping[str, Mapping[str, Any]] = {"nvil": {"variance_normalization": False, "statistics_first": True}}
"""Options with which an estimator is measured, so that its gradient is compared at the scale of the others."""


def trial_net(choice: Choice) -> tuple[BeliefNet, tuple[UnitKind, ...]]:
    """Make a net without its arrays, and say of what kinds its latents are.

    Raises:
        OptionError: If it cannot be made.
    """

    def make() -> tuple[BeliefNet, tuple[UnitKind, ...]]:
        net = build_net(choice, _TRIAL, key=jax.random.key(0))
        return net, net.latent_kinds

    return eqx.filter_eval_shape(make)


def trial_estimator(choice: Choice, net: BeliefNet) -> AbstractEstimator:
    """Make an estimator for a net without its arrays.

    Raises:
        OptionError: If it cannot be made, or not for this net.
    """
    return eqx.filter_eval_shape(lambda net: build_estimator(choice, net, key=jax.random.key(0)), net)


def candidates(choices: Mapping[str, Choice], net: BeliefNet) -> dict[str, Choice]:
    """Return the estimators that climb the ELBO of a net without bias.

    Args:
        choices: Estimators by name.
        net: A net, which need not have its arrays.

    Raises:
        OptionError: If one cannot be made with the options of its own that were given; others are left out.
    """
    kept = {}
    for name, choice in choices.items():
        try:
            measured = choice.replace(**UNSCALED.get(name, {}))
            estimator = tried(measured, lambda choice: trial_estimator(choice, net))
        except OptionError:
            if any(choice.entry.options[option].group for option in choice.given):
                raise
            continue  # one that wants more particles
        bound = estimator.bound
        if estimator.is_unbiased and bound.num_particles == 1 and type(bound.proposal) is Recognition:
            kept[name] = choice
    return kept
