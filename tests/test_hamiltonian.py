"""Hamiltonian proposals and their estimator, against quadrature over latents, noise and momenta."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from cases import FAMILY_NETS, OBSERVATIONS, chain_net, randomise, small_net
from jaxtyping import TypeCheckError
from laws import assert_mean, draws
from numpyro.distributions import Uniform

from beliefnet import BeliefNet, Chain, Trace
from beliefnet.conditionals import Dense, Feedforward, Prior
from beliefnet.distributions import BernoulliFamily, UnitKind, bernoulli, normal
from beliefnet.estimators import HVI, SGVB, UHA
from beliefnet.evaluation import particle_bounds
from beliefnet.proposals import Hamiltonian, Recognition, UncorrectedAnnealing
from beliefnet.proposals._hamiltonian import Phase, leapfrog
from beliefnet.samplers import Reparameterize

NETS = ("normal", "two normal layers")


def random_dynamics(net, num_iterations=1, num_steps=2, step_size=0.15):
    """Dynamics whose parameters are all random, so that units, iterations and scales differ."""
    plain = Hamiltonian(net, num_iterations, num_steps, key=jax.random.key(5), step_size=step_size, num_units=3)
    return randomise(plain, 0.3)


def light_tailed(net, proposal):
    """Net and proposal with weights whose mean is soon known: q is broader and r narrower than what they stand for."""

    def scaled_by(step):
        def move(dense):
            is_scale = jnp.arange(dense.num_outputs) >= dense.num_outputs // 2
            return eqx.tree_at(lambda d: d.bias, dense, dense.bias + step * is_scale)

        return move

    conditionals = [eqx.tree_at(lambda c: c.network, c, replace_fn=scaled_by(1)) for c in net.recognition.conditionals]
    iterations = [eqx.tree_at(lambda i: i.reverse.output, i, replace_fn=scaled_by(-1)) for i in proposal.iterations]
    return (
        BeliefNet(net.generative, Chain(tuple(conditionals))),
        eqx.tree_at(lambda p: p.iterations, proposal, tuple(iterations)),
    )


def log_weights(net, proposal, num_particles=1, x=OBSERVATIONS):
    return lambda key: Trace.record(net, proposal.draw(net, x, num_particles, key=key)).log_weight


def likelihood(net, x, reach=9.0, num_points=601):
    """p(x) of each datum by the trapezium rule on a grid of the latents, in double precision."""
    line = np.linspace(-reach, reach, num_points)
    grid = np.stack(np.meshgrid(*[line] * sum(net.layer_sizes), indexing="ij"), axis=-1)
    flat = jnp.asarray(grid.reshape(-1, 1, grid.shape[-1]))
    latents = jnp.split(flat, np.cumsum(net.layer_sizes)[:-1], axis=-1)
    density = np.exp(np.asarray(net.log_joint(x, tuple(latents)), np.float64))
    density = density.reshape(*grid.shape[:-1], len(x))
    for _ in range(grid.shape[-1]):
        density = np.trapezoid(density, line, axis=0)
    return density


@pytest.mark.full(but=["1-1-normal"])
@pytest.mark.parametrize("net_name", NETS)
@pytest.mark.parametrize(("num_iterations", "num_steps"), [(1, 1), (2, 3)])
def test_mean_weight_is_the_likelihood(net_name, num_iterations, num_steps):
    net = FAMILY_NETS[net_name]()
    net, proposal = light_tailed(net, random_dynamics(net, num_iterations, num_steps))
    samples = draws(lambda key: jnp.exp(log_weights(net, proposal, 10)(key)).mean(axis=0), 10_000)
    assert_mean(samples, likelihood(net, OBSERVATIONS))


@pytest.mark.full(but=["3-1-normal"])
@pytest.mark.parametrize("net_name", NETS)
@pytest.mark.parametrize(("num_temperatures", "num_steps"), [(3, 1), (5, 2)])
def test_mean_weight_after_annealing_is_the_likelihood(net_name, num_temperatures, num_steps):
    net = FAMILY_NETS[net_name]()
    dynamics = randomise(UncorrectedAnnealing(net, num_temperatures, num_steps, step_size=0.2), 0.3)
    net, _ = light_tailed(net, random_dynamics(net))
    samples = draws(lambda key: jnp.exp(log_weights(net, dynamics, 10)(key)).mean(axis=0), 10_000)
    assert_mean(samples, likelihood(net, OBSERVATIONS))


@pytest.mark.full
def test_one_temperature_is_the_recognition_net():
    net, key = FAMILY_NETS["two normal layers"](), jax.random.key(3)
    found = log_weights(net, UncorrectedAnnealing(net, 1), 4)(key)
    still = log_weights(net, Recognition(Reparameterize()), 4)(jax.random.split(key, 3)[0])
    np.testing.assert_allclose(found, still, rtol=1e-5)


@pytest.mark.full
def test_more_temperatures_tighten_the_bound():
    """On a posterior that the recognition net misses, from the settings at the start."""
    net = ridge_net()
    exact = np.log(likelihood(net, RIDGE_DATA)).mean()

    def gap(num_temperatures):
        proposal = UncorrectedAnnealing(net, num_temperatures, 2, step_size=0.1)
        return exact - float(jax.jit(log_weights(net, proposal, 4000, RIDGE_DATA))(jax.random.key(0)).mean())

    gaps = [gap(number) for number in (1, 8, 64)]
    assert gaps[0] > 2 * gaps[1] > 4 * gaps[2] > 0


@pytest.mark.parametrize("make", [lambda net: Hamiltonian(net, key=jax.random.key(5)), UncorrectedAnnealing])
def test_particles_are_what_a_proposal_gives(make):
    net = chain_net((normal, 2), (normal, 1))
    proposal = make(net)
    particles = eqx.filter_eval_shape(proposal.draw, net, OBSERVATIONS, 4, key=jax.random.key(0))
    assert [h.shape for h in particles.latents] == [(4, 3, 2), (4, 3, 1)]
    assert particles.x.shape == (3, 3)
    assert particles.log_proposal.shape == (4, 3)
    assert particles.log_layers is None
    assert proposal.explains_data
    assert proposal.is_exact
    assert proposal.has_derivative


def pull(position):
    """The force of a potential that couples all units: a quartic well with a twist."""
    return jax.grad(lambda h: -jnp.sum(h**4) / 4 - jnp.sum(jnp.cos(h) * jnp.roll(h, 1)))(position)


STEP_SIZE = jnp.array([0.05, 0.2, 0.1])
POSITION, MOMENTUM = jnp.array([0.3, -0.8, 1.1]), jnp.array([1.2, 0.4, -0.7])


def run_leapfrog(position, momentum, num_steps, step_size=STEP_SIZE):
    end = leapfrog(pull, Phase(position, momentum, pull(position)), step_size, num_steps)
    return end.position, end.momentum


def test_leapfrog_follows_the_equations_of_motion():
    """In the limit of short steps: dh/dt = v and dv/dt = force, by many steps of Euler in double precision."""
    position, momentum = np.asarray(POSITION, np.float64), np.asarray(MOMENTUM, np.float64)

    def force(h):
        return -(h**3) + np.sin(h) * np.roll(h, 1) - np.roll(np.cos(h), -1)

    for _ in range(40_000):
        position, momentum = position + 2.5e-5 * momentum, momentum + 2.5e-5 * force(position)
    end = run_leapfrog(POSITION, MOMENTUM, 100, jnp.full(3, 0.01))
    np.testing.assert_allclose(end, (position, momentum), atol=1e-3)


def test_leapfrog_is_reversible():
    position, momentum = run_leapfrog(POSITION, MOMENTUM, 20)
    assert float(jnp.abs(position - POSITION).max()) > 0.3
    back, flipped = run_leapfrog(position, -momentum, 20)
    np.testing.assert_allclose((back, -flipped), (POSITION, MOMENTUM), atol=2e-5)


@pytest.mark.parametrize("stretch", [1.0, 60.0], ids=["ordinary", "beyond the longest kick"])
def test_leapfrog_preserves_volume(stretch):
    """Up to kicks that are cut off, where neighbouring points are kicked alike."""

    def move(phase):
        return jnp.concatenate(run_leapfrog(*jnp.split(phase, 2), 4))

    jacobian = jax.jacobian(move)(jnp.concatenate([stretch * POSITION, MOMENTUM]))
    assert float(jnp.abs(jacobian - jnp.eye(6)).max()) > 0.3
    assert float(jnp.linalg.det(jacobian)) == pytest.approx(1, abs=1e-3)


def test_energy_is_kept_to_second_order():
    def energy(position, momentum):
        return jnp.sum(position**4) / 4 + jnp.sum(jnp.cos(position) * jnp.roll(position, 1)) + jnp.sum(momentum**2) / 2

    def error(num_steps):
        end = run_leapfrog(POSITION, MOMENTUM, num_steps, jnp.full(3, 1.6 / num_steps))
        return abs(float(energy(*end) - energy(POSITION, MOMENTUM)))

    assert error(8) / error(16) == pytest.approx(4, rel=0.5)


def gauss_hermite(num_nodes, num_dimensions):
    """Nodes `[points, dimensions]` and weights `[points]` of expectations over independent standard normals."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(num_nodes)
    points = np.stack(np.meshgrid(*[nodes] * num_dimensions, indexing="ij"), axis=-1).reshape(-1, num_dimensions)
    products = np.prod(np.meshgrid(*[weights / weights.sum()] * num_dimensions, indexing="ij"), axis=0).ravel()
    return jnp.asarray(points), jnp.asarray(products)


