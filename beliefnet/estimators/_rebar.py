"""Control variates from a continuous relaxation of the draw."""

import math
from abc import abstractmethod
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from beliefnet._errors import ArgumentError
from beliefnet._naming import named
from beliefnet._net import BeliefNet
from beliefnet._numerics import softplus
from beliefnet._streams import split_key
from beliefnet._types import Key
from beliefnet.conditionals import MLP
from beliefnet.distributions import UnitKind
from beliefnet.estimators._driver_units import AbstractUnitEstimator, Layer, LayerCredit
from beliefnet.estimators.rules import SurrogateTerm
from beliefnet.samplers import Concrete

_LOG_TEMPERATURES = (math.log(1e-2), math.log(1e2))
"""Beyond these the slopes of a relaxed draw underflow, or it says nothing about the draw."""


class AbstractRelaxedControl(AbstractUnitEstimator):
    """REBAR's estimator for any control variate c of the relaxed draw z, of which the draw is h = 1[z > 0].

        (F(h) - s c(z')) grad log q(h) + s grad c(z) - s grad c(z')

    with z' another relaxed draw given h. Scale s, temperature and c are learnt: they descend the second moment of the
    estimate by the layer's logits, summed over units.
    """

    kinds: ClassVar[frozenset[UnitKind]] = frozenset({UnitKind.BINARY})
    log_temperature: Float[Array, " layers"]
    scale: Float[Array, " layers"]

    def _start(self, net: BeliefNet, num_particles: int, *, temperature: float, scale: float) -> None:
        """Set where every layer's temperature and scale start."""
        name, num_layers = type(self).__name__, len(net.layer_sizes)
        if not 1e-2 <= temperature <= 1e2:
            raise ArgumentError(
                f"expected {name} to have a {{option}} from 0.01 to 100, got {temperature}", "0.5", option="temperature"
            )
        if not math.isfinite(scale):
            raise ArgumentError(f"expected {name} to have a finite {{option}}, got {scale}", "1.0", option="scale")
        self.num_particles = num_particles
        self.log_temperature = jnp.full(num_layers, math.log(temperature))
        self.scale = jnp.full(num_layers, scale)
        self.check(net)

    @abstractmethod
    def control(self, layer: Layer, z: Float[Array, "particles batch units"], *, key: Key) -> Array:
        """Return the control variate, `[particles, batch]`, which depends on parameters of the net only through z."""

    def relaxed_signal(self, layer: Layer, z: Float[Array, "particles batch units"], *, key: Key) -> Array:
        """Return what a relaxed value brings; the layers above are relaxed as well."""
        temperature = jnp.exp(jnp.clip(self.log_temperature[layer.index], *_LOG_TEMPERATURES))
        return layer.signal_of(jax.nn.sigmoid(z / temperature), key=key, sampler=Concrete(temperature))

    @property
    def num_layers(self) -> int:
        """Those that it was made for."""
        return len(self.scale)

    def layer_credit(self, layer: Layer, *, key: Key) -> LayerCredit:
        """Credit logits, and let the control variate descend the second moment of that credit."""
        z_key, again_key, above_key = split_key(key, 3)
        logits, scale = layer.held_logits, self.scale[layer.index]
        free = _relaxed_given(layer.value, logits, key=z_key) - logits

        def at_first(logits: Array) -> Array:
            return self.control(layer, logits + free, key=above_key)

        def given_draw(logits: Array) -> Array:
            return self.control(layer, _relaxed_given(layer.value, logits, key=again_key), key=above_key)

        control, slope_given = _value_and_slope(given_draw, logits)
        _, slope = _value_and_slope(at_first, logits)
        score = (layer.signal - scale * control)[..., None] * (layer.value - jax.nn.sigmoid(logits))
        amount = score + scale * (slope - slope_given)
        ascent = -jnp.mean(jnp.sum(amount**2, axis=-1))
        return LayerCredit((SurrogateTerm(amount / self.num_particles, layer.logits),), ascent)


