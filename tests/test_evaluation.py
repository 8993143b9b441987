"""The exact oracle against brute force, and estimates against the exact oracle."""

import itertools
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from cases import FAMILY_NETS, NETS, OBSERVATIONS, PROPOSALS, small_net
from laws import assert_mean, draws
from numpyro.distributions import Laplace

from beliefnet import BeliefNet, Chain, Trace
from beliefnet.conditionals import Feedforward, Prior, in_bfloat16
from beliefnet.data import Observations
from beliefnet.distributions import AbstractFamily, BernoulliFamily, UnitKind
from beliefnet.evaluation import (
    enumerate_latents,
    evaluate,
    exact_bound,
    exact_elbo,
    exact_gradient,
    exact_log_likelihood,
    exact_posterior,
    particle_bounds,
)
from beliefnet.evaluation._bounds import bounds_of_rows, rows_per_pass
from beliefnet.evaluation._enumerate import count_states
from beliefnet.evaluation._pareto import pareto_k
from beliefnet.evaluation._weighted import rungs
from beliefnet.nets import sigmoid_belief_net, vae
from beliefnet.proposals import Dream, Recognition, Refined
from beliefnet.refiners import GDIR
from beliefnet.samplers import Concrete, MeanPassing


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def bernoulli(value, probability):
    return np.prod(np.where(value == 1, probability, 1 - probability))


def affine(layer, values):
    return values @ np.asarray(layer.network.weight, np.float64) + np.asarray(layer.bias, np.float64)


def brute_force(net, x):
    """p(x, h) and q(h | x) of every joint state of a two-layer net, by the textbook formulas in double precision."""
    top, middle, bottom = net.generative.conditionals
    first, second = net.recognition.conditionals
    p, q = [], []
    for h1 in itertools.product((0.0, 1.0), repeat=net.layer_sizes[0]):
        for h2 in itertools.product((0.0, 1.0), repeat=net.layer_sizes[1]):
            h1, h2 = np.array(h1), np.array(h2)
            p_h2 = bernoulli(h2, sigmoid(np.asarray(top.parameters, np.float64)))
            p_h1 = bernoulli(h1, sigmoid(affine(middle, 2 * h2 - 1)))
            p_x = bernoulli(x, sigmoid(affine(bottom, 2 * h1 - 1)))
            q_h1 = bernoulli(h1, sigmoid(affine(first, x - np.asarray(first.centre))))
            q_h2 = bernoulli(h2, sigmoid(affine(second, 2 * h1 - 1)))
            p.append(p_h2 * p_h1 * p_x)
            q.append(q_h1 * q_h2)
    return np.array(p), np.array(q)


def test_enumeration_agrees_with_brute_force():
    net = small_net(2, 2)
    for row in np.asarray(OBSERVATIONS):
        p, q = brute_force(net, row)
        x = jnp.asarray(row)[None]
        assert q.sum() == pytest.approx(1)
        np.testing.assert_allclose(exact_log_likelihood(net, x)[0], np.log(p.sum()), rtol=2e-5)
        np.testing.assert_allclose(exact_elbo(net, x)[0], np.sum(q * np.log(p / q)), rtol=2e-5)
        np.testing.assert_allclose(exact_posterior(net, x)[:, 0], p / p.sum(), rtol=2e-4, atol=1e-6)
        for count in (2, 3):
            weights = p / q
            sets = itertools.product(range(len(p)), repeat=count)
            expected = sum(np.prod(q[list(s)]) * np.log(np.mean(weights[list(s)])) for s in sets)
            np.testing.assert_allclose(exact_bound(net, x, num_particles=count)[0], expected, rtol=5e-5)


@pytest.mark.parametrize("net_name", NETS)
def test_bounds_are_ordered(net_name: str):
    net = NETS[net_name]()
    elbo, likelihood = exact_elbo(net, OBSERVATIONS), exact_log_likelihood(net, OBSERVATIONS)
    np.testing.assert_allclose(exact_bound(net, OBSERVATIONS, num_particles=1), elbo, rtol=1e-5)
    two = exact_bound(net, OBSERVATIONS, num_particles=2)
    assert (elbo < two).all()
    assert (two < likelihood).all()