def log_normal(value, mean, scale):
    return jnp.sum(-0.5 * ((value - mean) / scale) ** 2 - jnp.log(scale) - 0.5 * math.log(2 * math.pi), axis=-1)


def affine(dense, values):
    return values @ dense.weight + dense.bias


def mean_and_scale(parameters):
    mean, raw = jnp.split(parameters, 2, axis=-1)
    return mean, 1e-3 + jax.nn.softplus(raw)


def log_joint(net, x, h):
    """log p(x, h) by the textbook formulas, for dense layers of one normal unit each, side by side in h."""
    prior, *between, visible = net.generative.conditionals
    total = log_normal(h[..., -1:], *mean_and_scale(prior.parameters))
    for index, conditional in enumerate(between[::-1]):
        above = h[..., index + 1 : index + 2]
        total += log_normal(h[..., index : index + 1], *mean_and_scale(affine(conditional.network, above)))
    logits = affine(visible.network, h[..., :1])
    return total + jnp.sum(x * jax.nn.log_sigmoid(logits) + (1 - x) * jax.nn.log_sigmoid(-logits), axis=-1)


def log_weight_given_noise(net, proposal, x, noise):
    """The log-weight by the textbook formulas, `[points, batch]`, given all that is random: first in h_0, then in v."""
    num = len(net.layer_sizes)
    below, h, log_q = x, [], 0.0
    for index, conditional in enumerate(net.recognition.conditionals):
        mean, scale = mean_and_scale(affine(conditional.network, below))
        below = mean + scale * noise[..., index : index + 1]
        h.append(below)
        log_q += log_normal(below, mean, scale)
    h, total = jnp.concatenate(h, axis=-1), -log_q
    slope = jax.grad(lambda h: log_joint(net, x, h).sum())
    for number, iteration in enumerate(proposal.iterations, start=1):
        scale, step_size = jnp.exp(iteration.log_momentum_scale), jnp.exp(iteration.log_step_size)
        v = jnp.broadcast_to(scale * noise[..., num * number : num * (number + 1)], h.shape)
        total -= log_normal(v, 0.0, scale)
        for _ in range(proposal.num_steps):
            v = v + step_size / 2 * slope(h)
            h = h + step_size * v
            v = v + step_size / 2 * slope(h)
        reverse = iteration.reverse
        hidden = jnp.tanh(affine(reverse.from_data, x) + affine(reverse.from_position, h))
        mean, spread = mean_and_scale(affine(reverse.output, hidden))
        total += log_normal(v, scale * mean, scale * spread)
    return total + log_joint(net, x, h)


