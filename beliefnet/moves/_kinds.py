"""Which moves suit which layers."""

from collections.abc import Sequence
from enum import Enum

import jax.numpy as jnp
import numpyro.distributions as dist
from numpyro.distributions import constraints

from beliefnet._errors import ArgumentError
from beliefnet.distributions import OneHot, UnitKind, check_kind, units
from beliefnet.moves._base import AbstractMove, InTurn
from beliefnet.moves._discrete import AbstractDiscreteMove
from beliefnet.moves._gibbs import GibbsWithGradients
from beliefnet.moves._hmc import HMC
from beliefnet.moves._langevin import DiscreteLangevin
from beliefnet.moves._path import PathAuxiliary


class DiscreteMoves(Enum):
    """How discrete layers are moved."""

    GIBBS = "gibbs"
    """Changes of one variable, one after another, each accepted or refused: Gibbs with gradients."""
    LANGEVIN = "langevin"
    """Discrete Langevin proposals, each of all variables."""
    PATH = "path"
    """Changes along a path, accepted or refused together."""

    def of(
        self, layers: tuple[int, ...], num_categories: tuple[int | None, ...], num_changes: int, step_size: float
    ) -> AbstractDiscreteMove:
        """Return the move of some layers.

        Args:
            layers: Which latent layers it moves, 0 being the bottom one.
            num_categories: Categories of each of their variables; None for binary units.
            num_changes: Changes one after another, proposals of all variables, or changes along a path on average.
            step_size: Of discrete Langevin proposals.
        """
        match self:
            case DiscreteMoves.GIBBS:
                return GibbsWithGradients(layers, num_categories, num_changes)
            case DiscreteMoves.LANGEVIN:
                return DiscreteLangevin(layers, num_categories, num_changes, step_size)
            case DiscreteMoves.PATH:
                return PathAuxiliary(layers, num_categories, num_changes)


def moves_for(
    layers: Sequence[dist.Distribution],
    *,
    num_changes: int,
    step_size: float,
    num_leapfrog: int,
    discrete: DiscreteMoves = DiscreteMoves.GIBBS,
    langevin_step: float = 0.2,
) -> AbstractMove:
    """Return what moves latents of any kinds: discrete layers first, then continuous ones.

    Args:
        layers: A distribution of each latent layer given the data alone, batch shape `[batch]`, bottom first: they say
            what kind each layer is, and how far to step in it.
        num_changes: Changes of discrete variables, as `DiscreteMoves` counts them.
        step_size: Leapfrog step, in standard deviations.
        num_leapfrog: Leapfrog steps.
        discrete: How discrete layers are moved.
        langevin_step: Step size of discrete Langevin proposals.

    Raises:
        ValueError: If a layer is neither discrete nor continuous on the whole real line.
    """
    for index, layer in enumerate(layers):
        _check_layer(layer, index)
    moves: list[AbstractMove] = []
    continuous = tuple(index for index, layer in enumerate(layers) if UnitKind.of(layer) is UnitKind.CONTINUOUS)
    others = tuple(index for index in range(len(layers)) if index not in continuous)
    if others:
        bases = [units(layers[index]) for index in others]
        num_categories = tuple(base.num_categories if isinstance(base, OneHot) else None for base in bases)
        moves.append(discrete.of(others, num_categories, num_changes, langevin_step))
    if continuous:
        scales = [jnp.sqrt(jnp.asarray(layers[index].variance)) for index in continuous]
        moves.append(HMC(continuous, step_size * jnp.concatenate(scales, axis=-1), num_leapfrog))
    return InTurn(tuple(moves))


def _check_layer(layer: dist.Distribution, index: int) -> None:
    place, advice = f" in latent layer {index + 1}", "the recognition net alone"
    check_kind("Annealed", UnitKind.of(layer), frozenset(UnitKind) - {UnitKind.OTHER}, advice, place=place)
    base = units(layer)
    if UnitKind.of(layer) is UnitKind.CONTINUOUS and base.support is not constraints.real:
        raise ArgumentError(
            f"expected continuous units that may take any real value for Annealed, got {type(base).__name__} "
            f"units{place}",
            f"{advice}",
        )
