"""How an estimator of scikit-learn's kind is trained: by `training.fit`, or a pass at a time."""

from dataclasses import dataclass, replace

import jax.numpy as jnp
import numpy as np

from beliefnet._errors import OptionError, check_type, whole_number
from beliefnet._net import BeliefNet
from beliefnet._numerics import copied
from beliefnet._streams import Stream, stream
from beliefnet.catalogue import build_estimator, estimators_for, parse_estimator
from beliefnet.data import Dataset, Observations, Record, rounded_up
from beliefnet.estimators import AbstractEstimator, pieces_for
from beliefnet.nets import completed, incomplete
from beliefnet.training import (
    FitOptions,
    Fitted,
    Learner,
    Plan,
    TrainState,
    default_batch_size,
    fit,
    run_steps,
)

_LEAST_SPLIT = 10
"""Fewer rows are not split: what they would be validated with would say nothing."""
_SHOWN = 256
"""Training rows whose bound is noted after each epoch where none are held out."""


def batch_size_for(num_rows: int, batch_size: int | None) -> int:
    """Return the rows of a step: what was asked for, or by default a size that data of nearly as many rows share."""
    if batch_size is not None:
        return min(whole_number("batch_size", batch_size, good=100), num_rows)
    usual = default_batch_size(num_rows)
    return usual if num_rows >= usual >= 50 else 1 << (num_rows.bit_length() - 1)


def held_out(num_rows: int, fraction: float) -> int:
    """Return how many rows are held out.

    Args:
        num_rows: Number of all rows; a few are not divided.
        fraction: The share that is asked for, in [0, 1).

    Raises:
        OptionError: If there are no others left.
    """
    num = round(fraction * num_rows) if num_rows >= _LEAST_SPLIT else 0
    if num == num_rows:
        raise OptionError(
            f"expected {{option}} to leave rows to train on, got {fraction}, by which all {num_rows} are held out",
            "0.1",
            option="validation_fraction",
        )
    return num


def train(net: BeliefNet, rows: Observations, spec: str, options: FitOptions, *, num_held_out: int) -> Fitted:
    """Train a net on rows.

    Args:
        net: Where training starts.
        rows: The rows; NaN is missing.
        spec: The estimator of gradients, in the words of the command line, or `"auto"`.
        options: How to train.
        num_held_out: Number of the rows that are held out, by whose bound the net of an epoch is chosen.
    """
    train_rows, valid_rows = _split(rows, num_held_out, options.seed)
    net = _for_rows(net, rows)
    record = Record(
        name="rows",
        variant="in memory",
        binarization="dynamic" if rows.is_dynamic else "none",
        splits={"train": len(train_rows), "valid": len(valid_rows), "test": len(valid_rows)},
        num_features=rows.num_features,
        image_shape=None,
        source="arrays",
        checksum="",
        values=rows.values,
    )
    data = Dataset(record, train_rows, valid_rows, valid_rows)
    return fit(net, data, estimator_of(spec, net, options.seed), options=options)


def estimator_of(spec: str, net: BeliefNet, seed: int) -> AbstractEstimator:
    """Return the estimator of gradients of a name, `"auto"` for the one that is usual for the latents of a net."""
    check_type("estimator", spec, str, good="'auto'")
    name = estimators_for(net.latent_kinds)[0] if spec == "auto" else spec
    return build_estimator(parse_estimator(name), net, key=stream(seed, Stream.PARAMETERS))


@dataclass(frozen=True, eq=False)
class Passes:
    """Training a pass at a time: the state of the optimiser, and how parameters move."""

    learner: Learner
    plan: Plan
    seed: int

    @classmethod
    def start(cls, net: BeliefNet, spec: str, options: FitOptions, num_rows: int) -> "Passes":
        """Return the state before the first pass, with the step size of a run of as many epochs over so many rows."""
        rate = options.decided(net, num_rows).learning_rate
        estimator = estimator_of(spec, net, options.seed)
        plan = Plan.of(FitOptions(learning_rate=rate, schedule="constant", seed=options.seed), 1)
        return cls(TrainState.start(net, estimator, plan, num_rows).learner, plan, options.seed)

    def on(self, rows: Observations, batch_size: int) -> "Passes":
        """Return the state after one pass over rows, in whole batches."""
        learner = copied(self.learner)  # Steps donate their buffers: who copied this keeps his.
        count = jnp.int32(len(rows) // batch_size)
        key = stream(self.seed, Stream.STEPS)
        params = learner.params
        plan = replace(self.plan, pieces=pieces_for(params.net, params.estimator, batch_size))
        learner = run_steps(learner, rows.on_device(), plan, count, batch_size=batch_size, key=key)
        return Passes(learner, self.plan, self.seed)

    @property
    def net(self) -> BeliefNet:
        """The net of whole rows as it is now."""
        return completed(self.learner.params.net)


def _split(rows: Observations, num_valid: int, seed: int) -> tuple[Observations, Observations]:
    """Hold out some rows to validate with, or look at some of the training rows themselves."""
    if not num_valid:
        return rows, _with_room(rows[:_SHOWN])
    order = np.random.default_rng([seed, 0]).permutation(len(rows))
    train_rows, valid_rows = rows[np.sort(order[num_valid:])], rows[np.sort(order[:num_valid])]
    return _with_room(train_rows), _with_room(valid_rows)


def _with_room(rows: Observations) -> Observations:
    return replace(rows, room=rounded_up(len(rows)))


def _for_rows(net: BeliefNet, rows: Observations) -> BeliefNet:
    """Return the net of incomplete rows, if some entries are missing."""
    return incomplete(net) if bool(np.isnan(rows.stored).any()) else net