@pytest.mark.full
def test_gradient_is_that_of_the_expected_log_weight():
    net = FAMILY_NETS["normal"]()
    estimator = HVI(random_dynamics(net, 2), num_particles=2)
    points, weights = gauss_hermite(24, 3)

    def objective(parts):
        values = log_weight_given_noise(parts[0], parts[1].proposal, OBSERVATIONS, points[:, None]).mean(axis=-1)
        return jnp.sum(weights * values)

    exact, slope = eqx.filter_jit(eqx.filter_value_and_grad(objective))((net, estimator))

    def drawn(key):
        made = estimator.estimate(net, OBSERVATIONS, None, key=key)
        return made.objective, (made.net, made.estimator)

    values, slopes = draws(drawn, 10_000)
    assert_mean(values, exact)
    assert_mean(slopes, slope)
    assert all(np.abs(leaf).max() > 0 for leaf in jax.tree.leaves(slopes))


@eqx.filter_jit
def estimate(parts, key, x=OBSERVATIONS):
    net, estimator = parts
    return estimator.estimate(net, x, None, key=key)


@pytest.mark.full
def test_value_and_gradient_are_those_of_the_formula_at_the_same_noise():
    net, key = FAMILY_NETS["two normal layers"](), jax.random.key(0)
    parts = (net, HVI(random_dynamics(net, 2, 2, step_size=0.3), num_particles=2))
    start_key, *momentum_keys = jax.random.split(key, 3)
    start = net.infer(OBSERVATIONS, 2, key=start_key, sampler=Reparameterize()).values
    layers = zip(start, net.recognition.distributions(OBSERVATIONS, start), strict=True)
    noise = [(h - layer.mean) / jnp.sqrt(layer.variance) for h, layer in layers]
    noise += [jax.random.normal(momentum_key, (2, 3, len(net.layer_sizes))) for momentum_key in momentum_keys]

    @eqx.filter_jit
    @eqx.filter_value_and_grad
    def formula(parts):
        joined = jnp.concatenate(noise, axis=-1)
        return log_weight_given_noise(parts[0], parts[1].proposal, OBSERVATIONS, joined).mean()

    made, (value, slope) = estimate(parts, key), formula(parts)
    np.testing.assert_allclose(made.objective, value, rtol=1e-4)
    for one, two in zip(jax.tree.leaves((made.net, made.estimator)), jax.tree.leaves(slope), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-3, atol=1e-3 * float(jnp.abs(two).max()))