@pytest.mark.parametrize("num_particles", [None, 2])
def test_exact_gradient_agrees_with_finite_differences(num_particles):
    net = small_net(2, 2)
    value = lambda net: (  # noqa: E731
        exact_elbo(net, OBSERVATIONS)
        if num_particles is None
        else exact_bound(net, OBSERVATIONS, num_particles=num_particles)
    ).mean()
    gradient = exact_gradient(net, OBSERVATIONS, num_particles=num_particles)
    direction = jax.tree.map(lambda leaf: jnp.cos(jnp.arange(leaf.size)).reshape(leaf.shape), net)
    # The offset of the recognition input is data: it takes no part.
    move = lambda by: jax.tree_util.tree_map_with_path(  # noqa: E731
        lambda path, leaf, d: leaf if "offset" in jax.tree_util.keystr(path) else leaf + by * d, net, direction
    )
    slope = (value(move(1e-2)) - value(move(-1e-2))) / 2e-2
    products = jax.tree.map(lambda g, d: jnp.sum(g * d), gradient, direction)
    np.testing.assert_allclose(sum(jax.tree.leaves(products)), slope, rtol=5e-3, atol=1e-3)
    assert float(jnp.abs(gradient.recognition.conditionals[0].view.offset.array).max()) == 0


@pytest.mark.full(but=["defensive-one layer"])
@pytest.mark.parametrize("net_name", ["one layer"])
@pytest.mark.parametrize("name", PROPOSALS)
def test_mean_weight_is_the_likelihood(name: str, net_name: str):
    net, proposal = NETS[net_name](), PROPOSALS[name]()

    def weights(key):
        return jnp.exp(Trace.record(net, proposal.draw(net, OBSERVATIONS, 4, key=key)).log_weight).mean(axis=0)

    assert_mean(draws(weights, 20_000, seed=1), jnp.exp(exact_log_likelihood(net, OBSERVATIONS)))


@pytest.mark.full(but=["two layers"])
@pytest.mark.parametrize("net_name", NETS)
def test_particle_bounds_are_unbiased(net_name: str):
    net = NETS[net_name]()
    samples = draws(lambda key: particle_bounds(net, OBSERVATIONS, num_particles=3, chunk=2, key=key), 20_000)
    assert_mean(samples.elbo, exact_elbo(net, OBSERVATIONS))
    assert_mean(samples.bound, exact_bound(net, OBSERVATIONS, num_particles=3))
    assert samples.ess.min() >= 1 - 1e-5
    assert samples.ess.max() <= 3 + 1e-5


@pytest.mark.full
def test_kl_per_layer_is_exact_on_average():
    net = small_net(2, 3)
    states = enumerate_latents(net, OBSERVATIONS)
    latents = tuple(jnp.broadcast_to(h, (h.shape[0], 3, h.shape[-1])) for h in states.latents)
    log_ratio = net.log_recognition_terms(OBSERVATIONS, latents)
    log_ratio -= net.log_joint_terms(OBSERVATIONS, latents)[..., 1:]
    exact = jnp.sum(jnp.exp(states.log_q)[..., None] * log_ratio, axis=0)
    assert_mean(draws(lambda key: particle_bounds(net, OBSERVATIONS, num_particles=2, key=key).kl, 20_000), exact)


@pytest.mark.full(but=["3"])
@pytest.mark.parametrize("chunk", [1, 3, 5])
def test_chunks_do_not_change_what_is_estimated(chunk: int):
    """Particles beyond K in a last, incomplete chunk leave no trace."""
    net = small_net(2, 2)
    samples = draws(lambda key: particle_bounds(net, OBSERVATIONS, num_particles=4, chunk=chunk, key=key), 20_000)
    assert_mean(samples.bound, exact_bound(net, OBSERVATIONS, num_particles=4))
    assert_mean(samples.elbo, exact_elbo(net, OBSERVATIONS))


