"""Every joint state of a small net's latent layers."""

import itertools
import math

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jax import Array
from jaxtyping import Float

from beliefnet._net import BeliefNet
from beliefnet._types import Values
from beliefnet.distributions import Kind, OneHot, units

_MAX_STATES = 2**20
_NUM_NODES = 32


class Enumeration(eqx.Module):
    """Every joint state of the latents, scored for a batch of observations, in nats.

    Attributes:
        latents: One array `[states, 1 or batch, units]` per latent layer, bottom first.
        log_p: log p(x, h) of each state, `[states, batch]`.
        log_q: log q(h | x) of each state, `[states, batch]`.
        log_mass: Log of what each state counts for in an expectation under q, `[states, batch]`: log q(h | x) where all
            layers are discrete, with quadrature weights in the place of a continuous layer's density.
    """

    latents: Values
    log_p: Float[Array, "states batch"]
    log_q: Float[Array, "states batch"]
    log_mass: Float[Array, "states batch"]

    @property
    def log_weight(self) -> Float[Array, "states batch"]:
        """The log importance weight of each state."""
        return self.log_p - self.log_q


def enumerate_latents(net: BeliefNet, x: Float[Array, "batch visible"]) -> Enumeration:
    """Score every joint state of a net's latents: every value of discrete units, quadrature nodes of normal ones.

    Normal layers are integrated under q(h_l | h_(l-1)) by Gauss-Hermite quadrature with 32 nodes per unit. That is
    accurate where log p(x, h) is smooth on the scale of q, and only for expectations under q; nodes move with the
    parameters, so that derivatives are those of the integral.

    Args:
        net: A net with at most 2^20 joint states in all latent layers together.
        x: Observations, `[batch, visible]`.

    Raises:
        ValueError: If the net has too many states, or units that are neither discrete nor normal.
    """
    num_states = count_states(net)
    if num_states > _MAX_STATES:
        raise ValueError(
            f"expected a net with at most {_MAX_STATES} joint latent states to enumerate, got {num_states} in layers "
            f"{net.layer_sizes}; try importance sampling with evaluation.evaluate"
        )
    latents: tuple[Array, ...] = ()
    below, log_mass = x[None], jnp.zeros((1, x.shape[0]))
    for conditional in net.recognition.conditionals:
        distribution = conditional(below)
        points, log_counts = _points(distribution)
        latents = tuple(jnp.repeat(value, len(points), axis=0) for value in latents)
        below = jnp.broadcast_to(points, (len(points), log_mass.shape[0], *points.shape[2:]))
        below = below.swapaxes(0, 1).reshape(-1, *points.shape[2:])
        log_mass = (log_mass[:, None] + log_counts.swapaxes(0, 1)).reshape(-1, x.shape[0])
        latents = (*latents, below)
    log_p, log_q = net.log_joint(x, latents).sum(axis=-1), net.log_recognition(x, latents).sum(axis=-1)
    return Enumeration(latents, log_p, log_q, log_mass)


def count_states(net: BeliefNet) -> int:
    """Return the number of joint latent states, a normal unit counting as the nodes of its quadrature.

    Raises:
        ValueError: If there are units that are neither discrete nor normal.
    """
    counts = []

    def look(layer: int, recognised: dist.Distribution, _: dist.Distribution) -> None:
        values, size = _values(recognised, net.layer_sizes[layer - 1])
        counts.append(len(values) ** size)

    net.show_latents(look)
    return math.prod(counts)


def _points(
    distribution: dist.Distribution,
) -> tuple[Float[Array, "points _ _ units"], Float[Array, "points _ _"]]:
    """Values of one layer, and the log of what each counts for, over the states before and the batch (or 1)."""
    base = units(distribution)
    table, log_counts = _table(base, distribution.event_shape[0])
    points = jnp.asarray(table)[:, None, None, :]
    if isinstance(base, dist.Normal):
        mean, scale = jnp.asarray(base.loc), jnp.asarray(base.scale)
        return mean + scale * points, jnp.asarray(log_counts)[:, None, None]
    return points, distribution.log_prob(points)  # pyright: ignore[reportReturnType]


def _table(base: dist.Distribution, num_units: int) -> tuple[np.ndarray, np.ndarray]:
    """Joint values of a layer's units, `[points, units]`, and log quadrature weights; normal units are standardised."""
    values, size = _values(base, num_units)
    chosen = np.array(list(itertools.product(range(len(values)), repeat=size)))
    log_weights = np.zeros(len(values))
    if isinstance(base, dist.Normal):
        weights = np.polynomial.hermite_e.hermegauss(_NUM_NODES)[1]
        log_weights = np.log(weights / math.sqrt(2 * math.pi))
    table = values[chosen].reshape(len(chosen), num_units)
    return table.astype(np.float32), log_weights[chosen].sum(axis=1).astype(np.float32)


def _values(base: dist.Distribution, num_units: int) -> tuple[np.ndarray, int]:
    """Values of one variable, `[values, units of it]`, and the number of variables in a layer."""
    if isinstance(base, OneHot):
        return np.eye(base.num_categories), num_units // base.num_categories
    if isinstance(base, dist.Normal):
        return np.polynomial.hermite_e.hermegauss(_NUM_NODES)[0][:, None], num_units
    if Kind.of(base).factorial is Kind.BINARY:
        return np.array([[0.0], [1.0]]), num_units
    raise ValueError(f"expected discrete or normal latents to enumerate, got {type(base).__name__} units")
