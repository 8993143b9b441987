"""What a refiner is: iterations that improve a posterior, one datum at a time."""

from abc import abstractmethod
from collections.abc import Callable
from enum import Enum
from typing import Any, ClassVar, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
from equinox import AbstractVar
from jax import Array, lax
from jaxtyping import Float

from beliefnet._errors import ArgumentError
from beliefnet._net import BeliefNet
from beliefnet._numerics import broadcasting
from beliefnet._streams import check_key
from beliefnet._types import Key, Values
from beliefnet.refiners._mean_field import MeanField
from beliefnet.refiners._posterior import AbstractPosterior
from beliefnet.refiners._structured import StructuredPosterior

T = TypeVar("T")


class Form(Enum):
    """What is refined."""

    STRUCTURED = "structured"
    """The recognition net's chain with offsets of each datum: all that it says of dependence is kept."""
    MEAN_FIELD = "mean-field"
    """Independent units in every layer, as in the papers; in a deep net it loses the dependence between layers."""

    def of(self, net: BeliefNet, x: Float[Array, "batch visible"]) -> AbstractPosterior:
        """Return the posterior of this form that the recognition net guesses.

        Raises:
            ValueError: If a latent layer is of a family that cannot be refined.
        """
        return (StructuredPosterior if self is Form.STRUCTURED else MeanField).recognised(net, x)


class Progress(eqx.Module):
    """Where the refinement of a batch stands.

    Attributes:
        posterior: The posterior of each datum.
        memory: What the refiner carries from step to step, such as a velocity.
    """

    posterior: AbstractPosterior
    memory: Any


class _State(eqx.Module):
    """What a loop carries: the moving parts of the progress."""

    parameters: tuple[Float[Array, "batch _"], ...]
    memory: Any

    @classmethod
    def of(cls, progress: Progress) -> "_State":
        return cls(progress.posterior.parameters, progress.memory)

    def progress(self, start: AbstractPosterior) -> Progress:
        return Progress(start.at(self.parameters), self.memory)


class _Watched(eqx.Module):
    """Where a refinement that may stop stands, per datum."""

    state: _State
    best: tuple[Float[Array, "batch _"], ...]
    score: Float[Array, " batch"]
    num_idle: Array
    num_steps: Array


