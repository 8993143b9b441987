"""What the units of latent layers do on data: which of them say something, and which are stuck."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from beliefnet._net import BeliefNet
from beliefnet.distributions import UnitKind
from beliefnet.evaluation._encode import encode
from beliefnet.evaluation._evaluate import ACTIVE_VARIANCE
from beliefnet.evaluation._observe import DataLike

_CERTAIN = 0.01
_NEARLY_ALL = 0.99


@dataclass(frozen=True)
class UnitActivity:
    """What the units of one latent layer do on data, by their means under the recognition net.

    A unit is *active* if its mean varies over the data by more than 0.01 (variance; Burda et al. 2015), else *dead*: it
    says nothing of a datum. An active unit is *saturated* if it takes finitely many values and nearly all of its means
    are within 0.01 of 0 or 1: its draws are certain, and so its parameters hardly learn.

    Attributes:
        variance: Variance of the mean of each unit over the data, `[units]`.
        mean: Mean of it, `[units]`.
        is_saturated: Whether the unit is saturated, `[units]`.
    """

    variance: Float[np.ndarray, " units"]
    mean: Float[np.ndarray, " units"]
    is_saturated: Bool[np.ndarray, " units"]

    @property
    def dead(self) -> int:
        """How many units are dead."""
        return int((self.variance <= ACTIVE_VARIANCE).sum())

    @property
    def saturated(self) -> int:
        """How many units are active and saturated."""
        return int(self.is_saturated.sum())

    @property
    def active(self) -> int:
        """How many units are active and not saturated."""
        return len(self.variance) - self.dead - self.saturated


def unit_activity(net: BeliefNet, data: DataLike) -> list[UnitActivity]:
    """Say what the units of each latent layer do on data, bottom first.

    Args:
        net: The net.
        data: Rows `[examples, visible]`, such as `dataset.valid`: anything that `observe` takes.

    Raises:
        DataError: If the data are none, of another width than the net, or not what the net is a model of.

    Examples:
        >>> import jax
        >>> from beliefnet.nets import sigmoid_belief_net
        >>> net = sigmoid_belief_net(3, (2,), key=jax.random.key(0))
        >>> [layer.active + layer.saturated + layer.dead for layer in unit_activity(net, [[0, 1, 1], [1, 1, 0]])]
        [2]
    """
    found = []
    for layer, conditional in zip(encode(net, data), net.recognition.conditionals, strict=True):
        is_certain = np.minimum(layer, 1 - layer) < _CERTAIN
        variance = layer.astype(np.float64).var(axis=0)
        is_saturated = (is_certain.mean(axis=0) >= _NEARLY_ALL) & (variance > ACTIVE_VARIANCE)
        if conditional.kind in (UnitKind.CONTINUOUS, UnitKind.OTHER):
            is_saturated = np.zeros_like(is_saturated)
        found.append(UnitActivity(variance, layer.mean(axis=0, dtype=np.float64), is_saturated))
    return found
