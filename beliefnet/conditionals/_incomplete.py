"""Layers next to data of which entries are missing, which NaN says: the data's own and the one that they feed."""

from typing import Any

import jax.numpy as jnp
import numpyro.distributions as dist
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Float

from beliefnet._frozen import Frozen
from beliefnet.conditionals._base import AbstractConditional, AbstractWrapper
from beliefnet.conditionals._observed import ObservedUnits
from beliefnet.distributions import each_unit


class KnownUnits(dist.Independent):
    """Independent units as one event, of which the log-probability counts those that are not NaN in a value."""

    def log_prob(self, value: Any, intermediates: Any = None) -> Float[Array, "..."]:
        """Return the log-probability of the units that are there, together, in nats."""
        return ObservedUnits(self.base_dist, ~jnp.isnan(value)).log_prob(value)


class Incomplete(AbstractWrapper):
    """A conditional whose log-probability counts the units that are not NaN: which they are may differ by datum.

    At the bottom of a generative chain it turns log p(x, h) into log p(observed part of x, h). Unlike `Observed`, it
    reads from the data what was observed, so that a net can be trained on incomplete rows.

    Args:
        conditional: The layer, of independent units.

    Raises:
        ValueError: When called, if the layer's units do not have a log-probability each.
    """

    conditional: AbstractConditional

    @property
    def whole(self) -> AbstractConditional:
        """The layer of complete data."""
        return self.conditional

    @property
    def takes_missing(self) -> bool:
        """True."""
        return True

    def parameters_given(self, parent: Float[Array, "*lead parents"] | None) -> Float[Array, "*#lead parameters"]:
        """Return the parameters of all units."""
        return self.conditional.parameters_given(parent)

    def __call__(self, parent: Float[Array, "*lead parents"] | None) -> dist.Distribution:
        """Return the layer's distribution; its log-probability counts what is not NaN."""
        return KnownUnits(each_unit(self.conditional(parent)), 1)


class Filled(AbstractWrapper):
    """A conditional that sees a fixed value in the place of each NaN of its parent, or NaN itself if it marks it.

    Other entries it sees as they are, or as the nearest end of a range: what a recognition net says of values far from
    those that it was trained on is arbitrary.

    Args:
        conditional: The layer.
        fill: What it sees, `[parents]`; it is saved with the net, and not trained.
        span: The least and the largest values that it sees, `[parents]` each, likewise; by default there are none.
    """

    conditional: AbstractConditional
    fill: Frozen
    span: tuple[Frozen, Frozen] | None = None

    def __init__(
        self, conditional: AbstractConditional, fill: ArrayLike, span: tuple[ArrayLike, ArrayLike] | None = None
    ):
        self.conditional, self.fill = conditional, Frozen(fill)
        self.span = None if span is None else (Frozen(span[0]), Frozen(span[1]))

    @property
    def whole(self) -> AbstractConditional:
        """The layer of complete data."""
        return self.conditional

    def seen(self, parent: Float[Array, "*lead parents"]) -> Float[Array, "*lead parents"]:
        """Return what the layer sees of its parent."""
        return self.conditional.seen(self._filled(parent))

    def parameters_given(self, parent: Float[Array, "*lead parents"] | None) -> Float[Array, "*#lead parameters"]:
        """Return the parameters of the units given the parent, filled in."""
        return self.conditional.parameters_given(self._filled(parent))

    def __call__(self, parent: Float[Array, "*lead parents"] | None) -> dist.Distribution:
        """Return the distribution of the units given the parent, filled in."""
        return self.conditional(self._filled(parent))

    def _filled(self, parent: Float[Array, "*lead parents"] | None) -> Float[Array, "*lead parents"]:
        assert parent is not None
        is_filled = jnp.isnan(parent) & (not self.conditional.marks_missing)
        filled = jnp.where(is_filled, self.fill.value, parent)
        return filled if self.span is None else jnp.clip(filled, self.span[0].value, self.span[1].value)
