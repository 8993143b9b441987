"""Variance and time of gradient estimators, without a reference: what it takes to choose among unbiased ones."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from beliefnet._errors import ArgumentError, check_type, whole_number
from beliefnet._net import BeliefNet
from beliefnet._numerics import broadcasting
from beliefnet._streams import check_key
from beliefnet._types import Key
from beliefnet.estimators import AbstractEstimator
from beliefnet.evaluation._gradient_draws import Draw
from beliefnet.evaluation._observe import DataLike, observe

_FIRST_DRAWS, _FIRST_WARM_UP, _WARM_UP = 16, 20, 100
_WORTH_A_SECOND_LOOK = 4.0
"""Factor over the best at first sight, beyond which an estimator is not measured to the end."""


@dataclass(frozen=True)
class GradientCost:
    """What an estimate of a gradient costs.

    Attributes:
        variance: Variance of one estimate, summed over all parameters of both nets.
        milliseconds: Compiled time per estimate, the median of several blocks.
    """

    variance: float
    milliseconds: float

    @property
    def cost(self) -> float:
        """Variance times milliseconds: the variance left after a second of averaging, times a thousand."""
        return self.variance * self.milliseconds


@broadcasting
def gradient_costs(
    net: BeliefNet,
    data: DataLike,
    estimators: Mapping[str, AbstractEstimator],
    *,
    key: Key,
    num_draws: int = 400,
    states: Mapping[str, Any] | None = None,
    progress: Callable[[str], None] | None = None,
) -> dict[str, GradientCost]:
    """Measure variance x time of gradient estimators at the same net and on the same batch.

    Each is looked at with a few draws; those within four times of the best are measured to the end. A variance says
    nothing of a bias: `gradient_report` does.

    Args:
        net: Where the gradients are taken.
        data: The batch, `[batch, visible]`: anything that `observe` takes.
        estimators: By name.
        key: Random key; every estimator gets its own.
        num_draws: Estimates per estimator, at least 16.
        states: By name, states at which to measure; the others are warmed up.
        progress: Called with what is about to be measured.

    Returns:
        What those cost that were measured to the end, the best first.

    Raises:
        ValueError: If there is no estimator, or too few draws.
        DataError: If the batch is not what the net is a model of.

    Examples:
        >>> from beliefnet.estimators import Reinforce
        >>> from beliefnet.nets import sigmoid_belief_net
        >>> net = sigmoid_belief_net(4, (3,), key=jax.random.key(0))
        >>> rows = np.eye(4, dtype=np.uint8)
        >>> found = gradient_costs(net, rows, {"two": Reinforce(2), "nine": Reinforce(9)}, key=jax.random.key(1))
        >>> all(cost.variance > 0 for cost in found.values())
        True
    """
    check_key(key)
    check_type("estimators", estimators, Mapping, good="{'reinforce': Reinforce(4)}")
    if not estimators:
        raise ArgumentError("expected at least one estimator, got none", "{'reinforce': Reinforce(4)}")
    num_draws = whole_number("num_draws", num_draws, least=_FIRST_DRAWS, good=400)
    data, states = observe(net, data), {} if states is None else states
    tell = progress or (lambda what: None)
    data_key, *keys = jax.random.split(key, 1 + len(estimators))
    x = data.take(np.arange(len(data)), key=data_key)
    draws, found = {}, {}
    for (name, estimator), own in zip(estimators.items(), keys, strict=True):
        tell(name)
        draws[name] = Draw(estimator, net, x, states[name] if name in states else estimator.init(net)), own
        found[name] = _look(draws[name][0], _FIRST_DRAWS, 0 if name in states else _FIRST_WARM_UP, key=own)
    best = min(cost.cost for cost in found.values())
    for name in [name for name, cost in found.items() if cost.cost > _WORTH_A_SECOND_LOOK * best]:
        del found[name]
    for index, name in enumerate(found):
        tell(f"{name} again")
        draw, own = draws[name]
        again = jax.random.fold_in(own, index)
        found[name] = _look(draw, num_draws, 0 if name in states else _WARM_UP, key=again)
    return dict(sorted(found.items(), key=lambda item: item[1].cost))


def _look(draw: Draw, num: int, warm_up: int, *, key: Key) -> GradientCost:
    warm_key, draw_key, time_key = jax.random.split(key, 3)
    if jax.tree.leaves(draw.state):
        draw.warm_up(warm_up, key=warm_key)
    parts = draw(1, key=draw_key).parts
    directions = {name: np.ones(values.shape[-1]) for name, values in parts.items()}
    moments = draw.moments(directions, num=num, key=draw_key)
    variance = sum(float(values.sum()) for values in moments.variance.values())
    return GradientCost(variance, draw.milliseconds(key=time_key))
