"""Importance weights: streaming, tails, and proposals that lose sight of the posterior."""

import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from cases import OBSERVATIONS, small_net
from laws import assert_mean

from beliefnet import Trace
from beliefnet.data import Dataset
from beliefnet.estimators import VIMCO
from beliefnet.evaluation import _bounds as bounds_module
from beliefnet.evaluation import _exact as exact_module
from beliefnet.evaluation import (
    enumerate_latents,
    evaluate,
    exact_bound,
    exact_gradient,
    exact_log_likelihood,
    particle_bounds,
)
from beliefnet.evaluation._pareto import pareto_k, tail_size
from beliefnet.evaluation._weighted import WeightedSample, running_mean
from beliefnet.nets import sigmoid_belief_net
from beliefnet.proposals import Annealed, Defensive, FixedPosterior, Recognition, Refined
from beliefnet.refiners import AIR, MeanField, Shrinkage
from beliefnet.training import FitOptions, fit

KEY = jax.random.key(0)


def streamed(f: np.ndarray, chunk: int, values: np.ndarray | None = None) -> WeightedSample:
    """Log-weights `[particles, batch]` by chunks, the last one filled up with what must not count."""
    zeros = None if values is None else jnp.zeros(values.shape[1:])
    sample = WeightedSample.start(f.shape[1], weighted=zeros, rungs=(2, len(f)), tail=5, room=9)
    for start in range(0, len(f), chunk):
        part, num = f[start : start + chunk], min(chunk, len(f) - start)
        fill = [(0, chunk - num)]
        padded = np.pad(part, [*fill, (0, 0)], constant_values=99)
        given = None
        if values is not None:
            given = jnp.asarray(np.pad(values[start : start + chunk], [*fill, *[(0, 0)] * (values.ndim - 1)]))
        sample = sample.add(jnp.asarray(padded), given, num=num)
    return sample


RNG = np.random.default_rng(0)
WEIGHTS = {
    "plain": RNG.normal(size=(23, 4)),
    "far apart": RNG.normal(size=(23, 4)) * 300,
    "large": RNG.normal(size=(23, 4)) + 5e4,
    "a third are zero": np.where(RNG.random((23, 4)) < 0.3, -np.inf, RNG.normal(size=(23, 4))),
    "zero at first": np.where(np.arange(23)[:, None] < 9, -np.inf, RNG.normal(size=(23, 4))),
    "zero at last": np.where(np.arange(23)[:, None] > 9, -np.inf, RNG.normal(size=(23, 4))),
}


