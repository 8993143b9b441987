"""Hamiltonian dynamics."""

from collections.abc import Callable

import equinox as eqx
import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Float

_LONGEST_KICK = 10.0
"""Beyond it the step is too long for the force, and the next ones would overflow; no valid step comes near."""


class Phase(eqx.Module):
    """A point in phase space.

    Attributes:
        position: All latent layers side by side, bottom first.
        momentum: As many numbers.
        force: The gradient of log p(x, h) at the position; it is kept so that no point asks for it twice.
    """

    position: Float[Array, "*lead units"]
    momentum: Float[Array, "*lead units"]
    force: Float[Array, "*lead units"]


def leapfrog(
    force: Callable[[Array], Array], start: Phase, step_size: Float[Array, "*#lead units"], num_steps: int
) -> Phase:
    """Follow Hamiltonian dynamics with unit mass: reversible, and preserves volume whatever the force.

    Each of its kicks and drifts moves half of the phase space by a function of the other half. What it keeps only to
    second order in the step size is the energy, v v / 2 - log p(x, h).
    """

    def kick(momentum: Array, force: Array) -> Array:
        return momentum + 0.5 * jnp.clip(step_size * force, -_LONGEST_KICK, _LONGEST_KICK)

    def step(phase: Phase, _: None) -> tuple[Phase, None]:
        momentum = kick(phase.momentum, phase.force)
        position = phase.position + step_size * momentum
        pull = force(position)
        return Phase(position, kick(momentum, pull), pull), None

    return lax.scan(step, start, length=num_steps)[0]
