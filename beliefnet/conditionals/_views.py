"""Views: how a layer sees the values of the layer that feeds it."""

import itertools
from abc import abstractmethod

import equinox as eqx
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Float

from beliefnet._frozen import Frozen


class AbstractView(eqx.Module):
    """What a network is shown of the values of a parent layer."""

    @property
    @abstractmethod
    def centre(self) -> Float[Array, "*#parents"] | None:
        """The values that are seen as zeros, such as the mean of the training data; None where that is no choice."""

    @property
    def may_show_bits(self) -> bool:
        """Whether all that is seen of a parent may have two values each, as bits do, of which maps are faster."""
        return True

    @abstractmethod
    def __call__(self, values: Float[Array, "*lead parents"]) -> Float[Array, "*lead parents"]:
        """Return what is seen of values."""


class AsIs(AbstractView):
    """The values themselves."""

    @property
    def centre(self) -> None:
        """None."""
        return None

    def __call__(self, values: Float[Array, "*lead parents"]) -> Float[Array, "*lead parents"]:
        """Return the values."""
        return values


class Centred(AbstractView):
    """The values with an offset subtracted, such as the mean of the training data.

    Args:
        offset: `[parents]`; it is saved with the net, and not trained.
    """

    offset: Frozen

    def __init__(self, offset: ArrayLike):
        self.offset = Frozen(offset)

    @property
    def centre(self) -> Float[Array, " parents"]:
        """The offset."""
        return self.offset.value

    def __call__(self, values: Float[Array, "*lead parents"]) -> Float[Array, "*lead parents"]:
        """Return `values - offset`."""
        return values - self.offset.value


class LogCounts(AbstractView):
    """The logarithm of one plus each count, or else the largest counts would drown the others.

    Args:
        mean: Mean counts, `[parents]`, whose log(1 + mean) is subtracted; by default nothing is. It is saved with the
            net, and not trained.
    """

    offset: Frozen | None

    def __init__(self, mean: ArrayLike | None = None):
        self.offset = None if mean is None else Frozen(jnp.log1p(jnp.asarray(mean, float)))

    @property
    def may_show_bits(self) -> bool:
        """False: counts have more values."""
        return False

    @property
    def centre(self) -> Float[Array, " parents"] | None:
        """The mean counts, if they were given."""
        return None if self.offset is None else jnp.expm1(self.offset.value)

    def __call__(self, values: Float[Array, "*lead parents"]) -> Float[Array, "*lead parents"]:
        """Return `log(1 + values)`, minus that of the mean."""
        seen = jnp.log1p(values)
        return seen if self.offset is None else seen - self.offset.value


class Signs(AbstractView):
    """Zeros and ones as -1 and 1.

    The net can express what it could before, but learns otherwise: with inputs centred at one half, a weight and the
    bias pull less on each other. Deep nets of binary units gain most, in speed and in units that stay in use.
    """

    @property
    def centre(self) -> Float[Array, ""]:
        """One half."""
        return jnp.asarray(0.5)

    def __call__(self, values: Float[Array, "*lead parents"]) -> Float[Array, "*lead parents"]:
        """Return `2 * values - 1`, floats also of whole numbers, of which bytes have no -1."""
        return 2.0 * values - 1


class Beside(AbstractView):
    """Parts of the values, each seen in its own way.

    Args:
        views: The views, in the order of the parts.
        widths: Width of each part.
    """

    views: tuple[AbstractView, ...]
    widths: tuple[int, ...] = eqx.field(static=True)

    @property
    def may_show_bits(self) -> bool:
        """Whether all of the views may."""
        return all(view.may_show_bits for view in self.views)

    @property
    def centre(self) -> Float[Array, " parents"]:
        """The centre of each view, zeros where it has none."""
        centres = [0.0 if view.centre is None else view.centre for view in self.views]
        return jnp.concatenate(
            [jnp.broadcast_to(centre, (width,)) for centre, width in zip(centres, self.widths, strict=True)]
        )

    def __call__(self, values: Float[Array, "*lead parents"]) -> Float[Array, "*lead parents"]:
        """Return what is seen of each part, side by side."""
        ends = list(itertools.accumulate(self.widths))
        parts = jnp.split(values, ends[:-1], axis=-1)
        return jnp.concatenate([view(part) for view, part in zip(self.views, parts, strict=True)], axis=-1)