@pytest.mark.full
@pytest.mark.parametrize(("num_steps", "tolerance"), [(0, 1e-4), (5, 0.1)])
def test_untrained_dynamics_cost_the_bound_nothing(num_steps, tolerance):
    """From the same first draws, the error of the energy is all that differs from what SGVB averages."""
    net, key = ridge_net(), jax.random.key(0)
    dynamics = Hamiltonian(net, 2, num_steps, key=jax.random.key(1))
    moved = jax.jit(log_weights(net, dynamics, 1000, RIDGE_DATA))(key)
    still = log_weights(net, Recognition(Reparameterize()), 1000, RIDGE_DATA)(jax.random.split(key, 3)[0])
    assert (float(jnp.abs(moved - still).max()) < 1e-3) == (num_steps == 0)
    np.testing.assert_allclose(moved.mean(axis=0), still.mean(axis=0), atol=tolerance)


@pytest.mark.full
@pytest.mark.parametrize("scale", [1.0, 100.0])
@pytest.mark.parametrize("step_size", [0.05, 5.0])
def test_steps_far_too_long_stay_finite(scale, step_size):
    net = jax.tree.map(lambda leaf: scale * leaf, FAMILY_NETS["two normal layers"]())
    estimator = HVI(Hamiltonian(net, 1, 10, key=jax.random.key(1), step_size=step_size), 20)
    made = estimate((net, estimator), jax.random.key(2))
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(made))


def ridge_net():
    """Two normal units that the data see only as a sum: given the data they all but determine each other."""
    down = Dense(2, 8, key=jax.random.key(0))
    down = eqx.tree_at(lambda d: (d.weight, d.bias), down, (jnp.full((2, 8), 3.0), jnp.linspace(-6, 6, 8)))
    up = Dense(8, normal.num_parameters(2), key=jax.random.key(1))
    prior = Prior(normal.neutral(2), normal)
    return BeliefNet(Chain((prior, Feedforward(down, bernoulli))), Chain((Feedforward(up, normal),)))


RIDGE_DATA = jnp.array([[0.0] * n + [1.0] * (8 - n) for n in (2, 4, 5)])


def trained(net, estimator, num_steps):
    """Net and estimator after some steps of Adam on the ridge data, the generative net as it was."""
    optimizer = optax.adam(optax.cosine_decay_schedule(0.02, num_steps))
    start = (net.recognition, estimator)

    def step(index, state):
        (recognition, estimator), opt_state = state
        moved = BeliefNet(net.generative, recognition)
        made = estimator.estimate(moved, RIDGE_DATA, None, key=jax.random.fold_in(jax.random.key(6), index))
        descent = jax.tree.map(jnp.negative, (made.net.recognition, made.estimator))
        updates, opt_state = optimizer.update(descent, opt_state)
        return optax.apply_updates((recognition, estimator), updates), opt_state

    run = jax.jit(lambda state: jax.lax.fori_loop(0, num_steps, step, state))
    recognition, estimator = run((start, optimizer.init(start)))[0]
    return BeliefNet(net.generative, recognition), estimator


