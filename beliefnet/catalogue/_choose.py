"""The choice of an estimator by what is measured at the net and the data that it is for."""

from collections.abc import Callable
from dataclasses import replace

import jax
import numpy as np

from beliefnet._errors import OptionError
from beliefnet._net import BeliefNet
from beliefnet._types import Key
from beliefnet.catalogue._config import TrainConfig
from beliefnet.catalogue._methods import build_estimator
from beliefnet.catalogue._trials import UNSCALED
from beliefnet.data import Dataset
from beliefnet.estimators import AbstractEstimator
from beliefnet.evaluation import GradientCost, gradient_costs
from beliefnet.training import Stream, fit, stream

PILOT_EPOCHS = 3
"""Epochs of training before anything is measured."""


def choose_estimator(
    config: TrainConfig, dataset: Dataset, net: BeliefNet, *, progress: Callable[[str], None] | None = None
) -> tuple[TrainConfig, dict[str, GradientCost]]:
    """Choose the estimator with the least variance x time, of those that climb the ELBO of a net without bias.

    The net is trained for a few epochs with the estimator of the configuration; variance and time are those of one
    estimate on a batch of training data at the net that was reached. NVIL is measured without its variance
    normalisation, which rescales the gradient. Baseline networks and control variates that learn are as they start,
    but for those of the estimator that was trained with.

    Args:
        config: The description of the run.
        dataset: The data.
        net: The net to start from.
        progress: Called with what is about to be done.

    Returns:
        The configuration with the estimator that was chosen, and what those cost that were measured to the end, the
        best first; nothing, where there is only one to choose from.

    Raises:
        OptionError: If no estimator climbs the ELBO of this net without bias.
    """
    tell = progress or (lambda what: None)
    make_key, measure_key, data_key = jax.random.split(stream(config.fit.seed, Stream.EVALUATION), 3)
    candidates = _candidates(config, net, key=make_key)
    if not candidates:
        raise OptionError(
            "expected latents for which an estimator climbs the ELBO without bias, got none for --estimator auto",
            f"--estimator {config.estimator.name}",
        )
    if len(candidates) == 1:
        return config.choose(next(iter(candidates))), {}
    tell(f"a few epochs with {config.estimator.name}")
    pilot = replace(config.fit, epochs=min(PILOT_EPOCHS, config.fit.epochs), patience=0, monitor="valid_bound")
    usual = build_estimator(config.estimator, net, key=make_key)
    learner = fit(net, dataset, usual, options=pilot).state.learner
    if (own := candidates.get(config.estimator.name)) is not None:
        trained = jax.tree.leaves(learner.params.estimator)
        candidates[config.estimator.name] = jax.tree.unflatten(jax.tree.structure(own), trained)
    rows = jax.random.permutation(data_key, len(dataset.train))[: pilot.decided(net, len(dataset.train)).batch_size]
    batch = dataset.train[np.sort(np.asarray(rows))]
    costs = gradient_costs(learner.params.net, batch, candidates, key=measure_key, progress=tell)
    return config.choose(next(iter(costs))), costs


def _candidates(config: TrainConfig, net: BeliefNet, *, key: Key) -> dict[str, AbstractEstimator]:
    """Return the estimators that climb the ELBO of a net without bias, with the options of the run."""
    choices = {name: choice.replace(**UNSCALED.get(name, {})) for name, choice in config.candidates.items()}
    return {name: build_estimator(choice, net, key=key) for name, choice in choices.items()}
