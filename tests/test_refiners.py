"""Refiners: what they climb, what they converge to, and what they leave alone."""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from cases import (
    ALL_NETS,
    OBSERVATIONS,
    REFINERS,
    RefinerCase,
    chain_net,
    imitating,
    posterior_elbo,
    randomise,
    small_net,
)
from laws import assert_mean, draws

from beliefnet import BeliefNet, Chain, refiners
from beliefnet.conditionals import Dense, Feedforward, Prior
from beliefnet.distributions import bernoulli, categorical, normal
from beliefnet.estimators import ReweightedWake, SemiAmortised, VariationalEM
from beliefnet.evaluation import enumerate_latents, exact_posterior
from beliefnet.proposals import Refined
from beliefnet.refiners import (
    AIR,
    GDIR,
    AbstractGradientAscent,
    AbstractPosterior,
    AbstractRefiner,
    ConcreteAscent,
    Form,
    Learned,
    MeanField,
    MeanPassingAscent,
    Progress,
    StraightThroughAscent,
    StructuredPosterior,
)
from beliefnet.samplers import Plain

PAIRS = [(name, net) for name, case in REFINERS.items() for net in case.nets]


@eqx.filter_jit
def refined(net: BeliefNet, refiner: AbstractRefiner, posterior: AbstractPosterior | None = None) -> AbstractPosterior:
    return refiner.refine(net, OBSERVATIONS, posterior, key=jax.random.key(4))


@pytest.mark.full
@pytest.mark.parametrize(("name", "net_name"), PAIRS)
def test_more_steps_climb_the_refiners_own_objective(name: str, net_name: str):
    case: RefinerCase = REFINERS[name]
    net = ALL_NETS[net_name]()
    refiner = dataclasses.replace(case.make(6), num_checks=0)
    posteriors = [eqx.filter_jit(refiner.start)(net, OBSERVATIONS)]
    for _ in range(3):
        posteriors.append(refined(net, refiner, posteriors[-1]))
    objective = eqx.filter_jit(case.objective)
    reached = np.array([objective(net, OBSERVATIONS, posterior) for posterior in posteriors])
    assert np.isfinite(reached).all()
    assert reached[1].mean() > reached[0].mean()
    assert (np.diff(reached, axis=0) > -0.03).all()


@pytest.mark.full
@pytest.mark.parametrize(("net_name", "rate", "steps"), [("two layers", 1.0, 8), ("categorical on binary", 0.3, 25)])
def test_air_with_many_samples_finds_the_marginals(net_name: str, rate: float, steps: int):
    """For any rate: the posterior's own marginals are the fixed point."""
    net = ALL_NETS[net_name]()
    states, mass = (eqx.filter_jit(exact)(net, OBSERVATIONS) for exact in (enumerate_latents, exact_posterior))
    posterior = refined(net, AIR(steps, 20_000, rate=rate, form=Form.MEAN_FIELD))
    for values, means in zip(states.latents, posterior.means, strict=True):
        np.testing.assert_allclose(means, jnp.sum(mass[..., None] * values, axis=0), atol=0.02)


@pytest.mark.full
def test_air_with_many_samples_finds_the_moments_of_a_normal_unit():
    net = chain_net((normal, 1), scale=0.7)
    grid = np.linspace(-8, 8, 4001)[:, None, None]

    @jax.jit
    def moments() -> tuple[jax.Array, jax.Array, jax.Array]:
        layer = AIR(25, 20_000, rate=0.3).refine(net, OBSERVATIONS, key=jax.random.key(4)).mean_field.layers[0]
        return jax.nn.softmax(net.log_joint(OBSERVATIONS, (jnp.asarray(grid),)), axis=0), layer.mean, layer.variance

    mass, found, variance = map(np.asarray, moments())
    mean = np.sum(mass * grid[..., 0], axis=0)
    np.testing.assert_allclose(found[:, 0], mean, atol=0.03)
    np.testing.assert_allclose(variance[:, 0], np.sum(mass * (grid[..., 0] - mean) ** 2, axis=0), atol=0.05)


