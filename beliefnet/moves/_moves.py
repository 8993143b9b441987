"""Markov moves of whole configurations that leave a density as it is, for every particle of every datum on its own."""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jax import Array, lax
from jaxtyping import Float
from numpyro.distributions import constraints

from beliefnet._errors import ArgumentError
from beliefnet._streams import split_key
from beliefnet._types import Key, Values
from beliefnet.distributions import OneHot, UnitKind, check_kind, units
from beliefnet.moves._leapfrog import Phase, leapfrog

_JITTER = 0.2

T = TypeVar("T")

LogDensity = Callable[[Values], Float[Array, "particles batch"]]
"""Takes latents `[particles, batch, units]`, bottom first; gives a log-density up to a constant per datum, in nats."""


class Move(eqx.Module):
    """A random transition that leaves exp(log_density) invariant, whichever log-density it is given."""

    @abstractmethod
    def __call__(self, log_density: LogDensity, latents: Values, *, key: Key) -> Values:
        """Move every particle of every datum.

        Args:
            log_density: What is left invariant.
            latents: Where the particles are, `[particles, batch, units]` per latent layer, bottom first.
            key: Random key.
        """

    @property
    @abstractmethod
    def reversal(self) -> "Move":
        """What runs it backwards in time in equilibrium: itself, where it is in detailed balance."""


class InTurn(Move):
    """Moves one after another: even where each is in detailed balance, their composition is not."""

    moves: tuple[Move, ...]

    def __call__(self, log_density: LogDensity, latents: Values, *, key: Key) -> Values:
        """Make the moves, the first one first."""
        for move, move_key in zip(self.moves, split_key(key, len(self.moves)), strict=True):
            latents = move(log_density, latents, key=move_key)
        return latents

    @property
    def reversal(self) -> "InTurn":
        """The reversals, the last one first."""
        return InTurn(tuple(move.reversal for move in self.moves[::-1]))


class _Place(eqx.Module):
    """Values of the discrete layers, `[particles, batch, variables, categories]` each, and what a move asks there."""

    values: Values
    log_density: Float[Array, "particles batch"]
    slopes: Values


class GibbsWithGradients(Move):
    """Metropolis-Hastings on discrete layers, one variable at a time, where the gradient says which.

        q(change | h) = softmax(gain / 2),  over every change of one variable of any of the layers

    with gains to first order. A change is accepted by the exact ratio of densities and proposals: what the expansion
    gets wrong costs speed and nothing else. Each change costs one gradient, and the first one another.

    Args:
        layers: Which latent layers it moves, 0 being the bottom one.
        num_categories: Categories of each of their variables; None for binary units.
        num_changes: Changes proposed one after another.

    Reference:
        Grathwohl et al. 2021, *Oops I took a gradient: scalable sampling for discrete distributions*.
    """

    layers: tuple[int, ...] = eqx.field(static=True)
    num_categories: tuple[int | None, ...] = eqx.field(static=True)
    num_changes: int = eqx.field(static=True, default=1)

    def __call__(self, log_density: LogDensity, latents: Values, *, key: Key) -> Values:
        """Propose `num_changes` changes."""
        keys = split_key(key, self.num_changes)

        def look(values: Values) -> _Place:
            def total(values: Values) -> tuple[Array, Array]:
                scores = log_density(self._put(latents, values))
                return scores.sum(), scores

            slopes, scores = jax.grad(total, has_aux=True)(values)
            return _Place(values, scores, slopes)

        def change(here: _Place, change_key: Key) -> tuple[_Place, None]:
            pick_key, accept_key = jax.random.split(change_key)
            log_pick = _log_pick(here)
            index = jax.random.categorical(pick_key, log_pick)
            picked = _like(here.values, jax.nn.one_hot(index, log_pick.shape[-1]))
            there = look(jax.tree.map(lambda old, new: jnp.where(_is_touched(new), new, old), here.values, picked))
            undoing = jax.tree.map(lambda old, new: jnp.where(_is_touched(new), old, 0), here.values, picked)
            log_forth, log_back = (
                jnp.sum(jnp.where(_flat(chosen) > 0, log_probs, 0), axis=-1)
                for chosen, log_probs in ((picked, log_pick), (undoing, _log_pick(there)))
            )
            log_ratio = there.log_density - here.log_density + log_back - log_forth
            return _accept(log_ratio, there, here, key=accept_key), None

        end, _ = lax.scan(change, look(self._take(latents)), keys)
        return self._put(latents, end.values)

    @property
    def reversal(self) -> "GibbsWithGradients":
        """Itself: every power of a move in detailed balance is in detailed balance."""
        return self

    def _take(self, latents: Values) -> Values:
        """Return the layers' variables, `[*lead, variables, categories]`; the categories of a binary unit are 0, 1."""
        values = zip([latents[layer] for layer in self.layers], self.num_categories, strict=True)
        return tuple(
            jnp.stack([1 - value, value], axis=-1) if num is None else value.reshape(*value.shape[:-1], -1, num)
            for value, num in values
        )

    def _put(self, latents: Values, values: Values) -> Values:
        flat = (
            value[..., 1] if num is None else value.reshape(*value.shape[:-2], -1)
            for value, num in zip(values, self.num_categories, strict=True)
        )
        return _replaced(latents, self.layers, flat)


