"""The largest of many numbers that come a few at a time."""

import equinox as eqx
import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Float, Int


class Largest(eqx.Module):
    """The largest numbers of each datum so far.

    Numbers that came wait until there is no more room for them, and are sorted in together: to sort a few of them in
    among many, again and again, takes as long as drawing them.

    Attributes:
        kept: The largest of those that do not wait, largest first, `[batch, size]`.
        waiting: Those that wait, in the order in which they came, and -inf, `[batch, room]`.
        count: How many wait.
    """

    kept: Float[Array, "batch size"]
    waiting: Float[Array, "batch room"]
    count: Int[Array, ""]

    @classmethod
    def start(cls, batch: int, size: int, room: int = 0) -> "Largest":
        """Return what is known before any number came: -inf.

        Args:
            batch: Number of data.
            size: How many of the largest are kept.
            room: How many numbers can wait; what is more than that is sorted in at once.
        """
        return cls(jnp.full((batch, size), -jnp.inf), jnp.full((batch, room), -jnp.inf), jnp.zeros((), jnp.int32))

    def add(self, values: Float[Array, "batch new"]) -> "Largest":
        """Return the largest with some more numbers."""
        num, room = values.shape[1], self.waiting.shape[1]
        nothing = jnp.full_like(self.waiting, -jnp.inf)
        if num > room:
            return Largest(self._with(values), nothing, jnp.zeros_like(self.count))
        is_full = self.count + num > room
        kept, waiting = lax.cond(is_full, lambda: (self.values, nothing), lambda: (self.kept, self.waiting))
        start = jnp.where(is_full, 0, self.count)
        return Largest(kept, lax.dynamic_update_slice(waiting, values, (jnp.zeros_like(start), start)), start + num)

    @property
    def values(self) -> Float[Array, "batch size"]:
        """The largest so far, largest first; -inf where fewer have come."""
        return self._with(self.waiting[:, :0])

    def _with(self, values: Float[Array, "batch new"]) -> Float[Array, "batch size"]:
        every = jnp.concatenate([self.kept, self.waiting, values], axis=1)
        return lax.top_k(every, self.kept.shape[1])[0]
