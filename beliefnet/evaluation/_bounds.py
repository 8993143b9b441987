"""Bounds and likelihood estimates from weighted particles, in bounded memory."""

from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.typing import ArrayLike
from jaxtyping import Bool, Float, Int

from beliefnet._errors import ArgumentError, check_type, whole_number
from beliefnet._net import BeliefNet
from beliefnet._numerics import broadcasting
from beliefnet._streams import check_key
from beliefnet._trace import Trace
from beliefnet._types import Key
from beliefnet.evaluation._observe import DataLike, observe
from beliefnet.evaluation._pareto import tail_size
from beliefnet.evaluation._weighted import WeightedSample, rungs, running_mean
from beliefnet.proposals import AbstractProposal, Recognition

_LEAST_DEFENDED = 10
_CPU_NUMBERS, _ACCELERATOR_NUMBERS = 2**20, 2**25
_ENOUGH_WAITING = 512
"""Log-weights of a datum that wait to be sorted in: more are sorted faster, but each pass over particles copies all."""


class DatumBounds(eqx.Module):
    """What the particles of each datum say, in nats.

    Attributes:
        elbo: Mean log-weight, `[batch]`: an unbiased estimate of the ELBO. Of a `Defensive` proposal, that of its main
            component, by the particles that it drew.
        bound: Log-mean-exp of the K log-weights, `[batch]`: an unbiased estimate of the K-particle bound L_K, and at
            large K of log p(x).
        ess: Effective sample size of the K weights, between 1 and K, `[batch]`.
        kl: Mean of log r(h_l) - log p(h_l | h_(l+1)) per layer, bottom first, `[batch, layers]`, r being what the
            layer was drawn from, such as q(h_l | h_(l-1)); None where the proposal has no such terms.
        ladder: Log-mean-exp of the first 10, 100, ... and all K log-weights, `[batch, rungs]` (see `rungs`).
        tail: The largest log-weights, largest first, `[batch, min(K / 5, 3 sqrt K) + 1]`: what k-hat is fitted to.
        repeated: Share of the particles with the log-weight of the first, that one apart, `[batch]`: an unbiased
            estimate of the probability that two draws are the same. Of a `Defensive` proposal, among those that its
            main component drew.
    """

    elbo: Float[Array, " batch"]
    bound: Float[Array, " batch"]
    ess: Float[Array, " batch"]
    kl: Float[Array, "batch layers"] | None
    ladder: Float[Array, "batch rungs"]
    tail: Float[Array, "batch tail"]
    repeated: Float[Array, " batch"]


class _Means(eqx.Module):
    """Means over the particles so far that the ELBO is about, the first log-weight, those like it, and their number."""

    log_weight: Float[Array, " batch"]
    kl: Float[Array, "batch layers"] | None
    first: Float[Array, " batch"]
    repeats: Int[Array, " batch"]
    count: Int[Array, ""]

    @classmethod
    def start(cls, batch: int, num_layers: int | None) -> "_Means":
        """Return the means of no particle; those of layers, if there are such terms."""
        none, kl = jnp.zeros(batch), None if num_layers is None else jnp.zeros((batch, num_layers))
        return cls(none, kl, none, jnp.zeros(batch, jnp.int32), jnp.zeros((), jnp.int32))

    def add(self, trace: Trace, counts: Bool[Array, " particles"], *, is_mixture: bool) -> "_Means":
        """Take in the particles that count; under a mixture, by the density of its main component."""
        log_weight, layers = trace.log_weight, trace.log_layers
        if is_mixture and layers is not None:
            log_weight = trace.log_p.sum(axis=-1) - layers.sum(axis=-1)
        num = counts.sum(dtype=self.count.dtype)
        total = self.count + num
        share = num / jnp.maximum(total, 1)

        def moved(mean: Array, values: Array) -> Array:
            chosen = jnp.where(counts.reshape(-1, *[1] * (values.ndim - 1)), values, 0.0)
            return running_mean(mean, chosen.sum(axis=0) / jnp.maximum(num, 1), share)

        kl = None if self.kl is None or layers is None else moved(self.kl, layers - trace.log_p[..., 1:])
        # Weighed as all particles are: the density of the main component alone may differ by rounding.
        first = jnp.where(self.count > 0, self.first, trace.log_weight[jnp.argmax(counts)])
        repeats = self.repeats + (counts[:, None] & (trace.log_weight == first)).sum(axis=0, dtype=jnp.int32)
        return _Means(moved(self.log_weight, log_weight), kl, first, repeats, total)

    @property
    def repeated(self) -> Float[Array, " batch"]:
        """Share of the particles, the first apart, that have its log-weight."""
        return jnp.maximum(self.repeats - 1, 0) / jnp.maximum(self.count - 1, 1)