class AbstractRefiner(eqx.Module):
    """Moves a posterior by iterations, each with draws of its own.

    Every datum moves on its own, so that nothing depends on the batch. With `patience` 0 all data take `num_steps`
    steps. Otherwise a datum stops when its score has not improved for `patience` steps, and keeps the posterior with
    the best score (NaN is never better); the batch is done when all have stopped. The score is a noisy estimate from
    the draws of a step; what the very last step gives has none, and is kept if the posterior before it was the best so
    far.

    In the end the result is compared with the start by `num_checks` fresh draws, and with points on the way, each datum
    on its own: of all of them the best is kept by an estimate of what the refiner climbs. 0 takes the result as it is.
    """

    num_steps: AbstractVar[int]
    num_samples: AbstractVar[int]
    patience: AbstractVar[int]
    num_checks: AbstractVar[int]
    form: AbstractVar[Form]

    takes_gradients: ClassVar[bool] = False
    """Whether its steps are gradient steps, so that the result is differentiable by the net."""
    caveat: ClassVar[str] = ""
    """What a user is told of a result, where the ELBO is not what is climbed."""
    shares: ClassVar[tuple[float, ...]] = (1.0, 0.5, 0.25)
    """How far from the start to the result the points lie that are compared with the start."""
    margin: ClassVar[float] = 1.0
    """By how many standard errors an estimated gain must be above 0; negative where losses have to be shown."""

    @property
    def is_exact(self) -> bool:
        """Whether its draws follow the posterior, so that they can be weighed."""
        return True

    @abstractmethod
    def check(self, net: BeliefNet) -> None:
        """Check that it can refine the posterior of a net.

        Raises:
            ValueError: If it cannot, naming the layer.
        """

    @abstractmethod
    def init(self, posterior: AbstractPosterior) -> Any:
        """Return the memory before the first step."""

    @abstractmethod
    def step(
        self, net: BeliefNet, x: Float[Array, "batch visible"], progress: Progress, *, key: Key
    ) -> tuple[Progress, Float[Array, " batch"]]:
        """Take one step, with the draws that `draw` makes of the posterior by the same key.

        Args:
            net: The net whose posterior is refined.
            x: Observations, `[batch, visible]`.
            progress: Where the refinement stands.
            key: Random key for the draws.

        Returns:
            Where it stands after the step, and the score of the posterior before it, `[batch]`: higher is better.
        """

    @abstractmethod
    def gain(
        self,
        net: BeliefNet,
        x: Float[Array, "batch visible"],
        start: AbstractPosterior,
        end: AbstractPosterior,
        *,
        key: Key,
    ) -> tuple[Float[Array, " batch"], Float[Array, " batch"]]:
        """Estimate how much higher one posterior is than another in what the refiner climbs, from `num_checks` draws.

        Args:
            net: The net.
            x: Observations, `[batch, visible]`.
            start: The posterior to compare with.
            end: The posterior in question.
            key: Random key for the draws.

        Returns:
            The estimate and its standard error, `[batch]`, in nats.
        """

    def draw(self, posterior: AbstractPosterior, num_particles: int, *, key: Key) -> Values:
        """Draw `[particles, batch, units]` of each layer as its steps do: exactly, if nothing else is said."""
        return posterior.draw(num_particles, key=key)

    def start(self, net: BeliefNet, x: Float[Array, "batch visible"]) -> AbstractPosterior:
        """Return the posterior from which a refinement starts: the recognition net's, in the form that is asked for.

        Raises:
            ValueError: If a latent layer is of a family that cannot be refined.
        """
        return self.form.of(net, x)

    @broadcasting
    def refine(
        self, net: BeliefNet, x: Float[Array, "batch visible"], posterior: AbstractPosterior | None = None, *, key: Key
    ) -> AbstractPosterior:
        """Refine the posterior of every datum.

        Memory does not grow with the number of steps, unless the result is differentiated.

        Args:
            net: The net.
            x: Observations, `[batch, visible]`.
            posterior: Where to start; by default from the recognition net.
            key: Random key for the draws.

        Raises:
            ValueError: If it cannot refine the posterior of this net.
        """
        return self.refine_seen(net, x, posterior, lambda posterior, key: None, key=key)[0]

    @broadcasting
    def refine_seen(
        self,
        net: BeliefNet,
        x: Float[Array, "batch visible"],
        posterior: AbstractPosterior | None,
        see: Callable[[AbstractPosterior, Key], T],
        *,
        key: Key,
    ) -> tuple[AbstractPosterior, T]:
        """Refine, and return what is seen on the way.

        Args:
            net: The net.
            x: Observations, `[batch, visible]`.
            posterior: Where to start; by default from the recognition net.
            see: Called with the posterior before each step and the key of the step's draws.
            key: Random key for the draws.

        Returns:
            The posterior of every datum, and what was seen, a leading axis of `[steps]`; None where data may stop.

        Raises:
            ValueError: If it cannot refine the posterior of this net.
        """
        self.check(net)
        check_key(key)
        start = self.start(net, x) if posterior is None else posterior
        begin = _State.of(Progress(start, self.init(start)))

        def step(state: _State, step_key: Key) -> tuple[_State, Array]:
            progress, score = self.step(net, x, state.progress(start), key=step_key)
            return _State.of(progress), score

        def step_seen(state: _State, step_key: Key) -> tuple[_State, T]:
            return step(state, step_key)[0], see(start.at(state.parameters), step_key)

        if self.patience:
            parameters, seen = self._step_until_idle(step, begin, len(x), key=key), None
            gain_key = jax.random.fold_in(key, self.num_steps)
        else:
            keys = jax.random.split(key, self.num_steps + 1)
            end, seen = lax.scan(step_seen, begin, keys[:-1])
            parameters, gain_key = end.parameters, keys[-1]
        end = start.at(parameters)
        if self.num_checks and self.num_steps:
            end = self._best_of_the_way(net, x, start, end, key=gain_key)
        return end, seen  # pyright: ignore[reportReturnType]

    def _step_until_idle(
        self, take: Callable[[_State, Key], tuple[_State, Array]], begin: _State, batch: int, *, key: Key
    ) -> tuple[Float[Array, "batch _"], ...]:
        def goes_on(watched: _Watched) -> Array:
            return (watched.num_steps < self.num_steps) & jnp.any(watched.num_idle < self.patience)

        def step(watched: _Watched) -> _Watched:
            before = watched.state
            after, score = take(before, jax.random.fold_in(key, watched.num_steps))
            is_active = watched.num_idle < self.patience
            is_better = is_active & (score > watched.score)
            return _Watched(
                state=_where(is_active, after, before),
                best=_where(is_better, before.parameters, watched.best),
                score=jnp.where(is_better, score, watched.score),
                num_idle=jnp.where(is_better, 0, watched.num_idle + 1),
                num_steps=watched.num_steps + 1,
            )

        nothing = jnp.full(batch, -jnp.inf)
        idle = _Watched(begin, begin.parameters, nothing, jnp.zeros(batch, int), jnp.zeros((), int))
        end = lax.while_loop(goes_on, step, idle)
        # Whoever still improved at the last step keeps what that step gave.
        return _where(end.num_idle == 0, end.state.parameters, end.best)

    def _best_of_the_way(
        self,
        net: BeliefNet,
        x: Float[Array, "batch visible"],
        start: AbstractPosterior,
        end: AbstractPosterior,
        *,
        key: Key,
    ) -> AbstractPosterior:
        """Keep, for each datum, what is best of the start, the end and points between them, by fresh draws.

        All are compared by the same random numbers. An estimate that is no number is never better.
        """
        net, held_start, held_end = lax.stop_gradient((net, start, end))
        share, highest = jnp.zeros(len(x)), jnp.zeros(len(x))
        for candidate in self.shares:
            gain, stderr = self.gain(net, x, held_start, held_start.between(held_end, candidate), key=key)
            value = gain - self.margin * stderr
            share = jnp.where(value > highest, candidate, share)
            highest = jnp.where(value > highest, value, highest)
        moved = start.between(end, share[:, None])
        return start.at(_where(share > 0, moved.parameters, start.parameters))


