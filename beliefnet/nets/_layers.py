"""Specifications: what each layer of a ready-made net is."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Float

from beliefnet._errors import ArgumentError, Use, check_type
from beliefnet.conditionals import AbstractNetwork, AbstractView, AsIs, Beside, Centred, LogCounts, Signs
from beliefnet.distributions import AbstractFamily, UnitKind, bernoulli
from beliefnet.nets._widths import widths

Direction: TypeAlias = Literal["model", "recognition"]


@dataclass(frozen=True)
class Connections:
    """Connections from each binary unit of a layer to those after it; at the start they say nothing.

    Attributes:
        of: The nets in which the layer has them: the model (the generative net), the recognition net, or both.
        hidden_units: Make them by so many sigmoid hidden units (a NADE); by default they are linear.

    Raises:
        ValueError: If there are no hidden units, or there is no such net.
    """

    of: tuple[Direction, ...] = ("model",)
    hidden_units: int | None = None

    def __post_init__(self):
        unknown = sorted(set(self.of) - {"model", "recognition"})
        if unknown:
            raise ArgumentError(
                f"expected connections of the model or the recognition net, got {', '.join(unknown)}", "('model',)"
            )
        if self.hidden_units is not None and self.hidden_units < 1:
            raise ArgumentError(
                f"expected {{option}} of at least 1, got {self.hidden_units}", "100", option="nade_units"
            )

    def check(self, family: AbstractFamily, place: str) -> None:
        """Check that units of a family can have them.

        Raises:
            ValueError: If the units are not binary.
        """
        if self.of and family.kind is not UnitKind.BINARY:
            raise ArgumentError(
                f"expected binary units to depend on each other, got {family.name} units in a {place} layer with "
                "connections",
                Use("autoregressive_visible", False) if place == "visible" else "binary units, or no connections",
            )


NO_CONNECTIONS = Connections(())


@dataclass(frozen=True)
class LatentLayer:
    """A latent layer of a net.

    Attributes:
        family: AbstractFamily of its units.
        size: Number of variables; a categorical one has a unit for each category.
        deterministic: Widths of deterministic layers between it and the layer below, going up; the generative net has
            them the other way round. None makes the maps affine.
        deterministic_recognition: Those of the recognition net, where it is to have others.
        connections: Between its units.
        signs: Whether the maps see its units, if they are binary, as -1 and 1 (Maddison et al. 2017 do), not as 0 and
            1.
        mean: Probability of its units at the start in both nets, if they are binary, in (0, 1); wake-sleep is faster
            with a small one.

    Raises:
        ValueError: If a mean is not in (0, 1), or of units that are not binary, or units that are not binary are to
            have connections.
    """

    family: AbstractFamily
    size: int
    deterministic: Sequence[int] = ()
    deterministic_recognition: Sequence[int] | None = None
    connections: Connections = NO_CONNECTIONS
    signs: bool = True
    mean: float = 0.5

    def __post_init__(self):
        widths("deterministic", self.deterministic)
        if self.deterministic_recognition is not None:
            widths("deterministic_recognition", self.deterministic_recognition)
        if not 0 < self.mean < 1:
            raise ArgumentError(f"expected {{option}} between 0 and 1, got {self.mean}", "0.5", option="latent_mean")
        if self.mean != 0.5 and not self.is_binary:
            raise ArgumentError(
                f"expected binary latents for {{option}} {self.mean}, got none", "leaving it out", option="latent_mean"
            )
        self.connections.check(self.family, "latent")

    @property
    def is_binary(self) -> bool:
        """Whether its units are zeros and ones, each with a logit."""
        return self.family.kind is UnitKind.BINARY

    @property
    def view(self) -> AbstractView:
        """How the maps see its units."""
        return Signs() if self.signs and self.is_binary else AsIs()

    @property
    def going_up(self) -> tuple[int, ...]:
        """Widths of the deterministic layers of the recognition net."""
        own = self.deterministic_recognition
        return tuple(self.deterministic if own is None else own)

    @property
    def going_down(self) -> tuple[int, ...]:
        """Widths of the deterministic layers of the generative net."""
        return tuple(self.deterministic[::-1])

    @property
    def num_parameters(self) -> int:
        """How many parameters its units have."""
        return self.family.num_parameters(self.size)

    @property
    def num_units(self) -> int:
        """Width of the layer."""
        return self.family.num_units(self.num_parameters)

    @property
    def start(self) -> Float[Array, ""] | None:
        """What is added to the biases of its units at the start: the logit of its mean, None where that is 0."""
        return None if self.mean == 0.5 else jnp.asarray(math.log(self.mean / (1 - self.mean)))

    def seen_by(self, network: AbstractNetwork) -> AbstractNetwork:
        """Return a network that sees its units such that they say nothing at their mean."""
        if self.mean == 0.5 or not self.signs:
            return network
        return network.recentred(jnp.full(self.num_units, 2 * self.mean - 1))


@dataclass(frozen=True, eq=False)
class VisibleLayer:
    """The observation of a net.

    The mean of the training data is worth giving twice: learning is faster when the recognition net sees centred data
    and the visible biases start where the data's mean is. Of counts the recognition net sees log(1 + count).

    Attributes:
        size: Number of observed variables; a categorical one has a unit for each category.
        family: AbstractFamily of its units.
        mean: The visible biases start where the mean of the units is this, `[units]`: for bits at its logits, for
            counts at logarithms, for grey values at the mean itself.
        input_mean: Subtracted from what the recognition net sees, `[units]`.
        num_rows: Of how many rows the means are, if that is known: how rare what never occurred is at the start.
        connections: Between its units, in the generative net.

    Raises:
        ValueError: If the size is not positive, a mean is not `[units]` or outside the bounds of the family, or units
            that are not binary are to have connections.
    """

    size: int
    family: AbstractFamily = bernoulli
    mean: ArrayLike | None = None
    input_mean: ArrayLike | None = None
    num_rows: int | None = None
    connections: Connections = NO_CONNECTIONS

    def __post_init__(self):
        check_type("the number of visible units", self.size, int, np.integer, good="the width of the data")
        if self.size < 1:
            raise ArgumentError(f"expected at least 1 visible unit, got {self.size}", "the width of the data")
        self.connections.check(self.family, "visible")
        for name, mean in (("visible_mean", self.mean), ("input_mean", self.input_mean)):
            if mean is not None:
                self._check_mean(name, np.asarray(mean, np.float32))

    @property
    def num_parameters(self) -> int:
        """How many parameters its units have."""
        return self.family.num_parameters(self.size)

    @property
    def num_units(self) -> int:
        """Width of the observation."""
        return self.family.num_units(self.num_parameters)

    @property
    def view(self) -> AbstractView:
        """How the recognition net sees it."""
        parts = self.family.side_by_side(self.size)
        widths = tuple(family.num_units(family.num_parameters(size)) for family, size in parts)
        if len(parts) == 1:
            return _view(parts[0][0], self.input_mean)
        mean = None if self.input_mean is None else np.asarray(self.input_mean)
        means = [None] * len(parts) if mean is None else np.split(mean, np.cumsum(widths)[:-1])
        return Beside(tuple(_view(family, part) for (family, _), part in zip(parts, means, strict=True)), widths)

    def seen_by(self, network: AbstractNetwork) -> AbstractNetwork:
        """Return a network that sees it: as it is."""
        return network

    @property
    def start(self) -> Float[Array, " parameters"]:
        """The biases that its units start from."""
        if self.mean is None:
            return self.family.neutral(self.size)
        return _starting(self.family, np.asarray(self.mean, float), self.num_rows)

    def _check_mean(self, name: str, mean: np.ndarray) -> None:
        if mean.shape != (self.num_units,):
            raise ArgumentError(
                f"expected {name} of shape ({self.num_units},), got {mean.shape}", "the mean of the data over rows"
            )
        least, largest = self.family.bounds
        if not ((mean >= least) & (mean <= largest)).all():
            raise ArgumentError(
                f"expected {name} in [{least}, {largest}], got values from {mean.min()} to {mean.max()}",
                "the mean of the data as the net sees them",
            )


def _view(family: AbstractFamily, mean: ArrayLike | None) -> AbstractView:
    """Return how units of one family are seen."""
    if family.values == "counts":
        return LogCounts(mean)
    return AsIs() if mean is None else Centred(mean)


@eqx.filter_jit
def _starting(family: AbstractFamily, mean: Float[np.ndarray, " units"], num_rows: int | None) -> Float[Array, "..."]:
    return family.starting(jnp.asarray(mean), num_rows)
