"""Training aids: a weight on the KL divergence, free nats, averaged parameters, smaller steps on a plateau."""

import re

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import ESTIMATORS, OBSERVATIONS, net_of
from exact import bound_and_gradient

from beliefnet import BeliefNet
from beliefnet.cli._cautions import schedule_cautions
from beliefnet.data import Dataset
from beliefnet.estimators import (
    AbstractEstimator,
    Bound,
    Estimate,
    KLSchedule,
    LocalExpectation,
    MaximumLikelihood,
    Reinforce,
    kl_divergence,
    with_kl_weight,
)
from beliefnet.evaluation import enumerate_latents
from beliefnet.evaluation._bounds import bounds_of_rows
from beliefnet.nets import fully_visible_net, sigmoid_belief_net
from beliefnet.optimizers import Learnable
from beliefnet.training import FitOptions, Plan, TrainState, fit, run_steps

KEY = jax.random.key(0)
ROWS = np.tile(np.eye(4, dtype=np.uint8), (6, 2))
DATA = Dataset.from_arrays(ROWS, ROWS[:8], ROWS[:8])


class ExactElbo(AbstractEstimator[None]):
    """The exact gradient of the ELBO: an estimator without noise."""

    @property
    def bound(self) -> Bound:
        return Bound()

    def init(self, net: BeliefNet) -> None:
        return None

    def estimate(self, net: BeliefNet, x: jax.Array, state: None, *, key: jax.Array) -> Estimate[None]:
        value, gradient = bound_and_gradient(net, x, 1)
        return Estimate(gradient, self, None, value.mean())


def weighted_elbo(net: BeliefNet, x: jax.Array, weight: float) -> jax.Array:
    """E_q[log p(x | h1)] - weight * KL(q(h | x) || p(h)), all states summed."""
    latents = enumerate_latents(net, x).latents
    log_q = net.log_recognition(x, latents)
    terms = net.log_joint_terms(x, latents)
    inner = terms[..., 0] - weight * (log_q - terms[..., 1:].sum(axis=-1))
    return jnp.sum(jnp.exp(log_q) * inner, axis=0).mean()


@pytest.mark.parametrize("name", ["one layer", "two layers"])
@pytest.mark.full
@pytest.mark.parametrize("weight", [0.2, 1.0])
def test_the_divergence_counts_by_its_weight(name: str, weight: float):
    net = net_of(name)
    found = with_kl_weight(ExactElbo(), net, OBSERVATIONS, None, jnp.asarray(weight), key=KEY)
    value, gradient = eqx.filter_value_and_grad(weighted_elbo)(net, OBSERVATIONS, weight)
    np.testing.assert_allclose(found.objective, value, rtol=1e-5)
    assert jax.tree.structure(found.net) == jax.tree.structure(gradient)
    for one, other in zip(jax.tree.leaves(found.net), jax.tree.leaves(gradient), strict=True):
        np.testing.assert_allclose(one, other, atol=2e-6)


@pytest.mark.full
@pytest.mark.parametrize("name", ["nvil", "vimco", "rws", "em", "sgvb", "disarm", "tvo", "muprop"])
def test_every_estimator_takes_a_weight(name: str):
    """A weight of one changes nothing, a smaller one does."""
    case = ESTIMATORS[name]
    net = net_of(case.nets[-1])
    estimator = case.make(net)
    plain = eqx.filter_jit(estimator.estimate)(net, OBSERVATIONS, case.state(net), key=KEY)
    weighted = eqx.filter_jit(with_kl_weight)
    estimates = [weighted(estimator, net, OBSERVATIONS, case.state(net), jnp.asarray(w), key=KEY) for w in (1.0, 0.5)]
    one, half = ([np.asarray(leaf) for leaf in jax.tree.leaves(estimate.net)] for estimate in estimates)
    for leaf, other in zip(jax.tree.leaves(plain.net), one, strict=True):
        np.testing.assert_allclose(leaf, other, atol=1e-5)
    assert all(np.isfinite(leaf).all() for leaf in half)
    assert any(np.abs(a - b).max() > 1e-4 for a, b in zip(one, half, strict=True))


