"""The evaluation of a net on a data set."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import TypeVar

import jax
import numpy as np
from jax import Array

from beliefnet._errors import ArgumentError, whole_number
from beliefnet._net import BeliefNet
from beliefnet._numerics import broadcasting
from beliefnet._streams import check_key
from beliefnet._types import Key, Values
from beliefnet.data import Observations
from beliefnet.evaluation._bounds import DatumBounds, bounds_of_rows, defended, rows_per_pass
from beliefnet.evaluation._encode import encode_batch
from beliefnet.evaluation._mean import Mean
from beliefnet.evaluation._observe import DataLike, observe_scored
from beliefnet.evaluation._pareto import LEAST_PARTICLES, pareto_k, trusted_k
from beliefnet.evaluation._perplexity import Perplexity, perplexity
from beliefnet.evaluation._weighted import rungs
from beliefnet.proposals import AbstractProposal

ACTIVE_VARIANCE = 0.01
_AT_ONCE = 25
"""Particles of a datum in a pass: with fewer a pass has more data, and the CPU has less to do for each of them."""
T = TypeVar("T")


@dataclass(frozen=True)
class Evaluation:
    """What a net is worth on a data set; nats per example.

    Attributes:
        num_examples: Number of data.
        num_particles: Particles per datum, K.
        elbo: Estimated ELBO; higher is better.
        bound: Estimated K-particle bound; higher is better.
        nll: Estimated negative log-likelihood, `-bound`; lower is better, and an upper bound in expectation.
        ess: Effective sample size of the K weights.
        kl_per_layer: Mean of log r(h_l) - log p(h_l | h_(l+1)), bottom first, r being what the layer was drawn from,
            such as q(h_l | h_(l-1)); they sum to the KL of the ELBO. None where the proposal has no such terms.
        ladder: Estimated negative log-likelihood from the first 10, 100, ... and all particles, by their number: where
            it still falls from rung to rung, more particles would lower it further.
        pareto_k: Median of k-hat, the shape of the tail of the weights, over the data that have one; None for fewer
            than 100 particles, or where no datum has a tail: discrete latents draw the same weights again and again.
        untrusted: Share of the data whose k-hat is above min(1 - 1 / log10 K, 0.7): their estimates are not to be
            trusted. None for fewer than 100 particles.
        active_units: Units per layer whose mean under the recognition net varies over the data by more than 0.01
            (variance), bottom first (Burda et al. 2015); in deep nets, with layer means fed upward.
        distinct_weights: How many equally frequent draws would meet as often as those of the proposal do: one over the
            probability, averaged over the data, that two draws have the same weight. Below 2, draws are nearly all the
            same. Draws in defence of the proposal do not count. None for fewer than 100 particles.
        defensive_share: Share of the particles that the recognition net drew, in defence of a proposal that may be too
            narrow; None where there was no defence.
        elbo_perplexity: Perplexity of documents by the ELBO, an upper bound; None where the data are no word counts.
        perplexity: The same by the K-particle bound.
        elbo_bits_per_dimension: Minus the ELBO in bits per visible unit, for discrete grey levels: an upper bound on
            what a lossless code takes, log2(levels) being that of uniform noise; None for other visible units.
        bits_per_dimension: The same by the K-particle bound.
    """

    num_examples: int
    num_particles: int
    elbo: Mean
    bound: Mean
    nll: Mean
    ess: Mean
    kl_per_layer: list[float] | None
    active_units: list[int]
    ladder: dict[int, Mean]
    pareto_k: float | None
    untrusted: float | None
    distinct_weights: float | None = None
    defensive_share: float | None = None
    elbo_perplexity: Perplexity | None = None
    perplexity: Perplexity | None = None
    elbo_bits_per_dimension: Mean | None = None
    bits_per_dimension: Mean | None = None

    @property
    def trusted_k(self) -> float:
        """The k-hat above which the estimate of a datum is not to be trusted."""
        return trusted_k(self.num_particles)

    def to_dict(self) -> dict:
        """Return plain numbers, lists and dictionaries."""
        return asdict(self)


@broadcasting
def evaluate(
    net: BeliefNet,
    data: DataLike,
    *,
    num_particles: int,
    key: Key,
    proposal: AbstractProposal | None = None,
    progress: Callable[[int], None] | None = None,
) -> Evaluation:
    """Evaluate a net on a data set with K particles per datum; memory does not grow with K or with the data.

    Args:
        net: The net to be evaluated.
        data: Rows `[examples, visible]`, such as `dataset.test`: anything that `observe` takes.
        num_particles: Particles per datum, K.
        key: Random key for the draws. The bits of means that are binarised dynamically depend on it and the number of
            the row alone: they are the same for every net, K and subset.
        proposal: Where the particles come from; the recognition net by default. One that is refined is defended: one of
            every five particles is drawn from the recognition net, from ten particles on (see `proposals.Defensive`).
        progress: Called with the number of data done so far.

    Raises:
        DataError: If the data are none, of another width than the net, or not what the net is a model of.
        ValueError: If `num_particles` is not positive.
    """
    return weigh(net, data, num_particles=num_particles, proposal=proposal, progress=progress, key=key)[0]


def weigh(
    net: BeliefNet,
    data: DataLike,
    *,
    num_particles: int,
    proposal: AbstractProposal | None,
    progress: Callable[[int], None] | None = None,
    key: Key,
) -> tuple[Evaluation, DatumBounds]:
    """Evaluate a net on a data set, and return what was found for each datum too.

    Raises:
        ValueError: As for `evaluate`.
    """
    check_key(key)
    num_particles = whole_number("num_particles", num_particles, good=1000)
    data = observe_scored(net, data)
    lengths = _lengths(net, data)
    parts: list[DatumBounds] = []
    tails: list[np.ndarray] = []
    activity = np.zeros((2, sum(net.layer_sizes)))
    done, proposal = 0, defended(proposal, num_particles)
    if proposal is not None:
        proposal.check(net)
    at_once = num_particles if proposal is not None and proposal.is_joint else min(num_particles, _AT_ONCE)

    def weighed(x: Array, num: int, block_key: Key) -> tuple[int, DatumBounds, Values]:
        block = bounds_of_rows(net, x, num_particles=num_particles, key=block_key, proposal=proposal)
        return num, block, encode_batch(net, x)

    for num, block, codes in _one_ahead(weighed(*block) for block in _blocks(net, data, at_once, key=key)):
        block = jax.tree.map(lambda leaf, num=num: np.asarray(leaf)[:num], block)
        # What the tail says is a number of each datum: tails of all data would not fit in memory.
        tails.append(pareto_k(block.tail))
        parts.append(replace(block, tail=block.tail[:, :0]))
        layers = [np.asarray(layer)[:num] for layer in codes]
        means = np.concatenate([np.zeros((num, 0)), *layers], axis=-1, dtype=np.float64)
        activity += np.stack([means.sum(axis=0), (means**2).sum(axis=0)])
        done += num
        if progress is not None:
            progress(done)
    bounds = jax.tree.map(lambda *leaves: np.concatenate(leaves).astype(np.float64), *parts)
    num_wrong = int(np.isnan(bounds.bound).sum())
    if num_wrong:
        raise ArgumentError(
            f"expected log-weights that are numbers, got NaN for {num_wrong} of {done} examples",
            "a smaller rate if "
            "their posterior was refined, or another net: a parameter or an observation may not be finite",
        )
    evaluation = _summarise(net, bounds, np.concatenate(tails), activity, num_particles)
    evaluation = replace(evaluation, defensive_share=None if proposal is None else proposal.defensive_share)
    if lengths is not None:
        evaluation = replace(
            evaluation, elbo_perplexity=perplexity(bounds.elbo, lengths), perplexity=perplexity(bounds.bound, lengths)
        )
    if net.generative.conditionals[-1].units.report == "bits per dimension":
        nats_per_bit = net.num_outputs * np.log(2)
        evaluation = replace(
            evaluation,
            elbo_bits_per_dimension=Mean.of(-bounds.elbo / nats_per_bit),
            bits_per_dimension=Mean.of(-bounds.bound / nats_per_bit),
        )
    return evaluation, bounds


def _lengths(net: BeliefNet, data: Observations) -> np.ndarray | None:
    """Return the number of words of each document, if the net is one of documents."""
    if net.generative.conditionals[-1].units.report != "perplexity":
        return None
    counts = data.rows[:, net.num_condition :] if net.num_condition else data.rows
    return np.asarray(counts.sum(axis=1), np.float64).ravel()


def _blocks(net: BeliefNet, data: Observations, at_once: int, *, key: Key) -> Iterator[tuple[Array, int, Key]]:
    """Cut the data into blocks of which so many particles fit in memory, small enough that progress shows at large K.

    The last block is filled up with its last row, so that one program serves all; the number is how many rows count.
    """
    size = min(len(data), max(1, rows_per_pass(net) // at_once))
    data_key, draw_key = jax.random.split(key)
    for index, start in enumerate(range(0, len(data), size)):
        rows = np.minimum(np.arange(start, start + size), len(data) - 1)
        yield data.take(rows, key=data_key), min(size, len(data) - start), jax.random.fold_in(draw_key, index)


def _one_ahead(parts: Iterator[T]) -> Iterator[T]:
    """Return the same, each when the next is under way: the device works while what it has done is looked at."""
    before = next(parts)
    for part in parts:
        yield before
        before = part
    yield before


def _summarise(
    net: BeliefNet, data: DatumBounds, k_hat: np.ndarray, activity: np.ndarray, num_particles: int
) -> Evaluation:
    count = len(data.elbo)
    has_tail = num_particles >= LEAST_PARTICLES
    fitted = k_hat[~np.isnan(k_hat)]
    variance = activity[1] / count - (activity[0] / count) ** 2
    edges = np.cumsum((0, *net.layer_sizes))
    is_active = variance > ACTIVE_VARIANCE
    return Evaluation(
        num_examples=count,
        num_particles=num_particles,
        elbo=Mean.of(data.elbo),
        bound=Mean.of(data.bound),
        nll=Mean.of(-data.bound),
        ess=Mean.of(data.ess),
        kl_per_layer=None if data.kl is None else [float(value) for value in data.kl.mean(axis=0)],
        active_units=[int(is_active[a:b].sum()) for a, b in itertools.pairwise(edges)],
        ladder={rung: Mean.of(-data.ladder[:, index]) for index, rung in enumerate(rungs(num_particles))},
        pareto_k=float(np.median(fitted)) if has_tail and len(fitted) else None,
        untrusted=float((fitted > trusted_k(num_particles)).sum() / count) if has_tail else None,
        distinct_weights=float(1 / max(data.repeated.mean(), 1 / num_particles)) if has_tail else None,
    )
