"""Optimisers take the steps that their options say, upward."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from cases import nvil, small_net

from beliefnet._errors import OptionError
from beliefnet._frozen import hold_frozen
from beliefnet.nets import Convolution, sigmoid_belief_net, vae
from beliefnet.optimizers import Learnable, OptimizerOptions, default_learning_rate, make_optimizer
from beliefnet.optimizers._adam import scale_by_adam
from beliefnet.training import FitOptions


def params() -> Learnable:
    net = small_net(2, 2)
    return Learnable(net, nvil(net))


def steps(options: OptimizerOptions, gradient: float, count: int = 1, num_steps: int = 10) -> list[Learnable]:
    """The updates for a gradient that is the same everywhere and at every step."""
    optimizer, point, taken = make_optimizer(options, num_steps), params(), []
    state = optimizer.init(point)
    grads = jax.tree.map(lambda leaf: jnp.full_like(leaf, gradient), point)
    for _ in range(count):
        updates, state = optimizer.update(grads, state, point)
        taken.append(updates)
        point = optax.apply_updates(point, updates)
    return taken


def plain(**changes) -> OptimizerOptions:
    values = {"optimizer": "sgd", "momentum": 0.0, "weight_decay": 0.0, "schedule": "constant", "learning_rate": 0.1}
    return OptimizerOptions(**{**values, **changes})


@pytest.mark.full
@pytest.mark.parametrize("optimizer", ["adam", "rmsprop", "sgd"])
def test_each_part_has_its_rate(optimizer: str):
    """Rates that differ by a factor give steps that differ by that factor, and go upward."""
    (plainly,) = steps(plain(optimizer=optimizer), gradient=2.0)
    (update,) = steps(plain(optimizer=optimizer, recognition_learning_rate=0.01, estimator_learning_rate=0), gradient=2)
    parts = lambda learnable: (learnable.net.generative, learnable.net.recognition, learnable.estimator)  # noqa: E731
    for one, other, ratio in zip(parts(plainly), parts(update), (1, 0.1, 0), strict=True):
        for leaf, scaled in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
            assert np.all(leaf > 0)
            np.testing.assert_allclose(scaled, ratio * leaf, rtol=1e-6)


def test_parts_follow_the_model_when_not_told_otherwise():
    (update,) = steps(plain(), gradient=2.0)
    for leaf in jax.tree.leaves(update):
        np.testing.assert_allclose(leaf, 0.2, rtol=1e-6)


def test_weight_decay_pulls_weights_to_zero_and_leaves_biases():
    (update,) = steps(plain(weight_decay=0.3), gradient=0.0)
    for leaf, before in zip(jax.tree.leaves(update), jax.tree.leaves(params()), strict=True):
        np.testing.assert_allclose(leaf, -0.1 * 0.3 * before if before.ndim > 1 else 0 * before, rtol=1e-6)


@pytest.mark.parametrize("gradient", [1e-3, 5.0])
def test_clip_bounds_the_length_of_all_gradients_together(gradient: float):
    (update,) = steps(plain(clip=1.0), gradient=gradient)
    count = sum(leaf.size for leaf in jax.tree.leaves(update))
    length = float(optax.tree.norm(update))
    assert length == pytest.approx(0.1 * min(1.0, gradient * np.sqrt(count)), rel=1e-5)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [("constant", [1, 1, 1, 1]), ("linear", [1, 0.75, 0.5, 0.25]), ("cosine", [1, 0.853553, 0.5, 0.146447])],
)
def test_schedules(schedule, expected: list[float]):
    taken = steps(plain(schedule=schedule), gradient=1.0, count=4, num_steps=4)
    first = [float(jax.tree.leaves(update)[0].ravel()[0]) for update in taken]
    np.testing.assert_allclose(first, 0.1 * np.array(expected), rtol=1e-5)


def test_steps_rise_in_the_warm_up_and_then_follow_the_schedule():
    options, point = plain(schedule="linear", learning_rate_warm_up=2), params()
    optimizer = make_optimizer(options, 8, epoch_steps=2)
    state, ones, taken = optimizer.init(point), jax.tree.map(jnp.ones_like, point), []
    for _ in range(6):
        update, state = optimizer.update(ones, state, point)
        taken.append(float(jax.tree.leaves(update)[0].ravel()[0]))
    rising, falling = np.array([1, 2, 3, 4, 4, 4]) / 4, 1 - np.arange(6) / 8
    np.testing.assert_allclose(taken, 0.1 * rising * falling, rtol=1e-5)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_adam_is_that_of_optax(momentum: float):
    """Of gradients of many sizes, zeros among them, from the first step on; states can be exchanged."""
    with jax.enable_x64(True):
        sizes = jnp.asarray([0.0, 1e-12, 1e-6, 1e-3, 1.0, 1e6])
        ours, theirs = scale_by_adam(jnp.asarray(momentum)), optax.scale_by_adam(b1=momentum)
        state = theirs.init(sizes)
        for step in range(6):
            grads = sizes * jax.random.normal(jax.random.key(step), sizes.shape)
            (found, after), (expected, state) = ours.update(grads, state), theirs.update(grads, state)
            np.testing.assert_allclose(found, expected, rtol=1e-7)
            jax.tree.map(np.testing.assert_array_equal, after, state)


def test_the_first_step_of_adam_has_the_size_of_the_rate():
    """In single precision too, where 1 - 0.999 is off by more than a hundred thousandth."""
    (update,) = steps(plain(optimizer="adam", momentum=0.9), gradient=-2.0)
    for leaf in jax.tree.leaves(update):
        np.testing.assert_allclose(leaf, -0.1, rtol=1e-6)


def test_rules():
    """Two steps with the same gradient g = 2: the textbook's values."""
    sgd = steps(plain(momentum=0.9), gradient=2.0, count=2)
    adam = steps(plain(optimizer="adam", momentum=0.5), gradient=2.0, count=2)
    rmsprop = steps(plain(optimizer="rmsprop", momentum=0.5), gradient=2.0, count=2)
    value = lambda update: float(update.net.generative.conditionals[0].parameters[0])  # noqa: E731
    np.testing.assert_allclose([value(u) for u in sgd], [0.2, 0.2 + 0.18], rtol=1e-5)
    np.testing.assert_allclose([value(u) for u in adam], [0.1, 0.1], rtol=1e-4)
    first, second = 2 / np.sqrt(0.1 * 4), 2 / np.sqrt(0.19 * 4)
    np.testing.assert_allclose([value(u) for u in rmsprop], [0.1 * first, 0.1 * (second + 0.5 * first)], rtol=1e-4)


