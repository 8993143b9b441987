"""What the ready-made nets have in common: a generative net of layers, and a recognition net that mirrors it."""

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, get_args

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Float

from beliefnet._chain import Chain
from beliefnet._net import BeliefNet
from beliefnet._types import Key
from beliefnet.conditionals import (
    NADE,
    Biased,
    Centred,
    Composed,
    Conditional,
    Dense,
    Feedforward,
    LogCounts,
    LogisticAutoregression,
    Network,
    Prior,
    Signs,
)
from beliefnet.distributions import AbstractFamily, bernoulli
from beliefnet.nets._bottom import DENSE_LAYERS, Activation, Bottom, Convolution

Part = Literal["latents", "visible", "recognition"]


def layered_net(
    num_visible: int,
    layers: Sequence[tuple[AbstractFamily, int]],
    *,
    key: Key,
    visible: AbstractFamily = bernoulli,
    deterministic: Sequence[int] = (),
    deterministic_recognition: Sequence[int] | None = None,
    activation: Activation = jax.nn.softplus,
    bottom: Bottom = DENSE_LAYERS,
    signs: bool = True,
    autoregressive: Collection[Part] = (),
    nade_units: int | None = None,
    latent_mean: float = 0.5,
    input_mean: ArrayLike | None = None,
    visible_mean: ArrayLike | None = None,
) -> BeliefNet:
    """Make a net with latent layers of any families, and a recognition net that mirrors it.

    Each layer is an affine map of the one that feeds it, or a network with deterministic layers in between. Weights
    start Glorot-uniform, biases at zero, the prior at the family's neutral parameters. The mean of the training data is
    worth giving twice: learning is faster when the recognition net sees centred data and the visible biases start
    where the data's mean is. Of counts the recognition net sees log(1 + count).

    Args:
        num_visible: Number of observed variables; a categorical one has a unit for each category.
        layers: Family and number of variables of each latent layer, from the bottom up, for example
            `[(bernoulli, 200), (normal, 50)]`.
        key: Random key for the weights.
        visible: Family of the observation: `bernoulli` for bits, `discretised_logistic(levels)` or `grey_normal` for
            grey values in [0, 1], `poisson` or `bag_of_words(length)` for counts, `categorical(n)` for one-hot data.
        deterministic: Widths of the deterministic layers between one stochastic layer and the next, in the order of
            the recognition net; the generative net has them the other way round.
        deterministic_recognition: Those of the recognition net, where it is to have others.
        activation: Elementwise function of the deterministic layers.
        bottom: What the networks between the data and the bottom latent layer are: dense ones, `Convolution` or
            `OwnNetworks`.
        signs: Whether the maps see binary latents as -1 and 1 (Maddison et al. 2017 do) rather than as 0 and 1.
        autoregressive: Which binary layers have connections among their units: "latents" of the generative net, the
            "visible" layer, the "recognition" net. They start at zero.
        nade_units: Make the connections by so many sigmoid hidden units in each layer (a NADE); by default they are
            linear.
        latent_mean: Probability of binary latents at the start, in both nets, in (0, 1); wake-sleep is faster with a
            small one.
        input_mean: Subtracted from what the recognition net sees, `[units]`.
        visible_mean: The visible biases start where the mean of the visible units is this, `[units]`: for bits at its
            logits, for counts at logarithms, for grey values at the mean itself.

    Raises:
        ValueError: If a width is not positive, `latent_mean` is not in (0, 1), a mean is not `[units]` or outside the
            bounds of the visible family, a layer is to be autoregressive that is not binary, or a part that does not
            exist; or if convolutions are asked of visible units that are several per pixel.

    Example:
        >>> import jax
        >>> from beliefnet.distributions import normal
        >>> layered_net(64, [(bernoulli, 20), (normal, 5)], key=jax.random.key(0)).layer_sizes
        (20, 5)
    """
    if isinstance(bottom, Convolution) and visible.num_units(visible.num_parameters(1)) > 1:
        raise ValueError(
            f"expected visible units of one value per pixel for convolutions, got {type(visible).__name__}; try "
            "discretised_logistic, or dense networks"
        )
    upward = deterministic if deterministic_recognition is None else deterministic_recognition
    _check_sizes(num_visible, [size for _, size in layers], (*deterministic, *upward))
    connect = _Connections(frozenset(autoregressive), nade_units)
    visible_bias = starting_bias(visible, num_visible, visible_mean)
    offset = None if input_mean is None else _checked_mean("input_mean", input_mean, visible, num_visible)
    parameters = [visible.num_parameters(num_visible), *(family.num_parameters(size) for family, size in layers)]
    families = [visible, *(family for family, _ in layers)]
    widths = [family.num_units(count) for family, count in zip(families, parameters, strict=True)]
    up_keys, down_keys = jnp.split(jax.random.split(key, 2 * len(layers)), 2)
    prior_key, *pair_keys = jax.random.split(jax.random.fold_in(key, 1), 1 + 2 * len(layers))
    if latent_mean != 0.5 and bernoulli not in families[1:]:
        raise ValueError(f"expected binary latents for latent_mean {latent_mean}, got none; try leaving it out")
    latent_bias = _logit_of(latent_mean)
    top_family, top_size = layers[-1]
    recognition: list[Conditional] = []
    neutral = top_family.neutral(top_size)
    prior = Prior(neutral + latent_bias if top_family == bernoulli else neutral, top_family)
    generative = [connect("latents", prior, None, key=prior_key)]
    for index in range(len(layers)):
        makes = DENSE_LAYERS if index else bottom
        up = makes.encoder((widths[index], *upward, parameters[index + 1]), activation, key=up_keys[index])
        sizes = (widths[index + 1], *deterministic[::-1], parameters[index])
        down = makes.decoder(sizes, activation, key=down_keys[index])
        if index == 0:
            down = _plus_bias(down, visible_bias)
        elif families[index] == bernoulli:
            down = _plus_bias(down, latent_bias)
        if families[index + 1] == bernoulli and latent_bias:
            up = _plus_bias(up, latent_bias)
        is_binary = [families[place] == bernoulli for place in (index, index + 1)]
        see_below = partial(
            _seen,
            mean=None if index else offset,
            counts=families[index].values == "counts",
            signs=signs and index > 0 and is_binary[0],
            latent_mean=latent_mean,
        )
        see_above = partial(_seen, signs=signs and is_binary[1], latent_mean=latent_mean)
        layer = Feedforward(see_below(up), families[index + 1])
        recognition.append(connect("recognition", layer, see_below, key=pair_keys[2 * index]))
        layer = Feedforward(see_above(down), families[index])
        part = "latents" if index > 0 else "visible"
        generative.insert(1, connect(part, layer, see_above, key=pair_keys[2 * index + 1]))
    return BeliefNet(Chain(tuple(generative)), Chain(tuple(recognition)))


