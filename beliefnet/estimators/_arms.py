"""Estimators from more than two antithetic draws."""

from typing import ClassVar

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jax import Array
from jaxtyping import Float

from beliefnet._naming import named
from beliefnet._net import BeliefNet
from beliefnet._streams import split_key
from beliefnet._types import Key
from beliefnet.distributions import UnitKind, units
from beliefnet.estimators._driver_units import AbstractUnitEstimator, Layer, LayerCredit
from beliefnet.estimators.rules import SurrogateTerm
from beliefnet.samplers import Plain, Sampler


class _Coupled(Sampler):
    """Exact draws of bits that are antithetic along the first axis of the shape that is asked for."""

    kinds: ClassVar[frozenset[UnitKind]] = frozenset({UnitKind.BINARY})
    has_derivative: ClassVar[bool] = False

    def _draw(
        self, distribution: dist.Distribution, shape: tuple[int, ...], *, key: Key
    ) -> Float[Array, "*lead units"]:
        if not shape:
            return Plain()(distribution, key=key)
        first_key, others_key = split_key(key)
        logits = jax.lax.stop_gradient(units(distribution).logits)  # pyright: ignore[reportAttributeAccessIssue]
        first = jax.random.uniform(first_key, (*shape[1:], *logits.shape))
        others = _antithetic_to(first, shape[0] - 1, key=others_key)
        return _bits(jnp.concatenate([first[None], others]), logits)


def _antithetic_to(first: Float[Array, "*lead"], count: int, *, key: Key) -> Float[Array, "count *lead"]:
    """Draw further uniform numbers of the Dirichlet copula, given the first.

    Shares of a whole that are uniform on the simplex repel each other; (1 - share) ** count is uniform.
    """
    share = 1 - first ** (1 / count)
    noise = jax.random.exponential(key, (count, *first.shape))
    rest = (1 - share) * noise / noise.sum(axis=0)
    return (1 - rest) ** count


def _bits(uniforms: Float[Array, "*lead"], logits: Float[Array, "*#lead"]) -> Float[Array, "*lead"]:
    """The rarer of the two values where a number is below its probability: rare ones repel each other most."""
    is_rare = uniforms < jax.nn.sigmoid(-jnp.abs(logits))
    return jnp.where(logits > 0, ~is_rare, is_rare).astype(uniforms.dtype)


def _uniforms_given(value: Float[Array, "*lead"], logits: Float[Array, "*lead"], *, key: Key) -> Float[Array, "*lead"]:
    """Draw a number of which `_bits` makes the value."""
    p = jax.nn.sigmoid(logits)
    v = jax.random.uniform(key, p.shape)
    u = jnp.where(value > 0.5, v * p, p + v * (1 - p))
    return jnp.where(logits > 0, 1 - u, u)


def _less_correlation(logits: Float[Array, "*lead"], count: int) -> Float[Array, "*lead"]:
    """1 / (1 - rho), rho being the correlation of two of the coupled bits, of which there are 1 + `count`.

    With r the probability of the rarer value, both have it with probability (2 r ** (1 / count) - 1) ** count, or 0.
    """
    distance = jnp.abs(logits)
    both_given_one = jnp.maximum(0, 2 - jnp.exp(-jax.nn.log_sigmoid(-distance) / count)) ** count
    return jax.nn.sigmoid(distance) / (1 - both_given_one)


@named("arms")
class ARMS(AbstractUnitEstimator):
    """Leave-one-out REINFORCE with antithetic draws, and without the bias of their correlation.

        sum over draws n of (F(h_n) - mean F) h_n / ((N - 1) (1 - rho))

    with F the local signal, and rho, of each unit, the correlation of two of its N draws, which a Dirichlet copula
    couples. With independent draws it would be `Reinforce`; with two it is `DisARM`. Unbiased for the ELBO, for binary
    layers. The particles themselves are coupled in the lowest layer, so that one layer costs K passes; from each
    layer above, K (K - 1) more go through the rest of the net.

    Args:
        net: The net to be trained.
        num_particles: Draws per datum, K, at least 2; as many are coupled in each layer.

    Raises:
        ValueError: If there are fewer than two particles, or a layer is not binary.

    Reference:
        Dimitriev & Zhou 2021, *ARMS: antithetic-REINFORCE-multi-sample gradient for binary variables*.
    """

    kinds: ClassVar[frozenset[UnitKind]] = frozenset({UnitKind.BINARY})
    least_particles: ClassVar[int] = 2
    sampler: ClassVar[Sampler] = _Coupled()

    def __init__(self, net: BeliefNet, num_particles: int = 4):
        AbstractUnitEstimator.__init__(self, net, num_particles)

    def layer_credit(self, layer: Layer, *, key: Key) -> LayerCredit:
        """Credit logits with what each of the coupled draws brings beyond all of them."""
        count = self.num_particles - 1
        if layer.shares_parent:
            # The particles were drawn together: one set of draws.
            values, signals, logits = layer.value[:, None], layer.signal[:, None], layer.held_logits[:1]
        else:
            values, signals, logits = *_around(layer, count, key=key), layer.held_logits
        gain = (signals - signals.mean(axis=0))[..., None]
        amount = jnp.sum(gain * (values - values.mean(axis=0)), axis=0) * _less_correlation(logits, count) / count
        return LayerCredit((SurrogateTerm(amount / amount.shape[0], layer.logits),))


def _around(
    layer: Layer, count: int, *, key: Key
) -> tuple[Float[Array, "draws particles batch units"], Float[Array, "draws particles batch"]]:
    """Each particle's draw with others that are antithetic to it, and what they bring."""
    uniform_key, above_key, others_key = split_key(key, 3)
    first = _uniforms_given(layer.value, layer.held_logits, key=uniform_key)
    others = _bits(_antithetic_to(first, count, key=others_key), layer.held_logits)
    brought = jax.vmap(lambda value: layer.signal_of(value, key=above_key, sampler=Plain()))(others)
    return jnp.concatenate([layer.value[None], others]), jnp.concatenate([layer.signal[None], brought])
