"""Moves against exact posteriors, annealed weights against exact likelihoods, the sandwich against both."""

import functools
import itertools
import json
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import ALL_NETS, ALL_OBSERVATIONS, OBSERVATIONS
from laws import MAX_Z, assert_frequencies, assert_mean, z_scores
from numpyro.distributions import Exponential, Poisson
from pages import ROOT

from beliefnet import BeliefNet, Chain, Trace
from beliefnet.conditionals import Feedforward, Prior
from beliefnet.distributions import BernoulliFamily, CategoricalFamily, NormalFamily
from beliefnet.evaluation import Mean, exact_log_likelihood, particle_bounds, sandwich
from beliefnet.evaluation._sandwich import _bounds
from beliefnet.moves import (
    DiscreteLangevin,
    DiscreteMoves,
    GibbsWithGradients,
    InTurn,
    Path,
    PathAuxiliary,
    moves_for,
)
from beliefnet.proposals import Annealed, Dream, FixedPosterior, Particles, Recognition, Refined, Schedule
from beliefnet.refiners import AIR, MeanField
from beliefnet.samplers import Concrete

DISCRETE = ("two layers", "three layers", "two categorical", "categorical on binary", "connected")
WITH_NORMAL = ("two normal layers", "binary on normal")
REFINED = Refined(AIR(num_steps=3, num_samples=5))
NUM = 5_000


@dataclass(frozen=True)
class Known:
    """A net, and what there is to know about it for every observation there is.

    Attributes:
        latents: Every joint state, `[states, 1, units]` per layer; of normal units, a fine grid.
        posterior: p(h | x) of each state, `[states, 8]`.
        log_likelihood: log p(x), `[8]`.
        elbo: E_q[log p(x, h) - log q(h | x)], `[8]`.
        eubo: Its expectation under p(h | x) instead, `[8]`: above log p(x) by as much as q misses.
    """

    net: BeliefNet
    latents: tuple[Any, ...]
    posterior: Any
    log_likelihood: Any
    elbo: Any
    eubo: Any

    def mean(self, statistic, x):
        """E[statistic(h) | x] for each datum."""
        weights = self.posterior[:, self.where(x)]
        return np.einsum("sb,sou->bu", weights, statistic(self.latents))

    def draw(self, num, x):
        """Exact draws from the posterior of each datum, `[num, batch, units]` per layer."""
        weights = self.posterior[:, self.where(x)].T
        index = np.stack([np.random.default_rng(0).choice(len(p), num, p=p) for p in weights], axis=-1)
        return tuple(h[index, 0] for h in self.latents)

    def where(self, x):
        """The places of observations among all."""
        return np.asarray(x, int) @ np.array([4, 2, 1])