def separate_net() -> BeliefNet:
    """Each latent unit has an observed unit of its own: the posterior is factorial, and the recognition net exact."""
    weights, biases, prior = jnp.array([1.5, -2.0, 0.7]), jnp.array([0.2, -0.5, 0.9]), jnp.array([0.3, -0.8, 0.1])
    down = eqx.tree_at(lambda d: (d.weight, d.bias), Dense(3, 3, key=jax.random.key(0)), (jnp.diag(weights), biases))
    # log p(x | 1) - log p(x | 0) is affine in x.
    bias = prior - jax.nn.softplus(biases + weights) + jax.nn.softplus(biases)
    up = eqx.tree_at(lambda d: (d.weight, d.bias), down, (jnp.diag(weights), bias))
    return BeliefNet(
        Chain((Prior(prior, bernoulli), Feedforward(down, bernoulli))), Chain((Feedforward(up, bernoulli),))
    )


@pytest.mark.full
def test_air_leaves_an_exact_posterior_alone():
    net = separate_net()

    @jax.jit
    def exact() -> tuple[jax.Array, jax.Array, jax.Array]:
        start = MeanField.recognised(net, OBSERVATIONS)
        log_q = start.log_probs(enumerate_latents(net, OBSERVATIONS).latents).sum(axis=-1)
        return jnp.exp(log_q), exact_posterior(net, OBSERVATIONS), start.means[0]

    probability, mass, before = exact()
    np.testing.assert_allclose(probability, mass, atol=1e-5)
    means = draws(lambda key: AIR(10, 50).refine(net, OBSERVATIONS, key=key).means[0], 500)
    assert_mean(means, before)
    # Ten steps of weight 0.1 on means of fifty draws.
    assert means.std(axis=0).max() < 0.05


@pytest.mark.full
@pytest.mark.parametrize("name", [name for name in REFINERS if "," not in name])
def test_refiners_leave_the_prior_alone_where_the_data_say_nothing(name: str):
    """Decoder and recognition net without weights: the posterior is the prior, from the start. Of each kind, one."""
    net = jax.tree.map(jnp.zeros_like, chain_net((normal if name == "gdir" else bernoulli, 3)))
    after = refined(net, REFINERS[name].make(20)).mean_field
    np.testing.assert_allclose(after.parameters[0], MeanField.recognised(net, OBSERVATIONS).parameters[0], atol=0.15)


@pytest.mark.full
@pytest.mark.parametrize("net_name", ["three layers", "categorical on binary"])
def test_closed_forms_of_a_mean_field_average_to_the_exact_elbo_and_divergence(net_name: str):
    net = ALL_NETS[net_name]()
    posterior = refined(net, MeanPassingAscent(3, form=Form.MEAN_FIELD))

    @jax.jit
    def exact() -> tuple[jax.Array, jax.Array]:
        states = enumerate_latents(net, OBSERVATIONS)
        log_q = posterior.log_probs(states.latents).sum(axis=-1)
        divergence = jnp.sum(jnp.exp(log_q) * (log_q - states.log_q), axis=0)
        return posterior_elbo(net, OBSERVATIONS, posterior), divergence

    def terms(key: Any) -> tuple[jax.Array, jax.Array]:
        latents = posterior.draw(1, key=key)
        elbo = posterior.elbo(net, OBSERVATIONS, latents)[0]
        return elbo, posterior.divergence(net, OBSERVATIONS, latents)[0]

    assert_mean(draws(terms, 20_000), exact())


def test_the_closed_form_of_normal_layers_is_that_of_draws():
    q, p = normal(jnp.array([0.3, -1.0, 0.5, 2.0])), normal(jnp.array([-0.4, 0.2, 1.5, -0.3]))
    values = q.sample(jax.random.key(0), (200_000,))
    assert_mean(np.asarray(p.log_prob(values), np.float64), normal.expected_log_prob(q, p))
    entropy = dist.Normal(q.base_dist.loc, q.base_dist.scale).entropy().sum()
    np.testing.assert_allclose(normal.entropy(q), entropy, rtol=1e-5)


def test_no_closed_form_is_made_up():
    with pytest.raises(ValueError, match="two layers of binary units for a closed form, got continuous"):
        bernoulli.expected_log_prob(bernoulli(jnp.zeros(2)), normal(jnp.zeros(4)))


@pytest.mark.parametrize("family", [bernoulli, categorical(3), normal], ids=["binary", "one-hot", "normal"])
def test_moments_go_there_and_back(family):
    parameters = jax.random.normal(jax.random.key(0), (5, 6))
    moments = family.to_moments(parameters)
    back = family.from_moments(moments)
    np.testing.assert_allclose(family.to_moments(back), moments, rtol=1e-4, atol=1e-5)
    values = family(parameters).sample(jax.random.key(1), (50_000,))
    assert_mean(np.asarray(family.statistics(values), np.float64), moments)


