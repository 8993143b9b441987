"""Estimates of log p from both sides, row by row, of any data."""

from functools import partial

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from beliefnet._net import BeliefNet
from beliefnet._numerics import broadcasting, log_mean_exp
from beliefnet._streams import split_key
from beliefnet._types import Key
from beliefnet.proposals import Annealed


@partial(jax.jit, static_argnames="num_particles")
@broadcasting
def two_sided(
    net: BeliefNet, x: Float[Array, "batch visible"], annealed: Annealed, *, num_particles: int, key: Key
) -> tuple[Float[Array, " batch"], Float[Array, " batch"]]:
    """Estimate log p of each row by annealing to the posterior, and by annealing back from what was found there.

    Forwards, the log-mean-exp of the K log-weights is in expectation at most log p. Backwards, from K draws of the
    posterior, minus the log-mean-exp of minus the log-weights is in expectation at least log p. Of data that the model
    did not make no such draws are known: here they are drawn from the annealed particles by weight, so that the upper
    estimate is a bound as far as these are like the posterior. Where both agree, neither the length of the annealing
    nor the number of particles decides; a mode of the posterior that no particle found is missed by both. `sandwich`
    has exact draws, of the model's own data.

    Args:
        net: The net.
        x: Rows that it is a model of, `[batch, visible]`.
        annealed: The annealing.
        num_particles: Particles per row in each direction, K.
        key: Random key.

    Returns:
        The lower and the upper estimate of each row, in nats, `[batch]`.

    Reference:
        Grosse, Ghahramani & Adams 2015, *Sandwiching the marginal likelihood using bidirectional Monte Carlo*; Grosse,
        Ancha & Roy 2016, *Measuring the reliability of MCMC inference with bidirectional Monte Carlo*, for the use
        on other data.
    """
    prepare_key, draw_key, choice_key, reverse_key = split_key(key, 4)
    ready = annealed.defended().prepare(net, x, key=prepare_key)
    particles = ready.draw(net, x, num_particles, key=draw_key)
    log_weight = net.log_joint(x, particles.latents) - particles.log_proposal
    chosen = jax.random.categorical(choice_key, log_weight, axis=0, shape=log_weight.shape)
    latents = tuple(jnp.take_along_axis(layer, chosen[..., None], axis=0) for layer in particles.latents)
    backwards = ready.reverse(net, x, latents, key=reverse_key)
    return log_mean_exp(log_weight), -log_mean_exp(-backwards)
