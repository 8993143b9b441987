"""The posteriors that refiners move, and the law that refinement never loses."""

import dataclasses
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from cases import OBSERVATIONS, net_of, posterior_elbo, randomise, small_net
from exact import ALL_OBSERVATIONS
from laws import assert_mean, draws

from beliefnet import BeliefNet, Chain
from beliefnet.conditionals import Dense, Feedforward, Prior
from beliefnet.distributions import bernoulli
from beliefnet.evaluation import enumerate_latents, exact_elbo, exact_log_likelihood, exact_posterior, particle_bounds
from beliefnet.proposals import Buffered
from beliefnet.refiners import (
    AIR,
    GDIR,
    AbstractPosterior,
    AbstractRefiner,
    ConcreteAscent,
    Form,
    Learned,
    MeanField,
    MeanPassingAscent,
    Progress,
    Shrinkage,
    StraightThroughAscent,
    StructuredPosterior,
)

KEY = jax.random.key(0)
PAPERS = AIR(4, 30, num_checks=0, shrinkage=Shrinkage.NONE)


def moved(net: BeliefNet, x: jax.Array, size: float = 0.5) -> StructuredPosterior:
    """The recognition net with offsets that are not zero."""
    start = StructuredPosterior.recognised(net, x)
    keys = jax.random.split(KEY, len(start.parameters))
    return start.at(tuple(size * jax.random.normal(k, p.shape) for k, p in zip(keys, start.parameters, strict=True)))


@pytest.mark.full(but=["two layers", "categorical on binary", "nade"])
@pytest.mark.parametrize("net_name", ["two layers", "categorical on binary", "connected", "nade", "normal on binary"])
def test_without_steps_it_is_the_recognition_net_draw_for_draw(net_name: str):
    """For each family of latent units, and for units that depend on each other."""
    net = net_of(net_name)

    @jax.jit
    def both():
        posterior = AIR(0).refine(net, OBSERVATIONS, key=KEY)
        latents = posterior.draw(7, key=KEY)
        expected = net.infer(OBSERVATIONS, 7, key=KEY).values, net.log_recognition_terms(OBSERVATIONS, latents)
        return (latents, posterior.log_probs(latents)), expected

    found, expected = map(jax.tree.leaves, both())
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.full
@pytest.mark.parametrize("net_name", ["categorical on binary", "connected", "nade", "normal on binary"])
def test_closed_forms_of_a_structured_posterior_average_to_the_exact_values(net_name: str):
    net = net_of(net_name)
    posterior = moved(net, OBSERVATIONS)

    @eqx.filter_jit
    def exact(net: BeliefNet, posterior: StructuredPosterior) -> tuple[jax.Array, jax.Array]:
        refined = BeliefNet(net.generative, posterior.chain)
        states = enumerate_latents(refined, OBSERVATIONS)
        log_q = net.log_recognition(OBSERVATIONS, states.latents)
        divergence = jnp.sum(jnp.exp(states.log_mass) * (states.log_q - log_q), axis=0)
        return exact_elbo(refined, OBSERVATIONS), divergence

    def terms(key: jax.Array) -> tuple[jax.Array, jax.Array]:
        latents = posterior.draw(1, key=key)
        elbo = posterior.elbo(net, OBSERVATIONS, latents)[0]
        return elbo, posterior.divergence(net, OBSERVATIONS, latents)[0]

    assert_mean(draws(terms, 20_000), exact(net, posterior))


@pytest.mark.full
def test_with_one_layer_the_steps_are_those_of_the_papers():
    """m <- (1 - rate) m + rate sum_n w~_n h_n, by hand; and both forms are the same posterior."""
    net, refiner = net_of("one layer"), PAPERS
    structured = StructuredPosterior.recognised(net, OBSERVATIONS)
    means = np.asarray(structured.means[0])

    @eqx.filter_jit
    def stepped(structured, key):
        (h,) = structured.draw(30, key=key)
        after = refiner.step(net, OBSERVATIONS, Progress(structured, ()), key=key)[0].posterior
        return h, net.log_joint(OBSERVATIONS, (h,)), after, after.means[0]

    for key in jax.random.split(KEY, 4):
        h, log_p, structured, found = stepped(structured, key)
        h, log_p = np.asarray(h), np.asarray(log_p)
        weights = np.exp(log_p - np.sum(h * np.log(means) + (1 - h) * np.log1p(-means), axis=-1))
        weights /= weights.sum(axis=0)
        means = 0.9 * means + 0.1 * np.einsum("nb,nbu->bu", weights, h)
        np.testing.assert_allclose(found, means, rtol=1e-4)
    mean_field = dataclasses.replace(refiner, form=Form.MEAN_FIELD)
    whole = [jax.jit(one.refine)(net, OBSERVATIONS, key=KEY).mean_field.parameters[0] for one in (refiner, mean_field)]
    np.testing.assert_allclose(whole[0], structured.mean_field.parameters[0], rtol=1e-4)
    # The two forms split the key in the same way.
    np.testing.assert_allclose(whole[1], whole[0], rtol=1e-4)


