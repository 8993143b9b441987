"""What the ready-made nets have in common: a generative net of layers, and a recognition net that mirrors it."""

import math
from collections.abc import Callable, Collection, Sequence
from typing import Literal, get_args

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
from beliefnet.conditionals import MLP, Autoregressive, Centred, Conditional, Dense, Feedforward, Network, Prior, Signs
from beliefnet.distributions import Family, bernoulli

Activation = Callable[[Array], Array]
Part = Literal["latents", "visible", "recognition"]


def layered_net(
    num_visible: int,
    layers: Sequence[tuple[Family, int]],
    *,
    key: Key,
    deterministic: Sequence[int] = (),
    activation: Activation = jax.nn.softplus,
    signs: bool = True,
    autoregressive: Collection[Part] = (),
    latent_mean: float = 0.5,
    input_mean: ArrayLike | None = None,
    visible_mean: ArrayLike | None = None,
) -> BeliefNet:
    """Make a net over binary observations with latent layers of any families, and a recognition net that mirrors it.

    Each layer is an affine map of the one that feeds it, or a network with deterministic layers in between. Weights
    start Glorot-uniform, biases at zero, the prior at the family's neutral parameters. The mean of the training data is
    worth giving twice: learning is faster when the recognition net sees centred data and the visible biases start at
    the data's logits.

    Args:
        num_visible: Number of observed binary units.
        layers: Family and number of variables of each latent layer, from the bottom up, for example
            `[(bernoulli, 200), (normal, 50)]`.
        key: Random key for the weights.
        deterministic: Widths of the deterministic layers between one stochastic layer and the next, in the order of
            the recognition net; the generative net has them the other way round.
        activation: Elementwise function of the deterministic layers.
        signs: Whether the maps see binary latents as -1 and 1 (Maddison et al. 2017 do) rather than as 0 and 1.
        autoregressive: Which binary layers have connections among their units: "latents" of the generative net, the
            "visible" layer, the "recognition" net. They start at zero.
        latent_mean: Probability of binary latents at the start, in both nets, in (0, 1); a small one leads to sparse
            codes, whose posterior is closer to independent units.
        input_mean: Subtracted from what the recognition net sees, `[num_visible]`.
        visible_mean: The visible biases start at its logits, `[num_visible]`, in [0, 1].

    Raises:
        ValueError: If a width is not positive, `latent_mean` is not in (0, 1), a mean is not `[num_visible]` or not in
            [0, 1], a layer is to be autoregressive that is not binary, or a part that does not exist.

    Example:
        >>> import jax
        >>> from beliefnet.distributions import normal
        >>> layered_net(64, [(bernoulli, 20), (normal, 5)], key=jax.random.key(0)).layer_sizes
        (20, 5)
    """
    _check_sizes(num_visible, [size for _, size in layers], deterministic)
    unknown = set(autoregressive) - set(get_args(Part))
    if unknown:
        raise ValueError(
            f"expected autoregressive parts among {', '.join(get_args(Part))}, got {', '.join(sorted(unknown))}; try "
            "('latents',)"
        )
    input_mean, visible_mean = (
        None if mean is None else _checked_mean(name, mean, num_visible)
        for name, mean in (("input_mean", input_mean), ("visible_mean", visible_mean))
    )
    parameters = [num_visible, *(family.num_parameters(size) for family, size in layers)]
    families = [bernoulli, *(family for family, _ in layers)]
    widths = [family.num_units(count) for family, count in zip(families, parameters, strict=True)]
    up_keys, down_keys = jnp.split(jax.random.split(key, 2 * len(layers)), 2)
    latent_bias = _logit_of(latent_mean)
    top_family, top_size = layers[-1]
    recognition: list[Conditional] = []
    neutral = top_family.neutral(top_size)
    prior = Prior(neutral + latent_bias if top_family == bernoulli else neutral, top_family)
    generative = [_connected(prior, "latents" in autoregressive)]
    for index in range(len(layers)):
        up = _network(widths[index], deterministic, parameters[index + 1], activation, key=up_keys[index])
        down = _network(widths[index + 1], deterministic[::-1], parameters[index], activation, key=down_keys[index])
        if index == 0 and visible_mean is not None:
            # A pixel that is never on in training may be on at test: the floor keeps its price at a few nats.
            down = _plus_bias(down, stable_logit(visible_mean, floor=0.01))
        if index > 0 and families[index] == bernoulli:
            down = _plus_bias(down, latent_bias)
        if families[index + 1] == bernoulli:
            up = _plus_bias(up, latent_bias)
        if index == 0 and input_mean is not None:
            up = Centred(up, input_mean)
        if signs and index > 0 and families[index] == bernoulli:
            up = Signs(up)
        if signs and families[index + 1] == bernoulli:
            down = Signs(down)
        recognition.append(_connected(Feedforward(up, families[index + 1]), "recognition" in autoregressive))
        part = "latents" if index > 0 else "visible"
        generative.insert(1, _connected(Feedforward(down, families[index]), part in autoregressive))
    return BeliefNet(Chain(tuple(generative)), Chain(tuple(recognition)))


def _connected(layer: Conditional, is_autoregressive: bool) -> Conditional:
    if not is_autoregressive:
        return layer
    return Autoregressive(layer, jnp.zeros((layer.num_units, layer.num_units)))


def _network(
    num_inputs: int, deterministic: Sequence[int], num_outputs: int, activation: Activation, *, key: Key
) -> Network:
    if not deterministic:
        return Dense(num_inputs, num_outputs, key=key)
    return MLP((num_inputs, *deterministic, num_outputs), activation, key=key)


def _plus_bias(network: Network, amount: ArrayLike) -> Network:
    """Add to the biases of a network's last map, which start at zero."""
    return eqx.tree_at(_last_bias, network, replace_fn=lambda bias: bias + jnp.asarray(amount))


def _last_bias(network: Dense | MLP) -> Array:
    return network.bias if isinstance(network, Dense) else network.layers[-1].bias


def _logit_of(latent_mean: float) -> float:
    if not 0 < latent_mean < 1:
        raise ValueError(f"expected latent_mean between 0 and 1, got {latent_mean}; try 0.5")
    return math.log(latent_mean / (1 - latent_mean))


def _check_sizes(num_visible: int, sizes: Sequence[int], deterministic: Sequence[int]) -> None:
    if not sizes or any(size < 1 for size in (num_visible, *sizes)):
        raise ValueError(
            f"expected positive layer sizes and at least one latent layer, got {num_visible} visible units and latent "
            f"layers {list(sizes)}; try hidden=(200,)"
        )
    if any(size < 1 for size in deterministic):
        raise ValueError(f"expected deterministic layers of positive sizes, got {list(deterministic)}; try (200,)")


def _checked_mean(name: str, mean: ArrayLike, num_visible: int) -> Float[Array, " visible"]:
    mean = jnp.asarray(mean, float)
    if mean.shape != (num_visible,):
        raise ValueError(f"expected {name} of shape ({num_visible},), got {mean.shape}")
    if not bool(((mean >= 0) & (mean <= 1)).all()):
        raise ValueError(f"expected {name} in [0, 1], got values from {mean.min()} to {mean.max()}")
    return mean
