"""Particles that are annealed from where another proposal starts them to the posterior."""

import dataclasses
import math
from enum import Enum

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.typing import ArrayLike
from jaxtyping import Float

from beliefnet._errors import ArgumentError
from beliefnet._naming import named
from beliefnet._net import BeliefNet
from beliefnet._numerics import broadcasting
from beliefnet._streams import split_key
from beliefnet._types import Key, Values
from beliefnet.moves import AbstractMove, DiscreteMoves, LogDensity, moves_for
from beliefnet.proposals._base import AbstractProposal, Particles
from beliefnet.proposals._recognition import Recognition

_STEEPNESS = 4.0


class Schedule(Enum):
    """How inverse temperatures go from 0 to 1."""

    LINEAR = "linear"
    SIGMOIDAL = "sigmoidal"
    """Finer at both ends, where the density changes fastest if the start is far from the posterior."""

    def inverse_temperatures(self, num_temperatures: int) -> np.ndarray:
        """Return b_0 = 0 < b_1 < ... < b_N = 1, `[num_temperatures + 1]`."""
        even = np.linspace(0, 1, num_temperatures + 1)
        if self is Schedule.LINEAR:
            return even
        curve = np.tanh(_STEEPNESS * (even - 0.5))
        return (curve - curve[0]) / (curve[-1] - curve[0])


@dataclasses.dataclass(frozen=True)
class _Path:
    """The densities r(h)^(1 - b) p(x, h)^b from a start, b = 0, to the joint, b = 1.

    Attributes:
        log_start: log r(h).
        log_joint: log p(x, h).
    """

    log_start: LogDensity
    log_joint: LogDensity

    def log_ratio(self, latents: Values) -> Float[Array, "particles batch"]:
        """Return log p(x, h) - log r(h)."""
        return self.log_joint(latents) - self.log_start(latents)

    def follow(
        self, move: AbstractMove, latents: Values, stops: ArrayLike, widths: ArrayLike, *, key: Key
    ) -> tuple[Values, Float[Array, "particles batch"]]:
        """Move at every stop, and sum up width times log-ratio of every interval that the stops divide.

        Args:
            move: What leaves the density at each stop invariant.
            latents: Where the particles are, `[particles, batch, units]` per latent layer, bottom first.
            stops: Inverse temperatures b in the order of moving, `[stops]`.
            widths: Widths of the intervals of [0, 1], in the same order, `[stops + 1]`.
            key: Random key.
        """

        def step(carry: tuple[Values, Array], at: tuple[Array, Array, Key]) -> tuple[tuple[Values, Array], None]:
            (latents, log_weight), (stop, width, move_key) = carry, at

            def log_density(latents: Values) -> Float[Array, "particles batch"]:
                return (1 - stop) * self.log_start(latents) + stop * self.log_joint(latents)

            # Before the move, which begins with the same passes through the net.
            log_weight += width * self.log_ratio(latents)
            return (move(log_density, latents, key=move_key), log_weight), None

        nothing = jnp.zeros(latents[0].shape[:-1])
        stops, widths = jnp.asarray(stops, nothing.dtype), jnp.asarray(widths, nothing.dtype)
        steps = (stops, widths[:-1], split_key(key, len(stops)))
        (latents, log_weight), _ = lax.scan(step, (latents, nothing), steps)
        return latents, log_weight + widths[-1] * self.log_ratio(latents)