def _where(chosen: Array, one: Any, other: Any) -> Any:
    """Choose between two trees of arrays `[batch, ...]`, datum by datum."""
    return jax.tree.map(lambda a, b: jnp.where(chosen.reshape(-1, *[1] * (a.ndim - 1)), a, b), one, other)


def check_kinds(net: BeliefNet) -> None:
    """Check that every latent layer has moments and closed forms, and the same units under both chains.

    Raises:
        ValueError: If not, naming the layer; or if the net has no latents.
    """
    if not net.layer_sizes:
        raise ArgumentError("expected a net with latents to refine, got one without", "leaving refinement out")
    for layer, conditionals in enumerate(net.latent_layers, 1):
        for conditional in conditionals:
            if not conditional.units.is_refinable:
                raise ArgumentError(
                    f"expected binary, autoregressive, one-hot or normal units to refine, got {conditional.units.name} "
                    f"units in latent layer {layer}",
                    "the recognition net alone",
                )
        kinds = [conditional.kind for conditional in conditionals]
        if len({kind.factorial for kind in kinds}) > 1:
            raise ArgumentError(
                f"expected units of the same values in both chains to refine, got "
                f"{' and '.join(kind.value for kind in kinds)} ones in latent layer {layer}",
                "the recognition net alone",
            )


def check_settings(refiner: AbstractRefiner, name: str, *, rate: float) -> None:
    """Check the numbers that refiners have.

    Raises:
        ValueError: Naming the one that cannot be used.
    """
    for setting, least, good in (
        ("num_steps", 0, 20),
        ("num_samples", 1, 20),
        ("patience", 0, 5),
        ("num_checks", 0, 20),
    ):
        value = getattr(refiner, setting)
        if value < least or value != int(value):
            raise ArgumentError(
                f"expected {name} to have {{option}} of at least {least}, got {value}", f"{good}", option=setting
            )
    if refiner.num_checks == 1:
        raise ArgumentError(f"expected {name} to have {{option}} of 0 or at least 2, got 1", "20", option="num_checks")
    if not 0 < rate < float("inf"):
        raise ArgumentError(f"expected {name} to have a positive {{option}}, got {rate}", "0.1", option="rate")
