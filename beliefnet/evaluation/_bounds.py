"""Bounds and likelihood estimates from weighted particles, in bounded memory."""

import itertools
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.scipy.special import logsumexp
from jax.typing import ArrayLike
from jaxtyping import Float

from beliefnet._net import BeliefNet
from beliefnet._numerics import broadcasting
from beliefnet._trace import Trace
from beliefnet._types import Key
from beliefnet.evaluation._counts import whole_number
from beliefnet.evaluation._observe import DataLike, observe
from beliefnet.proposals import Proposal, Recognition


class DatumBounds(eqx.Module):
    """What the particles of each datum say, in nats.

    Attributes:
        elbo: Mean log-weight, `[batch]`: an unbiased estimate of the ELBO.
        bound: Log-mean-exp of the K log-weights, `[batch]`: an unbiased estimate of the K-particle bound L_K, and at
            large K of log p(x).
        ess: Effective sample size of the K weights, between 1 and K, `[batch]`.
        kl: Mean of log r(h_l) - log p(h_l | h_(l+1)) per layer, bottom first, `[batch, layers]`, r being what the
            layer was drawn from, such as q(h_l | h_(l-1)); None where the proposal has no such terms.
        ladder: Log-mean-exp of the first 10, 100, ... and all K log-weights, `[batch, rungs]` (see `rungs`).
        tail: The largest log-weights, largest first, `[batch, min(K / 5, 3 sqrt K) + 1]`: what k-hat is fitted to.
    """

    elbo: Float[Array, " batch"]
    bound: Float[Array, " batch"]
    ess: Float[Array, " batch"]
    kl: Float[Array, "batch layers"] | None
    ladder: Float[Array, "batch rungs"]
    tail: Float[Array, "batch tail"]


class _Running(eqx.Module):
    """What has been seen so far; weights are kept relative to the largest, so that none overflows.

    Weights, squares, log-weights and KL are means over particles: sums of many terms would lose digits.
    """

    largest: Float[Array, " batch"]
    weights: Float[Array, " batch"]
    squares: Float[Array, " batch"]
    log_weights: Float[Array, " batch"]
    kl: Float[Array, "batch layers"] | None
    ladder: Float[Array, "batch rungs"]
    tail: Float[Array, "batch tail"]


