"""Particles that Hamiltonian dynamics move from the recognition net's draws towards the posterior."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jax import Array
from jax.scipy.stats import norm
from jaxtyping import Float

from beliefnet._naming import named
from beliefnet._net import BeliefNet
from beliefnet._numerics import broadcasting
from beliefnet._streams import split_key
from beliefnet._types import Key, Values
from beliefnet.conditionals import Dense
from beliefnet.distributions import normal
from beliefnet.moves import Phase, leapfrog, split_units
from beliefnet.proposals._base import AbstractProposal, Particles
from beliefnet.proposals._continuous import check_continuous, check_made_for, check_setting, check_step_size
from beliefnet.samplers import Reparameterize


class ReverseModel(eqx.Module):
    """r(v | x, h): independent normal momenta, given the data and the position where the dynamics ended.

    One layer of tanh units gives means and scales, in units of the momentum's scale. It starts as the standard normal,
    which the momenta were drawn from.

    Args:
        num_visible: Width of the observation.
        num_latents: Units in all latent layers.
        num_units: Tanh units.
        key: Random key for the weights.
    """

    from_data: Dense
    from_position: Dense
    output: Dense

    def __init__(self, num_visible: int, num_latents: int, num_units: int, *, key: Key):
        data_key, position_key, output_key = split_key(key, 3)
        self.from_data = Dense(num_visible, num_units, key=data_key)
        self.from_position = Dense(num_latents, num_units, key=position_key)
        output = Dense(num_units, normal.num_parameters(num_latents), key=output_key)
        start = (jnp.zeros_like(output.weight), normal.neutral(num_latents))
        self.output = eqx.tree_at(lambda dense: (dense.weight, dense.bias), output, start)

    def __call__(self, x: Float[Array, "batch visible"], position: Float[Array, "*lead latents"]) -> dist.Distribution:
        """Return the distribution of the momentum; data and position have maps of their own, so that x is not tiled."""
        return normal(self.output(jnp.tanh(self.from_data(x) + self.from_position(position))))


class Iteration(eqx.Module):
    """One draw of the momentum, and the dynamics that follow.

    Attributes:
        log_step_size: Log of each unit's step size, `[latents]`.
        log_momentum_scale: Log of the standard deviation of each unit's momentum, `[latents]`.
        reverse: What the momentum afterwards is thought to be.
    """

    log_step_size: Float[Array, " latents"]
    log_momentum_scale: Float[Array, " latents"]
    reverse: ReverseModel


@named("hamiltonian")
class Hamiltonian(AbstractProposal):
    """Draws from q(h | x), then moves each particle by Hamiltonian dynamics on log p(x, h) (HVI).

    Each iteration draws a momentum v ~ N(0, scale^2), takes leapfrog steps to (h', v') without accepting or rejecting,
    and guesses the momentum back by a learnt reverse model r:

        log-weight = log p(x, h_T) - log q(h_0 | x) + sum_t [log r(v'_t | x, h_t) - log N(v_t; 0, scale_t^2)]

    The dynamics preserve volume, so that the mean of exp(log-weight) is p(x), whatever the parameters. `log_proposal`
    is log p(x, h_T) less the log-weight: it scores the particle's whole path, not h_T alone. The mean log-weight is
    below the ELBO of h_T by what r misses. At the start, with scale 1 and r what momenta are drawn from, it is the
    recognition net's ELBO up to the leapfrog's error in the energy. A diagonal mass would say nothing new, as every
    unit has a step size. Each iteration costs `num_steps` gradients of log p(x, h); memory under differentiation grows
    with both numbers.

    Args:
        net: The net whose posterior is approached; its latent layers must be continuous and unbounded, such as normal.
        num_iterations: Draws of the momentum, T.
        num_steps: Leapfrog steps after each of them; 0 leaves the particle where it is.
        key: Random key for the reverse model's weights.
        step_size: Of the leapfrog steps, at the start. It should be below the posterior's standard deviation in its
            narrowest direction; above twice that, the dynamics diverge.
        num_units: Tanh units in the reverse model of each iteration.

    Raises:
        ValueError: If a number cannot be used, or a latent layer is discrete or bounded.

    Reference:
        Salimans, Kingma & Welling 2015, *Markov chain Monte Carlo and variational inference: bridging the gap*,
        section 5.
    """

    iterations: tuple[Iteration, ...]
    num_steps: int = eqx.field(static=True)

    def __init__(
        self,
        net: BeliefNet,
        num_iterations: int = 1,
        num_steps: int = 5,
        *,
        key: Key,
        step_size: float = 0.05,
        num_units: int = 100,
    ):
        check_setting("Hamiltonian", "num_iterations", num_iterations, least=1)
        check_setting("Hamiltonian", "num_steps", num_steps, least=0)
        check_setting("Hamiltonian", "num_units", num_units, least=1)
        check_step_size("Hamiltonian", step_size)
        check_continuous("Hamiltonian", net)
        size = sum(net.layer_sizes)
        self.iterations = tuple(
            Iteration(
                jnp.full(size, math.log(step_size)),
                jnp.zeros(size),
                ReverseModel(net.num_visible, size, num_units, key=iteration_key),
            )
            for iteration_key in split_key(key, num_iterations)
        )
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
        check_continuous("Hamiltonian", net)
        reverse = self.iterations[0].reverse
        made_for = (reverse.from_data.num_inputs, reverse.from_position.num_inputs)
        check_made_for("Hamiltonian", made_for, net, hint="Hamiltonian(net, key=key)")

    @broadcasting
    def draw(self, net: BeliefNet, x: Float[Array, "batch visible"], num_particles: int, *, key: Key) -> Particles:
        """Draw `num_particles` configurations for every datum.

        Raises:
            ValueError: If it cannot move the latents of this net.
        """
        self.check(net)
        start_key, *keys = split_key(key, 1 + len(self.iterations))
        start = net.infer(x, num_particles, key=start_key, sampler=Reparameterize())

        def layers(position: Float[Array, "*lead latents"]) -> Values:
            return split_units(position, net.layer_sizes)

        force = jax.grad(lambda position: net.log_joint(x, layers(position)).sum())
        position, log_proposal = jnp.concatenate(start.values, axis=-1), start.log_probs.sum(axis=-1)
        pull = force(position)
        for iteration, momentum_key in zip(self.iterations, keys, strict=True):
            noise = jax.random.normal(momentum_key, position.shape, position.dtype)
            scale, step_size = jnp.exp(iteration.log_momentum_scale), jnp.exp(iteration.log_step_size)
            end = leapfrog(force, Phase(position, scale * noise, pull), step_size, self.num_steps)
            # Both densities are those of momenta in units of the same scale, whose volume cancels.
            log_reverse = iteration.reverse(x, end.position).log_prob(end.momentum / scale)
            log_proposal += norm.logpdf(noise).sum(axis=-1) - log_reverse
            position, pull = end.position, end.force
        return Particles(x, layers(position), log_proposal)