@pytest.mark.full
def test_air_on_a_chain_with_many_samples_matches_the_moments_of_every_layer():
    """The fixed point: E[s(h_l)] = E[E_q~[s(h_l) | h_(l-1)]] under p(h | x), where KL(p || q~) is least.

    On two layers, whose units depend on each other.
    """
    net = net_of("connected")

    @jax.jit
    def averages():
        posterior = AIR(25, 3000, rate=0.3, num_checks=0).refine(net, OBSERVATIONS, key=KEY)
        mass = exact_posterior(net, OBSERVATIONS)
        layers = posterior.averages(enumerate_latents(net, OBSERVATIONS).latents, mass)
        return [(layer.drawn, layer.expected) for layer in layers]

    found = averages()
    assert len(found) == 2
    for drawn, expected in found:
        np.testing.assert_allclose(drawn, expected, atol=0.03)


def _inclusive(net: BeliefNet, x: jax.Array, posterior: AbstractPosterior) -> jax.Array:
    """-KL(p(h | x) || q~) up to the entropy of p(h | x), exactly, `[batch]`."""
    mass = exact_posterior(net, x)
    return jnp.sum(mass * posterior.log_probs(enumerate_latents(net, x).latents).sum(axis=-1), axis=0)


def _elbo(net: BeliefNet, x: jax.Array, posterior: AbstractPosterior) -> jax.Array:
    if isinstance(posterior, MeanField):
        return posterior_elbo(net, x, posterior)
    return exact_elbo(BeliefNet(net.generative, posterior.chain), x)


@eqx.filter_jit
def fitted(net: BeliefNet) -> BeliefNet:
    """The net with the best recognition net that there is, by exact gradients: little is left to refine."""
    optimizer = optax.adam(0.05)

    def loss(recognition: Chain) -> jax.Array:
        return -exact_elbo(BeliefNet(net.generative, recognition), ALL_OBSERVATIONS).mean()

    def step(carry, _):
        updates, state = optimizer.update(jax.grad(loss)(carry[0]), carry[1])
        return (eqx.apply_updates(carry[0], updates), state), None

    (recognition, _), _ = jax.lax.scan(step, (net.recognition, optimizer.init(net.recognition)), None, length=300)
    return BeliefNet(net.generative, recognition)


Objective = Callable[[BeliefNet, jax.Array, AbstractPosterior], jax.Array]
DEFAULTS: dict[str, tuple[Callable[[int], AbstractRefiner], Objective]] = {
    "air": (AIR, _inclusive),
    "air, mean-field": (lambda steps: AIR(steps, form=Form.MEAN_FIELD), _inclusive),
    "straight-through": (StraightThroughAscent, _elbo),
    "concrete": (ConcreteAscent, _elbo),
    "mean-passing": (MeanPassingAscent, _elbo),
    "gdir": (GDIR, _elbo),
    "learned": (lambda steps: randomise(Learned.untrained(small_net(3), steps, key=KEY)), _elbo),
}
QUICK = {
    ("air", "fitted three layers", 60),
}
NETS_OF = {
    "air": ("categorical on binary", "nade", "fitted three layers", "fitted connected"),
    "air, mean-field": ("connected",),
    "straight-through": ("categorical on binary", "fitted three layers"),
    "gdir": ("two normal layers",),
    "learned": ("fitted one layer",),
}
"""Where a refiner is tried: most of them on a net at its best, where there is something to lose.

Mean-field posteriors of a net at its best may lose hundredths of a nat: the papers' form, and not the default.
"""
SEVERAL_STEPS = {("air", "fitted three layers")}
LOSSES = [
    (name, net, steps)
    for name in DEFAULTS
    for net in NETS_OF.get(name, ("fitted three layers",))
    for steps in ((1, 60) if (name, net) in SEVERAL_STEPS else (60,) if net == "fitted three layers" else (20,))
]
ROWS = jnp.tile(ALL_OBSERVATIONS, (25, 1))
NOISE = 0.01
"""Nats that a mean over the rows may be lower by: the positive part of a noisy estimate is never quite without loss."""