@partial(jax.jit, static_argnames=("num_particles", "chunk"))
@broadcasting
def bounds_of_batch(
    net: BeliefNet,
    x: Float[Array, "batch visible"],
    proposal: Proposal,
    *,
    num_particles: int,
    chunk: int,
    key: Key,
) -> DatumBounds:
    """Weigh `num_particles` particles for every datum, drawing `chunk` of them at a time."""
    prepare_key, draw_key = jax.random.split(key)
    ready = proposal.prepare(net, x, key=prepare_key)

    def drawn(index: ArrayLike) -> Trace:
        return Trace.record(net, ready.draw(net, x, chunk, key=jax.random.fold_in(draw_key, index)))

    def add_chunk(index: Array, running: _Running) -> _Running:
        trace = drawn(index)
        num_new = jnp.minimum(chunk, num_particles - index * chunk)
        return _accumulate(running, trace, num_new, index * chunk, steps)

    nothing, steps = jnp.zeros(x.shape[0]), jnp.array(rungs(num_particles))
    has_layers = eqx.filter_eval_shape(drawn, 0).log_layers is not None
    no_kl = jnp.zeros((x.shape[0], len(net.layer_sizes))) if has_layers else None
    no_ladder = jnp.full((x.shape[0], len(steps)), -jnp.inf)
    no_tail = jnp.full((x.shape[0], _tail_size(num_particles) + 1), -jnp.inf)
    start = _Running(nothing - jnp.inf, nothing, nothing, nothing, no_kl, no_ladder, no_tail)
    running = lax.fori_loop(0, -(-num_particles // chunk), add_chunk, start)
    return DatumBounds(
        elbo=running.log_weights,
        bound=running.largest + jnp.log(running.weights),
        ess=num_particles * running.weights**2 / running.squares,
        kl=running.kl,
        ladder=running.ladder,
        tail=running.tail,
    )


def _accumulate(running: _Running, trace: Trace, num_new: Array, num_old: Array, steps: Array) -> _Running:
    """Take in the first `num_new` particles of a trace, after `num_old` others."""
    share = num_new / (num_old + num_new)
    is_new = (jnp.arange(trace.num_particles) < num_new)[:, None]

    def blend(old: Array, new: Array) -> Array:
        return old + share * (new.sum(axis=0) / num_new - old)

    log_weight = jnp.where(is_new, trace.log_weight, -jnp.inf)
    largest = jnp.maximum(running.largest, log_weight.max(axis=0))
    # Where no weight is finite yet, any finite reference keeps -inf - (-inf) from becoming NaN.
    reference = jnp.where(jnp.isfinite(largest), largest, 0.0)
    rescale, weights = jnp.exp(running.largest - reference), jnp.exp(log_weight - reference)
    kl = None
    if running.kl is not None and trace.log_layers is not None:
        kl = blend(running.kl, jnp.where(is_new[..., None], trace.log_layers - trace.log_p[..., 1:], 0.0))
    # What the weights up to each rung that lies among the new ones come to; each relative to its own largest, because
    # a later particle may outweigh all before it by more than single precision can tell.
    up_to = jnp.arange(trace.num_particles) < (steps - num_old)[:, None]
    new = logsumexp(jnp.where(up_to[..., None], log_weight, -jnp.inf), axis=1)
    old = running.largest + jnp.log(running.weights * num_old)
    ladder = (jnp.logaddexp(new, old) - jnp.log(steps)[:, None]).T
    is_here = (steps > num_old) & (steps <= num_old + num_new)
    tail = jnp.concatenate([running.tail, log_weight.T], axis=1)
    return _Running(
        largest=largest,
        weights=blend(running.weights * rescale, weights),
        squares=blend(running.squares * rescale**2, weights**2),
        log_weights=blend(running.log_weights, jnp.where(is_new, trace.log_weight, 0.0)),
        kl=kl,
        ladder=jnp.where(is_here, ladder, running.ladder),
        tail=lax.top_k(tail, running.tail.shape[1])[0],
    )


def rungs(num_particles: int) -> list[int]:
    """Return the numbers of particles at which the bound is noted on the way: 10, 100, ..., and all."""
    powers = itertools.takewhile(lambda count: count < num_particles, (10**i for i in itertools.count(1)))
    return [*powers, num_particles]


def _tail_size(num_particles: int) -> int:
    """How many of the largest weights are the tail (Vehtari et al. 2024)."""
    return int(min(0.2 * num_particles, 3 * num_particles**0.5))


@broadcasting
def particle_bounds(
    net: BeliefNet,
    data: DataLike,
    num_particles: int,
    *,
    key: Key,
    chunk: int | None = None,
    proposal: Proposal | None = None,
) -> DatumBounds:
    """Estimate ELBO, K-particle bound, effective sample size and KL per layer of each datum of one batch.

    Args:
        net: The net to be evaluated.
        data: The batch, `[batch, visible]`: anything that `observe` takes.
        num_particles: Particles per datum, K.
        key: Random key for the draws.
        chunk: Particles drawn at a time; memory grows with `batch * chunk`. As many as fit by default.
        proposal: Where the particles come from; the recognition net by default.

    Raises:
        DataError: If the data are none, of another width than the net, or not what the net is a model of.
        ValueError: If `num_particles` or `chunk` is not positive, or the proposal does not look at the data or does not
            draw from what it scores.
    """
    data_key, draw_key = jax.random.split(key)
    data = observe(net, data)
    x = data.take(np.arange(len(data)), key=data_key)
    return bounds_of_rows(net, x, num_particles, key=draw_key, chunk=chunk, proposal=proposal)


@broadcasting
def bounds_of_rows(
    net: BeliefNet,
    x: Float[Array, "batch visible"],
    num_particles: int,
    *,
    key: Key,
    chunk: int | None = None,
    proposal: Proposal | None = None,
) -> DatumBounds:
    """Do the same for rows that a net is known to be a model of, `[batch, visible]`.

    Raises:
        ValueError: As for `particle_bounds`.
    """
    num_particles = whole_number("num_particles", num_particles, good=1000)
    proposal = Recognition() if proposal is None else proposal
    if not proposal.explains_data:
        raise ValueError(
            f"expected a proposal that draws latents for the given observations, got {type(proposal).__name__}; "
            "try Recognition()"
        )
    if not proposal.is_exact:
        raise ValueError(
            f"expected a proposal that draws from the distribution it scores, got {type(proposal).__name__} with "
            "relaxed or averaged values, whose weights say nothing about log p(x); try Recognition()"
        )
    fitting = max(1, rows_per_pass(net) // x.shape[0])
    chunk = min(fitting if chunk is None else whole_number("chunk", chunk, good=fitting), num_particles)
    return bounds_of_batch(net, x, proposal, num_particles=num_particles, chunk=chunk, key=key)


def rows_per_pass(net: BeliefNet) -> int:
    """Return how many rows (data times particles) one pass holds: about 32 MB in the widest layer."""
    return max(1, 2**20 // max((net.num_visible, *net.layer_sizes)))