@pytest.mark.full
@pytest.mark.parametrize("refiner", [AIR(8, 1, rate=1.0), StraightThroughAscent(8, 2), ConcreteAscent(8, 2)])
def test_refinement_stays_finite(refiner: AbstractRefiner):
    """Undamped, with draws that all agree, and with weights that no float can tell apart."""
    for scale in (1.0, 3e3):
        net = jax.tree.map(lambda leaf, scale=scale: scale * leaf, small_net(2, 2))
        posterior = refined(net, refiner)
        assert all(np.isfinite(leaf).all() for leaf in posterior.parameters)
        assert np.isfinite(posterior.log_probs(tuple(jnp.ones_like(m) for m in posterior.means))).all()


def test_a_datum_without_any_possible_draw_keeps_its_posterior():
    net = small_net(2)
    never = jnp.array([-3e38, 0, -3e38])  # together they overflow to -inf
    net = eqx.tree_at(lambda n: n.generative.conditionals[-1].bias, net, never)
    before, after = MeanField.recognised(net, OBSERVATIONS), refined(net, AIR(5, 5))
    np.testing.assert_allclose(after.means[0][0], before.means[0][0], rtol=1e-5)
    assert np.abs(np.asarray(after.means[0][1] - before.means[0][1])).max() > 1e-3


@pytest.mark.full
def test_nothing_depends_on_the_batch():
    net = small_net(2, 3)
    refine = eqx.filter_jit(MeanPassingAscent(10).refine)
    whole = refine(net, OBSERVATIONS, key=jax.random.key(0))
    for row in range(3):
        alone = refine(net, OBSERVATIONS[row : row + 1], key=jax.random.key(0))
        for one, other in zip(whole.parameters, alone.parameters, strict=True):
            np.testing.assert_allclose(one[row], other[0], rtol=1e-5, atol=1e-6)


class Pathless(AbstractGradientAscent):
    """Gradient steps through draws without a derivative."""

    @property
    def sampler(self) -> Plain:
        return Plain()


class Scripted(AbstractRefiner):
    """Adds 1 to every parameter in each step; the scores are given, `[steps, batch]`."""

    scores: jax.Array
    num_steps: int = eqx.field(static=True)
    patience: int = eqx.field(static=True)
    num_samples: int = eqx.field(static=True, default=1)
    num_checks: int = eqx.field(static=True, default=0)
    form: Form = eqx.field(static=True, default=Form.STRUCTURED)

    def check(self, net: BeliefNet) -> None:
        return

    def init(self, posterior: AbstractPosterior) -> jax.Array:
        return jnp.zeros(len(OBSERVATIONS), int)

    def gain(self, net: BeliefNet, x: jax.Array, start: AbstractPosterior, end: AbstractPosterior, *, key: Any) -> Any:
        return jnp.ones(len(x)), jnp.zeros(len(x))

    def step(self, net: BeliefNet, x: jax.Array, progress: Progress, *, key: Any) -> tuple[Progress, jax.Array]:
        moved = jax.tree.map(lambda leaf: leaf + 1, progress.posterior)
        score = jnp.take_along_axis(self.scores, progress.memory[None], axis=0)[0]
        return Progress(moved, progress.memory + 1), score


@pytest.mark.parametrize(("patience", "expected"), [(0, [6, 6, 6]), (2, [0, 6, 2]), (4, [0, 6, 6])])
def test_patience_keeps_the_best_of_each_datum(patience: int, expected: list[int]):
    """The score of step t is that of the posterior before it; who improved at the last step keeps what it gave."""
    scores = jnp.array([[9, 1, 1], [8, 2, 2], [7, 3, 5], [6, 4, 4], [5, 5, 3], [4, 6, 7]], float)
    # The last datum would be best at last: patience 2 has given it up by then.
    net = small_net(2)
    start = StructuredPosterior.recognised(net, OBSERVATIONS)
    end = Scripted(scores, 6, patience).refine(net, OBSERVATIONS, start, key=jax.random.key(0))
    moved = np.round(np.asarray(end.parameters[0] - start.parameters[0]))[:, 0]
    np.testing.assert_array_equal(moved, expected)


