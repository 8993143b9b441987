"""Networks of the user's own, and convolutional ones."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from commands import fails
from laws import assert_mean, draws

from beliefnet import decode
from beliefnet.catalogue import TrainConfig, load_named_run
from beliefnet.cli import run
from beliefnet.conditionals import (
    MLP,
    Convolutions,
    Dense,
    EquinoxNetwork,
    Feedforward,
    Stacked,
    TransposedConvolutions,
)
from beliefnet.conditionals._activations import as_fast
from beliefnet.data import load
from beliefnet.distributions import bernoulli, categorical, discretised_logistic, normal
from beliefnet.estimators import SGVB, VIMCO
from beliefnet.evaluation import exact_gradient
from beliefnet.nets import (
    Convolution,
    LatentLayer,
    OwnNetworks,
    VisibleLayer,
    darn,
    layered_net,
    sigmoid_belief_net,
    vae,
)
from beliefnet.optimizers._optimizer import _is_matrix
from beliefnet.training import fit

KEY = jax.random.key(0)
UP_KEY, DOWN_KEY, NET_KEY = jax.random.split(KEY, 3)
BITS = jnp.array([[1.0, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, 0.0]])


def softplus_by_jax(values):
    """The same function, which is not known for what it is."""
    return jax.nn.softplus(values)


def mlp(num_inputs: int, num_outputs: int, key=KEY) -> eqx.nn.MLP:
    # A function of one's own among the leaves: it is neither an array nor a static field.
    return eqx.nn.MLP(num_inputs, num_outputs, 6, 1, activation=lambda x: jnp.maximum(x, 0.1 * x), key=key)


def own_net(num_visible: int = 4, num_latent: int = 3):
    bottom = OwnNetworks(mlp(num_visible, num_latent, UP_KEY), mlp(num_latent, num_visible, DOWN_KEY))
    return sigmoid_belief_net(num_visible, (num_latent,), bottom=bottom, key=NET_KEY)


@pytest.mark.parametrize("lead", [(), (5,), (2, 5)])
def test_a_module_is_applied_to_every_datum(lead):
    module = mlp(4, 3)
    values = jax.random.normal(KEY, (*lead, 4))
    result = EquinoxNetwork(module, 4)(values)
    assert result.shape == (*lead, 3)
    expected = jnp.stack([module(row) for row in values.reshape(-1, 4)]).reshape(result.shape)
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-6)


def test_a_module_sees_the_shape_that_it_asks_for():
    module = eqx.nn.Conv2d(1, 2, 3, key=KEY)
    network = EquinoxNetwork(module, (1, 4, 4))
    assert (network.num_inputs, network.num_outputs) == (16, 8)
    image = jax.random.normal(KEY, (1, 4, 4))
    np.testing.assert_allclose(network(image.ravel()), module(image).ravel(), rtol=1e-5, atol=1e-6)


def test_only_arrays_of_real_numbers_are_leaves():
    network = EquinoxNetwork(mlp(4, 3), 4)
    assert all(eqx.is_inexact_array(leaf) for leaf in jax.tree.leaves(network))
    assert len(jax.tree.leaves(network)) == 4
    np.testing.assert_array_equal(network.module(jnp.ones(4)), network(jnp.ones(4)))  # pyright: ignore[reportArgumentType]


class Twice(eqx.Module):
    inner: eqx.nn.MLP

    def __call__(self, x):
        return self.inner(x), self.inner(x)


class Counted(eqx.Module):
    inner: eqx.nn.MLP
    count: jax.Array

    def __call__(self, x):
        return self.inner(x * self.count)


class Chosen(eqx.Module):
    inner: eqx.nn.MLP
    places: set[int]

    def __call__(self, x):
        return self.inner(x)[jnp.array(sorted(self.places))]


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (eqx.nn.MLP(5, 3, 6, 1, key=KEY), "takes one array of shape \\(4,\\), got an error"),
        (eqx.nn.Sequential([mlp(4, 4), eqx.nn.Dropout(0.5)]), "without random numbers"),
        (Twice(mlp(4, 3)), "returns one array, got tuple"),
        (lambda x: mlp(4, 3)(x), "function without any; a function hides what it closes over"),
        (Counted(mlp(4, 3), jnp.arange(4)), "real numbers, got one of int32; try a static field"),
        (Chosen(mlp(4, 3), {1, 2}), "can be hashed, got set; try jax.numpy.asarray"),
    ],
)
def test_modules_that_do_not_fit(module, message):
    with pytest.raises(TypeError, match=message):
        EquinoxNetwork(module, 4)


def test_networks_that_do_not_meet():
    with pytest.raises(ValueError, match="takes the 3 outputs of the one before, got one that takes 2"):
        Stacked((Dense(4, 3, key=KEY), Dense(2, 3, key=KEY)))
    with pytest.raises(ValueError, match="at least one network"):
        Stacked(())
    with pytest.raises(ValueError, match="expected 3 biases"):
        Feedforward(Dense(4, 3, key=KEY), bernoulli, bias=jnp.zeros(2))


@pytest.mark.parametrize(("up", "down", "wrong"), [(4, 2, "down"), (2, 4, "up")])
def test_own_networks_of_other_sizes(up, down, wrong):
    with pytest.raises(ValueError, match=f"expected {wrong} to be a network of"):
        sigmoid_belief_net(4, (3,), bottom=OwnNetworks(mlp(4, up - 1), mlp(3, down)), key=KEY)


@pytest.mark.full
def test_own_networks_get_the_gradient_of_the_bound():
    net, estimator = own_net(), VIMCO(3)
    claimed, state = exact_gradient(net, BITS, num_particles=3), estimator.init(net)
    assert_mean(draws(lambda key: estimator.estimate(net, BITS, state, key=key).net, 20_000), claimed)
    assert max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(claimed.recognition)) > 1e-3


@pytest.mark.full
def test_own_networks_are_trained():
    dataset = load("bars")
    bottom = OwnNetworks(mlp(64, 2 * 4, UP_KEY), mlp(4, 64, DOWN_KEY))
    net = vae(64, (4,), bottom=bottom, key=NET_KEY, visible_mean=dataset.train.average())
    config = TrainConfig(data="bars", epochs=3, learning_rate=0.01)
    history = fit(net, dataset, SGVB(net, 2), options=config.fit).history
    assert history[-1]["valid_bound"] > history[0]["valid_bound"] + 0.3


SHAPES = [(28, 28), (7, 9), (8, 6)]


@pytest.mark.parametrize("shape", SHAPES)
def test_convolutions_are_those_of_xla(shape):
    network = Convolutions(shape, (2, 3), lambda x: x, key=KEY)
    images = jax.random.normal(KEY, (5, 2, *shape))
    kernel = network.weights[0].reshape(2, 2, 2, 2, 2, 3).transpose(0, 2, 1, 3, 4, 5).reshape(4, 4, 2, 3)
    around = [(1, 1 + side % 2) for side in shape]
    layout = ("NCHW", "HWIO", "NHWC")
    expected = jax.lax.conv_general_dilated(images, kernel, (2, 2), around, dimension_numbers=layout)
    np.testing.assert_allclose(network(images.reshape(5, -1)), expected.reshape(5, -1), atol=1e-5)


@pytest.mark.full
@pytest.mark.parametrize("shape", SHAPES[1:])
def test_transposed_convolutions_are_the_transpose(shape):
    up = Convolutions(shape, (2, 3), lambda x: x, key=KEY)
    down = TransposedConvolutions(shape, (2, 3), lambda x: x, key=KEY)
    down = eqx.tree_at(lambda network: network.weights[0], down, up.weights[0].T)
    small, large = jax.random.normal(KEY, (down.num_inputs,)), jax.random.normal(NET_KEY, (down.num_outputs,))
    np.testing.assert_allclose(large @ down(small), small @ up(large), rtol=1e-4)


def test_convolutions_follow_each_other():
    up, down = (make((7, 9), (1, 2, 3), jax.nn.relu, key=KEY) for make in (Convolutions, TransposedConvolutions))
    assert up.shapes == ((7, 9), (4, 5), (2, 3))
    up = eqx.tree_at(lambda network: network.biases, up, (jnp.array([0.1, -0.2]), jnp.array([0.3, 0.0, -0.1])))
    first = Convolutions((7, 9), (1, 2), jax.nn.relu, key=KEY)
    second = Convolutions((4, 5), (2, 3), jax.nn.relu, key=KEY)
    first = eqx.tree_at(lambda n: (n.weights, n.biases), first, (up.weights[:1], up.biases[:1]))
    second = eqx.tree_at(lambda n: (n.weights, n.biases), second, (up.weights[1:], up.biases[1:]))
    x = jax.random.normal(KEY, (63,))
    between = first(x).reshape(4, 5, 2).transpose(2, 0, 1).ravel()
    np.testing.assert_allclose(up(x), second(between), rtol=1e-5)
    assert down(up(x)).shape == (63,)


@pytest.mark.full
@pytest.mark.parametrize("family", [bernoulli, discretised_logistic(16)], ids=["bits", "grey"])
def test_pixels_of_a_convolutional_net_start_at_the_mean_and_are_neighbours(family):
    mean = jnp.linspace(0.1, 0.9, 64)
    bottom = Convolution((8, 8), (3,))
    net = layered_net(VisibleLayer(64, family, mean), [LatentLayer(normal, 2)], key=KEY, bottom=bottom)
    # The mean of a logistic that is cut at 0 and 1 is not its location.
    np.testing.assert_allclose(decode(net, (jnp.zeros(2),)), mean, atol=0.05)
    decoder = net.generative.conditionals[-1].network.networks[-1]  # pyright: ignore
    slope = jax.jit(jax.jacobian(decoder))(jax.random.normal(KEY, (decoder.num_inputs,)))
    # What one place of the smallest image says is said of 4 by 4 pixels, by every parameter of theirs.
    reached = (np.abs(slope[:, (1 * 4 + 1) * 3]) > 1e-6).reshape(-1, 8, 8)
    expected = np.zeros((8, 8), bool)
    expected[1:5, 1:5] = True
    np.testing.assert_array_equal(reached, np.broadcast_to(expected, reached.shape))


def test_a_decoder_of_ones_own_starts_at_the_mean():
    mean = jnp.array([0.1, 0.3, 0.6, 0.9])
    bottom = OwnNetworks(mlp(4, 3, UP_KEY), mlp(3, 4, DOWN_KEY))
    net = sigmoid_belief_net(4, (3,), bottom=bottom, signs=False, visible_mean=mean, key=KEY)
    np.testing.assert_allclose(decode(net, (jnp.zeros(3),)), mean, rtol=1e-4)


def test_a_recognition_net_has_deterministic_layers_of_its_own():
    def widths(conditional):
        leaves = jax.tree.leaves((conditional.network, conditional.bias))
        return tuple(leaf.shape[0] for leaf in leaves if leaf.ndim == 1)

    net = sigmoid_belief_net(4, (3,), deterministic=(6,), deterministic_recognition=(7, 8), key=KEY)
    assert (widths(net.generative.conditionals[-1]), widths(net.recognition.conditionals[0])) == ((6, 4), (7, 8, 3))
    net = sigmoid_belief_net(4, (3,), deterministic=(6,), deterministic_recognition=(), key=KEY)
    assert (widths(net.generative.conditionals[-1]), widths(net.recognition.conditionals[0])) == ((6, 4), (3,))


def test_only_weights_decay():
    shapes = {(3, 1): True, (3,): False, (8, 1, 3, 3): True, (8, 1, 1): False}
    assert _is_matrix({shape: jnp.ones(shape) for shape in shapes}) == shapes  # pyright: ignore[reportArgumentType]


@pytest.mark.full(but=["vae-image_shape1", "sigmoid_belief_net-image_shape0"])
@pytest.mark.parametrize("image_shape", SHAPES[:2])
@pytest.mark.parametrize("make", [sigmoid_belief_net, vae, darn])
def test_convolutions_give_as_many_parameters_as_there_are(image_shape, make):
    num_pixels = image_shape[0] * image_shape[1]

    def use():
        net = make(num_pixels, (5,), bottom=Convolution(image_shape, (2, 3)), deterministic=(6,), key=KEY)
        assert (net.num_visible, net.layer_sizes) == (num_pixels, (5,))
        x = jnp.zeros((2, num_pixels))
        return net.log_joint_terms(x, net.infer(x, 3, key=KEY).values)

    assert jax.eval_shape(use).shape == (3, 2, 2)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Convolution((8, 8), ()), "numbers of channels, got none; try 32 64"),
        (lambda: Convolution((8, 8), (4, 0)), "got 4 0"),
        (lambda: Convolution((8, 5), (4, 4, 4, 4)), "at most 3 convolutions"),
        (lambda: vae(60, (3,), bottom=Convolution((8, 8), (4,)), key=KEY), "images of 8 x 8 pixels, got 60 values"),
        (lambda: Convolutions((8, 8), (1,), jnp.tanh, key=KEY), "channels of two images or more"),
        (
            lambda: vae(64, (3,), visible=categorical(3), bottom=Convolution((8, 8), (4,)), key=KEY),
            "one value per pixel for convolutions, got categorical ones",
        ),
    ],
)
def test_convolutions_that_cannot_be(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.full
def test_a_convolutional_net_is_trained_used_and_loaded(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    options = "--net vae --hidden 3 --deterministic 8 --convolution 2 3 --activation relu --epochs 1 --out run"
    assert run(["train", "--data", "bars", *options.split()]) == 0
    captured = capsys.readouterr()
    assert "convolution 2 3" in captured.out
    assert load_named_run("run").config.fit.learning_rate == 0.001
    assert load_named_run("run").config.net.values["convolution"] == (2, 3)
    assert run(["encode", "run", "bars", "--split", "test", "--out", "codes.npy"]) == 0
    assert np.load("codes.npy").shape[1] == 3


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        ("--convolution 0", "expected positive numbers of channels, got 0 (convolution 0); try 32 64"),
        ("--convolution 2 2 2 2", "expected at most 3 convolutions"),
    ],
)
def test_bad_convolutions_on_the_command_line(tmp_path, monkeypatch, capsys, tokens, message):
    monkeypatch.chdir(tmp_path)
    assert message in fails(capsys, "train", "--net", "vae", *tokens.split(), "--out", "run")


def test_convolution_needs_images(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    np.save("flat.npy", np.random.default_rng(0).integers(0, 2, (200, 7)))
    assert "got data without height and width" in fails(capsys, "train", "--data", "flat.npy", "--convolution", "4")
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    "network",
    [
        lambda activation: MLP((4, 6, 3), activation, key=KEY),
        lambda activation: Convolutions((4, 4), (1, 3, 2), activation, key=KEY),
        lambda activation: TransposedConvolutions((4, 4), (1, 3, 2), activation, key=KEY),
    ],
)
def test_softplus_has_the_values_and_derivatives_of_jax(network):
    fast, plain = network(jax.nn.softplus), network(softplus_by_jax)
    x = 30 * jax.random.normal(UP_KEY, (5, fast.num_inputs))

    def total(weights, network):
        return (eqx.combine(weights, network)(x) ** 2).sum()

    for one in (lambda net: net(x), lambda net: eqx.filter_grad(total)(eqx.filter(net, eqx.is_array), net)):
        found, expected = (jax.tree.leaves(eqx.filter(one(net), eqx.is_array)) for net in (fast, plain))
        for left, right in zip(found, expected, strict=True):
            np.testing.assert_allclose(left, right, rtol=1e-4, atol=1e-5 * float(jnp.abs(right).max()))


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float64"])
def test_softplus_in_other_precisions_is_that_of_jax(dtype: str):
    with jax.enable_x64(True):
        values = jnp.asarray([-30.0, -6.0, -0.5, 3.0], dtype)
        np.testing.assert_array_equal(as_fast(jax.nn.softplus)(values), jax.nn.softplus(values))