@pytest.mark.full
@pytest.mark.parametrize("chunk", [1, 64])
def test_the_ladder_and_the_tail_are_those_of_the_particles(chunk: int):
    """Against all the log-weights at once; the last chunk is incomplete."""
    net = small_net(2, 3)
    bounds = bounds_of_rows(net, OBSERVATIONS, num_particles=230, chunk=chunk, key=jax.random.key(0))
    _, draw_key = jax.random.split(jax.random.key(0))

    @jax.jit
    def log_weights(key):
        return Trace.record(net, Recognition().draw(net, OBSERVATIONS, chunk, key=key)).log_weight

    parts = [log_weights(jax.random.fold_in(draw_key, index)) for index in range(-(-230 // chunk))]
    f = np.concatenate([np.asarray(part, np.float64) for part in parts])[:230]
    expected = [np.logaddexp.reduce(f[:count], axis=0) - np.log(count) for count in (10, 100, 230)]
    np.testing.assert_allclose(bounds.ladder.T, expected, rtol=1e-5)
    np.testing.assert_allclose(bounds.ladder[:, -1], bounds.bound, rtol=1e-6)
    np.testing.assert_allclose(bounds.tail, -np.sort(-f, axis=0)[: int(np.ceil(3 * 230**0.5)) + 1].T, rtol=1e-6)


def test_rungs():
    assert rungs(5) == [5]
    assert rungs(10) == [10]
    assert rungs(1000) == [10, 100, 1000]
    assert rungs(2500) == [10, 100, 1000, 2500]


@pytest.mark.parametrize("shape", [-0.2, 0.2, 0.5, 0.9])
def test_pareto_k_recovers_the_shape_of_the_tail(shape: float):
    """Drawn towards 1/2 by ten observations of a hundred or so."""
    ratios = scipy.stats.genpareto.rvs(shape, size=(400, 1000), random_state=np.random.default_rng(0)) + 1
    tail = -np.sort(-np.log(ratios), axis=1)[:, : int(np.ceil(3 * 1000**0.5)) + 1]
    fitted = pareto_k(tail.astype(np.float32))
    count = tail.shape[1] - 1
    assert np.mean((fitted * (count + 10) - 5) / count) == pytest.approx(shape, abs=0.06)
    assert fitted.std() < 0.25


def test_pareto_k_of_weights_that_are_all_the_same():
    fitted = pareto_k(np.zeros((2, 40), np.float32))
    assert np.isnan(fitted).all()


@pytest.mark.full
def test_weights_of_any_size_stay_finite():
    net = jax.tree.map(lambda leaf: 3e3 * leaf, small_net(2, 2))
    bounds = particle_bounds(net, OBSERVATIONS, num_particles=50, chunk=8, key=jax.random.key(0))
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(bounds))


def test_evaluation_of_a_data_set():
    net = small_net(2, 3)
    data = np.tile(np.asarray(OBSERVATIONS, np.uint8), (200, 1))
    seen = []
    result = evaluate(net, data, num_particles=2, key=jax.random.key(0), progress=seen.append)
    assert seen[-1] == result.num_examples == 600
    exact = [exact_elbo(net, OBSERVATIONS).mean(), exact_bound(net, OBSERVATIONS, num_particles=2).mean()]
    assert result.elbo.mean == pytest.approx(float(exact[0]), abs=4.5 * result.elbo.stderr)
    assert result.nll.mean == -result.bound.mean
    assert -result.nll.mean == pytest.approx(float(exact[1]), abs=4.5 * result.nll.stderr)
    assert 0 < result.nll.stderr < 0.2
    assert 0 < result.elbo.stderr < 0.2
    assert len(result.kl_per_layer) == 2
    assert result.elbo.mean + sum(result.kl_per_layer) < 0  # what is left is E log p(x | h1)
    assert 1 <= result.ess.mean <= 2


def test_active_units_are_those_whose_mean_moves():
    net = sigmoid_belief_net(3, (4,), key=jax.random.key(0))
    weight = jnp.zeros((3, 4)).at[0, 1].set(5.0).at[1, 2].set(-5.0)
    net = jax.tree.map(lambda leaf: weight if leaf.shape == (3, 4) else leaf, net)
    data = np.array(list(itertools.product((0, 1), repeat=3)), np.uint8)
    assert evaluate(net, data, num_particles=2, key=jax.random.key(0)).active_units == [2]


def test_dynamic_binarisation_draws_with_the_stored_means():
    for rows, largest in ((np.array([[0, 51, 255]], np.uint8), 255), (np.array([[0.0, 0.2, 1.0]]), 1)):
        data = Observations(rows, largest=largest, is_dynamic=True)
        samples = draws(lambda key, data=data: data.take(np.arange(1), key=key), 20_000)
        assert set(np.unique(samples)) <= {0.0, 1.0}
        assert_mean(samples, np.array([[0.0, 0.2, 1.0]]))


def test_errors_name_what_was_given():
    net = small_net(2)
    with pytest.raises(ValueError, match=r"data of shape \[examples, 3\], got \[5, 4\]"):
        evaluate(net, np.zeros((5, 4)), num_particles=1, key=jax.random.key(0))
    with pytest.raises(ValueError, match="num_particles of at least 1, got 0"):
        particle_bounds(net, OBSERVATIONS, num_particles=0, key=jax.random.key(0))
    with pytest.raises(ValueError, match="joint latent states to enumerate"):
        exact_elbo(sigmoid_belief_net(3, (21,), key=jax.random.key(0)), OBSERVATIONS)
    with pytest.raises(ValueError, match="multisets of 9 particles"):
        exact_bound(small_net(3, 3), OBSERVATIONS, num_particles=9)


@pytest.mark.full(but=["3"])
@pytest.mark.parametrize("chunk", [1, 3, 7])
def test_effective_sample_size_and_bounds_of_one_draw(chunk: int):
    """The same particles, weighed by the textbook's formulas in double precision."""
    net, key = small_net(2, 3), jax.random.key(4)
    bounds = bounds_of_rows(net, OBSERVATIONS, num_particles=7, chunk=chunk, key=key)
    _, draw_key = jax.random.split(key)  # the other one prepares the proposal
    log_weights = [
        Trace.record(
            net, Recognition().draw(net, OBSERVATIONS, chunk, key=jax.random.fold_in(draw_key, index))
        ).log_weight
        for index in range(-(-7 // chunk))
    ]
    f = np.concatenate(log_weights).astype(np.float64)[:7]
    w = np.exp(f)
    np.testing.assert_allclose(bounds.elbo, f.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(bounds.bound, np.log(w.mean(axis=0)), rtol=1e-5)
    np.testing.assert_allclose(bounds.ess, w.sum(axis=0) ** 2 / (w**2).sum(axis=0), rtol=1e-4)


@pytest.mark.full
def test_many_small_chunks_lose_no_digits():
    net = jax.tree.map(jnp.zeros_like, small_net(2))
    bounds = particle_bounds(net, OBSERVATIONS, num_particles=30_000, chunk=1, key=jax.random.key(0))
    np.testing.assert_allclose(bounds.elbo, 3 * np.log(0.5), rtol=1e-5)
    np.testing.assert_allclose(bounds.bound, 3 * np.log(0.5), rtol=1e-5)
    np.testing.assert_allclose(bounds.ess, 30_000, rtol=1e-3)


def test_an_accelerator_takes_larger_passes(monkeypatch):
    """Passes that suit a CPU's cache leave an accelerator idle; the widest layer has 128 MB there."""
    net = sigmoid_belief_net(784, (200,), key=jax.random.key(0))
    sizes = {}
    for backend in ("cpu", "gpu", "tpu"):
        monkeypatch.setattr(jax, "default_backend", lambda backend=backend: backend)
        sizes[backend] = rows_per_pass(net)
    assert sizes == {"cpu": 1337, "gpu": 2**25 // 784, "tpu": 2**25 // 784}


def test_every_block_of_the_data_is_used_with_its_own_draws(monkeypatch):
    """Cut into blocks, the evaluation is that of the blocks."""
    net, key = small_net(2, 3), jax.random.key(0)
    data = np.repeat(np.asarray(OBSERVATIONS, np.uint8), 4, axis=0)
    monkeypatch.setattr("beliefnet.evaluation._evaluate.rows_per_pass", lambda net: 5 * 3)
    result = evaluate(net, data, num_particles=3, key=key)
    elbos, (_, draw_key) = [], jax.random.split(key)
    for index, start in enumerate(range(0, 12, 5)):
        # The last block is filled up with its last row, which does not count again.
        block = jnp.asarray(data[np.minimum(np.arange(start, start + 5), 11)], jnp.float32)
        elbos.append(
            bounds_of_rows(net, block, num_particles=3, key=jax.random.fold_in(draw_key, index)).elbo[: 12 - start]
        )
    elbos = np.concatenate(elbos).astype(np.float64)
    assert len(elbos) == 12
    assert result.elbo.mean == pytest.approx(elbos.mean(), rel=1e-6)
    assert result.elbo.stderr == pytest.approx(elbos.std(ddof=1) / np.sqrt(12), rel=1e-6)
    assert len(set(elbos[:4].round(5)) | set(elbos[8:].round(5))) > 2


def test_dreams_say_nothing_about_data():
    with pytest.raises(ValueError, match="draws latents for the given observations, got Dream"):
        particle_bounds(small_net(2), OBSERVATIONS, num_particles=2, key=jax.random.key(0), proposal=Dream())


def test_a_dream_is_scored_under_the_model():
    net = small_net(2, 3)
    particles = Dream().draw(net, OBSERVATIONS, 5, key=jax.random.key(0))
    assert particles.x.shape == (5, 3, 3)
    expected = net.log_joint(particles.x, particles.latents)
    np.testing.assert_allclose(particles.log_proposal, expected, rtol=1e-5)


def test_latents_of_other_families_are_not_enumerated():
    @dataclass(frozen=True)
    class Laplacian(BernoulliFamily):
        name, kind, num_points = "laplace", UnitKind.CONTINUOUS, AbstractFamily.num_points
        _variable_points = AbstractFamily._variable_points

        def __call__(self, parameters):
            return Laplace(parameters, 1.0).to_event(1)

    net = small_net(2)
    (up,) = net.recognition.conditionals
    prior, down = net.generative.conditionals
    family = Laplacian()
    net = BeliefNet(Chain((Prior(prior.parameters, family), down)), Chain((Feedforward(up.network, family),)))
    with pytest.raises(ValueError, match="got laplace units"):
        exact_elbo(net, OBSERVATIONS)


@pytest.mark.parametrize("sampler", [Concrete(0.5), MeanPassing()])
def test_values_that_are_not_drawn_from_what_is_scored_are_not_weighed(sampler):
    with pytest.raises(ValueError, match="draws from the distribution it scores"):
        particle_bounds(
            small_net(2), OBSERVATIONS, num_particles=10, proposal=Recognition(sampler), key=jax.random.key(0)
        )


def test_quadrature_is_not_taken_for_a_likelihood():
    """Nodes lie where q is; the posterior may be elsewhere."""
    net = FAMILY_NETS["normal on binary"]()
    for value in (exact_log_likelihood, exact_posterior):
        with pytest.raises(ValueError, match="got continuous units in latent layer 2"):
            value(net, OBSERVATIONS)


@pytest.mark.full
@pytest.mark.parametrize(("name", "states"), [("categorical", 9), ("two categorical", 12), ("normal on binary", 128)])
def test_states_are_counted(name: str, states: int):
    net = FAMILY_NETS[name]()
    assert count_states(net) == states == enumerate_latents(net, OBSERVATIONS).log_p.shape[0]


def test_a_posterior_that_diverged_is_an_error():
    proposal = Refined(GDIR(5, 2, rate=1e30, num_checks=0))
    with pytest.raises(ValueError, match="NaN for 3 of 3 examples; try a smaller rate"):
        evaluate(FAMILY_NETS["normal"](), OBSERVATIONS, num_particles=5, proposal=proposal, key=jax.random.key(0))


def test_bfloat16_is_the_evaluation_of_a_net_with_rounded_weights():
    net = sigmoid_belief_net(12, (8, 5), key=jax.random.key(0))
    rows = jax.random.bernoulli(jax.random.key(1), shape=(20, 12)).astype(jnp.float32)

    def rounded(leaf: jax.Array) -> jax.Array:
        return leaf.astype(jnp.bfloat16).astype(leaf.dtype) if leaf.ndim == 2 else leaf

    half, expected, single = (
        evaluate(own, rows, num_particles=50, key=jax.random.key(2)).nll.mean
        for own in (in_bfloat16(net), jax.tree.map(rounded, net), net)
    )
    assert half == pytest.approx(expected, rel=1e-6)
    assert half != pytest.approx(single, rel=1e-6)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int32])
def test_bfloat16_takes_values_of_every_type(dtype: type):
    net = in_bfloat16(sigmoid_belief_net(6, (3,), key=jax.random.key(0)))
    x, h = np.array([[0, 1, 1, 0, 1, 0]]), (jnp.array([[1.0, 0.0, 1.0]]),)
    found, expected = (net.log_recognition_terms(jnp.asarray(x, own), h) for own in (dtype, float))
    np.testing.assert_array_equal(found, expected)


def test_bfloat16_reaches_the_maps_of_every_network_and_nothing_else():
    net = vae(12, (3,), deterministic=(8,), key=jax.random.key(0))
    types = [(leaf.ndim, str(leaf.dtype)) for leaf in jax.tree.leaves(in_bfloat16(net))]
    assert all((kind == "bfloat16") == (ndim == 2) for ndim, kind in types)
    assert [leaf.shape for leaf in jax.tree.leaves(in_bfloat16(net))] == [leaf.shape for leaf in jax.tree.leaves(net)]
    rows = jnp.ones((4, 12))
    found = evaluate(in_bfloat16(net), rows, num_particles=20, key=jax.random.key(2))
    single = evaluate(net, rows, num_particles=20, key=jax.random.key(2))
    assert found.nll.mean == pytest.approx(single.nll.mean, rel=0.02)