@dataclass(frozen=True)
class _Connections:
    """Which layers have connections among their units, and of what kind."""

    parts: frozenset[Part]
    nade_units: int | None

    def __post_init__(self):
        known = get_args(Part)
        unknown = sorted(self.parts - set(known))
        if unknown:
            raise ValueError(
                f"expected autoregressive parts among {', '.join(known)}, got {', '.join(unknown)}; try ('latents',)"
            )
        if self.nade_units is not None and self.nade_units < 1:
            raise ValueError(f"expected nade_units of at least 1, got {self.nade_units}; try 100")

    def __call__(
        self, part: Part, layer: Conditional, see: Callable[[Dense], Network] | None, *, key: Key
    ) -> Conditional:
        """Return a layer with its connections, if its part has any; `see` makes networks of the parent see it well."""
        if part not in self.parts:
            return layer
        if layer.units != bernoulli:
            raise ValueError(
                f"expected binary units to depend on each other, got {type(layer.units).__name__} among the "
                f"autoregressive {part!r}; try leaving it out, or binary layers"
            )
        size, count = layer.num_units, self.nade_units
        if count is None:
            return LogisticAutoregression(layer, jnp.zeros((size, size)))
        hidden_key, input_key = jax.random.split(key)
        hidden = jnp.zeros(count)
        if see is not None:
            assert layer.num_parents is not None
            hidden = see(Dense(layer.num_parents, count, key=hidden_key))
        inputs = jax.nn.initializers.glorot_uniform()(input_key, (size, count))
        return NADE(layer, hidden, inputs, jnp.zeros((size, count)))


