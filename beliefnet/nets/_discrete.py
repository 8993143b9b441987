"""Nets whose latent layers are all discrete."""

from collections.abc import Sequence

import jax
from jax.typing import ArrayLike

from beliefnet._naming import named
from beliefnet._net import BeliefNet
from beliefnet._types import Key
from beliefnet.distributions import AbstractFamily, bernoulli, categorical
from beliefnet.nets._bottom import DENSE_LAYERS, AbstractBottom, Activation
from beliefnet.nets._layered import layered_net
from beliefnet.nets._layers import LatentLayer, VisibleLayer
from beliefnet.nets._widths import widths


@named("sbn", title="sigmoid belief net")
def sigmoid_belief_net(
    num_visible: int,
    hidden: Sequence[int] = (200,),
    *,
    key: Key,
    visible: AbstractFamily = bernoulli,
    deterministic: Sequence[int] = (),
    deterministic_recognition: Sequence[int] | None = None,
    activation: Activation = jax.nn.softplus,
    bottom: AbstractBottom = DENSE_LAYERS,
    signs: bool = True,
    latent_mean: float = 0.5,
    input_mean: ArrayLike | None = None,
    visible_mean: ArrayLike | None = None,
) -> BeliefNet:
    """Make a sigmoid belief net: binary layers, each a map of the one above it, with a mirrored recognition net.

    Args:
        num_visible: Number of observed units.
        hidden: Widths of the latent layers, from the bottom up.
        key: Random key for the weights.
        visible: Family of the observation: `bernoulli` for bits, `discretised_logistic(levels)` or `grey_normal` for
            grey values, `poisson` for counts.
        deterministic: Widths of deterministic layers between stochastic ones; none makes the maps affine.
        deterministic_recognition: Those of the recognition net, where it is to have others.
        activation: Elementwise function of the deterministic layers.
        bottom: Networks between the data and the bottom latent layer: dense ones, `Convolution` or `OwnNetworks`.
        signs: Whether the maps see latents as -1 and 1 rather than as 0 and 1: deep nets learn better.
        latent_mean: Probability of latents at the start, in (0, 1); wake-sleep is faster with a small one.
        input_mean: Subtracted from what the recognition net sees, `[num_visible]`.
        visible_mean: The visible biases start at this mean of the data, `[num_visible]`; of bits, at its logits.

    Raises:
        ValueError: If a width is not positive, `latent_mean` is not in (0, 1), or a mean is not `[num_visible]` or
            outside the bounds of the visible family.

    Reference:
        Neal 1992, *Connectionist learning of belief networks*; Mnih & Gregor 2014, *Neural variational inference and
        learning in belief networks*.

    Examples:
        >>> import jax
        >>> net = sigmoid_belief_net(64, (20, 10), key=jax.random.key(0))
        >>> net.layer_sizes
        (20, 10)
    """
    layers = [
        LatentLayer(bernoulli, size, deterministic, deterministic_recognition, signs=signs, mean=latent_mean)
        for size in widths("hidden", hidden)
    ]
    observed = VisibleLayer(num_visible, visible, visible_mean, input_mean)
    return layered_net(observed, layers, key=key, activation=activation, bottom=bottom)


@named("categorical", title="categorical belief net")
def categorical_belief_net(
    num_visible: int,
    hidden: Sequence[int] = (200,),
    *,
    key: Key,
    num_categories: int = 10,
    visible: AbstractFamily = bernoulli,
    deterministic: Sequence[int] = (),
    deterministic_recognition: Sequence[int] | None = None,
    activation: Activation = jax.nn.softplus,
    bottom: AbstractBottom = DENSE_LAYERS,
    input_mean: ArrayLike | None = None,
    visible_mean: ArrayLike | None = None,
) -> BeliefNet:
    """Make a belief net of categorical variables in one-hot form, with a mirrored recognition net.

    Args:
        num_visible: Number of observed units.
        hidden: Numbers of variables of the latent layers, from the bottom up; a layer has that many times
            `num_categories` units.
        key: Random key for the weights.
        num_categories: Categories of each variable.
        visible: Family of the observation: `bernoulli` for bits, `discretised_logistic(levels)` or `grey_normal` for
            grey values, `poisson` for counts.
        deterministic: Widths of deterministic layers between stochastic ones; none makes the maps affine.
        deterministic_recognition: Those of the recognition net, where it is to have others.
        activation: Elementwise function of the deterministic layers.
        bottom: Networks between the data and the bottom latent layer: dense ones, `Convolution` or `OwnNetworks`.
        input_mean: Subtracted from what the recognition net sees, `[num_visible]`.
        visible_mean: The visible biases start at this mean of the data, `[num_visible]`; of bits, at its logits.

    Raises:
        ValueError: If a width is not positive, there is one category, or a mean is not `[num_visible]` or outside the
            bounds of the visible family.

    Examples:
        >>> import jax
        >>> categorical_belief_net(64, (20,), num_categories=5, key=jax.random.key(0)).layer_sizes
        (100,)
    """
    family = categorical(num_categories)
    layers = [LatentLayer(family, size, deterministic, deterministic_recognition) for size in widths("hidden", hidden)]
    observed = VisibleLayer(num_visible, visible, visible_mean, input_mean)
    return layered_net(observed, layers, key=key, activation=activation, bottom=bottom)
