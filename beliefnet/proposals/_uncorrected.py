"""Particles that uncorrected Hamiltonian annealing moves from the recognition net's draws to the posterior."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array, lax
from jax.scipy.stats import norm
from jaxtyping import Float

from beliefnet._errors import ArgumentError
from beliefnet._naming import named
from beliefnet._net import BeliefNet
from beliefnet._numerics import broadcasting
from beliefnet._streams import split_key
from beliefnet._types import Key, Values
from beliefnet.moves import Phase, leapfrog, split_units
from beliefnet.proposals._base import AbstractProposal, Particles
from beliefnet.proposals._continuous import check_continuous, check_made_for, check_setting, check_step_size
from beliefnet.samplers import Reparameterize

_NAME = "UncorrectedAnnealing"


@named("uncorrected-annealing", title="uncorrected Hamiltonian annealing")
class UncorrectedAnnealing(AbstractProposal):
    """Draws from q(h | x), then anneals each particle by Hamiltonian dynamics without accepting or rejecting (UHA).

    At the inverse temperatures 0 < b_1 < ... < b_(N-1) < 1 the momentum is refreshed in part, and leapfrog steps follow
    the density q(h | x)^(1 - b) p(x, h)^b:

        v'_n = persistence v_(n-1) + sqrt(1 - persistence^2) noise,    (h_n, v_n) = leapfrog(h_(n-1), v'_n)
        log-weight = log p(x, h_N) - log q(h_0 | x) + sum_n [log N(v_n; 0, 1) - log N(v'_n; 0, 1)]

    The refreshment leaves the normal distribution as it is, and the dynamics preserve volume, so that the mean of
    exp(log-weight) is p(x), whatever the parameters; nothing has to guess a momentum back. All of it is differentiable:
    step sizes of units, the temperatures and the persistence can be learnt with the net. `log_proposal` is
    log p(x, h_N) less the log-weight: it scores the particle's whole path. Each stop costs `num_steps + 1` gradients of
    log p(x, h) and of log q(h | x); memory under differentiation grows with both numbers.

    Args:
        net: The net whose posterior is approached; its latent layers must be continuous and unbounded, such as normal.
        num_temperatures: Intervals between inverse temperatures, N; one is the recognition net's draws.
        num_steps: Leapfrog steps at each of the N - 1 stops between them.
        step_size: Of the leapfrog steps, at the start. It should be below the posterior's standard deviation in its
            narrowest direction; above twice that, the dynamics diverge.
        persistence: Share of the momentum that is kept from stop to stop, at the start: above 0, below 1.

    Raises:
        ValueError: If a number cannot be used, or a latent layer is discrete or bounded.

    References:
        Geffner & Domke 2021, *MCMC variational inference via uncorrected Hamiltonian annealing*; Zhang, Hsu, Li, Finn &
        Grosse 2021, *Differentiable annealed importance sampling and the perils of gradient noise* (DAIS).
    """

    log_step_size: Float[Array, " latents"]
    logit_persistence: Float[Array, ""]
    widths: Float[Array, " temperatures"]
    """Logits of the intervals between inverse temperatures."""
    num_steps: int = eqx.field(static=True)

    def __init__(
        self,
        net: BeliefNet,
        num_temperatures: int = 6,
        num_steps: int = 1,
        *,
        step_size: float = 0.05,
        persistence: float = 0.9,
    ):
        check_setting(_NAME, "num_temperatures", num_temperatures, least=1)
        check_setting(_NAME, "num_steps", num_steps, least=1)
        check_step_size(_NAME, step_size)
        if not 0 < persistence < 1:
            raise ArgumentError(
                f"expected {_NAME} to have {{option}} above 0 and below 1, got {persistence}",
                "0.9",
                option="persistence",
            )
        check_continuous(_NAME, net)
        self.log_step_size = jnp.full(sum(net.layer_sizes), math.log(step_size))
        self.logit_persistence = jnp.asarray(math.log(persistence / (1 - persistence)))
        self.widths = jnp.zeros(num_temperatures)
        self.num_steps = num_steps

    @property
    def has_derivative(self) -> bool:
        """True."""
        return True

    def check(self, net: BeliefNet) -> None:
        """Check that it can move the latents of a net.

        Raises:
            ValueError: If a layer is discrete or bounded, or the net has other sizes than the one it was made for.
        """
        check_continuous(_NAME, net)
        check_made_for(_NAME, (net.num_visible, len(self.log_step_size)), net, hint=f"{_NAME}(net)")

    @broadcasting
    def draw(self, net: BeliefNet, x: Float[Array, "batch visible"], num_particles: int, *, key: Key) -> Particles:
        """Draw `num_particles` configurations for every datum.

        Raises:
            ValueError: If it cannot move the latents of this net.
        """
        self.check(net)
        start_key, momentum_key, stops_key = split_key(key, 3)
        start = net.infer(x, num_particles, key=start_key, sampler=Reparameterize())
        persistence, step_size = jax.nn.sigmoid(self.logit_persistence), jnp.exp(self.log_step_size)

        def layers(position: Float[Array, "*lead latents"]) -> Values:
            return split_units(position, net.layer_sizes)

        def at(temperature: Array, position: Array) -> Array:
            log_p, log_q = net.log_joint(x, layers(position)), net.log_recognition(x, layers(position))
            return jnp.sum((1 - temperature) * log_q + temperature * log_p)

        def stop(carry: tuple[Array, Array, Array], here: tuple[Array, Key]) -> tuple[tuple[Array, Array, Array], None]:
            (position, momentum, log_proposal), (temperature, noise_key) = carry, here
            noise = jax.random.normal(noise_key, momentum.shape, momentum.dtype)
            momentum = persistence * momentum + jnp.sqrt(1 - persistence**2) * noise
            force = jax.grad(lambda position: at(temperature, position))
            end = leapfrog(force, Phase(position, momentum, force(position)), step_size, self.num_steps)
            change = norm.logpdf(momentum).sum(axis=-1) - norm.logpdf(end.momentum).sum(axis=-1)
            return (end.position, end.momentum, log_proposal + change), None

        position, log_proposal = jnp.concatenate(start.values, axis=-1), start.log_probs.sum(axis=-1)
        momentum = jax.random.normal(momentum_key, position.shape, position.dtype)
        temperatures = jnp.cumsum(jax.nn.softmax(self.widths))[:-1]
        stops = (temperatures, split_key(stops_key, len(temperatures)))
        position, _, log_proposal = lax.scan(stop, (position, momentum, log_proposal), stops)[0]
        return Particles(x, layers(position), log_proposal)
