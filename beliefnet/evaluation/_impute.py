"""Missing entries, filled in by what the posterior given the observed ones says of them."""

from collections.abc import Callable
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jaxtyping import Bool, Float
from numpy.typing import ArrayLike

from beliefnet._errors import ArgumentError, check_type, whole_number
from beliefnet._net import BeliefNet
from beliefnet._numerics import broadcasting
from beliefnet._streams import check_key
from beliefnet._types import Key, Values
from beliefnet.conditionals import Observed
from beliefnet.data import Observations
from beliefnet.distributions import UnitKind
from beliefnet.evaluation._bounds import rows_per_pass
from beliefnet.evaluation._observe import DataLike, observe_incomplete
from beliefnet.evaluation._weighted import WeightedSample
from beliefnet.proposals import FixedPosterior
from beliefnet.refiners import AbstractRefiner, default_refiner

_CHUNK = 50


class Search(eqx.Module):
    """How the posterior of an incomplete row is looked for.

    Args:
        num_particles: Particles per row, K, shared out among the starts and rounded up.
        num_starts: Starts per row.
        num_rounds: Rounds per start.
        refiner: How a posterior is improved; that of `refiners.default_refiner` if not given.
        fill: What the recognition net first sees in the place of missing entries, `[visible]`; by default the mean of
            the data that the net was made with, or 0.5 where it has none.

    Raises:
        ValueError: If a count is not a positive whole number.

    Examples:
        >>> Search(200, num_rounds=1).num_starts
        8
    """

    num_particles: int = eqx.field(default=800, static=True, converter=partial(whole_number, "num_particles", good=800))
    num_starts: int = eqx.field(default=8, static=True, converter=partial(whole_number, "num_starts", good=8))
    num_rounds: int = eqx.field(default=3, static=True, converter=partial(whole_number, "num_rounds", good=3))
    refiner: AbstractRefiner | None = None
    fill: ArrayLike | None = None

    @property
    def particles_per_start(self) -> int:
        """How many particles each start has."""
        return -(-self.num_particles // self.num_starts)


class _Ready(eqx.Module):
    """A search with the refiner and the fill of a net."""

    refiner: AbstractRefiner
    fill: Float[Array, " visible"]
    count: int = eqx.field(static=True)
    num_starts: int = eqx.field(static=True)
    num_rounds: int = eqx.field(static=True)

    @classmethod
    def of(cls, search: Search, net: BeliefNet) -> "_Ready":
        check_type("search", search, Search, good="Search(num_particles=800)")
        refiner = default_refiner(net) if search.refiner is None else search.refiner
        check_type("refiner", refiner, AbstractRefiner, good="refiners.AIR()")
        refiner.check(net)
        fill = starting_fill(net, search.fill)
        return cls(refiner, fill, search.particles_per_start, search.num_starts, search.num_rounds)

    def rows_at_once(self, net: BeliefNet) -> int:
        """Return how many rows one pass holds."""
        return max(1, rows_per_pass(net) // (self.num_starts * max(min(self.count, _CHUNK), self.refiner.num_samples)))


class Imputed(eqx.Module):
    """Completed data.

    Attributes:
        means: Observed entries as they were given, and the expectation of the others given them, `[rows, visible]`.
        bound: Log-mean-exp of the log-weights, `[rows]`: with many particles, log p of the observed part, in nats.
        ess: Effective sample size of the weights, `[rows]`; near 1, one particle decides.
        num_particles: How many there were per row: as many for each start, so that the number asked for is rounded up.
        draws: Whole rows, what is missing being drawn given what was observed, `[rows, draws, visible]`: of each draw,
            from one of the particles, chosen by weight.
    """

    means: Float[np.ndarray | Array, "rows visible"]
    bound: Float[np.ndarray | Array, " rows"]
    ess: Float[np.ndarray | Array, " rows"]
    draws: Float[np.ndarray | Array, "rows draws visible"]
    num_particles: int = eqx.field(static=True)


@broadcasting
def impute(
    net: BeliefNet,
    data: DataLike,
    *,
    key: Key,
    observed: ArrayLike | None = None,
    search: Search | None = None,
    num_draws: int = 0,
    progress: Callable[[int], None] | None = None,
) -> Imputed:
    """Fill in what is missing: E[x_missing | x_observed], by particles from posteriors refined on what is observed.

        h_k ~ q~(h),  w~ = softmax_k [log p(x_observed, h_k) - log q~(h_k)],  x_missing = sum_k w~_k E[x_missing | h_k]

    A refined posterior finds one explanation of what is observed, so that there are several starts. Each goes several
    rounds: the recognition net sees the row, the missing entries at `fill` in the first round, the refiner improves its
    posterior, and a particle of it, chosen by weight, draws what the next round sees. The particles of the last
    posteriors of all starts are weighed together, which makes the result exact as K grows, whatever was found before.
    Each row has random numbers of its own, by its number: the result does not depend on how many rows are given at
    once. Draws are for multiple imputation: what is uncertain about the missing entries, and how they go together, is
    in the spread of what is made of each.

    Args:
        net: The net.
        data: Rows `[rows, visible]`: anything that `observe` takes. NaN is missing, and what a masked array masks;
            values of other missing entries are not looked at.
        key: Random key for the draws.
        observed: Which entries were observed, `[rows, visible]`; by default those that are not NaN. A row without any
            gets the mean of the model.
        search: How many particles, starts and rounds, what refines, and where it begins; `Search()` by default.
        num_draws: Whole rows that are drawn of each.
        progress: Called with the number of rows done so far.

    Raises:
        DataError: If the data are of another width than the net, or an observed entry is not what it is a model of.
        ValueError: If the posterior cannot be refined, or the search begins with an array of another shape.

    Reference:
        The rounds are those of Rezende, Mohamed & Wierstra 2014, *Stochastic backpropagation and approximate inference
        in deep generative models*, refined and weighed.

    Examples:
        >>> import jax
        >>> from beliefnet.nets import sigmoid_belief_net
        >>> net = sigmoid_belief_net(3, (2,), key=jax.random.key(0))
        >>> impute(net, [[1.0, float("nan"), 0.0]], key=jax.random.key(1)).means.shape
        (1, 3)
    """
    check_key(key)
    num_draws = whole_number("num_draws", num_draws, good=5, least=0)
    numbers = data.numbers if type(data) is Observations else None
    x, observed = check_incomplete(net, data, observed)
    numbers = np.arange(len(x)) if numbers is None else numbers
    ready = _Ready.of(Search() if search is None else search, net)
    size = min(len(x), ready.rows_at_once(net))
    parts = []
    for start in range(0, len(x), size):
        # The last block is filled up with its last row, so that one program serves all.
        rows = np.minimum(np.arange(start, start + size), len(x) - 1)
        keys = jax.vmap(partial(jax.random.fold_in, key))(numbers[rows])
        found = _impute_rows(net, ready, x[rows], observed[rows], keys, num_draws=num_draws)
        parts.append(jax.tree.map(np.asarray, found))
        if progress is not None:
            progress(int(rows[-1]) + 1)
    return jax.tree.map(lambda *leaves: np.concatenate(leaves)[: len(x)], *parts)


@broadcasting
def one_pass(
    net: BeliefNet, data: DataLike, *, observed: ArrayLike | None = None, fill: ArrayLike | None = None
) -> Array:
    """Fill in what is missing by one pass up and down, to compare with: the decoded means of the first latent layer.

    Args:
        net: The net.
        data: Rows `[rows, visible]`, as for `impute`; NaN is missing.
        observed: Which entries were observed, `[rows, visible]`; by default those that are not NaN.
        fill: What the recognition net sees in the place of missing entries, as for `impute`.

    Returns:
        Observed entries as they were given, and the decoded mean of the others, `[rows, visible]`.

    Raises:
        ValueError: As for `impute`.
    """
    x, observed = check_incomplete(net, data, observed)
    filled = jnp.where(observed, x, starting_fill(net, fill))
    decoded = net.generative.conditionals[-1].mean_given(net.recognition.conditionals[0].mean_given(filled))
    return jnp.where(observed, x, decoded)


def net_observing(net: BeliefNet, observed: ArrayLike) -> BeliefNet:
    """Return a net whose log_joint is log p(x_observed, h): it shares the parameters, and weighs particles likewise.

    Its recognition net still sees whole rows, and missing entries at whatever value they are given.

    Args:
        net: A net over independent units.
        observed: Which entries of each datum were observed, `[batch, visible]`.

    Raises:
        ValueError: If `observed` is not as wide as the net.
    """
    whole = net.generative.conditionals[-1].whole
    return eqx.tree_at(lambda net: net.generative.conditionals[-1], net, Observed(whole, observed))


def starting_fill(net: BeliefNet, fill: ArrayLike | None = None) -> Float[Array, " visible"]:
    """Return what the recognition net first sees in the place of missing entries: if not given, what it subtracts.

    Raises:
        ValueError: If it is not `[visible]`, or not finite.
    """
    if fill is not None:
        if np.shape(fill) != (net.num_visible,):
            raise ArgumentError(f"expected fill of shape ({net.num_visible},), got {np.shape(fill)}", "the data's mean")
        if not np.isfinite(fill).all():
            raise ArgumentError(f"expected fill of finite values, got {np.asarray(fill).tolist()}", "the data's mean")
        return jnp.asarray(fill, float)
    centre = net.recognition.conditionals[0].centre
    return jnp.full(net.num_visible, 0.5) if centre is None else jnp.broadcast_to(centre, net.num_visible)


@partial(jax.jit, static_argnames="num_draws")
def _impute_rows(
    net: BeliefNet,
    search: _Ready,
    x: Float[Array, "rows visible"],
    observed: Bool[Array, "rows visible"],
    keys: Array,
    num_draws: int,
) -> Imputed:
    """Fill in rows, each with a key of its own."""
    count = search.count

    def fill_in(x: Array, observed: Array, key: Key) -> tuple[Array, Array, Array, Array]:
        seen, keys = net_observing(net, observed[None]), jax.random.split(key, search.num_rounds + 1)

        def once(filled: Array, round_key: Key) -> tuple[Array, tuple[Array, Values]]:
            refine_key, draw_key = jax.random.split(round_key)
            posterior = search.refiner.refine(seen, filled, key=refine_key)
            guess = _drawn(seen, filled, FixedPosterior(posterior), min(count, _CHUNK), key=draw_key)
            return jnp.where(observed, x, guess), (filled, posterior.parameters)

        # The starts are a batch of their own.
        filled = jnp.broadcast_to(jnp.where(observed, x, search.fill), (search.num_starts, *x.shape))
        found = lax.scan(once, filled, keys[:-1])[1]
        filled, parameters = jax.tree.map(lambda leaf: leaf[-1], found)
        last = FixedPosterior(search.refiner.start(seen, filled).at(parameters))
        sample, chosen = _weigh(seen, filled, last, count, num_draws, key=keys[-1])
        drawn = jnp.zeros((0, x.shape[-1]))
        if num_draws:
            drawn = jnp.asarray(net.generative.conditionals[-1](chosen.latents).sample(jax.random.split(chosen.key)[0]))
        means, draws = (jnp.where(observed, x, values) for values in (sample.means[0], drawn))
        return means, sample.bound[0], sample.ess[0], draws

    return Imputed(*jax.vmap(fill_in)(x, observed, keys), num_particles=count * search.num_starts)


def _drawn(
    net: BeliefNet, x: Float[Array, "starts visible"], proposal: FixedPosterior, count: int, *, key: Key
) -> Float[Array, "starts visible"]:
    """Draw an observation of each start: from one of its particles, chosen by weight."""
    draw_key, choice_key, visible_key = jax.random.split(key, 3)
    log_weight, latents = _particles(net, x, proposal, count, key=draw_key)
    chosen = jax.random.categorical(choice_key, log_weight, axis=0)
    first = jnp.take_along_axis(latents[0], chosen[None, :, None], axis=0)[0]
    return jnp.asarray(net.generative.conditionals[-1](first).sample(visible_key))


def _particles(
    net: BeliefNet, x: Float[Array, "starts visible"], proposal: FixedPosterior, count: int, *, key: Key
) -> tuple[Float[Array, "particles starts"], Values]:
    particles = proposal.draw(net, x, count, key=key)
    return net.log_joint(x, particles.latents) - particles.log_proposal, particles.latents


class _Chosen(eqx.Module):
    """Particles chosen by weight from all so far, one per draw: those of the largest log-weight plus Gumbel noise.

    Attributes:
        latents: Their bottom layer, `[draws, units]`.
        score: Their log-weight plus noise, `[draws]`.
        key: Random key of the noise.
    """

    latents: Float[Array, "draws units"]
    score: Float[Array, " draws"]
    key: Key

    def among(self, log_weight: Float[Array, " new"], latents: Float[Array, "new units"], index: Array) -> "_Chosen":
        """Return the choice with the particles of a chunk taken in; a log-weight of -inf is never chosen."""
        noise = jax.random.gumbel(jax.random.fold_in(self.key, index), (len(self.score), len(log_weight)))
        best = jnp.argmax(log_weight + noise, axis=1)
        score = jnp.max(log_weight + noise, axis=1, initial=-jnp.inf)
        is_better = score > self.score
        return _Chosen(
            jnp.where(is_better[:, None], latents[best], self.latents), jnp.maximum(score, self.score), self.key
        )


def _weigh(
    net: BeliefNet, x: Float[Array, "starts visible"], proposal: FixedPosterior, count: int, num_draws: int, *, key: Key
) -> tuple[WeightedSample, _Chosen]:
    """Draw `count` particles of each start, a chunk at a time, and weigh all of them together.

    Returns:
        The weights, with the weighted mean of what the particles decode to, and those that were chosen for draws.
    """
    chunk = min(count, _CHUNK)

    def add_chunk(index: Array, so_far: tuple[WeightedSample, _Chosen]) -> tuple[WeightedSample, _Chosen]:
        sample, chosen = so_far
        log_weight, latents = _particles(net, x, proposal, chunk, key=jax.random.fold_in(key, index))
        # The particles of all starts are those of one row, in turn, so that those that count come first.
        means = net.generative.conditionals[-1].mean_given(latents[0]).reshape(-1, 1, x.shape[-1])
        num = jnp.minimum(chunk, count - index * chunk) * len(x)
        if num_draws:
            counted = jnp.where(jnp.arange(log_weight.size) < num, log_weight.reshape(-1), -jnp.inf)
            chosen = chosen.among(counted, latents[0].reshape(len(counted), -1), index)
        return sample.add(log_weight.reshape(-1, 1), means, num=num), chosen

    start = WeightedSample.start(1, weighted=jnp.zeros((1, x.shape[-1])))
    # A number that no chunk has.
    choice_key = jax.random.fold_in(key, 2**31 - 1)
    none = _Chosen(jnp.zeros((num_draws, net.layer_sizes[0])), jnp.full(num_draws, -jnp.inf), choice_key)
    return lax.fori_loop(0, -(-count // chunk), add_chunk, (start, none))


def check_incomplete(net: BeliefNet, data: DataLike, observed: ArrayLike | None) -> tuple[np.ndarray, np.ndarray]:
    """Return the data with zeros in the place of what is missing, and which entries were observed.

    Raises:
        DataError: If what was observed is not what the net is a model of.
        ValueError: If the net cannot be summed over what is missing.
    """
    if net.num_condition:
        raise ArgumentError(
            f"expected a net of whole data to fill them in, got one that is given {net.num_condition} units",
            "beliefnet.sample_means with condition=",
        )
    if net.generative.conditionals[-1].kind is UnitKind.AUTOREGRESSIVE:
        raise ArgumentError(
            "expected visible units that are independent given the latents, so that missing ones drop out, got "
            "autoregressive ones",
            "a net such as an sbn, fdarn or vae",
        )
    return observe_incomplete(net, data, observed)
