"""An ordered run of conditionals, each fed the value drawn by the one before it."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jax import Array
from jaxtyping import Float

from beliefnet._errors import ArgumentError
from beliefnet._numerics import broadcasting
from beliefnet._streams import check_key
from beliefnet._types import Key, Values
from beliefnet.conditionals import AbstractConditional
from beliefnet.samplers import AbstractSampler


class Draw(eqx.Module):
    """What a chain drew, in the chain's own order, and how probable each layer's value was.

    Attributes:
        values: One array `[*lead, units]` per conditional.
        log_probs: Log-probability of each value given its parent, `[*lead, layers]`, in nats.
    """

    values: Values
    log_probs: Float[Array, "*lead layers"]


class Chain(eqx.Module):
    """Conditionals in the order in which they are drawn.

    A generative chain starts with a `Prior`, or in a conditional net with a layer that the condition feeds, and ends at
    the observation; a recognition chain starts at the first latent layer, and is empty in a net without latents.

    Raises:
        ValueError: If the width of a layer is not what the next conditional takes.
    """

    conditionals: tuple[AbstractConditional, ...]

    def __check_init__(self):
        for index, (below, above) in enumerate(zip(self.conditionals[:-1], self.conditionals[1:], strict=True)):
            if below.num_units != above.num_parents:
                raise ArgumentError(
                    f"expected conditional {index + 1} to take the {below.num_units} units of conditional {index}, "
                    f"got one that takes {above.num_parents}",
                    "equal sizes",
                )

    def __len__(self) -> int:
        return len(self.conditionals)

    @broadcasting
    def draw(
        self,
        parent: Float[Array, "batch inputs"] | None,
        shape: tuple[int, ...] = (),
        *,
        sampler: AbstractSampler,
        key: Key,
    ) -> Draw:
        """Draw every layer in turn, and score what was drawn in the same pass.

        Args:
            parent: What feeds the first conditional, `[batch, inputs]`, or None for a prior. It is used once,
                however many draws `shape` asks for.
            shape: Extra leading axes of the draw, for example `(particles,)`.
            sampler: How each layer is drawn.
            key: Random key; each layer gets its own.
        """
        check_key(key)
        if not self.conditionals:
            lead = () if parent is None else parent.shape[:-1]
            return Draw((), jnp.zeros((*shape, *lead, 0)))
        values, log_probs = [], []
        for conditional, layer_key in zip(self.conditionals, jax.random.split(key, len(self)), strict=True):
            distribution = conditional(parent)
            parent = sampler(distribution, shape, key=layer_key)
            values.append(parent)
            log_probs.append(distribution.log_prob(parent))
            shape = ()
        return Draw(tuple(values), jnp.stack(log_probs, axis=-1))

    @broadcasting
    def distributions(self, parent: Float[Array, "*lead inputs"] | None, values: Values) -> list[dist.Distribution]:
        """Return each conditional's distribution given the values of the layer before it."""
        parents = (parent, *values)[: len(values)]
        return [conditional(given) for conditional, given in zip(self.conditionals, parents, strict=True)]

    @broadcasting
    def means(self, parent: Float[Array, "*lead inputs"]) -> Values:
        """Return the mean of each layer; means, not draws, are fed to the next."""
        means = []
        for conditional in self.conditionals:
            parent = conditional.mean_given(parent)
            means.append(parent)
        return tuple(means)

    @broadcasting
    def log_probs(
        self, parent: Float[Array, "... inputs"] | None, values: Values, *, by_distributions: bool = False
    ) -> Float[Array, "*lead layers"]:
        """Return the log-probability of each value given the one before it, `[*lead, layers]`, in nats.

        Args:
            parent: What feeds the first conditional, or None for a prior.
            values: One of each conditional.
            by_distributions: Whether values are scored by the layers' distributions, which draws from the chain in the
                same program share, and not by `log_prob_given`, which may do without.
        """
        if not values:
            return jnp.zeros((*(() if parent is None else parent.shape[:-1]), 0))
        parents = (parent, *values)[: len(values)]
        layers = zip(self.conditionals, parents, values, strict=True)
        terms = [c(p).log_prob(v) if by_distributions else c.log_prob_given(p, v) for c, p, v in layers]
        return jnp.stack(jnp.broadcast_arrays(*terms), axis=-1)