@pytest.mark.full
def test_dynamics_learn_what_a_factorial_posterior_cannot_express():
    net = ridge_net()
    exact = np.log(likelihood(net, RIDGE_DATA)).mean()

    def bounds(estimator):
        fitted, estimator = trained(net, estimator, 600)
        proposal = estimator.bound.proposal
        return particle_bounds(fitted, RIDGE_DATA, num_particles=4000, key=jax.random.key(7), proposal=proposal)

    plain = bounds(SGVB(net, 10))
    moved = bounds(HVI(Hamiltonian(net, 2, 5, key=jax.random.key(5), step_size=0.1, num_units=20), 10))
    annealed = bounds(UHA(UncorrectedAnnealing(net, 8, step_size=0.1), 10))
    assert plain.elbo.mean() < exact - 0.5
    for found in (moved, annealed):
        assert plain.elbo.mean() + 0.5 < found.elbo.mean() < exact
        assert float(found.bound.mean()) == pytest.approx(exact, abs=0.05)
        assert found.kl is None


def test_bad_arguments_are_named():
    net, key = FAMILY_NETS["normal"](), jax.random.key(0)
    for changes, message in (
        ({"num_iterations": 0}, "num_iterations of at least 1, got 0"),
        ({"num_steps": -1}, "num_steps of at least 0, got -1"),
        ({"num_units": 0}, "num_units of at least 1, got 0"),
        ({"step_size": 0.0}, "positive step_size, got 0.0"),
    ):
        with pytest.raises(ValueError, match=message):
            Hamiltonian(net, key=key, **changes)
    for changes, message in (
        ({"num_temperatures": 0}, "num_temperatures of at least 1, got 0"),
        ({"num_steps": 0}, "num_steps of at least 1, got 0"),
        ({"step_size": math.inf}, "positive step_size, got inf"),
        ({"persistence": 1.0}, "persistence above 0 and below 1, got 1.0"),
    ):
        with pytest.raises(ValueError, match=message):
            UncorrectedAnnealing(net, **changes)
    with pytest.raises(ValueError, match="num_particles of at least 1, got 0"):
        HVI(Hamiltonian(net, key=key), 0)
    with pytest.raises((ValueError, TypeCheckError), match="Recognition"):
        HVI(Recognition())


UNCORRECTED = ("UncorrectedAnnealing", UncorrectedAnnealing)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: small_net(2), "expected continuous units for Hamiltonian, got binary units in latent layer 1; try"),
        (FAMILY_NETS["categorical"], "got one-hot units in latent layer 1"),
        (FAMILY_NETS["binary on normal"], "got binary units in latent layer 2"),
    ],
)
def test_discrete_layers_are_refused(make, message):
    for name, dynamics in (("Hamiltonian", lambda net: Hamiltonian(net, key=jax.random.key(0))), UNCORRECTED):
        with pytest.raises(ValueError, match=message.replace("Hamiltonian", name)):
            dynamics(make())


class Interval(BernoulliFamily):
    name, kind, bounds = "interval", UnitKind.CONTINUOUS, (-9.0, 9.0)

    def __call__(self, parameters):
        return Uniform(parameters - 1, parameters + 1).to_event(1)


def test_bounded_layers_are_refused():
    net = chain_net((Interval(), 2), (normal, 1))
    with pytest.raises(ValueError, match="any real value for Hamiltonian, got interval units in latent layer 1"):
        Hamiltonian(net, key=jax.random.key(0))


def test_dynamics_belong_to_the_sizes_they_were_made_for():
    estimator = HVI(Hamiltonian(FAMILY_NETS["normal"](), key=jax.random.key(0)))
    assert estimator.init(FAMILY_NETS["normal"]()) is None
    assert estimator.bound.proposal is estimator.proposal
    assert estimator.bound.num_particles == 1
    net = FAMILY_NETS["two normal layers"]()
    for refuse in (
        lambda: estimator.init(net),
        lambda: estimator.estimate(net, OBSERVATIONS, None, key=jax.random.key(1)),
    ):
        with pytest.raises(ValueError, match="made for, of 3 visible and 1 latent units, got one of 3 and 2; try"):
            refuse()
    with pytest.raises(ValueError, match=r"UncorrectedAnnealing was made .* try UncorrectedAnnealing\(net\)"):
        UncorrectedAnnealing(FAMILY_NETS["normal"]()).check(net)
