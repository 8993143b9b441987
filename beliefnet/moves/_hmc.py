"""Hamiltonian Monte Carlo on continuous layers."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from beliefnet._streams import split_key
from beliefnet._types import Key, Values
from beliefnet.moves._base import AbstractMove, LogDensity, accepted, replaced, split_units
from beliefnet.moves._leapfrog import Phase, leapfrog

_JITTER = 0.2


class HMC(AbstractMove):
    """Hamiltonian Monte Carlo on continuous layers together: a new momentum, leapfrog steps, accepted or refused.

    Every trajectory has a step size of its own, within a fifth of what is asked for: where all are equally long, they
    may all come back to where they began.

    Args:
        layers: Which latent layers it moves, 0 being the bottom one.
        step_size: The leapfrog step of each unit, all layers side by side, `[batch, units]`; constant, or a function of
            the data alone.
        num_steps: Leapfrog steps, each of which costs a gradient.

    Reference:
        Neal 2011, *MCMC using Hamiltonian dynamics*.
    """

    layers: tuple[int, ...] = eqx.field(static=True)
    step_size: Float[Array, "batch units"]
    num_steps: int = eqx.field(static=True, default=5)

    def __call__(self, log_density: LogDensity, latents: Values, *, key: Key) -> Values:
        """Follow the dynamics once."""
        momentum_key, jitter_key, accept_key = split_key(key, 3)
        widths = [latents[layer].shape[-1] for layer in self.layers]

        def put(position: Array) -> Values:
            return replaced(latents, self.layers, split_units(position, widths))

        force = jax.grad(lambda position: log_density(put(position)).sum())
        position = jnp.concatenate([latents[layer] for layer in self.layers], axis=-1)
        momentum = jax.random.normal(momentum_key, position.shape, position.dtype)
        jitter = jax.random.uniform(jitter_key, (*position.shape[:-1], 1), minval=1 - _JITTER, maxval=1 + _JITTER)
        step_size = jitter * self.step_size
        end = leapfrog(force, Phase(position, momentum, force(position)), step_size, self.num_steps)
        log_ratio = log_density(put(end.position)) - log_density(latents)
        log_ratio += 0.5 * jnp.sum(momentum**2 - end.momentum**2, axis=-1)
        return put(accepted(log_ratio, end.position, position, key=accept_key))

    @property
    def reversal(self) -> "HMC":
        """Itself."""
        return self
