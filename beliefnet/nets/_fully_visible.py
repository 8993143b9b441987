"""Nets without latents, whose likelihood is exact."""

import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from beliefnet._chain import Chain
from beliefnet._errors import ArgumentError, check_type
from beliefnet._naming import named
from beliefnet._net import BeliefNet
from beliefnet._numerics import starting_map
from beliefnet._streams import check_key
from beliefnet._types import Key
from beliefnet.conditionals import NADE, AbstractConditional, LogisticAutoregression, Prior
from beliefnet.distributions import bernoulli
from beliefnet.nets._layers import VisibleLayer


@named("fvsbn", title="fully visible sigmoid belief net", kinds=frozenset())
def fully_visible_net(num_visible: int, *, visible_mean: ArrayLike | None = None) -> BeliefNet:
    """Make a fully visible sigmoid belief net: each unit is a logistic regression on those before it.

    Args:
        num_visible: Number of observed binary units.
        visible_mean: The biases start at its logits, `[num_visible]`, in [0, 1].

    Raises:
        ValueError: If the width is not positive, or the mean is not `[num_visible]` or not in [0, 1].

    Reference:
        Frey, Hinton & Dayan 1996, *Does the wake-sleep algorithm learn good density estimators?*, where it is called a
        logistic autoregressive net.

    Examples:
        >>> fully_visible_net(64).layer_sizes
        ()
    """
    prior = Prior(VisibleLayer(num_visible, bernoulli, visible_mean).start, bernoulli)
    return _without_latents(LogisticAutoregression(prior, jnp.zeros((num_visible, num_visible))))


@named("nade", title="neural autoregressive distribution estimator", kinds=frozenset())
def nade(num_visible: int, hidden: int = 500, *, key: Key, visible_mean: ArrayLike | None = None) -> BeliefNet:
    """Make a neural autoregressive distribution estimator: each unit depends on those before it, via hidden units.

    Hidden units are deterministic: there are no latents. For NADE layers in a net with latents see `darn`.

    Args:
        num_visible: Number of observed binary units.
        hidden: Number of hidden units.
        key: Random key for the weights.
        visible_mean: The biases start at its logits, `[num_visible]`, in [0, 1].

    Raises:
        ValueError: If a width is not positive, or the mean is not `[num_visible]` or not in [0, 1].

    Reference:
        Larochelle & Murray 2011, *The neural autoregressive distribution estimator*.

    Examples:
        >>> import jax
        >>> nade(64, 20, key=jax.random.key(0)).num_visible
        64
    """
    prior = Prior(VisibleLayer(num_visible, bernoulli, visible_mean).start, bernoulli)
    check_type("hidden", hidden, int, np.integer, good="500")
    check_key(key)
    if hidden < 1:
        raise ArgumentError(f"expected at least 1 hidden unit, got {hidden}", "500")
    inputs = starting_map(key, (num_visible, hidden))[0]
    return _without_latents(NADE(prior, inputs, jnp.zeros((num_visible, hidden)), jnp.zeros(hidden)))


def _without_latents(layer: AbstractConditional) -> BeliefNet:
    return BeliefNet(Chain((layer,)), Chain(()))