def test_momentum_carries_the_velocity_on():
    """By hand, from steps without it: v1 = g0, then v2 = 0.5 g0 + g1."""
    net = small_net(2)
    start = StructuredPosterior.recognised(net, OBSERVATIONS)
    step = lambda posterior: refined(net, MeanPassingAscent(1, rate=0.3, num_checks=0), posterior)  # noqa: E731
    first = step(start)
    second = step(first)
    found = refined(net, MeanPassingAscent(2, rate=0.3, momentum=0.5, num_checks=0), start)
    expected = second.parameters[0] + 0.5 * (first.parameters[0] - start.parameters[0])
    np.testing.assert_allclose(found.parameters[0], expected, rtol=1e-4, atol=1e-6)


@pytest.mark.full
def test_patience_ends_a_refinement_long_before_its_last_step():
    net = small_net(2, 2)
    refiner, surrogate = (
        MeanPassingAscent(10**9, rate=0.5, patience=3),
        eqx.filter_jit(REFINERS["mean-passing"].objective),
    )
    start = refiner.start(net, OBSERVATIONS)
    posterior = refined(net, refiner, start)
    begun, reached, again = (
        np.asarray(surrogate(net, OBSERVATIONS, found))
        for found in (start, posterior, refined(net, refiner, posterior))
    )
    assert (reached > begun + 0.01).all()
    assert (reached > again - 1e-3).all()


def test_steps_cost_no_memory():
    net = small_net(3)

    def temporary(steps: int) -> int:
        run = jax.jit(lambda net, key: AIR(steps, 500).refine(net, OBSERVATIONS, key=key).parameters)
        return run.lower(net, jax.random.key(0)).compile().memory_analysis().temp_size_in_bytes

    assert temporary(400) < 1.1 * temporary(4) + 20_000  # the keys of the steps


@pytest.mark.full
def test_semi_amortised_gradients_go_through_the_refinement():
    """Against finite differences, with the same noise on both sides."""
    net = chain_net((normal, 2), (normal, 1))
    refiner = GDIR(3, 2, rate=0.3)

    @eqx.filter_jit
    def estimate_by(estimator, net):
        return estimator.estimate(net, OBSERVATIONS, None, key=jax.random.key(5))

    estimate = estimate_by(SemiAmortised(refiner, 2), net)
    direction = randomise(jax.tree.map(jnp.zeros_like, net), 1.0)
    move = lambda by: jax.tree.map(lambda leaf, d: leaf + by * d, net, direction)  # noqa: E731
    value = lambda net: estimate_by(SemiAmortised(refiner, 2), net).objective  # noqa: E731
    slope = (value(move(1e-2)) - value(move(-1e-2))) / 2e-2
    products = jax.tree.map(lambda g, d: np.vdot(g, d), estimate.net, direction)
    np.testing.assert_allclose(sum(jax.tree.leaves(products)), slope, rtol=2e-2)
    # The recognition net has a part in it, and only by the posterior that it starts.
    assert abs(sum(jax.tree.leaves(products.recognition))) > 0.1 * abs(slope)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: AIR(num_steps=-1), "num_steps of at least 0, got -1"),
        (lambda: AIR(num_samples=0), "num_samples of at least 1, got 0"),
        (lambda: AIR(rate=1.5), r"rate in \(0, 1\], got 1.5"),
        (lambda: AIR(rate=0.0), "positive rate, got 0.0"),
        (lambda: AIR(patience=-1), "patience of at least 0"),
        (lambda: AIR(num_checks=1), "num_checks of 0 or at least 2, got 1"),
        (lambda: GDIR(num_checks=-1), "num_checks of at least 0, got -1"),
        (lambda: GDIR(momentum=1.0), r"momentum in \[0, 1\), got 1.0"),
        (lambda: ConcreteAscent(temperature=0.0), "temperature to be positive"),
        (lambda: StraightThroughAscent(slope="tangent"), "slope to be mean or logits"),
        (lambda: Pathless(), "a sampler whose draws have a derivative, got Plain"),
        (lambda: SemiAmortised(AIR()), "gradient steps for SemiAmortised, got AIR"),
        (lambda: SemiAmortised(GDIR(patience=2)), "got patience 2"),
        (lambda: VariationalEM(AIR(), 0), "num_particles of at least 1, got 0"),
    ],
)
def test_bad_settings_are_refused(make, words: str):
    with pytest.raises(ValueError, match=words):
        make()