@partial(jax.jit, static_argnames=("num_particles", "chunk"))
@broadcasting
def bounds_of_batch(
    net: BeliefNet,
    x: Float[Array, "batch visible"],
    proposal: AbstractProposal,
    *,
    num_particles: int,
    chunk: int,
    key: Key,
) -> DatumBounds:
    """Weigh `num_particles` particles for every datum, drawing `chunk` of them at a time."""
    prepare_key, draw_key = jax.random.split(key)
    ready = proposal.prepare(net, x, key=prepare_key)

    def drawn(index: ArrayLike) -> tuple[Trace, Bool[Array, " particles"] | None]:
        particles = ready.draw(net, x, chunk, key=jax.random.fold_in(draw_key, index))
        return Trace.record(net, particles), particles.is_own

    def add_chunk(index: Array, running: tuple[WeightedSample, _Means]) -> tuple[WeightedSample, _Means]:
        (sample, means), (trace, is_own) = running, drawn(index)
        num_new = jnp.minimum(chunk, num_particles - index * chunk)
        is_new = jnp.arange(chunk) < num_new
        counts = is_new if is_own is None else is_new & is_own
        return sample.add(trace.log_weight, num=num_new), means.add(trace, counts, is_mixture=is_own is not None)

    has_layers = eqx.filter_eval_shape(drawn, 0)[0].log_layers is not None
    tail = tail_size(num_particles) + 1
    room = min(max(tail, min(4 * tail, _ENOUGH_WAITING)), num_particles)
    room = room if chunk < room else 0
    sample = WeightedSample.start(x.shape[0], rungs=tuple(rungs(num_particles)), tail=tail, room=room)
    start = (sample, _Means.start(x.shape[0], len(net.layer_sizes) if has_layers else None))
    sample, means = lax.fori_loop(0, -(-num_particles // chunk), add_chunk, start)
    return DatumBounds(means.log_weight, sample.bound, sample.ess, means.kl, sample.ladder, sample.tail, means.repeated)


def log_mean_error(ess: ArrayLike, num_particles: int) -> Float[np.ndarray, " batch"]:
    """Return the standard error of the logarithm of a mean weight, sqrt(1 / ESS - 1 / K), in nats.

    One weight says nothing of how weights vary: its error is NaN.

    Args:
        ess: Effective sample size of each datum's weights, between 1 and K, `[batch]`.
        num_particles: Number of the weights, K.

    Examples:
        >>> log_mean_error([2.0, 4.0], 4), log_mean_error([1.0], 1)
        (array([0.5, 0. ]), array([nan]))
    """
    ess = np.asarray(ess, np.float64)
    if num_particles == 1:
        return np.full_like(ess, np.nan)
    return np.sqrt(np.maximum(1 / np.maximum(ess, 1) - 1 / num_particles, 0))


@broadcasting
def particle_bounds(
    net: BeliefNet,
    data: DataLike,
    *,
    num_particles: int,
    key: Key,
    chunk: int | None = None,
    proposal: AbstractProposal | None = None,
) -> DatumBounds:
    """Estimate ELBO, K-particle bound, effective sample size and KL per layer of each datum of one batch.

    Args:
        net: The net to be evaluated.
        data: The batch, `[batch, visible]`: anything that `observe` takes.
        num_particles: Particles per datum, K.
        key: Random key for the draws.
        chunk: Particles drawn at a time; memory grows with `batch * chunk`. As many as fit by default; all where the
            proposal draws them at once.
        proposal: Where the particles come from; the recognition net by default. One that is refined is defended: one of
            every five particles is drawn from the recognition net, from ten particles on (see `Defensive`).

    Raises:
        DataError: If the data are none, of another width than the net, or not what the net is a model of.
        ValueError: If `num_particles` or `chunk` is not positive, or the proposal does not look at the data or does not
            draw from what it scores.
    """
    check_key(key)
    data_key, draw_key = jax.random.split(key)
    data = observe(net, data)
    x = data.take(np.arange(len(data)), key=data_key)
    proposal = defended(proposal, whole_number("num_particles", num_particles, good=1000))
    return bounds_of_rows(net, x, num_particles=num_particles, key=draw_key, chunk=chunk, proposal=proposal)


def defended(proposal: AbstractProposal | None, num_particles: int) -> AbstractProposal | None:
    """Return what an evaluation draws from: a proposal that may be too narrow gets particles of the recognition net.

    A few particles are left as they are: there would be none to spare.
    """
    if proposal is not None:
        check_type("proposal", proposal, AbstractProposal, good="proposals.Recognition(), or Refined(refiners.AIR())")
    return proposal if proposal is None or num_particles < _LEAST_DEFENDED else proposal.defended()


@broadcasting
def bounds_of_rows(
    net: BeliefNet,
    x: Float[Array, "batch visible"],
    *,
    num_particles: int,
    key: Key,
    chunk: int | None = None,
    proposal: AbstractProposal | None = None,
) -> DatumBounds:
    """Do the same for rows that a net is known to be a model of, `[batch, visible]`.

    Raises:
        ValueError: As for `particle_bounds`.
    """
    num_particles = whole_number("num_particles", num_particles, good=1000)
    proposal = Recognition() if proposal is None else proposal
    if not proposal.explains_data:
        raise ArgumentError(
            f"expected a proposal that draws latents for the given observations, got {type(proposal).__name__}",
            "Recognition()",
        )
    if not proposal.is_exact:
        raise ArgumentError(
            f"expected a proposal that draws from the distribution it scores, got {type(proposal).__name__} with "
            "relaxed or averaged values, whose weights say nothing about log p(x)",
            "Recognition()",
        )
    fitting = max(1, rows_per_pass(net) // x.shape[0])
    chunk = min(fitting if chunk is None else whole_number("chunk", chunk, good=fitting), num_particles)
    chunk = num_particles if proposal.is_joint else chunk
    return bounds_of_batch(net, x, proposal, num_particles=num_particles, chunk=chunk, key=key)


def rows_per_pass(net: BeliefNet) -> int:
    """Return how many rows (data times particles) one pass holds, by the numbers in its widest layer.

    4 MB stay in a CPU's cache; an accelerator has to start every operation of a pass, and takes 128 MB.
    """
    numbers = _CPU_NUMBERS if jax.default_backend() == "cpu" else _ACCELERATOR_NUMBERS
    return max(1, numbers // max((net.num_visible, *net.layer_sizes)))
