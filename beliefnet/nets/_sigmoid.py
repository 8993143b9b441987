"""Sigmoid belief nets."""

import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Float

from beliefnet._chain import Chain
from beliefnet._net import BeliefNet
from beliefnet._numerics import stable_logit
from beliefnet._types import Key
from beliefnet.conditionals import Centred, Conditional, Dense, Feedforward, Prior
from beliefnet.distributions import bernoulli


def sigmoid_belief_net(
    num_visible: int,
    hidden: tuple[int, ...] | list[int],
    *,
    key: Key,
    input_mean: ArrayLike | None = None,
    visible_mean: ArrayLike | None = None,
) -> BeliefNet:
    """Make a sigmoid belief net: binary layers, each a linear map of the one above it, with a mirrored recognition net.

    Weights start Glorot-uniform and biases at zero. The mean of the training data is worth giving twice: learning is
    faster when the recognition net sees centred data and the visible biases start at the data's logits.

    Args:
        num_visible: Number of observed binary units.
        hidden: Widths of the latent layers, from the bottom up, for example `(200, 200)`.
        key: Random key for the weights.
        input_mean: Subtracted from what the recognition net sees, `[num_visible]`.
        visible_mean: The visible biases start at its logits, `[num_visible]`, in [0, 1].

    Raises:
        ValueError: If a width is not positive, or a mean is not `[num_visible]` or not in [0, 1].

    Reference:
        Neal 1992, *Connectionist learning of belief networks*; Mnih & Gregor 2014, *Neural variational inference and
        learning in belief networks*.

    Example:
        >>> import jax
        >>> net = sigmoid_belief_net(64, (20, 10), key=jax.random.key(0))
        >>> net.layer_sizes
        (20, 10)
    """
    sizes = (num_visible, *hidden)
    if not hidden or any(size < 1 for size in sizes):
        raise ValueError(
            f"expected positive layer sizes and at least one latent layer, got {num_visible} visible units and latent "
            f"layers {list(hidden)}; try hidden=(200,)"
        )
    input_mean, visible_mean = (
        None if mean is None else _checked_mean(name, mean, num_visible)
        for name, mean in (("input_mean", input_mean), ("visible_mean", visible_mean))
    )
    up_keys, down_keys = jnp.split(jax.random.split(key, 2 * len(hidden)), 2)
    recognition: list[Conditional] = []
    generative: list[Conditional] = [Prior(jnp.zeros(hidden[-1]), bernoulli)]
    for index, (below, above) in enumerate(itertools.pairwise(sizes)):
        up, down = Dense(below, above, key=up_keys[index]), Dense(above, below, key=down_keys[index])
        if index == 0 and input_mean is not None:
            up = Centred(up, input_mean)
        if index == 0 and visible_mean is not None:
            # A pixel that is never on in training may be on at test: the floor keeps its price at a few nats.
            down = eqx.tree_at(lambda d: d.bias, down, stable_logit(visible_mean, floor=0.01))
        recognition.append(Feedforward(up, bernoulli))
        generative.insert(1, Feedforward(down, bernoulli))
    return BeliefNet(Chain(tuple(generative)), Chain(tuple(recognition)))


def _checked_mean(name: str, mean: ArrayLike, num_visible: int) -> Float[Array, " visible"]:
    mean = jnp.asarray(mean, float)
    if mean.shape != (num_visible,):
        raise ValueError(f"expected {name} of shape ({num_visible},), got {mean.shape}")
    if not bool(((mean >= 0) & (mean <= 1)).all()):
        raise ValueError(f"expected {name} in [0, 1], got values from {mean.min()} to {mean.max()}")
    return mean
