"""What the ready-made nets have in common: a generative net of layers, and a recognition net that mirrors it."""

from collections.abc import Sequence
from typing import TypeAlias

import jax
import jax.numpy as jnp

from beliefnet._chain import Chain
from beliefnet._errors import ArgumentError
from beliefnet._net import BeliefNet
from beliefnet._numerics import broadcasting, starting_map
from beliefnet._streams import check_key
from beliefnet._types import Key
from beliefnet.conditionals import (
    NADE,
    AbstractConditional,
    AbstractNetwork,
    Dense,
    Feedforward,
    LogisticAutoregression,
    Prior,
)
from beliefnet.nets._bottom import DENSE_LAYERS, AbstractBottom, Activation
from beliefnet.nets._layers import Connections, Direction, LatentLayer, VisibleLayer

AnyLayer: TypeAlias = VisibleLayer | LatentLayer


@broadcasting
def layered_net(
    visible: VisibleLayer,
    layers: Sequence[LatentLayer],
    *,
    key: Key,
    activation: Activation = jax.nn.softplus,
    bottom: AbstractBottom = DENSE_LAYERS,
) -> BeliefNet:
    """Make a net with latent layers of any families, and a recognition net that mirrors it.

    Each layer is an affine map of the one that feeds it, or a network with deterministic layers in between. Weights
    start Glorot-uniform, biases at zero or at the means that are given, the prior at the family's neutral parameters.

    Args:
        visible: The observation.
        layers: The latent layers, from the bottom up.
        key: Random key for the weights.
        activation: Elementwise function of the deterministic layers.
        bottom: The networks between the data and the bottom latent layer: dense ones, `Convolution` or `OwnNetworks`.

    Raises:
        ValueError: If there is no latent layer, a width is not positive, or convolutions are asked of visible units
            that are several per pixel.

    Examples:
        >>> import jax
        >>> from beliefnet.distributions import bernoulli, normal
        >>> layers = [LatentLayer(bernoulli, 20, deterministic=(50,)), LatentLayer(normal, 5)]
        >>> layered_net(VisibleLayer(64), layers, key=jax.random.key(0)).layer_sizes
        (20, 5)
    """
    check_key(key)
    _check_sizes(visible, layers)
    bottom.check(visible.family)
    keys, depth = jax.random.split(key, 4 * len(layers) + 1), len(layers)
    up_keys, down_keys, pair_keys, prior_key = keys[:depth], keys[depth : 2 * depth], keys[2 * depth : -1], keys[-1]
    generative, recognition = [_prior(layers[-1], key=prior_key)], []
    for index, above in enumerate(layers):
        below, makes = (layers[index - 1], DENSE_LAYERS) if index else (visible, bottom)
        sizes = (below.num_units, *above.going_up, above.num_parameters)
        up = _feedforward(makes.encoder(sizes, activation, key=up_keys[index]), below, above)
        sizes = (above.num_units, *above.going_down, below.num_parameters)
        down = _feedforward(makes.decoder(sizes, activation, key=down_keys[index]), above, below)
        up_key, down_key = pair_keys[2 * index : 2 * index + 2]
        recognition.append(_connected(up, above.connections, "recognition", below, key=up_key))
        generative.insert(1, _connected(down, below.connections, "model", above, key=down_key))
    return BeliefNet(Chain(tuple(generative)), Chain(tuple(recognition)))


def _prior(top: LatentLayer, *, key: Key) -> AbstractConditional:
    parameters = top.family.neutral(top.size)
    prior = Prior(parameters if top.start is None else parameters + top.start, top.family)
    return _connected(prior, top.connections, "model", None, key=key)


def _feedforward(network: AbstractNetwork, parent: AnyLayer, layer: AnyLayer) -> Feedforward:
    """Return a layer given its parent: what a network gives for an input of zeros, plus where the layer starts."""
    own, start = network.without_bias()[1], layer.start
    if start is not None and own is None:
        start = start - network(jnp.zeros(network.num_inputs))
    network, own = parent.seen_by(network).without_bias()
    bias = own if start is None else start if own is None else own + start
    return Feedforward(network, layer.family, parent.view, bias)


def _connected(
    layer: AbstractConditional, own: Connections, direction: Direction, parent: AnyLayer | None, *, key: Key
) -> AbstractConditional:
    """Return a layer with the connections that it has in the model or in the recognition net, if it has any."""
    if direction not in own.of:
        return layer
    size, count = layer.num_units, own.hidden_units
    if count is None:
        return LogisticAutoregression(layer, jnp.zeros((size, size)))
    hidden_key, input_key = jax.random.split(key)
    inputs, outputs = starting_map(input_key, (size, count))[0], jnp.zeros((size, count))
    if parent is None:
        return NADE(layer, inputs, outputs, jnp.zeros(count))
    hidden, bias = parent.seen_by(Dense(parent.num_units, count, key=hidden_key)).without_bias()
    assert bias is not None
    return NADE(layer, inputs, outputs, bias, hidden)


def _check_sizes(visible: VisibleLayer, layers: Sequence[LatentLayer]) -> None:
    sizes = [layer.size for layer in layers]
    if not sizes or any(size < 1 for size in sizes):
        given = " ".join(map(str, sizes)) or "none"
        raise ArgumentError(
            f"expected {{option}} to be one positive layer size or more, got {given}", "200 200", option="hidden"
        )
    for layer in layers:
        if any(size < 1 for size in (*layer.going_up, *layer.going_down)):
            given = " ".join(map(str, layer.deterministic))
            raise ArgumentError(
                f"expected {{option}} to be positive sizes, got {given or 'none'} and "
                f"{' '.join(map(str, layer.going_up))} in the recognition net",
                "200",
                option="deterministic",
            )