@pytest.mark.full
def test_the_divergence_of_draws_averages_to_the_divergence():
    net = net_of("two layers")
    states = enumerate_latents(net, OBSERVATIONS)
    prior = net.log_joint_terms(OBSERVATIONS, states.latents)[..., 1:].sum(axis=-1)
    log_q = net.log_recognition(OBSERVATIONS, states.latents)
    exact = jnp.sum(jnp.exp(log_q) * (log_q - prior), axis=0)
    drawn = kl_divergence(net, jnp.repeat(OBSERVATIONS, 4000, axis=0), key=KEY).reshape(3, 4000)
    error = drawn.std(axis=1) / np.sqrt(4000)
    assert np.all(np.abs(drawn.mean(axis=1) - exact) < 4 * error)


def test_the_weight_rises_to_one():
    schedule = KLSchedule(jnp.asarray(4.0), jnp.asarray(0.0), has_free_nats=False)
    weights = [float(schedule.weight(jnp.asarray(step), jnp.ones(()))) for step in range(6)]
    np.testing.assert_allclose(weights, [0.25, 0.5, 0.75, 1, 1, 1])
    assert float(schedule.weight(jnp.asarray(5), jnp.asarray(0.25))) == 0.25


@pytest.mark.parametrize(("free_nats", "expected"), [(1e6, 0.5 / 1.03), (1e-6, 0.5 * 1.03)])
def test_free_nats_lower_the_weight_while_the_divergence_is_small(free_nats: float, expected: float):
    schedule = KLSchedule(jnp.asarray(0.0), jnp.asarray(free_nats), has_free_nats=True)
    share = schedule.next_share(net_of("one layer"), OBSERVATIONS, jnp.asarray(0.5), key=KEY)
    np.testing.assert_allclose(share, expected, rtol=1e-6)


@pytest.mark.full
def test_free_nats_keep_latents_in_use():
    """Latents have nothing to say of bits that are independent; free nats hold the divergence up all the same."""
    rows = np.random.default_rng(0).integers(0, 2, (200, 8)).astype(np.uint8)
    data, x = Dataset.from_arrays(rows, rows, rows), jnp.asarray(rows, float)
    divergences = []
    for free_nats in (0.0, 0.8):
        net = sigmoid_belief_net(8, (3,), key=KEY)
        options = FitOptions(epochs=20, batch_size=10, learning_rate=0.02, schedule="constant", free_nats=free_nats)
        state = fit(net, data, LocalExpectation(net), options=options).state
        divergences.append(float(kl_divergence(state.learner.params.net, x, key=KEY).mean()))
    assert divergences[0] < 0.3
    assert divergences[1] > 0.7


def test_the_average_is_of_the_parameters_and_short_at_first():
    plan = Plan.of(FitOptions(average=0.9), 1)
    learnable = lambda value: Learnable(value, None)  # noqa: E731  # pyright: ignore
    average, values = learnable(jnp.asarray(1.0)), [2.0, 4.0, -1.0]
    expected = 1.0
    for step, value in enumerate(values):
        average = plan.averaged(average, learnable(jnp.asarray(value)), jnp.asarray(step))
        decay = min(0.9, (step + 1) / (step + 10))
        expected = decay * expected + (1 - decay) * value
    assert float(average.net) == pytest.approx(expected)  # pyright: ignore
    assert Plan.of(FitOptions(), 1).averaged(None, learnable(0.0), jnp.asarray(0)) is None  # pyright: ignore


