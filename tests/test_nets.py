"""Laws of conditionals, chains and nets."""

import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import CONDITIONALS, MEAN, OBSERVATIONS, net_of, small_net
from jaxtyping import TypeCheckError
from laws import assert_frequencies, draws

from beliefnet import BeliefNet, Chain, decode, reconstruct, sample_means
from beliefnet._numerics import log_mean_exp, softplus, stable_logit
from beliefnet.distributions import Bernoulli
from beliefnet.evaluation import enumerate_latents
from beliefnet.nets import sigmoid_belief_net
from beliefnet.samplers import Plain

BITS = jnp.array(list(itertools.product((0.0, 1.0), repeat=3)))


def parent_of(conditional, *lead: int):
    if conditional.num_parents is None:
        return None
    return jax.random.bernoulli(jax.random.key(0), 0.5, (*lead, conditional.num_parents)).astype(float)


def states_of(name: str) -> jax.Array:
    if name == "one-hot":
        return jnp.array([np.concatenate(pair) for pair in itertools.product(np.eye(3), repeat=2)])
    return BITS


@pytest.mark.full(but=["autoregressive", "nade prior"])
@pytest.mark.parametrize("name", CONDITIONALS)
def test_probabilities_sum_to_one(name: str):
    conditional = CONDITIONALS[name]()
    log_probs = jax.jit(lambda: conditional(parent_of(conditional)).log_prob(states_of(name)))()
    np.testing.assert_allclose(jnp.exp(log_probs).sum(), 1, rtol=1e-5)


@pytest.mark.full(but=["one-hot", "nade prior"])
@pytest.mark.parametrize("name", CONDITIONALS)
def test_samples_are_as_frequent_as_they_are_probable(name: str):
    conditional, states = CONDITIONALS[name](), states_of(name)
    distribution = conditional(parent_of(conditional, 5))
    samples = draws(lambda key: Plain()(distribution, key=key), 20_000)
    is_state = (samples[..., None, :] == states).all(axis=-1)
    assert is_state.any(axis=-1).all()
    log_probs = jax.jit(distribution.log_prob)(states.reshape(len(states), *[1] * (samples.ndim - 2), -1))
    assert_frequencies(is_state, np.moveaxis(np.exp(log_probs), 0, -1))


@pytest.mark.full(but=["lead2-dense", "lead2-own module", "lead2-one-hot", "lead2-nade", "lead2-autoregressive prior"])
@pytest.mark.parametrize("name", CONDITIONALS)
@pytest.mark.parametrize("lead", [(), (4,), (2, 4)])
def test_any_leading_axes(name: str, lead: tuple[int, ...]):
    conditional = CONDITIONALS[name]()
    batch = () if conditional.num_parents is None else lead

    def use():
        distribution = conditional(parent_of(conditional, *lead))
        assert distribution.batch_shape == batch
        assert distribution.event_shape == (conditional.num_units,)
        sample = Plain()(distribution, (3,), key=jax.random.key(1))
        return sample, distribution.log_prob(sample)

    sample, log_prob = jax.eval_shape(use)
    assert sample.shape == (3, *batch, conditional.num_units)
    assert log_prob.shape == (3, *batch)


@pytest.mark.parametrize("logit", [-200.0, -20.0, -1.0, 0.0, 3.0, 90.0])
def test_bernoulli_log_probability_and_derivative(logit: float):
    for value in (0.0, 1.0):
        log_prob = lambda a, v=value: Bernoulli(a).log_prob(v)  # noqa: E731
        exact = -np.logaddexp(0, -logit if value else logit)
        np.testing.assert_allclose(log_prob(logit), exact, atol=3e-7, rtol=1e-6)
        np.testing.assert_allclose(jax.grad(log_prob)(logit), value - 1 / (1 + np.exp(-logit)), atol=1e-6)


def test_softplus_and_log_mean_exp_at_the_edges():
    np.testing.assert_allclose(softplus(jnp.array([-500.0, 0.0, 500.0])), [0, np.log(2), 500], atol=1e-7)
    np.testing.assert_allclose(log_mean_exp(jnp.array([-jnp.inf, 1e4])), 1e4 - np.log(2), rtol=1e-6)
    assert log_mean_exp(jnp.full(3, -jnp.inf)) == -jnp.inf
    np.testing.assert_allclose(stable_logit(jnp.array([0.0, 0.5, 1.0]), 0.01), [-4.59512, 0, 4.59512], rtol=1e-5)


