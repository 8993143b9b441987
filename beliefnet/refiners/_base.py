"""What a refiner is: iterations that improve a factorial posterior, one datum at a time."""

from abc import abstractmethod
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from equinox import AbstractVar
from jax import Array, lax
from jaxtyping import Float

from beliefnet._net import BeliefNet
from beliefnet._numerics import broadcasting
from beliefnet._types import Key, Values
from beliefnet.refiners._posterior import Posterior


class Progress(eqx.Module):
    """Where the refinement of a batch stands.

    Attributes:
        posterior: The posterior of each datum.
        memory: What the refiner carries from step to step, such as a velocity.
    """

    posterior: Posterior
    memory: Any


class _Watched(eqx.Module):
    """Where a refinement that may stop stands, per datum."""

    progress: Progress
    best: Posterior
    score: Float[Array, " batch"]
    num_idle: Array
    num_steps: Array


class Refiner(eqx.Module):
    """Moves a factorial posterior by iterations, each with draws of its own.

    Every datum moves on its own, so that nothing depends on the batch. With `patience` 0 all data take `num_steps`
    steps. Otherwise a datum stops when its score has not improved for `patience` steps, and keeps the posterior with
    the best score (NaN is never better); the batch is done when all have stopped. The score is a noisy estimate from
    the draws of a step; what the very last step gives has none, and is kept if the posterior before it was the best so
    far.
    """

    num_steps: AbstractVar[int]
    num_samples: AbstractVar[int]
    patience: AbstractVar[int]

    takes_gradients: ClassVar[bool] = False
    """Whether its steps are gradient steps, so that the result is differentiable by the net."""

    @abstractmethod
    def check(self, net: BeliefNet) -> None:
        """Check that it can refine the posterior of a net.

        Raises:
            ValueError: If it cannot, naming the layer.
        """

    @abstractmethod
    def init(self, posterior: Posterior) -> Any:
        """Return the memory before the first step."""

    @abstractmethod
    def step(
        self, net: BeliefNet, x: Float[Array, "batch visible"], progress: Progress, *, key: Key
    ) -> tuple[Progress, Float[Array, " batch"]]:
        """Take one step.

        Args:
            net: The net whose posterior is refined.
            x: Observations, `[batch, visible]`.
            progress: Where the refinement stands.
            key: Random key for the draws.

        Returns:
            Where it stands after the step, and the score of the posterior before it, `[batch]`: higher is better.
        """

    def draw(self, posterior: Posterior, num_particles: int, *, key: Key) -> Values:
        """Draw `[particles, batch, units]` of each layer as its steps do: exactly, if nothing else is said."""
        return posterior.draw(num_particles, key=key)

    @broadcasting
    def refine(
        self, net: BeliefNet, x: Float[Array, "batch visible"], posterior: Posterior | None = None, *, key: Key
    ) -> Posterior:
        """Refine the posterior of every datum.

        Memory does not grow with the number of steps, unless the result is differentiated.

        Args:
            net: The net.
            x: Observations, `[batch, visible]`.
            posterior: Where to start; by default from the recognition net, with layer means fed upward.
            key: Random key for the draws.

        Raises:
            ValueError: If it cannot refine the posterior of this net.
        """
        self.check(net)
        posterior = Posterior.recognised(net, x) if posterior is None else posterior
        start = Progress(posterior, self.init(posterior))
        if self.patience:
            return self._refine_until_idle(net, x, start, key=key)

        def step(progress: Progress, step_key: Key) -> tuple[Progress, None]:
            return self.step(net, x, progress, key=step_key)[0], None

        return lax.scan(step, start, jax.random.split(key, self.num_steps))[0].posterior

    def _refine_until_idle(self, net: BeliefNet, x: Array, start: Progress, *, key: Key) -> Posterior:
        batch = x.shape[0]

        def goes_on(watched: _Watched) -> Array:
            return (watched.num_steps < self.num_steps) & jnp.any(watched.num_idle < self.patience)

        def step(watched: _Watched) -> _Watched:
            before = watched.progress
            after, score = self.step(net, x, before, key=jax.random.fold_in(key, watched.num_steps))
            is_active = watched.num_idle < self.patience
            is_better = is_active & (score > watched.score)
            return _Watched(
                progress=_where(is_active, after, before),
                best=_where(is_better, before.posterior, watched.best),
                score=jnp.where(is_better, score, watched.score),
                num_idle=jnp.where(is_better, 0, watched.num_idle + 1),
                num_steps=watched.num_steps + 1,
            )

        nothing = jnp.full(batch, -jnp.inf)
        begin = _Watched(start, start.posterior, nothing, jnp.zeros(batch, int), jnp.zeros((), int))
        end = lax.while_loop(goes_on, step, begin)
        # Whoever still improved at the last step keeps what that step gave.
        return _where(end.num_idle == 0, end.progress.posterior, end.best)


def _where(chosen: Array, one: Any, other: Any) -> Any:
    """Choose between two trees of arrays `[batch, ...]`, datum by datum."""
    return jax.tree.map(lambda a, b: jnp.where(chosen.reshape(-1, *[1] * (a.ndim - 1)), a, b), one, other)


def check_kinds(net: BeliefNet) -> None:
    """Check that every latent layer has moments and closed forms, and the same units under both chains.

    Raises:
        ValueError: If not, naming the layer.
    """
    for layer, conditionals in enumerate(net.latent_layers, 1):
        for conditional in conditionals:
            if not conditional.units.is_refinable:
                raise ValueError(
                    f"expected binary, autoregressive, one-hot or normal units to refine, got {conditional.units.name} "
                    f"units in latent layer {layer}; try the recognition net alone"
                )
        kinds = [conditional.kind for conditional in conditionals]
        if len({kind.factorial for kind in kinds}) > 1:
            raise ValueError(
                f"expected units of the same values in both chains to refine, got "
                f"{' and '.join(kind.value for kind in kinds)} ones in latent layer {layer}; try the recognition net "
                "alone"
            )


def check_settings(name: str, *, num_steps: int, num_samples: int, rate: float, patience: int) -> None:
    """Check the numbers that every refiner has.

    Raises:
        ValueError: Naming the one that cannot be used.
    """
    for setting, value, least in (
        ("num_steps", num_steps, 0),
        ("num_samples", num_samples, 1),
        ("patience", patience, 0),
    ):
        if value < least or value != int(value):
            raise ValueError(f"expected {name} to have {setting} of at least {least}, got {value}; try 20")
    if not 0 < rate < float("inf"):
        raise ValueError(f"expected {name} to have a positive rate, got {rate}; try 0.1")