def _relaxed_given(
    value: Float[Array, "particles batch units"], logits: Float[Array, "particles batch units"], *, key: Key
) -> Float[Array, "particles batch units"]:
    """Draw z = logit + logistic noise, given whether it is positive; differentiable by the logits."""
    noise = jax.random.logistic(key, value.shape)
    return jnp.where(value > 0.5, softplus(noise + softplus(logits)), -softplus(noise + softplus(-logits)))


def _value_and_slope(function, logits: Float[Array, "particles batch units"]) -> tuple[Array, Array]:
    """Value of a function that treats rows apart, and its derivative by each row."""
    value, pull_back = jax.vjp(function, logits)
    return value, pull_back(jnp.ones_like(value))[0]


@named("rebar")
class REBAR(AbstractRelaxedControl):
    """The score function with the signal of the relaxed draw as its control variate: c(z) = F(sigmoid(z / T)).

    Unbiased for the ELBO, for binary layers, whatever temperature T and scale are; both are learnt, one of each per
    layer, by descending the second moment of the estimate (`estimator_learning_rate` in training). Costs, beside K
    passes, two relaxed passes with their derivatives per layer and particle.

    Args:
        net: The net to be trained.
        num_particles: Draws per datum.
        temperature: At the start; it is kept between 0.01 and 100.
        scale: At the start; 0 leaves the plain score function.

    Raises:
        ValueError: If `num_particles` is not positive, `temperature` not in [0.01, 100], `scale` not finite, or a
            layer not binary.

    Reference:
        Tucker, Mnih, Maddison, Lawson & Sohl-Dickstein 2017, *REBAR: low-variance, unbiased gradient estimates for
        discrete latent variable models*.
    """

    def __init__(self, net: BeliefNet, num_particles: int = 1, *, temperature: float = 0.5, scale: float = 1.0):
        self._start(net, num_particles, temperature=temperature, scale=scale)

    def control(self, layer: Layer, z: Float[Array, "particles batch units"], *, key: Key) -> Array:
        """Return the relaxed signal."""
        return self.relaxed_signal(layer, z, key=key)


@named("relax")
class RELAX(AbstractRelaxedControl):
    """REBAR with a network added to the control variate: c(z) = F(sigmoid(z / T)) + r(z).

    Unbiased for the ELBO, for binary layers, whatever is learnt. Costs as `REBAR`, and the network of each layer.

    Args:
        net: The net to be trained.
        num_particles: Draws per datum.
        key: Random key for the networks' weights.
        temperature: At the start; it is kept between 0.01 and 100.
        scale: At the start.
        num_units: Tanh units in the hidden layer of each network; its output starts at zero.

    Raises:
        ValueError: If `num_particles` or `num_units` is not positive, `temperature` not in [0.01, 100], `scale` not
            finite, or a layer not binary.

    Reference:
        Grathwohl, Choi, Wu, Roeder & Duvenaud 2018, *Backpropagation through the void: optimizing control variates for
        black-box gradient estimation*.
    """

    networks: tuple[MLP, ...]

    def __init__(
        self,
        net: BeliefNet,
        num_particles: int = 1,
        *,
        key: Key,
        temperature: float = 0.5,
        scale: float = 1.0,
        num_units: int = 100,
    ):
        self._start(net, num_particles, temperature=temperature, scale=scale)
        if num_units < 1:
            raise ArgumentError(f"expected {{option}} of at least 1, got {num_units}", "100", option="num_units")
        keys = split_key(key, len(net.layer_sizes))
        networks = (MLP((size, num_units, 1), jnp.tanh, key=k) for size, k in zip(net.layer_sizes, keys, strict=True))
        self.networks = tuple(
            eqx.tree_at(lambda n: n.layers[-1].weight, network, replace_fn=jnp.zeros_like) for network in networks
        )

    def control(self, layer: Layer, z: Float[Array, "particles batch units"], *, key: Key) -> Array:
        """Return the relaxed signal plus the network's output."""
        return self.relaxed_signal(layer, z, key=key) + self.networks[layer.index](z)[..., 0]