def test_the_average_is_validated_and_kept():
    net = sigmoid_belief_net(8, (3,), key=KEY)
    fitted = fit(net, DATA, Reinforce(2), options=FitOptions(epochs=2, batch_size=6, learning_rate=0.05, average=0.8))
    average, last = fitted.state.learner.average, fitted.state.learner.params
    assert average is not None
    assert fitted.best_epoch == 2
    for kept, averaged in zip(jax.tree.leaves(fitted.net), jax.tree.leaves(average.net), strict=True):
        np.testing.assert_array_equal(kept, averaged)
    assert any(np.any(a != b) for a, b in zip(jax.tree.leaves(last), jax.tree.leaves(average), strict=True))
    assert np.isfinite(bounds_of_rows(fitted.net, jnp.asarray(ROWS, float), num_particles=1, key=KEY).bound).all()


def test_steps_become_smaller_on_a_plateau():
    """With steps of nothing the bound never gets better after the first epoch."""
    options = FitOptions(
        epochs=6, batch_size=6, learning_rate=0.0, schedule="plateau", plateau_epochs=2, plateau_factor=0.5
    )
    state = fit(sigmoid_belief_net(8, (3,), key=KEY), DATA, Reinforce(2), options=options).state
    assert int(state.best_epoch) == 1
    assert int(state.reduced_epoch) == 5
    assert float(state.learner.step_scale) == 0.25


def test_a_step_is_scaled():
    """Half the scale is half the way; the gradient is that of the same key."""
    net, ways = sigmoid_belief_net(8, (3,), key=KEY), []
    plan = Plan.of(FitOptions(optimizer="sgd", momentum=0.0, schedule="plateau", learning_rate=0.1), 10)
    before = jax.tree.map(np.array, Learnable(net, Reinforce(2)))
    for scale in (1.0, 0.5):
        learner = TrainState.start(net, Reinforce(2), plan).learner
        learner = eqx.tree_at(lambda state: state.step_scale, learner, jnp.asarray(scale))
        after = run_steps(learner, DATA.train.on_device(), plan, jnp.int32(1), batch_size=6, key=KEY).params
        ways.append([a - b for a, b in zip(jax.tree.leaves(after), jax.tree.leaves(before), strict=True)])
    assert max(np.abs(way).max() for way in ways[0]) > 0.01
    for whole, half in zip(*ways, strict=True):
        np.testing.assert_allclose(half, whole / 2, atol=1e-7)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"average": 1.0}, r"expected average in \[0, 1\), got 1.0; try 0.999"),
        ({"kl_warm_up": -1}, "expected kl-warm-up of at least 0, got -1; try 0"),
        ({"free_nats": -0.5}, "expected free-nats of at least 0, got -0.5; try 0.0"),
    ],
)
def test_bad_options_are_named(changes: dict, message: str):
    with pytest.raises(ValueError, match=message):
        FitOptions(**changes)


@pytest.mark.parametrize("options", [{"kl_warm_up": 2}, {"free_nats": 1.0}])
def test_a_net_without_latents_has_no_divergence(options: dict):
    with pytest.raises(ValueError, match=r"expected a net with latents .* try kl-w"):
        fit(fully_visible_net(8), DATA, MaximumLikelihood(), options=FitOptions(epochs=1, **options))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {"schedule": "plateau", "patience": 10},
            "--patience 10 stops before smaller steps can help, .* --patience 30",
        ),
        ({"kl_warm_up": 9, "epochs": 8}, "in 8 of --kl-warm-up 9 epochs the weight of the KL divergence stays below 1"),
        ({"learning_rate_warm_up": 9, "epochs": 8}, "in 8 of --learning-rate-warm-up 9 epochs step sizes stay below"),
    ],
)
def test_options_that_do_less_than_they_seem_to_are_named(options: dict, said: str):
    (sentence,) = schedule_cautions(FitOptions(**options))
    assert re.match(said, sentence)


@pytest.mark.parametrize(
    "options", [{}, {"schedule": "plateau", "plateau_epochs": 3, "patience": 30}, {"epochs": 8, "kl_warm_up": 8}]
)
def test_options_that_do_what_they_say_are_passed_over(options: dict):
    assert schedule_cautions(FitOptions(**options)) == []
