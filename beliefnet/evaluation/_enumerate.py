"""Every joint state of a small net's latent layers."""

import math

import equinox as eqx
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from beliefnet._errors import ArgumentError
from beliefnet._net import BeliefNet
from beliefnet._numerics import broadcasting
from beliefnet._types import Values
from beliefnet.evaluation._observe import DataLike, observe_rows

_MAX_STATES = 2**20
_MAX_NUMBERS = 2**28


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


@broadcasting
def enumerate_latents(net: BeliefNet, data: DataLike) -> Enumeration:
    """Score every joint state of a net's latents: every value of discrete units, quadrature nodes of normal ones.

    Normal layers are integrated under q(h_l | h_(l-1)) by Gauss-Hermite quadrature with 32 nodes per unit. That is
    accurate where log p(x, h) is smooth on the scale of q, and only for expectations under q; nodes move with the
    parameters, so that derivatives are those of the integral.

    Args:
        net: A net with at most 2^20 joint states in all latent layers together.
        data: Rows `[batch, visible]`: anything that `observe` takes.

    Raises:
        DataError: If the data are not what the net is a model of.
        ValueError: If the net has too many states, or they would not fit in memory with the data, or units are neither
            discrete nor normal.
    """
    x = observe_rows(net, data)
    check_states(net, len(x))
    latents: tuple[Array, ...] = ()
    below, log_mass = x[None], jnp.zeros((1, x.shape[0]))
    for conditional in net.recognition.conditionals:
        points, log_counts = conditional.units.points_under(conditional(below))
        latents = tuple(jnp.repeat(value, len(points), axis=0) for value in latents)
        below = jnp.broadcast_to(points, (len(points), log_mass.shape[0], *points.shape[2:]))
        below = below.swapaxes(0, 1).reshape(-1, *points.shape[2:])
        log_mass = (log_mass[:, None] + log_counts.swapaxes(0, 1)).reshape(-1, x.shape[0])
        latents = (*latents, below)
    log_p, log_q = net.log_joint(x, latents), net.log_recognition(x, latents)
    return Enumeration(latents, log_p, log_q, log_mass)


def check_states(net: BeliefNet, num_data: int) -> int:
    """Return the number of joint latent states, before any of them is made.

    Raises:
        ValueError: If there are too many, or they would not fit in memory with so many data, or units are neither
            discrete nor normal.
    """
    num_states = count_states(net)
    if num_states > _MAX_STATES:
        raise ArgumentError(
            f"expected a net with at most {_MAX_STATES} joint latent states to enumerate, got {num_states} in layers "
            f"{net.layer_sizes}",
            "importance sampling with evaluation.evaluate",
        )
    numbers = num_states * max(net.num_visible, *net.layer_sizes, 1) * num_data
    if numbers > _MAX_NUMBERS:
        raise ArgumentError(
            f"expected states and data that fit in memory, got {num_states} latent states for {num_data} data of "
            f"{net.num_visible} units",
            f"{max(1, num_data * _MAX_NUMBERS // numbers)} data at a time",
        )
    return num_states


def count_states(net: BeliefNet) -> int:
    """Return the number of joint latent states, a normal unit counting as the nodes of its quadrature.

    Raises:
        ValueError: If there are units that are neither discrete nor normal.
    """
    return math.prod(layer.units.num_points(layer.num_units) for layer in net.recognition.conditionals)