@functools.cache
def known(name: str) -> Known:
    net = ALL_NETS[name]()
    tables, log_width = [], 0.0
    for conditional in net.recognition.conditionals:
        match conditional.units:
            case NormalFamily():  # one unit each
                tables.append(np.linspace(-9, 9, 181)[:, None])
                log_width += np.log(0.1)
            case BernoulliFamily():
                tables.append(np.array(list(itertools.product((0, 1), repeat=conditional.num_units))))
            case CategoricalFamily(num_categories=num):
                rows = itertools.product(np.eye(num), repeat=conditional.num_units // num)
                tables.append(np.array([np.concatenate(row) for row in rows]))
    states = list(itertools.product(*tables))
    latents = tuple(jnp.asarray(np.stack(values)[:, None], jnp.float32) for values in zip(*states, strict=True))
    score = jax.jit(lambda: [f(ALL_OBSERVATIONS, latents) for f in (net.log_joint, net.log_recognition)])
    log_p, log_q = (np.asarray(term, np.float64) + log_width for term in score())
    log_likelihood = np.log(np.exp(log_p).sum(axis=0))
    posterior = np.exp(log_p - log_likelihood)
    elbo, eubo = (np.sum(weights * (log_p - log_q), axis=0) for weights in (np.exp(log_q), posterior))
    return Known(net, latents, posterior, log_likelihood, elbo, eubo)


@pytest.mark.full
def test_what_is_known_is_the_oracle():
    case = known("two categorical")
    np.testing.assert_allclose(case.log_likelihood, exact_log_likelihood(case.net, ALL_OBSERVATIONS), rtol=1e-5)
    for name in (*DISCRETE, *WITH_NORMAL):
        np.testing.assert_allclose(np.exp(known(name).log_likelihood).sum(), 1, atol=1e-5)


def stepper(net):
    """The net's move at its posterior, compiled; steps are long, so that acceptance has something to decide."""

    def step(x, latents, key):
        layers = MeanField.recognised(net, x).layers
        move = moves_for(layers, num_changes=3, step_size=0.5, num_leapfrog=3)
        return move(lambda latents: net.log_joint(x, latents), latents, key=key)

    return jax.jit(step)


def followed(step, x, latents, num, seed):
    for key in jax.random.split(jax.random.key(seed), num):
        latents = step(x, latents, key)
    return latents


def hits(case, latents):
    """Which state each particle is in, `[particles, states, batch]`."""
    equal = [(np.asarray(h)[:, None] == s[None]).all(axis=-1) for h, s in zip(latents, case.latents, strict=True)]
    return np.logical_and.reduce(equal).astype(np.float64)


def side_by_side(latents):
    lead = latents[0].shape[:-1]
    return np.concatenate([np.broadcast_to(h, (*lead, h.shape[-1])) for h in latents], axis=-1).astype(np.float64)


def moments(latents):
    """First moments of all units, and second ones within and between layers."""
    units = side_by_side(latents)
    products = units[..., :, None] * units[..., None, :]
    return np.concatenate([units, products.reshape(*units.shape[:-1], -1)], axis=-1)


@pytest.mark.full(but=["two layers"])
@pytest.mark.parametrize("name", ["two layers", "categorical on binary", "connected"])
def test_moves_of_discrete_layers_keep_the_posterior_and_find_it(name: str):
    case = known(name)
    step, posterior = stepper(case.net), case.posterior[:, case.where(OBSERVATIONS)]
    exact = case.draw(NUM, OBSERVATIONS)
    moved = followed(step, OBSERVATIONS, exact, 3, seed=1)
    assert_frequencies(hits(case, moved), posterior)
    assert min((a != b).any(axis=-1).mean() for a, b in zip(exact, moved, strict=True)) > 0.2
    anywhere = tuple(jnp.broadcast_to(h[0], (NUM, len(OBSERVATIONS), h.shape[-1])) for h in case.latents)
    assert_frequencies(hits(case, followed(step, OBSERVATIONS, anywhere, 25, seed=2)), posterior)


@pytest.mark.full
@pytest.mark.parametrize("name", WITH_NORMAL)
def test_moves_of_continuous_and_mixed_layers_keep_the_posterior_and_find_it(name: str):
    case = known(name)
    step = stepper(case.net)
    # A dreamt datum comes with an exact draw from its posterior.
    x, latents = jax.jit(lambda key: case.net.dream((3 * NUM,), key=key))(jax.random.key(0))
    exact = tuple(h[None] for h in latents)
    moved = followed(step, x, exact, 3, seed=1)
    change = (moments(moved) - moments(exact))[0]
    pairs = np.asarray(x)[:, :, None] * change[:, None]
    assert_mean((change, pairs), (np.zeros(change.shape[1:]), np.zeros(pairs.shape[1:])))
    assert min((a != b).any(axis=-1).mean() for a, b in zip(exact, moved, strict=True)) > 0.3
    x = jnp.repeat(OBSERVATIONS, NUM, axis=0)
    anywhere = tuple(jnp.ones((1, len(x), size)) for size in case.net.layer_sizes)
    found = moments(followed(step, x, anywhere, 25, seed=2)).reshape(len(OBSERVATIONS), NUM, -1).swapaxes(0, 1)
    assert_mean(found, case.mean(moments, OBSERVATIONS))


SETTINGS = {
    GibbsWithGradients: {"num_changes": 2},
    DiscreteLangevin: {"step_size": 1.0},
    PathAuxiliary: {"num_changes": 2},
}
CATEGORIES = {"two layers": (None, None), "two categorical": (3, 2), "categorical on binary": (None, 3)}


def ways(move, changed):
    """Every way along which some variables, `[variables]`, can be changed."""
    touched, others = np.flatnonzero(changed), np.flatnonzero(~changed)
    if isinstance(move, PathAuxiliary):
        steps = min(2 * move.num_changes - 1, len(changed))
        orders = itertools.permutations(touched) if 1 <= len(touched) <= steps else ()
        return [(*order, *others)[:steps] for order in orders]
    return [()] if isinstance(move, DiscreteLangevin) or len(touched) == 1 else []


def proposed(case, move, x):
    """Every proposal from every state: from where, to where, with what probability, and accepted with what."""

    def log_density(latents):
        return case.net.log_joint(x, latents)

    with jax.enable_x64(True):
        latents = tuple(jnp.asarray(h, jnp.float64) for h in case.latents)
        place = jax.jit(lambda latents: move.look(log_density, latents, move.take(latents)))(latents)
        variables = np.concatenate([np.argmax(value[:, 0], axis=-1) for value in place.values], axis=-1)
        flows = [
            (i, j, way)
            for i, j in itertools.product(range(len(variables)), repeat=2)
            for way in ways(move, variables[i] != variables[j])
        ]
        start, end = (np.array([flow[which] for flow in flows]) for which in (0, 1))
        length = jnp.asarray((variables[start] != variables[end]).sum(axis=-1))[:, None]
        way = Path(jnp.asarray([flow[2] for flow in flows], int)[:, None], length)
        here, there = (jax.tree.map(lambda leaf, where=where: leaf[where], place) for where in (start, end))
        forth, ratio = jax.jit(lambda *at: (move.log_prob(at[0], at[1].values, at[2]), move.log_ratio(*at)))(
            here, there, way
        )
        posterior = np.exp(np.asarray(place.log_density[:, 0]))
        return start, end, np.exp(forth[:, 0]), np.exp(np.minimum(ratio[:, 0], 0)), posterior / posterior.sum()


@pytest.mark.full(
    but=["GibbsWithGradients-two layers", "DiscreteLangevin-two categorical", "PathAuxiliary-categorical on binary"]
)
@pytest.mark.parametrize("name", CATEGORIES)
@pytest.mark.parametrize("kind", SETTINGS)
def test_discrete_moves_are_in_detailed_balance(kind: type, name: str):
    """Every proposal is enumerated: nothing is drawn, and the matrix of transitions is exact."""
    case, x = known(name), OBSERVATIONS[:1].astype(float)
    move = kind((0, 1), CATEGORIES[name], **SETTINGS[kind])
    assert move.reversal is move
    start, end, probability, acceptance, posterior = proposed(case, move, x)
    np.testing.assert_allclose(np.bincount(start, probability), 1, atol=1e-12)
    moved = np.zeros((len(posterior),) * 2)
    np.add.at(moved, (start, end), probability * acceptance)
    flow = posterior[:, None] * moved
    np.testing.assert_allclose(flow, flow.T, atol=1e-12)
    transition = moved + np.diag(1 - moved.sum(axis=1))
    np.testing.assert_allclose(posterior @ transition, posterior, atol=1e-12)
    np.testing.assert_allclose(
        np.linalg.matrix_power(transition, 5000), np.tile(posterior, (len(posterior), 1)), atol=1e-9
    )


@pytest.mark.full(but=["PathAuxiliary"])
@pytest.mark.parametrize("kind", SETTINGS)
def test_discrete_moves_propose_as_they_say(kind: type):
    case, name = known("two categorical"), "two categorical"
    move, x = kind((0, 1), CATEGORIES[name], **SETTINGS[kind]), OBSERVATIONS[:1].astype(float)
    start, end, probability, _, _ = proposed(case, move, x)
    latents = tuple(jnp.tile(h[:1], (NUM, 1, 1)) for h in case.latents)

    @jax.jit
    def propose(latents, key):
        place = move.look(lambda latents: case.net.log_joint(x, latents), latents, move.take(latents))
        return move.put(latents, move.propose(place, key=key)[0])

    exact = np.bincount(end[start == 0], probability[start == 0], len(case.posterior))
    assert_frequencies(hits(case, propose(latents, jax.random.key(0)))[..., 0], exact)


@pytest.mark.full
def test_the_reversal_of_moves_in_turn_runs_them_backwards():
    """From draws of the posterior, pairs of before and after are alike in both directions, and not symmetric."""
    case = known("two categorical")
    move = InTurn((GibbsWithGradients((0,), (3,), 2), GibbsWithGradients((1,), (2,), 2)))
    exact = case.draw(6 * NUM, OBSERVATIONS)

    @jax.jit
    def both_ways(latents, keys):
        def log_density(latents):
            return case.net.log_joint(OBSERVATIONS, latents)

        return [one(log_density, latents, key=key) for one, key in zip((move, move.reversal), keys, strict=True)]

    after, before = both_ways(exact, jax.random.split(jax.random.key(0)))
    now, after, before = side_by_side(exact), side_by_side(after), side_by_side(before)
    forwards, backwards = now[..., :, None] * after[..., None, :], before[..., :, None] * now[..., None, :]
    assert_mean(forwards - backwards, np.zeros(forwards.shape[1:]))
    assert np.abs(z_scores(forwards - forwards.swapaxes(-1, -2), np.zeros(forwards.shape[1:]))).max() > 3 * MAX_Z


MIXED = Annealed(4, schedule=Schedule.SIGMOIDAL, step_size=0.5, num_leapfrog=3)
ANNEALED = {
    "langevin": ("two layers", Annealed(4, moves=DiscreteMoves.LANGEVIN, num_changes=2)),
    "path": ("categorical on binary", Annealed(4, moves=DiscreteMoves.PATH, num_changes=2)),
    "refined start, mixed": ("binary on normal", Annealed(3, REFINED)),
    **{name: (name, MIXED) for name in ("three layers", "two normal layers")},
}


@pytest.mark.full(but=["two normal layers"])
@pytest.mark.parametrize("name", ANNEALED)
def test_annealed_weights_are_importance_weights(name: str):
    """Their mean is p(x), that of weighted latents p(x) E[h | x], and that of their logs is above the ELBO."""
    case, annealed = known(ANNEALED[name][0]), ANNEALED[name][1]

    @jax.jit
    def draw(key):
        particles = annealed.draw(case.net, OBSERVATIONS, 5 * NUM, key=key)
        return Trace.record(case.net, particles).log_weight, particles.latents

    log_weight, latents = draw(jax.random.key(3))
    where = case.where(OBSERVATIONS)
    ratio = np.exp(np.asarray(log_weight, np.float64) - case.log_likelihood[where])
    weighed = ratio[..., None] * side_by_side(latents)
    assert_mean((ratio, weighed), (np.ones(len(where)), case.mean(side_by_side, OBSERVATIONS)))
    gap, first = case.log_likelihood[where] - np.mean(log_weight, axis=0), (case.log_likelihood - case.elbo)[where]
    assert (gap < 0.8 * first).all()


@pytest.mark.full
def test_reversed_weights_are_importance_weights():
    """From exact draws of the posterior, the mean of exp(-log_weight) is 1 / p(x)."""
    case = known("two categorical")
    x, latents = jax.jit(lambda key: case.net.dream((10 * NUM,), key=key))(jax.random.key(4))
    exact = tuple(h[None] for h in latents)
    reverse = jax.jit(lambda x, latents, key: MIXED.reverse(case.net, x, latents, key=key))
    log_weight = np.asarray(reverse(x, exact, jax.random.key(5))[0], np.float64)
    inverse = np.exp(case.log_likelihood[case.where(x)] - log_weight)
    assert_mean((inverse, inverse[:, None] * x), (1.0, np.exp(case.log_likelihood) @ np.asarray(ALL_OBSERVATIONS)))


def test_one_temperature_is_the_start():
    net, key = known("one layer").net, jax.random.key(0)
    annealed = Annealed(1, FixedPosterior(MeanField.recognised(net, OBSERVATIONS)))
    particles = jax.jit(lambda: annealed.draw(net, OBSERVATIONS, 5, key=key))()
    start = annealed.start.draw(net, OBSERVATIONS, 5, key=jax.random.split(key, 3)[1])
    np.testing.assert_array_equal(side_by_side(particles.latents), side_by_side(start.latents))
    np.testing.assert_allclose(particles.log_proposal, start.log_proposal, rtol=1e-5)


@pytest.mark.full
def test_more_temperatures_tighten_the_bound():
    """Many temperatures give nearly the likelihood, where the recognition net is nats away."""
    case = known("three layers")
    where, first = case.where(OBSERVATIONS), case.log_likelihood - case.elbo
    bounds = particle_bounds(
        case.net, OBSERVATIONS, num_particles=500, key=jax.random.key(0), proposal=Annealed(60), chunk=200
    )
    assert (first[where] > 1.3).all()
    assert (case.log_likelihood[where] - bounds.elbo < 0.2 * first[where]).all()
    np.testing.assert_allclose(bounds.bound, case.log_likelihood[where], atol=0.1)
    assert bounds.kl is None


@pytest.mark.parametrize("schedule", Schedule)
@pytest.mark.parametrize("num", [1, 2, 7])
def test_schedules_go_from_start_to_posterior(schedule: Schedule, num: int):
    ends = schedule.inverse_temperatures(num)
    assert (ends[0], ends[-1], len(ends)) == (0, 1, num + 1)
    assert (np.diff(ends) > 0).all()
    np.testing.assert_allclose(ends + ends[::-1], 1)


@pytest.mark.full
def test_the_sandwich_holds_the_log_likelihood_and_tightens():
    case = known("binary on normal")
    result = sandwich(case.net, Annealed(20), num_examples=3000, num_particles=2, key=jax.random.key(6))
    p_x = np.exp(case.log_likelihood)
    # With one temperature and one particle: E_p(x) E_q[f] and E_p(x, h)[f].
    lowest, exact, highest = p_x @ case.elbo, p_x @ case.log_likelihood, p_x @ case.eubo
    assert lowest + 4.5 * result.lower.stderr < result.lower.mean < exact + 4.5 * result.lower.stderr
    assert exact - 4.5 * result.upper.stderr < result.upper.mean < highest - 4.5 * result.upper.stderr
    assert 0 < result.gap.mean < 0.2 * (highest - lowest)
    assert result.gap.mean == pytest.approx(result.upper.mean - result.lower.mean)
    assert result.to_dict()["num_temperatures"] == 20


class Weights(Annealed):
    """Gives weights that are known."""

    forwards = np.array([[-1.0], [-3.0], [-2.5]])
    backwards = np.array([[0.5], [2.0], [1.0]])

    def draw(self, net, x, num_particles, *, key):
        latents = net.infer(x, num_particles, key=key).values
        return Particles(x, latents, net.log_joint(x, latents) - self.forwards)

    def reverse(self, net, x, latents, *, key):
        assert {h.shape[:2] for h in latents} == {(3, len(x))}
        return jnp.broadcast_to(self.backwards, (3, len(x)))


def test_particles_are_averaged_on_the_scale_that_makes_a_bound():
    lower, upper = _bounds(known("one layer").net, Weights(1), jax.random.key(0), 2, 3)
    np.testing.assert_allclose(lower, np.log(np.mean(np.exp([-1.0, -3.0, -2.5]))), rtol=1e-5)
    np.testing.assert_allclose(upper, -np.log(np.mean(np.exp([-0.5, -2.0, -1.0]))), rtol=1e-5)


def test_a_sandwich_in_blocks_is_that_of_the_blocks(monkeypatch):
    seen = []

    def bounds(net, annealed, key, num_examples, num_particles):
        seen.append((num_examples, num_particles, jax.random.key_data(key).tolist()))
        lower = jnp.arange(num_examples) + 10.0 * len(seen)
        return lower, lower + jnp.arange(num_examples) + 1

    monkeypatch.setattr("beliefnet.evaluation._sandwich.rows_per_pass", lambda net: 6)
    monkeypatch.setattr("beliefnet.evaluation._sandwich._bounds", bounds)
    result = sandwich(known("one layer").net, Annealed(5), num_examples=7, num_particles=2, key=jax.random.key(0))
    assert [size for size, _, _ in seen] == [3, 3, 1]
    assert len({str(key) for _, num, key in seen if num == 2}) == 3
    lower, gap = np.array([10, 11, 12, 20, 21, 22, 30]), np.array([1, 2, 3, 1, 2, 3, 1])
    assert (result.num_examples, result.num_particles, result.num_temperatures) == (7, 2, 5)
    assert result.lower == Mean.of(lower)
    assert result.upper == Mean.of(lower + gap)
    assert result.gap == Mean.of(gap)


@dataclass(frozen=True)
class Positive(BernoulliFamily):
    def __call__(self, parameters):
        return Exponential(jnp.exp(parameters)).to_event(1)


@dataclass(frozen=True)
class Counts(BernoulliFamily):
    def __call__(self, parameters):
        return Poisson(jnp.exp(parameters)).to_event(1)


@pytest.mark.parametrize(
    ("family", "message"),
    [
        (Positive(), "got Exponential units in latent layer 1; try"),
        (Counts(), "got other units in latent layer 1; try"),
    ],
)
def test_layers_that_cannot_be_moved_are_refused(family: BernoulliFamily, message: str):
    (up,), (prior, down) = (
        known("one layer").net.recognition.conditionals,
        known("one layer").net.generative.conditionals,
    )
    net = BeliefNet(Chain((Prior(prior.parameters, family), down)), Chain((Feedforward(up.network, family),)))
    with pytest.raises(ValueError, match=message):
        Annealed(3).draw(net, OBSERVATIONS, 2, key=jax.random.key(0))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Annealed(0), "num_temperatures of at least 1, got 0; try 1000"),
        (lambda: Annealed(2.5), "num_temperatures of at least 1, got 2.5"),
        (lambda: Annealed(3, num_changes=0), "num_changes of at least 1, got 0"),
        (lambda: Annealed(3, num_leapfrog=0), "num_leapfrog of at least 1, got 0"),
        (lambda: Annealed(3, step_size=0.0), "positive step_size, got 0.0"),
        (lambda: Annealed(3, step_size=float("nan")), "positive step_size, got nan"),
        (lambda: Annealed(3, langevin_step=0.0), "positive langevin_step, got 0.0"),
        (lambda: Annealed(3, Dream()), "latents for the given data from what it scores, got Dream"),
        (lambda: Annealed(3, Recognition(Concrete(0.5))), "from what it scores, got Recognition"),
    ],
)
def test_settings_are_checked(make, message: str):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.full
def test_a_start_without_a_density_elsewhere_is_refused():
    annealed, net = Annealed(3, Annealed(3)), known("one layer").net
    with pytest.raises(ValueError, match="density is known for any latents, got Annealed; try Recognition"):
        jax.eval_shape(lambda: annealed.draw(net, OBSERVATIONS, 2, key=jax.random.key(0)).latents)


@pytest.mark.parametrize(("num_examples", "num_particles"), [(0, 1), (1, 0)])
def test_a_sandwich_of_nothing_is_refused(num_examples: int, num_particles: int):
    with pytest.raises(ValueError, match="of at least 1, got 0; try"):
        sandwich(
            known("one layer").net,
            Annealed(1),
            num_examples=num_examples,
            num_particles=num_particles,
            key=jax.random.key(0),
        )


def test_the_table_of_moves_is_that_of_the_record():
    page = (ROOT / "docs" / "refinement.md").read_text()
    table = page.partition("<!-- table of moves")[2].partition("<!-- end -->")[0]
    nets = json.loads((ROOT / "results" / "benchmarks" / "moves.json").read_text())["nets"]
    records = {(name, row["budget"], row["move"]): row for name, net in nets.items() for row in net["rows"]}
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if "`" in line]
    assert len(rows) * 4 == len(records)
    for label, *figures in rows:
        found = [records[name, budget, label.replace("`", "")] for name in nets for budget in (50, 250)]
        assert figures == [text for row in found for text in (f"{row['gap']:.2f}", f"{row['ess_per_second']:.0f}")]