def gains(net: BeliefNet, refiner: AbstractRefiner, objective: Objective) -> np.ndarray:
    @eqx.filter_jit
    def gain(net: BeliefNet) -> jax.Array:
        end = refiner.refine(net, ROWS, key=jax.random.key(5))
        return objective(net, ROWS, end) - objective(net, ROWS, refiner.start(net, ROWS))

    return np.asarray(gain(net))


@pytest.mark.parametrize(
    ("name", "net_name", "steps"),
    [pytest.param(*case, marks=() if case in QUICK else pytest.mark.full) for case in LOSSES],
)
def test_refinement_never_loses(name: str, net_name: str, steps: int):
    """At its defaults, in what the refiner climbs, computed exactly and averaged over data."""
    make, objective = DEFAULTS[name]
    net = fitted(net_of(net_name.removeprefix("fitted "))) if net_name.startswith("fitted") else net_of(net_name)
    found = gains(net, make(steps), objective)
    assert np.isfinite(found).all()
    assert found.mean() > -NOISE


@pytest.mark.full
def test_what_the_law_would_find():
    """Steps as they come do lose, where the recognition net is as good as it can be."""
    net = fitted(net_of("three layers"))
    plain = AIR(60, 5, num_checks=0, shrinkage=Shrinkage.NONE)
    assert gains(net, plain, _inclusive).mean() < -NOISE
    assert gains(net, MeanPassingAscent(60, num_checks=0), _elbo).mean() < -NOISE


def exact_wide_net(units: int) -> BeliefNet:
    """Every latent unit has an observed unit of its own: the posterior is mean-field, and the recognition net exact."""
    weight, bias, prior = 1.5 * jnp.eye(units), jnp.zeros(units), jnp.full(units, -1.0)
    down = eqx.tree_at(lambda d: (d.weight, d.bias), Dense(units, units, key=KEY), (weight, bias))
    # log p(x | 1) - log p(x | 0) is affine in x.
    above = prior - jax.nn.softplus(bias + 1.5) + jax.nn.softplus(bias)
    up = eqx.tree_at(lambda d: (d.weight, d.bias), down, (weight, above))
    return BeliefNet(
        Chain((Prior(prior, bernoulli), Feedforward(down, bernoulli))), Chain((Feedforward(up, bernoulli),))
    )


@pytest.mark.full
def test_the_noise_of_twenty_draws_does_not_move_many_units():
    """An exact posterior of 100 units: KL(p || q~) stays near 0, where steps of a fixed rate lose."""
    net = exact_wide_net(100)

    @eqx.filter_jit
    def lost_by(refiner: AIR) -> jax.Array:
        end = refiner.refine(net, net.dream((20,), key=KEY)[0], key=KEY)
        p, q = bernoulli(end.mean_field.parameters[0] - end.parameters[0]), bernoulli(end.mean_field.parameters[0])
        return jnp.mean(bernoulli.expected_log_prob(p, p) - bernoulli.expected_log_prob(p, q))

    lost = {shrinkage: lost_by(AIR(20, num_checks=0, shrinkage=shrinkage)) for shrinkage in Shrinkage}
    assert lost[Shrinkage.JAMES_STEIN] < 0.01
    assert lost[Shrinkage.NONE] > 0.1


@pytest.mark.full
def test_what_is_worse_is_taken_back():
    """A refiner whose steps go down: its result is the start, datum by datum, and no number is never better."""
    net, x = net_of("two layers"), OBSERVATIONS
    start = StructuredPosterior.recognised(net, x)
    refiner = StraightThroughAscent(1, num_checks=200)
    better = eqx.filter_jit(dataclasses.replace(refiner, num_steps=60, num_checks=0).refine)(net, x, key=KEY)
    worse = start.at(tuple(-4.0 * d for d in better.parameters))
    lost = start.at(tuple(jnp.full_like(d, jnp.nan) for d in better.parameters))
    mixed = start.at(
        tuple(
            jnp.stack([a[0], b[1], c[2]])
            for a, b, c in zip(better.parameters, worse.parameters, lost.parameters, strict=True)
        )
    )
    kept = eqx.filter_jit(refiner._best_of_the_way)(net, x, start, mixed, key=KEY)
    for found, best in zip(kept.parameters, better.parameters, strict=True):
        np.testing.assert_allclose(found[0], best[0], rtol=1e-6)
        np.testing.assert_array_equal(found[1:], 0)