EACH_KIND = ("three layers", "categorical on binary", "connected", "nade")
"""A net for each kind of discrete units: of several layers, and those that depend on each other in both nets."""


@pytest.mark.full(but=["categorical on binary", "nade"])
@pytest.mark.parametrize("net_name", EACH_KIND)
def test_draws_are_scored_as_they_are_drawn(net_name: str):
    net = net_of(net_name)

    @jax.jit
    def drawn():
        draw = net.infer(OBSERVATIONS, 4, key=jax.random.key(0))
        return draw, net.log_recognition_terms(OBSERVATIONS, draw.values)

    draw, log_probs = drawn()
    np.testing.assert_allclose(draw.log_probs, log_probs, rtol=1e-5)
    assert [v.shape for v in draw.values] == [(4, 3, size) for size in net.layer_sizes]


@pytest.mark.full(but=["categorical on binary"])
@pytest.mark.parametrize("net_name", EACH_KIND)
def test_draws_have_the_enumerated_frequencies(net_name: str):
    net, x = net_of(net_name), OBSERVATIONS[:1]
    states = eqx.filter_jit(enumerate_latents)(net, x)
    all_bits = np.concatenate(states.latents, axis=-1)

    def which(key):
        drawn = jnp.concatenate(net.infer(x, 1, key=key).values, axis=-1)
        return (drawn == all_bits).all(axis=-1)[:, 0].astype(float)

    assert_frequencies(draws(which, 20_000), np.exp(states.log_q[:, 0]))


@pytest.mark.full
@pytest.mark.parametrize("net_name", EACH_KIND)
def test_dreams_have_the_enumerated_frequencies(net_name: str):
    net = net_of(net_name)
    marginal = np.exp(eqx.filter_jit(enumerate_latents)(net, BITS).log_p).sum(axis=0)
    np.testing.assert_allclose(marginal.sum(), 1, rtol=1e-5)

    def which(key):
        x, latents = net.dream((2,), key=key)
        assert [h.shape for h in latents] == [(2, size) for size in net.layer_sizes]
        return (x[0] == BITS).all(axis=-1).astype(float)

    assert_frequencies(draws(which, 20_000), marginal)


def test_particles_are_independent():
    net = sigmoid_belief_net(3, (3,), key=jax.random.key(0))
    values = net.infer(OBSERVATIONS, 200, key=jax.random.key(0)).values[0]
    assert len(np.unique(np.asarray(values).reshape(200, -1), axis=0)) > 50


def test_the_observation_is_not_tiled_over_particles():
    """The first recognition layer costs one pass per datum: nothing with particles x batch x visible is made for it."""
    net = sigmoid_belief_net(50, (7,), key=jax.random.key(0))
    jaxpr = jax.make_jaxpr(lambda x: net.infer(x, 11, key=jax.random.key(0)).log_probs)(jnp.ones((5, 50)))
    products = [e for e in jaxpr.jaxpr.eqns if e.primitive.name == "dot_general"]
    shapes = [e.outvars[0].aval.shape for e in products]
    assert [shape for shape in shapes if shape[-1] == 7] == [(5, 7)]
    assert "11,5,50" not in str(jaxpr)


def test_use_of_a_net():
    net = small_net(2, 3)
    first, second = net.recognition.means(OBSERVATIONS)
    assert (first.shape, second.shape) == ((3, 2), (3, 3))
    np.testing.assert_allclose(first, net.recognition.conditionals[0](OBSERVATIONS).mean)
    np.testing.assert_allclose(second, net.recognition.conditionals[1](first).mean)
    for means in (
        reconstruct(net, OBSERVATIONS, key=jax.random.key(0)),
        sample_means(net, (3,), key=jax.random.key(0)),
    ):
        assert means.shape == (3, 3)
        assert ((means > 0) & (means < 1)).all()


@pytest.mark.parametrize("signs", [True, False])
def test_latents_start_at_their_mean(signs: bool):
    net = sigmoid_belief_net(3, (2, 4), key=jax.random.key(0), latent_mean=0.01, signs=signs, visible_mean=MEAN)
    rare = [jnp.full(size, 0.01 if signs else 0.0) for size in (2, 4)]
    np.testing.assert_allclose(decode(net, (rare[0],)), MEAN, rtol=1e-5)
    np.testing.assert_allclose(net.generative.conditionals[1](rare[1]).mean, 0.01, rtol=1e-5)
    np.testing.assert_allclose(net.recognition.conditionals[1](rare[0]).mean, 0.01, rtol=1e-5)
    np.testing.assert_allclose(net.recognition.means(jnp.zeros((1, 3)))[0], 0.01, rtol=1e-5)
    np.testing.assert_allclose(net.generative.conditionals[0](None).mean, 0.01, rtol=1e-5)