@pytest.mark.full(but=["far apart-7", "zero at first-7"])
@pytest.mark.parametrize("chunk", [1, 4, 7, 23])
@pytest.mark.parametrize("name", WEIGHTS)
def test_streaming_is_the_same_as_all_at_once(name: str, chunk: int):
    f = WEIGHTS[name].astype(np.float32)
    values = RNG.normal(size=(23, 4, 2)).astype(np.float32)
    sample = streamed(f, chunk, values)
    f = f.astype(np.float64)
    weights = np.exp(f - f.max(axis=0))
    np.testing.assert_allclose(sample.bound, np.logaddexp.reduce(f, axis=0) - np.log(23), rtol=2e-6, atol=2e-6)
    np.testing.assert_allclose(sample.ess, weights.sum(axis=0) ** 2 / (weights**2).sum(axis=0), rtol=2e-4)
    expected = np.einsum("kb,kbv->bv", weights, values) / weights.sum(axis=0)[:, None]
    np.testing.assert_allclose(sample.means, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(sample.tail, -np.sort(-f, axis=0)[:5].T, rtol=1e-6)
    np.testing.assert_allclose(sample.ladder[:, 1], sample.bound, rtol=1e-6, atol=1e-6)
    assert not any(np.isnan(leaf).any() for leaf in jax.tree.leaves(sample))


@pytest.mark.parametrize("chunk", [1, 3, 6])
def test_weights_that_are_all_zero_are_no_nan(chunk: int):
    sample = streamed(np.full((6, 2), -np.inf, np.float32), chunk, np.full((6, 2, 1), 7, np.float32))
    assert (np.asarray(sample.bound) == -np.inf).all()
    for found in (sample.ess, sample.means):
        assert (np.asarray(found) == 0).all()


def test_a_mean_that_is_lost_stays_lost():
    for old, new in ((-np.inf, -np.inf), (-np.inf, 1.0), (1.0, -np.inf)):
        assert running_mean(jnp.float32(old), jnp.float32(new), 0.5) == -np.inf
    assert running_mean(jnp.float32(1), jnp.float32(3), 0.25) == 1.5


@pytest.mark.parametrize("name", ["normal", "student", "pareto", "uniform"])
def test_k_hat_agrees_with_arviz_on_continuous_weights(name: str):
    law = {
        "normal": scipy.stats.norm(scale=2),
        "student": scipy.stats.t(3),
        "pareto": scipy.stats.expon(scale=0.6),
        "uniform": scipy.stats.uniform(0, 3),
    }[name]
    f = law.rvs(size=(20, 1000), random_state=np.random.default_rng(1))
    tail = -np.sort(-f, axis=1)[:, : tail_size(1000) + 1]
    arviz = pytest.importorskip(
        "arviz", reason="arviz is compared with where it is installed: pip install .[references]"
    )
    expected = arviz.psislw(f)[1]
    np.testing.assert_allclose(pareto_k(tail), expected, rtol=1e-4, atol=1e-4)


def test_k_hat_of_weights_that_are_drawn_again_and_again():
    def k_hat(*weights: tuple[float, int]) -> float:
        values = sorted((value for value, times in weights for _ in range(times)), reverse=True)
        return float(pareto_k(np.array([values], np.float32))[0])

    # Known weights have no tail.
    assert np.isnan(k_hat((0, 16), (-1, 15)))
    assert np.isnan(k_hat((0, 31)))
    assert np.isnan(k_hat((10, 8), (0, 23)))
    # A weight that was drawn once and decides is not known, and too little to be fitted.
    assert k_hat((10, 1), (0, 30)) == np.inf
    assert k_hat((10, 1), (9, 1), (0, 30)) == np.inf
    assert k_hat((0, 1), (-np.inf, 30)) == np.inf
    # Ties at the threshold are no part of the tail: k-hat is that of what exceeds it.
    above = -np.sort(-np.random.default_rng(0).exponential(size=40))
    with_ties = np.concatenate([above, np.zeros(20)])
    single = np.concatenate([above, np.zeros(1)])
    np.testing.assert_allclose(pareto_k(with_ties[None]), pareto_k(single[None]), rtol=1e-6)


def with_generative(net, factor: float):
    """The net with a generative chain of larger parameters: its recognition chain stays broad."""
    down = jax.tree.map(lambda leaf: factor * leaf, net.generative)
    return eqx.tree_at(lambda net: net.generative, net, down)


@pytest.mark.full
def test_k_hat_of_discrete_latents_gives_no_false_advice():
    """A net of 32 states that are all drawn: estimates are right, and k-hat says nothing against them."""
    net = with_generative(sigmoid_belief_net(16, (5,), key=KEY), 1.5)
    x = np.asarray(net.dream((100,), key=jax.random.key(1))[0])
    result = evaluate(net, x, num_particles=1000, key=jax.random.key(2))
    found = np.asarray(particle_bounds(net, x, num_particles=1000, key=jax.random.key(2)).bound)
    assert np.abs(found - np.asarray(exact_log_likelihood(net, jnp.asarray(x)))).mean() < 0.1
    assert result.untrusted < 0.06
    assert 1 < result.distinct_weights <= 32
    assert result.defensive_share is None


def narrow(net) -> FixedPosterior:
    """A posterior of its own parameters, nearly a point, and not where the recognition net is."""
    start = MeanField.recognised(net, OBSERVATIONS)
    return FixedPosterior(MeanField(tuple(-6 * jnp.sign(p) for p in start.parameters), start.families))


@pytest.mark.full
@pytest.mark.parametrize("num_particles", [1, 3, 5, 7])
def test_the_mean_weight_of_a_mixture_is_the_likelihood(num_particles: int):
    """By enumeration: every place of the recognition net's particle, and every state it or the others may have."""
    net = small_net(3)
    states = enumerate_latents(net, OBSERVATIONS)
    log_r = narrow(net).log_probs(net, OBSERVATIONS, states.latents).sum(axis=-1)
    every = 5
    mixture = jnp.logaddexp(log_r + jnp.log(1 - 1 / every), states.log_q - jnp.log(every))
    weight = states.log_p - mixture
    by_q, by_r = (jnp.sum(jnp.exp(log + weight), axis=0) for log in (states.log_q, log_r))
    means = []
    for place in range(every):
        # Of groups that are complete or not, the particle at the place is the recognition net's.
        drawn_by_q = [index % every == place for index in range(num_particles)]
        means.append(sum(by_q if is_q else by_r for is_q in drawn_by_q) / num_particles)
    np.testing.assert_allclose(sum(means) / every, jnp.exp(exact_log_likelihood(net, OBSERVATIONS)), rtol=1e-4)


@pytest.mark.full
def test_the_weights_of_a_mixture_are_those_of_its_density():
    net, proposal = small_net(3), Defensive(narrow(small_net(3)), every=4)
    particles = proposal.draw(net, OBSERVATIONS, 10, key=KEY)
    trace = Trace.record(net, particles)
    log_r = proposal.proposal.log_probs(net, OBSERVATIONS, particles.latents).sum(axis=-1)
    log_q = trace.log_q.sum(axis=-1)
    expected = trace.log_p.sum(axis=-1) - np.logaddexp(log_r + np.log(0.75), log_q - np.log(4))
    np.testing.assert_allclose(trace.log_weight, expected, rtol=1e-5)
    assert (np.asarray(trace.log_weight) <= trace.log_p.sum(axis=-1) - log_q + np.log(4) + 1e-4).all()
    own = np.asarray(particles.is_own)
    assert [own[:4].sum(), own[4:8].sum()] == [3, 3]
    np.testing.assert_allclose(
        proposal.log_probs(net, OBSERVATIONS, particles.latents)[..., 0], particles.log_proposal, rtol=1e-5
    )
    with pytest.raises(ValueError, match="every of at least 2, got 1"):
        Defensive(Recognition(), every=1)
    with pytest.raises(ValueError, match="density is known for any latents, got Annealed"):
        Defensive(Annealed(2)).draw(net, OBSERVATIONS, 10, key=KEY)


@pytest.mark.full
def test_a_mixture_is_no_worse_than_the_recognition_nets_share():
    """By more than log of the share: whatever the other proposal has lost."""
    net = small_net(3)
    lost = particle_bounds(
        net, np.repeat(OBSERVATIONS, 1, axis=0), num_particles=9, proposal=narrow(net), key=KEY
    ).bound
    x = jnp.asarray(OBSERVATIONS)

    def bound(key):
        return bounds_module.bounds_of_rows(net, x, num_particles=20, key=key, proposal=Defensive(narrow(net))).bound

    found = np.asarray(jax.jit(jax.vmap(bound))(jax.random.split(KEY, 4000)))
    stderr = found.std(axis=0) / np.sqrt(len(found))
    share = exact_bound(net, OBSERVATIONS, num_particles=4)
    assert (found.mean(axis=0) + 4 * stderr >= share - np.log(5)).all()
    assert (found.mean(axis=0) + 4 * stderr >= share - 0.05).all()  # in fact hardly worse at all
    assert (found.mean(axis=0) > np.asarray(lost) + 0.5).any()


@pytest.mark.full
def test_undamped_refinement_no_longer_looks_trustworthy_where_it_is_wrong():
    """Steps of rate 1 end in points: by them alone the bound is far too low, with a large effective sample size."""
    net = with_generative(sigmoid_belief_net(4, (5,), key=jax.random.key(3)), 3.0)
    x = np.array(list(itertools.product((0.0, 1.0), repeat=4)), np.float32)
    exact = np.asarray(exact_log_likelihood(net, x))
    proposal = Refined(AIR(50, 5, rate=1.0, num_checks=0, shrinkage=Shrinkage.NONE))
    alone = bounds_module.bounds_of_rows(net, jnp.asarray(x), num_particles=5000, key=KEY, proposal=proposal)
    assert alone.ess.mean() > 0.5 * 5000
    mixed = particle_bounds(net, x, num_particles=5000, key=KEY, proposal=proposal)
    assert np.mean(exact - np.asarray(alone.bound)) > 0.1
    assert np.mean(np.abs(exact - np.asarray(mixed.bound))) < 0.07
    result = evaluate(net, x, num_particles=5000, key=KEY, proposal=proposal)
    assert result.nll.mean == pytest.approx(-exact.mean(), abs=0.05)


@pytest.fixture(scope="module")
def trained():
    """A trained net of 32 latent states over four bits that several causes explain, and every observation."""
    random = np.random.default_rng(0)
    rows = (random.random((2000, 5)) < 0.35) @ (random.random((5, 4)) < 0.5) ^ (random.random((2000, 4)) < 0.1)
    data = Dataset.from_arrays(rows.astype(np.uint8))
    net = sigmoid_belief_net(4, (5,), key=jax.random.key(3))
    net = fit(net, data, VIMCO(5), options=FitOptions(epochs=20, batch_size=50, learning_rate=0.02)).net
    return net, np.array(list(itertools.product((0.0, 1.0), repeat=4)), np.float32)


UNDAMPED = Refined(AIR(20, 20, rate=1.0, num_checks=0, shrinkage=Shrinkage.NONE))


@pytest.mark.full
def test_of_a_trained_net_a_mixture_loses_no_more_than_the_log_of_its_share(trained):
    """Undamped refinement alone is off by tenths of a nat, with an effective sample size that looks well."""
    net, x = trained
    exact = np.asarray(exact_log_likelihood(net, x))
    alone = bounds_module.bounds_of_rows(net, jnp.asarray(x), num_particles=1000, key=KEY, proposal=UNDAMPED)
    assert np.mean(exact - np.asarray(alone.bound)) > 0.2
    assert alone.ess.mean() > 600
    mixed = particle_bounds(net, x, num_particles=1000, key=KEY, proposal=UNDAMPED)
    recognised = particle_bounds(net, x, num_particles=1000, key=KEY)
    assert np.max(np.asarray(recognised.bound) - np.asarray(mixed.bound)) < np.log(5)
    assert np.mean(exact - np.asarray(mixed.bound)) < 0.05
    # From a start that is defended, annealing is no worse; one temperature is the start alone.
    annealed = particle_bounds(net, x, num_particles=1000, key=KEY, proposal=Annealed(1, UNDAMPED))
    assert np.mean(exact - np.asarray(annealed.bound)) < 0.05


@pytest.mark.full
def test_draws_that_are_nearly_all_the_same_are_told(trained):
    net, x = trained
    points = evaluate(
        net,
        x,
        num_particles=200,
        key=KEY,
        proposal=Refined(AIR(50, 5, rate=1.0, num_checks=0, shrinkage=Shrinkage.NONE)),
    )
    assert points.distinct_weights == pytest.approx(1, abs=0.2)
    assert points.defensive_share == 0.2
    assert evaluate(net, x, num_particles=9, key=KEY, proposal=UNDAMPED).defensive_share is None, "none to spare"


@pytest.mark.full
@pytest.mark.parametrize("chunk", [1, 4, 400])
def test_how_often_two_draws_are_the_same(chunk: int):
    """By enumeration: the probability that two particles have the same log-weight, whatever the chunks."""
    net = small_net(2)
    states = enumerate_latents(net, OBSERVATIONS)
    probability = np.exp(np.asarray(states.log_q, np.float64))
    is_same = np.asarray(states.log_weight)[:, None] == np.asarray(states.log_weight)
    expected = np.einsum("sb,tb,stb->b", probability, probability, is_same)

    def repeated(key):
        return bounds_module.bounds_of_rows(net, OBSERVATIONS, num_particles=20, key=key, chunk=chunk).repeated

    found = np.asarray(jax.jit(jax.vmap(repeated))(jax.random.split(KEY, 2000)), np.float64)
    assert_mean(found, expected)


def test_the_elbo_of_a_defended_posterior_is_its_own():
    net, proposal = small_net(3), narrow(small_net(3))
    alone = bounds_module.bounds_of_rows(net, OBSERVATIONS, num_particles=4000, key=KEY, proposal=proposal)
    mixed = particle_bounds(net, OBSERVATIONS, num_particles=4000, key=KEY, proposal=proposal)
    np.testing.assert_allclose(mixed.elbo, alone.elbo, atol=0.15)
    np.testing.assert_allclose(mixed.kl, alone.kl, atol=0.15)


def test_one_program_serves_all_blocks(monkeypatch):
    """The last block is filled up with rows that do not count."""
    net, x = small_net(2), np.tile(np.asarray(OBSERVATIONS), (5, 1))[:13]
    monkeypatch.setattr("beliefnet.evaluation._evaluate.rows_per_pass", lambda net: 5 * 7)
    before = bounds_module.bounds_of_batch._cache_size()
    result = evaluate(net, x, num_particles=7, key=KEY)
    assert bounds_module.bounds_of_batch._cache_size() == before + 1
    assert result.num_examples == 13


def test_exact_values_refuse_before_they_allocate():
    """Sixteen latent units are few enough, but not for a thousand data of a thousand units."""
    net = sigmoid_belief_net(1000, (16,), key=KEY)
    with pytest.raises(ValueError, match=r"65536 latent states for 1000 data .*; try 4 data at a time"):
        exact_log_likelihood(net, jnp.zeros((1000, 1000)))


@pytest.mark.parametrize(
    ("hidden", "num_data", "num_particles", "count"),
    [
        (7, 200, 3, "357760"),
        (7, 2, 6, "more than 2000000"),
        (3, 2, 2**31 - 1, "more than 2000000"),
        (1, 1, 20_000, "20001"),
    ],
)
def test_multisets_are_counted_before_any_is_made(hidden, num_data, num_particles, count, monkeypatch):
    net = sigmoid_belief_net(3, (hidden,), key=KEY)
    monkeypatch.setattr("beliefnet.evaluation._exact.enumerate_latents", None)
    for value in (exact_bound, exact_gradient):
        with pytest.raises(ValueError, match=rf"multisets of {num_particles} particles .* memory, got {count} for"):
            value(net, jnp.zeros((num_data, 3)), num_particles=num_particles)


def test_every_multiset_counts_as_often_as_it_has_orderings():
    members = exact_module._multisets(3, 4)
    assert len(members) == exact_module.num_multisets(3, 4) == 15
    orderings = np.exp(exact_module._log_orderings(members))
    tuples = np.sort(np.indices((3,) * 4).reshape(4, -1).T)
    np.testing.assert_allclose(orderings, [(tuples == row).all(axis=1).sum() for row in members], rtol=1e-12)