@pytest.mark.full
def test_a_posterior_scores_what_it_draws():
    """Particles are drawn from the density that weighs them, offsets included: weights are importance weights."""
    net = net_of("three layers")

    @jax.jit
    def means():
        posterior = AIR(5, 5).refine(net, OBSERVATIONS, key=KEY)
        states = enumerate_latents(net, OBSERVATIONS)
        mass = jnp.exp(posterior.log_probs(states.latents).sum(axis=-1))
        expected = [jnp.sum(mass[..., None] * values, axis=0) for values in states.latents]
        return mass.sum(axis=0), [layer.mean(axis=0) for layer in posterior.draw(40_000, key=KEY)], expected

    total, drawn, expected = means()
    np.testing.assert_allclose(total, 1, rtol=1e-5)
    for layer, exact in zip(drawn, expected, strict=True):
        np.testing.assert_allclose(layer, exact, atol=0.015)


@pytest.mark.full
def test_gradients_go_through_the_chain():
    """The offset of the lowest layer feels what layers above it cost: against exact derivatives of the ELBO."""
    net = net_of("two normal layers")
    start = StructuredPosterior.recognised(net, OBSERVATIONS)
    refiner = GDIR(1, 20, rate=1.0, num_checks=0)

    def value(parameters: tuple[jax.Array, ...]) -> jax.Array:
        return exact_elbo(BeliefNet(net.generative, start.at(parameters).chain), OBSERVATIONS).sum()

    def estimate(key: jax.Array) -> tuple[jax.Array, ...]:
        return refiner.step(net, OBSERVATIONS, Progress(start, refiner.init(start)), key=key)[0].posterior.parameters

    assert_mean(draws(estimate, 5000), jax.jit(jax.grad(value))(start.parameters))


@pytest.mark.full
def test_a_buffered_proposal_keeps_what_the_steps_drew():
    """The last steps give as many particles as there is room for, each weighed by the posterior it was drawn from."""
    net = net_of("two layers")
    proposal = Buffered(AIR(3, 4, rate=0.5, shrinkage=Shrinkage.NONE))
    whole, part = (jax.jit(proposal.draw, static_argnums=2)(net, OBSERVATIONS, num, key=KEY) for num in (14, 9))
    refine_key = jax.random.split(KEY)[0]
    first = eqx.filter_jit(lambda key: net.infer(OBSERVATIONS, 4, key=key))(jax.random.split(refine_key, 3)[0])
    for one, other in zip(whole.latents, first.values, strict=True):
        np.testing.assert_array_equal(one[:4], other)
    np.testing.assert_allclose(whole.log_layers[:4], first.log_probs, rtol=1e-5)
    np.testing.assert_array_equal(whole.is_own, np.arange(14) >= 12)
    np.testing.assert_array_equal(part.is_own, np.arange(9) >= 8)
    for one, other in zip(whole.latents, part.latents, strict=True):
        np.testing.assert_array_equal(one[4:12], other[:8])
    # Posteriors have moved by then.
    again = eqx.filter_jit(net.log_recognition_terms)(OBSERVATIONS, whole.latents)
    assert np.abs(np.asarray(whole.log_layers - again))[4:].max() > 0.1


@pytest.mark.full
def test_a_buffered_proposal_is_evaluated_as_a_whole():
    net = net_of("two layers")
    refiner = AIR(3, 20, rate=0.5)
    found = particle_bounds(net, OBSERVATIONS, num_particles=2000, chunk=7, key=KEY, proposal=Buffered(refiner))
    np.testing.assert_allclose(found.bound, exact_log_likelihood(net, OBSERVATIONS), atol=0.1)
    # The ELBO is that of the last posterior.
    assert found.elbo.mean() > exact_elbo(net, OBSERVATIONS).mean() + 0.1


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Buffered(MeanPassingAscent()), "draws follow the posterior for Buffered"),
        (lambda: Buffered(ConcreteAscent()), "draws follow the posterior for Buffered"),
        (lambda: Buffered(AIR(patience=2)), "takes all steps for Buffered, got patience 2"),
    ],
)
def test_what_cannot_be_buffered_is_refused(make: Callable[[], Buffered], words: str):
    with pytest.raises(ValueError, match=words):
        make()
