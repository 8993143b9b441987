"""Variational autoencoders."""

from collections.abc import Sequence

import jax
from jax.typing import ArrayLike

from beliefnet._errors import ArgumentError
from beliefnet._naming import named
from beliefnet._net import BeliefNet
from beliefnet._types import Key
from beliefnet.distributions import AbstractFamily, UnitKind, bernoulli, normal
from beliefnet.nets._bottom import DENSE_LAYERS, MARKED_LAYERS, AbstractBottom, Activation
from beliefnet.nets._layered import layered_net
from beliefnet.nets._layers import LatentLayer, VisibleLayer
from beliefnet.nets._widths import widths


@named("vae", title="variational autoencoder", kinds=frozenset({UnitKind.CONTINUOUS}))
def vae(
    num_visible: int,
    hidden: Sequence[int] = (200,),
    *,
    key: Key,
    visible: AbstractFamily = bernoulli,
    deterministic: Sequence[int] = (500,),
    deterministic_recognition: Sequence[int] | None = None,
    activation: Activation = jax.nn.softplus,
    bottom: AbstractBottom = DENSE_LAYERS,
    mark_missing: bool = False,
    input_mean: ArrayLike | None = None,
    visible_mean: ArrayLike | None = None,
) -> BeliefNet:
    """Make a variational autoencoder: one or several normal layers over bits, grey values or counts.

    The prior of the top layer starts as the standard normal and is learnt.

    Args:
        num_visible: Number of observed units.
        hidden: Widths of the normal layers, from the bottom up.
        key: Random key for the weights.
        visible: Family of the observation: `bernoulli` for bits, `discretised_logistic(levels)` or `grey_normal` for
            grey values, `poisson` for counts.
        deterministic: Widths of the deterministic layers between one stochastic layer and the next, in the order of
            the encoder; the decoder has them the other way round.
        deterministic_recognition: Those of the recognition net, where it is to have others.
        activation: Elementwise function of the deterministic layers.
        bottom: Networks between the data and the bottom latent layer: dense ones, `Convolution` or `OwnNetworks`.
        mark_missing: Whether the encoder is told which entries are missing, where some are: see `incomplete`.
        input_mean: Subtracted from what the encoder sees, `[num_visible]`.
        visible_mean: The visible biases start at this mean of the data, `[num_visible]`; of bits, at its logits.

    Raises:
        ValueError: If a width is not positive, networks that are not dense are to mark what is missing, or a mean is
            not `[num_visible]` or outside the bounds of the visible family.

    Reference:
        Kingma & Welling 2014, *Auto-encoding variational Bayes*; Rezende, Mohamed & Wierstra 2014, *Stochastic
        backpropagation and approximate inference in deep generative models*.

    Examples:
        >>> import jax
        >>> vae(64, (10,), deterministic=(50,), key=jax.random.key(0)).layer_sizes
        (10,)
    """
    layers = [LatentLayer(normal, size, deterministic, deterministic_recognition) for size in widths("hidden", hidden)]
    observed = VisibleLayer(num_visible, visible, visible_mean, input_mean)
    if mark_missing:
        if bottom is not DENSE_LAYERS:
            raise ArgumentError(
                f"expected dense networks for {{option}}, got {type(bottom).__name__}", "false", option="mark_missing"
            )
        bottom = MARKED_LAYERS
    return layered_net(observed, layers, key=key, activation=activation, bottom=bottom)
