"""Discrete Langevin proposals: all variables at once."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from beliefnet._streams import split_key
from beliefnet._types import Key, Values
from beliefnet.moves._discrete import AbstractDiscreteMove, Place, drawn


class DiscreteLangevin(AbstractDiscreteMove):
    """The Metropolis-adjusted discrete Langevin proposal: every variable of every layer draws a new value on its own.

        q_i(value | h) = softmax(gain_i(value) / 2 - |value - h_i|^2 / (2 step_size))

    with gains to first order, and values one-hot or bits: a change is 2 of squared distance for a one-hot variable and
    1 for a bit. All changes are accepted together, by the exact ratio of densities and proposals, or none is. Many bits
    change at the cost of one gradient; the smaller the step size, the fewer, and the more are accepted.

    Args:
        layers: Which latent layers it moves, 0 being the bottom one.
        num_categories: Categories of each of their variables; None for binary units.
        num_steps: Proposals made one after another.
        step_size: How far they go; positive.

    Reference:
        Zhang, Liu & Liu 2022, *A Langevin-like sampler for discrete distributions* (DMALA).
    """

    layers: tuple[int, ...] = eqx.field(static=True)
    num_categories: tuple[int | None, ...] = eqx.field(static=True)
    num_steps: int = eqx.field(static=True, default=1)
    step_size: float = eqx.field(static=True, default=0.2)

    @property
    def num_proposals(self) -> int:
        """As many as steps."""
        return self.num_steps

    def propose(self, here: Place, *, key: Key) -> tuple[Values, None]:
        """Draw every variable."""
        log_probs = self._log_probs(here)
        keys = split_key(key, len(log_probs))
        return tuple(drawn(logits, k) for logits, k in zip(log_probs, keys, strict=True)), None

    def log_prob(self, here: Place, values: Values, way: None) -> Float[Array, "particles batch"]:
        """Return the log-probability of the values of all variables."""
        pairs = zip(values, self._log_probs(here), strict=True)
        return sum(
            (jnp.sum(jnp.where(value > 0, log_prob, 0), axis=(-2, -1)) for value, log_prob in pairs),
            jnp.zeros_like(here.log_density),
        )

    def _log_probs(self, here: Place) -> Values:
        layers = zip(here.values, here.gains, self.num_categories, strict=True)
        return tuple(
            jax.nn.log_softmax(gain / 2 - (1 - value) * (1 if num is None else 2) / (2 * self.step_size), axis=-1)
            for value, gain, num in layers
        )