class HMC(Move):
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
            return _replaced(latents, self.layers, _split(position, widths))

        force = jax.grad(lambda position: log_density(put(position)).sum())
        position = jnp.concatenate([latents[layer] for layer in self.layers], axis=-1)
        momentum = jax.random.normal(momentum_key, position.shape, position.dtype)
        jitter = jax.random.uniform(jitter_key, (*position.shape[:-1], 1), minval=1 - _JITTER, maxval=1 + _JITTER)
        step_size = jitter * self.step_size
        end = leapfrog(force, Phase(position, momentum, force(position)), step_size, self.num_steps)
        log_ratio = log_density(put(end.position)) - log_density(latents)
        log_ratio += 0.5 * jnp.sum(momentum**2 - end.momentum**2, axis=-1)
        return put(_accept(log_ratio, end.position, position, key=accept_key))

    @property
    def reversal(self) -> "HMC":
        """Itself."""
        return self


def moves_for(layers: Sequence[dist.Distribution], *, num_changes: int, step_size: float, num_leapfrog: int) -> Move:
    """Return what moves latents of any kinds: discrete layers first, then continuous ones.

    Args:
        layers: A distribution of each latent layer given the data alone, batch shape `[batch]`, bottom first: they say
            what kind of units there are, and their standard deviations are the unit of length of continuous ones.
        num_changes: Changes of one discrete variable that are proposed.
        step_size: Leapfrog step, in standard deviations.
        num_leapfrog: Leapfrog steps.

    Raises:
        ValueError: If a layer is neither discrete nor continuous on the whole real line.
    """
    for index, layer in enumerate(layers):
        _check_layer(layer, index)
    moves: list[Move] = []
    continuous = tuple(index for index, layer in enumerate(layers) if UnitKind.of(layer) is UnitKind.CONTINUOUS)
    discrete = tuple(index for index in range(len(layers)) if index not in continuous)
    if discrete:
        bases = [units(layers[index]) for index in discrete]
        num_categories = tuple(base.num_categories if isinstance(base, OneHot) else None for base in bases)
        moves.append(GibbsWithGradients(discrete, num_categories, num_changes))
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


def _log_pick(place: _Place) -> Float[Array, "particles batch candidates"]:
    """The log-probability of proposing each category of each variable; -inf for those that are on."""

    def gains(value: Array, slope: Array) -> Array:
        return jnp.where(value > 0, -jnp.inf, slope - jnp.sum(value * slope, axis=-1, keepdims=True))

    return jax.nn.log_softmax(_flat(jax.tree.map(gains, place.values, place.slopes)) / 2, axis=-1)


def _is_touched(picked: Float[Array, "*lead variables categories"]) -> Array:
    """Whether each variable has the picked candidate among its categories."""
    return picked.any(axis=-1, keepdims=True)


def _flat(values: Values) -> Float[Array, "particles batch candidates"]:
    """Put the variables of all layers side by side."""
    return jnp.concatenate([value.reshape(*value.shape[:-2], -1) for value in values], axis=-1)


def _like(values: Values, flat: Float[Array, "particles batch candidates"]) -> Values:
    """Undo `_flat`."""
    parts = _split(flat, [value.shape[-2] * value.shape[-1] for value in values])
    return tuple(part.reshape(value.shape) for part, value in zip(parts, values, strict=True))


def _split(flat: Float[Array, "*lead units"], widths: Sequence[int]) -> Values:
    """Cut the last axis into parts of these widths."""
    return tuple(jnp.split(flat, [sum(widths[: index + 1]) for index in range(len(widths) - 1)], axis=-1))


def _replaced(latents: Values, layers: Sequence[int], values: Iterable[Array]) -> Values:
    """Return the latents with some layers replaced."""
    replaced = dict(zip(layers, values, strict=True))
    return tuple(replaced.get(layer, held) for layer, held in enumerate(latents))


def _accept(log_ratio: Float[Array, "particles batch"], proposed: T, current: T, *, key: Key) -> T:
    """Choose between two trees of arrays by the Metropolis-Hastings rule; a ratio that is not a number refuses."""
    is_accepted = jnp.log(jax.random.uniform(key, log_ratio.shape)) < log_ratio

    def choose(new: Array, old: Array) -> Array:
        return jnp.where(is_accepted.reshape(*is_accepted.shape, *[1] * (new.ndim - is_accepted.ndim)), new, old)

    return jax.tree.map(choose, proposed, current)
