"""Estimates of log p from both sides, row by row, of any data."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from beliefnet._errors import check_type, whole_number
from beliefnet._net import BeliefNet
from beliefnet._numerics import broadcasting, log_mean_exp
from beliefnet._streams import split_key
from beliefnet._types import Key
from beliefnet.evaluation._observe import DataLike, observe
from beliefnet.proposals import Annealed


@broadcasting
def two_sided(
    net: BeliefNet, data: DataLike, annealed: Annealed, *, num_particles: int, key: Key
) -> tuple[Float[np.ndarray, " rows"], Float[np.ndarray, " rows"]]:
    """Estimate log p of each row by annealing to the posterior, and by annealing back from what was found there.

    Forwards, the log-mean-exp of the K log-weights is in expectation at most log p. Backwards, from K draws of the
    posterior, minus the log-mean-exp of minus the log-weights is in expectation at least log p. Of data that the model
    did not make no such draws are known: here they are drawn from the annealed particles by weight, so that the upper
    estimate is a bound as far as these are like the posterior. Where both agree, neither the length of the annealing
    nor the number of particles decides; a mode of the posterior that no particle found is missed by both. `sandwich`
    has exact draws, of the model's own data.

    Args:
        net: The net.
        data: Rows `[rows, visible]`: anything that `observe` takes, all weighed at once.
        annealed: The annealing, of more than a few temperatures: without moves both estimates are the same.
        num_particles: Particles per row in each direction, K.
        key: Random key.

    Returns:
        The lower and the upper estimate of each row, in nats, `[rows]`.

    Raises:
        DataError: If the data are none, of another width than the net, or not what the net is a model of.
        ValueError: If the number of particles is not positive, or the net cannot be annealed.

    Reference:
        Grosse, Ghahramani & Adams 2015, *Sandwiching the marginal likelihood using bidirectional Monte Carlo*; Grosse,
        Ancha & Roy 2016, *Measuring the reliability of MCMC inference with bidirectional Monte Carlo*, for the use on
        other data.

    Examples:
        >>> from beliefnet.nets import sigmoid_belief_net
        >>> net, key = sigmoid_belief_net(3, (2,), key=jax.random.key(0)), jax.random.key(1)
        >>> lower, upper = two_sided(net, [[0, 1, 1]], Annealed(100), num_particles=20, key=key)
        >>> bool(abs(upper - lower)[0] < 0.1)
        True
    """
    data_key, draw_key = split_key(key)
    data = observe(net, data)
    check_type("annealed", annealed, Annealed, good="proposals.Annealed(500)")
    num_particles = whole_number("num_particles", num_particles, good=10)
    x = data.take(np.arange(len(data)), key=data_key)
    lower, upper = two_sided_of_rows(net, x, annealed, num_particles=num_particles, key=draw_key)
    return np.asarray(lower, np.float64), np.asarray(upper, np.float64)


@partial(jax.jit, static_argnames="num_particles")
@broadcasting
def two_sided_of_rows(
    net: BeliefNet, x: Float[Array, "batch visible"], annealed: Annealed, *, num_particles: int, key: Key
) -> tuple[Float[Array, " batch"], Float[Array, " batch"]]:
    """Do the same for rows that a net is known to be a model of, `[batch, visible]`."""
    prepare_key, draw_key, choice_key, reverse_key = split_key(key, 4)
    ready = annealed.defended().prepare(net, x, key=prepare_key)
    particles = ready.draw(net, x, num_particles, key=draw_key)
    log_weight = net.log_joint(x, particles.latents) - particles.log_proposal
    chosen = jax.random.categorical(choice_key, log_weight, axis=0, shape=log_weight.shape)
    latents = tuple(jnp.take_along_axis(layer, chosen[..., None], axis=0) for layer in particles.latents)
    backwards = ready.reverse(net, x, latents, key=reverse_key)
    return log_mean_exp(log_weight), -log_mean_exp(-backwards)