def _seen(
    network: Network,
    *,
    mean: Float[Array, " visible"] | None = None,
    counts: bool = False,
    signs: bool = False,
    latent_mean: float = 0.5,
) -> Network:
    """Let a network see its input with the mean subtracted, or as -1 and 1 with the result at the mean as without."""
    if counts:
        return LogCounts(network if mean is None else Centred(network, jnp.log1p(mean)))
    if mean is not None:
        return Centred(network, mean)
    if not signs:
        return network
    first = _first(network)
    if first is None:
        return Signs(network)
    bias = first.bias - (2 * latent_mean - 1) * first.weight.sum(axis=0)
    return Signs(eqx.tree_at(lambda net: _first(net).bias, network, bias))  # pyright: ignore


def _plus_bias(network: Network, amount: ArrayLike) -> Network:
    """Add to the result of a network: to the biases of its last map, which start at zero.

    A network that does not end with a dense map gets biases, by which its result for an input of zeros is the amount.
    """
    last = _last(network)
    if last is not None:
        return eqx.tree_at(lambda net: _last(net).bias, network, last.bias + jnp.asarray(amount))  # pyright: ignore
    return Biased(network, jnp.asarray(amount) - network(jnp.zeros(network.num_inputs)))


def _first(network: Network) -> Dense | None:
    """Return the affine map that a network starts with, if it does."""
    if isinstance(network, Composed):
        return _first(network.parts[0])
    return network if isinstance(network, Dense) else None


def _last(network: Network) -> Dense | None:
    """Return the affine map that a network ends with, if it does."""
    if isinstance(network, Composed):
        return _last(network.parts[-1])
    return network if isinstance(network, Dense) else None


def _logit_of(latent_mean: float) -> float:
    if not 0 < latent_mean < 1:
        raise ValueError(f"expected latent_mean between 0 and 1, got {latent_mean}; try 0.5")
    return math.log(latent_mean / (1 - latent_mean))


def _check_sizes(num_visible: int, sizes: Sequence[int], deterministic: Sequence[int]) -> None:
    if num_visible < 1:
        raise ValueError(f"expected at least 1 visible unit, got {num_visible}; try the width of the data")
    if not sizes or any(size < 1 for size in sizes):
        given = " ".join(map(str, sizes)) or "none"
        raise ValueError(f"expected hidden to be one positive layer size or more, got {given}; try 200 200")
    if any(size < 1 for size in deterministic):
        given = " ".join(map(str, deterministic))
        raise ValueError(f"expected deterministic to be positive sizes, got {given}; try 200")


def starting_bias(
    visible: AbstractFamily, num_visible: int, visible_mean: ArrayLike | None
) -> Float[Array, " parameters"]:
    """Return the parameters of visible units with the data's mean, kept off the edges, or neutral ones.

    Raises:
        ValueError: If the width is not positive, or the mean is not `[units]` or not within the family's bounds.
    """
    if num_visible < 1:
        raise ValueError(f"expected at least 1 visible unit, got {num_visible}")
    if visible_mean is None:
        return visible.neutral(num_visible)
    return visible.starting(_checked_mean("visible_mean", visible_mean, visible, num_visible))


def _checked_mean(name: str, mean: ArrayLike, visible: AbstractFamily, num_visible: int) -> Float[Array, " units"]:
    mean = jnp.asarray(mean, float)
    width = visible.num_units(visible.num_parameters(num_visible))
    if mean.shape != (width,):
        raise ValueError(f"expected {name} of shape ({width},), got {mean.shape}")
    least, largest = visible.bounds
    if not bool(((mean >= least) & (mean <= largest)).all()):
        raise ValueError(f"expected {name} in [{least}, {largest}], got values from {mean.min()} to {mean.max()}")
    return mean