@named("annealed", title="annealed importance sampling")
class Annealed(AbstractProposal):
    """Draws from another proposal, then moves each particle along a path of densities to the posterior (AIS).

    With r(h) the density of the start, inverse temperatures 0 = b_0 < ... < b_N = 1, h_0 ~ r, and each h_n moved from
    h_(n-1) by a Markov transition that leaves r(h)^(1 - b_n) p(x, h)^b_n invariant,

        log-weight = sum_(n = 1..N) (b_n - b_(n-1)) [log p(x, h_(n-1)) - log r(h_(n-1))]

    The mean of exp(log-weight) is p(x), whatever the start, the number of temperatures and the moves: weights are
    importance weights on whole paths, and `log_proposal` is log p(x, h) of the last point less the log-weight. Discrete
    layers are moved by Gibbs with gradients, by discrete Langevin proposals or along paths, continuous ones by
    Hamiltonian Monte Carlo, with Metropolis-Hastings acceptance for each particle. One temperature is the start alone;
    more tighten the bound. Each stop costs `num_changes + 1` gradients of log p(x, h) and log r(h) for discrete layers,
    2 for those that are moved along a path, and `num_leapfrog + 1` for continuous ones. Memory does not grow with the
    number of stops.

    Args:
        num_temperatures: Intervals between inverse temperatures, N; there are moves at the N - 1 stops between them.
        start: What draws the particles at first: `Recognition`, `FixedPosterior`, a proposal that prepares one,
            such as `Refined`, or a `Defensive` mixture with one of these, as evaluations have it: annealing moves
            particles off a start that is too narrow, but few temperatures do not move them far.
        schedule: How the inverse temperatures are spaced.
        num_changes: Changes of one discrete variable that are proposed at each stop, one after another; Langevin
            proposals of all of them; or changes along a path, on average.
        step_size: Leapfrog step of each continuous unit, in standard deviations under the start.
        num_leapfrog: Leapfrog steps at each stop.
        moves: How discrete layers are moved: gibbs, langevin or path.
        langevin_step: Step size of Langevin proposals: the larger, the more variables change at once.

    Raises:
        ValueError: If a number cannot be used, or the start's weights are not importance weights.

    Reference:
        Neal 2001, *Annealed importance sampling*; Wu et al. 2017, *On the quantitative analysis of decoder-based
        generative models*.
    """

    num_temperatures: int = eqx.field(static=True)
    start: AbstractProposal = eqx.field(default_factory=Recognition)
    schedule: Schedule = eqx.field(static=True, default=Schedule.LINEAR)
    num_changes: int = eqx.field(static=True, default=1)
    step_size: float = eqx.field(static=True, default=0.3)
    num_leapfrog: int = eqx.field(static=True, default=5)
    moves: DiscreteMoves = eqx.field(static=True, default=DiscreteMoves.GIBBS)
    langevin_step: float = eqx.field(static=True, default=0.2)

    def __check_init__(self):
        for setting, least, good in (("num_temperatures", 1, 1000), ("num_changes", 1, 1), ("num_leapfrog", 1, 5)):
            value = getattr(self, setting)
            if value < least or value != int(value):
                raise ArgumentError(
                    f"expected Annealed to have {{option}} of at least {least}, got {value}", f"{good}", option=setting
                )
        for setting, good in (("step_size", "0.3"), ("langevin_step", "0.2")):
            value = getattr(self, setting)
            if not 0 < value < math.inf:
                raise ArgumentError(
                    f"expected Annealed to have a positive {{option}}, got {value}", good, option=setting
                )
        if not (self.start.explains_data and self.start.is_exact):
            raise ArgumentError(
                "expected a start that draws latents for the given data from what it scores, got "
                f"{type(self.start).__name__}",
                "Recognition()",
            )

    @property
    def defensive_share(self) -> float | None:
        """That of the start."""
        return self.start.defensive_share

    def defended(self) -> "Annealed":
        """Return it from a start that is defended: one temperature is the start alone, and few are not much more."""
        return dataclasses.replace(self, start=self.start.defended())

    def check(self, net: BeliefNet) -> None:
        """Check that there are latents to move, and that the start can draw for the net.

        Raises:
            ValueError: If not.
        """
        if not net.layer_sizes:
            raise ArgumentError("expected a net with latents to anneal, got one without", "the recognition net alone")
        self.start.check(net)

    def prepare(self, net: BeliefNet, x: Float[Array, "batch visible"], *, key: Key) -> "Annealed":
        """Prepare the start.

        Raises:
            ValueError: If it cannot be prepared for this net.
        """
        return dataclasses.replace(self, start=self.start.prepare(net, x, key=key))

    @broadcasting
    def draw(self, net: BeliefNet, x: Float[Array, "batch visible"], num_particles: int, *, key: Key) -> Particles:
        """Draw `num_particles` configurations for every datum, and anneal them.

        Raises:
            ValueError: If a layer of the net cannot be moved, or the density of the start is not known everywhere.
        """
        prepare_key, start_key, path_key = split_key(key, 3)
        # Draws have no derivative: without this, one that is taken through here would store the whole path.
        net, start = lax.stop_gradient((net, self.start.prepare(net, x, key=prepare_key)))
        path, move = _path(net, x, start), self._move(net, x, start)
        latents = start.draw(net, x, num_particles, key=start_key).latents
        stops, widths = self._stops_and_widths()
        latents, log_weight = path.follow(move, latents, stops, widths, key=path_key)
        return Particles(x, latents, path.log_joint(latents) - log_weight)

    def reverse(
        self, net: BeliefNet, x: Float[Array, "batch visible"], latents: Values, *, key: Key
    ) -> Float[Array, "particles batch"]:
        """Run the path backwards from latents to the start, and return the log-weights that it has forwards.

        Where the latents are draws from p(h | x), the mean of exp(-log-weight) is 1 / p(x). At the same settings only
        they know where the posterior is, so that together with `draw` they bound log p(x) from both sides.

        Args:
            net: The net.
            x: Observations, `[batch, visible]`.
            latents: Draws from the posterior, `[particles, batch, units]` per latent layer, bottom first.
            key: Random key.

        Raises:
            ValueError: If a layer of the net cannot be moved, or the density of the start is not known everywhere.

        Reference:
            Grosse, Ghahramani & Adams 2015, *Sandwiching the marginal likelihood using bidirectional Monte Carlo*.
        """
        prepare_key, path_key = split_key(key)
        start = self.start.prepare(net, x, key=prepare_key)
        stops, widths = self._stops_and_widths()
        move = self._move(net, x, start).reversal
        return _path(net, x, start).follow(move, latents, stops[::-1], widths[::-1], key=path_key)[1]

    def _stops_and_widths(self) -> tuple[np.ndarray, np.ndarray]:
        ends = self.schedule.inverse_temperatures(self.num_temperatures)
        return ends[1:-1], np.diff(ends)

    def _move(self, net: BeliefNet, x: Float[Array, "batch visible"], start: AbstractProposal) -> AbstractMove:
        return moves_for(
            start.mean_field(net, x).layers,
            num_changes=self.num_changes,
            step_size=self.step_size,
            num_leapfrog=self.num_leapfrog,
            discrete=self.moves,
            langevin_step=self.langevin_step,
        )


def _path(net: BeliefNet, x: Float[Array, "batch visible"], start: AbstractProposal) -> _Path:
    """Return the path from the density of a start, which must be known for any latents, not for its own draws alone."""

    def log_joint(latents: Values) -> Float[Array, "particles batch"]:
        return net.log_joint(x, latents)

    return _Path(lambda latents: start.log_probs(net, x, latents).sum(axis=-1), log_joint)