def test_the_offset_of_the_data_is_not_moved():
    net = small_net(2)
    optimizer = make_optimizer(OptimizerOptions(), 10)
    point = Learnable(net, nvil(net))
    updates, _ = optimizer.update(jax.tree.map(jnp.ones_like, point), optimizer.init(point), point)
    first = hold_frozen(updates).net.recognition.conditionals[0]
    np.testing.assert_array_equal(first.view.offset.array, 0)
    assert np.all(first.bias != 0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"optimizer": "adan"}, "did you mean 'adam'"),
        ({"schedule": "cosin"}, "did you mean 'cosine'"),
        ({"learning_rate": -1.0}, "learning-rate of at least 0, got -1.0"),
        ({"clip": float("nan")}, "clip to be a finite number, got nan"),
        ({"momentum": 1.0}, r"momentum in \[0, 1\), got 1.0"),
        ({"plateau_factor": 1.0}, r"plateau-factor in \(0, 1\), got 1.0; try 0.3"),
        ({"plateau_epochs": 0}, "plateau-epochs of at least 1, got 0; try 10"),
        ({"learning_rate_warm_up": -1}, "learning-rate-warm-up of at least 0, got -1; try 0"),
    ],
)
def test_bad_options_are_named(changes: dict, message: str):
    with pytest.raises(OptionError, match=message):
        OptimizerOptions(**changes)


@pytest.mark.parametrize(
    ("latents", "num_steps", "rate"), [("binary", 19_999, 0.01), ("binary", 20_000, 0.003), ("normal", 100, 0.003)]
)
def test_the_default_step_follows_the_length_of_the_run_and_the_latents(latents: str, num_steps: int, rate: float):
    make = vae if latents == "normal" else sigmoid_belief_net
    assert default_learning_rate(make(4, (3,), key=jax.random.key(0)), num_steps) == rate


def test_the_default_step_of_convolutions_is_small():
    net = sigmoid_belief_net(16, (2,), bottom=Convolution((4, 4), (2,)), key=jax.random.key(0))
    assert FitOptions().decided(net, 100).learning_rate == default_learning_rate(net, 10**6) == 0.001
    assert FitOptions(learning_rate=0.1).decided(net, 100).learning_rate == 0.1


@pytest.mark.parametrize(("num_train", "size"), [(5000, 100), (4999, 50), (50, 50), (7, 7)])
def test_the_default_batch_follows_the_data(num_train: int, size: int):
    options = FitOptions(epochs=3).decided(sigmoid_belief_net(4, (3,), key=jax.random.key(0)), num_train)
    assert (options.batch_size, options.learning_rate) == (size, 0.01)
    assert FitOptions(batch_size=5, learning_rate=0.5).decided(vae(4, (3,), key=jax.random.key(0)), 9).batch_size == 5