@pytest.mark.full(but=["dense-bool", "one-hot-bool", "autoregressive-bool", "nade-bool"])
@pytest.mark.parametrize("kind", [bool, np.uint8, np.int32])
@pytest.mark.parametrize("name", CONDITIONALS)
def test_values_of_any_type_are_scored_alike(name: str, kind: type):
    conditional, states = CONDITIONALS[name](), np.asarray(states_of(name))

    @jax.jit
    def log_probs(*values):
        return [conditional(parent_of(conditional)).log_prob(given) for given in values]

    found, expected = log_probs(states.astype(kind), states)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_initial_biases_and_centring():
    net = sigmoid_belief_net(3, (2,), key=jax.random.key(0), input_mean=MEAN, visible_mean=MEAN)
    np.testing.assert_allclose(decode(net, (jnp.full((2,), 0.5),)), MEAN, rtol=1e-5)
    np.testing.assert_allclose(net.recognition.means(MEAN[None])[0], 0.5)
    gradient = eqx.filter_grad(lambda n: n.log_recognition(OBSERVATIONS, (jnp.ones((3, 2)),)).sum())(net)
    np.testing.assert_array_equal(gradient.recognition.conditionals[0].view.offset.array, 0)


def test_sizes_that_do_not_meet_are_refused():
    a, b = small_net(2, 3), small_net(4)
    with pytest.raises(ValueError, match="chains over the same layers, got a generative chain of widths"):
        BeliefNet(a.generative, b.recognition)
    with pytest.raises(ValueError, match="to take the 2 units of conditional 0"):
        Chain((a.recognition.conditionals[0], b.recognition.conditionals[0]))
    with pytest.raises(ValueError, match=r"try 200 200"):
        sigmoid_belief_net(3, (), key=jax.random.key(0))
    with pytest.raises(ValueError, match=r"one positive layer size or more, got 2 0"):
        sigmoid_belief_net(3, (2, 0), key=jax.random.key(0))
    with pytest.raises(ValueError, match=r"input_mean of shape \(3,\), got \(2,\)"):
        sigmoid_belief_net(3, (2,), key=jax.random.key(0), input_mean=MEAN[:2])


@pytest.mark.parametrize("name", ["two layers", "two normal layers", "normal on binary"])
@pytest.mark.parametrize(
    ("x", "latents", "message"),
    [
        ((3, 1), None, r"expected x of shape \[\.\.\., 3\], got \[3, 1\]; try the columns"),
        ((3, 4), None, r"expected x of shape \[\.\.\., 3\], got \[3, 4\]"),
        ((), None, r"expected x of shape \[\.\.\., 3\], got \[\]"),
        (
            (3, 3),
            "narrow",
            r"expected a tuple of 2 latent layers of \(.*\) units, bottom first, got 2 of shapes \[5, 3, ",
        ),
        ((3, 3), "one", "got 1 of shapes "),
        ((3, 3), "array", "expected a tuple of 2 latent layers"),
        (
            (2, 3),
            "whole",
            r"leading axes that broadcast, got \(2,\), \(5, 3\), \(5, 3\); try x of shape \[batch, visible\]",
        ),
    ],
)
def test_what_would_be_broadcast_without_a_word_is_refused(name: str, x, latents, message: str):
    net = net_of(name)
    whole = tuple(jnp.zeros((5, 3, size)) for size in net.layer_sizes)
    wide = jnp.zeros((5, 3, net.layer_sizes[0] + 1)) if net.layer_sizes[0] == 1 else whole[0][..., :1]
    given = {None: whole, "whole": whole, "narrow": (wide, whole[1]), "one": whole[:1], "array": whole[0]}[latents]
    with pytest.raises(ValueError, match=message):
        net._check_shapes(jnp.zeros(x), given)
    # In tests, shapes in signatures are checked as well.
    for density in (net.log_joint, net.log_recognition, net.log_weight):
        with pytest.raises((ValueError, TypeCheckError)):
            density(jnp.zeros(x), given)
    if latents is None:
        with pytest.raises((ValueError, TypeCheckError)):
            net.infer(jnp.zeros(x), 5, key=jax.random.key(0))