@pytest.mark.parametrize(
    ("refiner", "net_name", "words"),
    [
        (GDIR(), "one layer", "continuous units for Reparameterize, got binary"),
        (GDIR(), "normal on binary", "got binary units in latent layer 1"),
    ],
)
def test_a_refiner_that_does_not_fit_the_net_says_so(refiner: AbstractRefiner, net_name: str, words: str):
    net = ALL_NETS[net_name]()
    with pytest.raises(ValueError, match=words):
        refiner.refine(net, OBSERVATIONS, key=jax.random.key(0))
    with pytest.raises(ValueError, match=words):
        VariationalEM(refiner, 1).init(net)


@pytest.mark.parametrize("name", ["GDIR", "MeanPassingAscent", "StraightThroughAscent", "ConcreteAscent", "AIR"])
def test_a_refiner_is_printed_as_it_is_written(name: str):
    assert repr(getattr(refiners, name)(3)) == f"{name}(num_steps=3)"
    assert f"refiner={name}(num_steps=3)" in repr(Refined(getattr(refiners, name)(3)))


@pytest.mark.parametrize("make", [VariationalEM, SemiAmortised])
def test_settings_of_a_refiner_are_not_learnt(make):
    """Nothing in them is a parameter, not even a temperature."""
    assert jax.tree.leaves(make(ConcreteAscent(2, 2, temperature=0.3))) == []


@pytest.mark.filterwarnings("ignore:A JAX array is being set as static")
def test_a_temperature_that_could_be_learnt_is_refused():
    with pytest.raises(ValueError, match="plain numbers in the sampler of ConcreteAscent, got arrays"):
        ConcreteAscent(temperature=jnp.array(0.5))  # pyright: ignore


def test_a_source_that_cannot_draw_is_refused_before_training():
    with pytest.raises(ValueError, match="latent layer 1"):
        ReweightedWake(2, Refined(GDIR())).init(small_net(2))


@pytest.mark.full
def test_a_score_without_any_possible_draw_is_the_lowest():
    net = small_net(2)
    never = jnp.array([-3e38, 0, -3e38])
    net = eqx.tree_at(lambda n: n.generative.conditionals[-1].bias, net, never)
    start = StructuredPosterior.recognised(net, OBSERVATIONS)
    refiner = AIR(1, 5)
    begin = Progress(start, refiner.init(start))
    _, score = eqx.filter_jit(refiner.step)(net, OBSERVATIONS, begin, key=jax.random.key(0))
    assert score[0] == 0
    assert (score[1:] >= 1 - 1e-5).all()


def test_a_log_weight_that_is_no_number_stays_visible():
    """It is not taken for a datum without any possible draw."""
    net = small_net(2)
    prior = jnp.array([jnp.nan, 0.3])
    start = StructuredPosterior.recognised(net, OBSERVATIONS)
    net = eqx.tree_at(lambda n: n.generative.conditionals[0].parameters, net, prior)
    # Compiled: where values are known, NumPyro refuses parameters that are no numbers.
    refiner = AIR(1, 5)
    begin = Progress(start, refiner.init(start))
    step = eqx.filter_jit(lambda net: refiner.step(net, OBSERVATIONS, begin, key=KEY))
    after, score = step(net)
    assert np.isnan(score).all()
    assert np.isnan(after.posterior.parameters[0]).any(axis=1).all()


KEY = jax.random.key(0)


@pytest.mark.full
def test_an_untrained_network_leaves_the_recognition_net_as_it_is():
    net = small_net(2, 3)
    refiner = Learned.untrained(net, 3, key=jax.random.key(0))
    before, after = refiner.start(net, OBSERVATIONS), refined(net, refiner)
    draw = eqx.filter_jit(lambda posterior: posterior.draw(4, key=jax.random.key(1)))
    for one, two in zip(draw(before), draw(after), strict=True):
        np.testing.assert_array_equal(one, two)


def test_a_learned_step_is_shown_offsets_parameters_and_slopes():
    """A network that imitates gradient steps at layer means is the refiner that takes them."""
    net = small_net(3)
    once = dataclasses.replace(imitating(net, 1, rate=0.1), num_checks=0)
    steps = MeanPassingAscent(1, rate=0.1, num_checks=0)
    np.testing.assert_allclose(
        refined(net, once).parameters[0], jnp.arcsinh(refined(net, steps).parameters[0] / 0.1) * 0.1, rtol=2e-3
    )


def test_a_network_for_another_net_is_refused():
    refiner = Learned.untrained(small_net(3), key=jax.random.key(0))
    with pytest.raises(ValueError, match=r"has 3 parameters, as the refiner was made for, got 2 \+ 3 of them; try"):
        refiner.refine(small_net(2, 3), OBSERVATIONS, key=jax.random.key(0))
