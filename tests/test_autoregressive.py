"""Nets whose units depend on each other within a layer."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import ALL_NETS, ALL_OBSERVATIONS, MEAN, OBSERVATIONS, randomise
from commands import fails
from conftest import SMALL
from laws import assert_mean, draws

from beliefnet import decode, reconstruct, sample_means
from beliefnet.cli import run
from beliefnet.conditionals import NADE, Dense, Feedforward, LogisticAutoregression, Prior
from beliefnet.distributions import LinearAutoregressive, NADELayer, bernoulli, normal
from beliefnet.estimators import ARM, SGVB
from beliefnet.evaluation import exact_log_likelihood, impute, one_pass
from beliefnet.evaluation._impute import starting_fill
from beliefnet.nets import Connections, LatentLayer, darn
from beliefnet.samplers import Concrete, MeanPassing

KEY = jax.random.key(0)
BASE = jnp.array([0.4, -1.0, 0.3, 0.8])
WEIGHT = jax.random.normal(jax.random.key(4), (4, 4))


def sigmoid(logit):
    return 1 / (1 + np.exp(-logit))


def test_logits_are_linear_in_the_signs_of_earlier_units():
    layer = LinearAutoregressive(BASE, WEIGHT)
    value, expected = np.array([1.0, 0.0, 0.0, 1.0]), np.zeros(4)
    for i in range(4):
        expected[i] = BASE[i] + sum((2 * value[j] - 1) * WEIGHT[j, i] for j in range(i))
    np.testing.assert_allclose(layer.logits_given(jnp.asarray(value)), expected, rtol=1e-5)


def test_hidden_units_of_a_nade_see_the_units_before():
    keys = jax.random.split(jax.random.key(0), 4)
    shapes = ((7,), (2, 3), (7, 3), (7, 3))
    base, hidden, inputs, outputs = (jax.random.normal(k, shape) for k, shape in zip(keys, shapes, strict=True))
    layer, value = NADELayer(base, hidden, inputs, outputs), np.array([1.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0])
    expected = np.zeros((2, 7))
    for row, i in itertools.product(range(2), range(7)):
        seen = hidden[row] + sum((value[j] * inputs[j] for j in range(i)), jnp.zeros(3))
        expected[row, i] = base[i] + sigmoid(np.asarray(seen)) @ outputs[i]
    np.testing.assert_allclose(layer.logits_given(jnp.asarray(value)), expected, rtol=1e-5)


def test_means_are_fed_to_later_units():
    expected = np.zeros(4)
    for i in range(4):
        expected[i] = sigmoid(BASE[i] + sum((2 * expected[j] - 1) * WEIGHT[j, i] for j in range(i)))
    np.testing.assert_allclose(LinearAutoregressive(BASE, WEIGHT).fed_means, expected, rtol=1e-5)


def test_units_that_do_not_depend_on_each_other_are_independent_ones():
    base = Feedforward(Dense(2, 3, key=KEY), bernoulli)
    layer, parent = LogisticAutoregression(base, jnp.tril(jnp.ones((3, 3)))), jnp.array([[1.0, 0.0], [0.0, 1.0]])
    np.testing.assert_allclose(layer(parent).log_prob(jnp.ones(3)), base(parent).log_prob(jnp.ones(3)), rtol=1e-6)
    np.testing.assert_allclose(layer.mean_given(parent), base.mean_given(parent), rtol=1e-6)


@pytest.mark.full
@pytest.mark.parametrize("name", ["darn", "connected", "nade"])
def test_means_of_samples_average_to_the_mean(name: str):
    net = ALL_NETS[name]()
    probabilities = jnp.exp(exact_log_likelihood(net, ALL_OBSERVATIONS))
    means = draws(lambda key: sample_means(net, (), key=key), 20_000)
    assert_mean(means, probabilities @ ALL_OBSERVATIONS)


def test_units_are_drawn_in_one_loop():
    """The program does not grow with the width, and there is one product for all units where they are scored."""

    def size(width: int) -> int:
        net = darn(width, (width,), key=KEY, autoregressive_recognition=True)
        return str(jax.make_jaxpr(lambda key: net.dream((2,), key=key))(jax.random.key(0))).count(" = ")

    assert size(10) == size(100)
    layer = LinearAutoregressive(BASE, WEIGHT)
    scored = jax.make_jaxpr(layer.log_prob)(jnp.ones((5, 4)))
    assert "scan" not in str(scored)
    assert "while" not in str(scored)


@pytest.mark.full
def test_use_of_a_net():
    net = randomise(darn(3, (2, 4), key=KEY, autoregressive_recognition=True, input_mean=MEAN))
    assert [mean.shape for mean in net.recognition.means(OBSERVATIONS)] == [(3, 2), (3, 4)]
    for means in (reconstruct(net, OBSERVATIONS, key=KEY), decode(net, (jnp.ones((3, 2)),))):
        assert means.shape == (3, 3)
        assert ((means > 0) & (means < 1)).all()


def test_the_fill_of_missing_entries_is_found_under_the_connections():
    net = darn(3, (2,), key=KEY, autoregressive_recognition=True, input_mean=MEAN)
    np.testing.assert_allclose(starting_fill(net), MEAN)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: LogisticAutoregression(Prior(jnp.zeros(4), normal), jnp.zeros((2, 2))),
            "a Feedforward or Prior of binary units as the base",
        ),
        (lambda: LogisticAutoregression(Prior(jnp.zeros(4), bernoulli), jnp.zeros((4, 3))), r"got \(4, 3\)"),
        (
            lambda: NADE(
                Prior(jnp.zeros(3), bernoulli), jnp.zeros((3, 4)), jnp.zeros((3, 4)), jnp.zeros(4), Dense(2, 4, key=KEY)
            ),
            "that see None parents, as its base does, got 2",
        ),
        (
            lambda: NADE(Prior(jnp.zeros(3), bernoulli), jnp.zeros((3, 4)), jnp.zeros((3, 2)), jnp.zeros(4)),
            r"outputs of shape \(3, 4\), got \(3, 2\)",
        ),
        (
            lambda: LogisticAutoregression(
                LogisticAutoregression(Prior(jnp.zeros(2), bernoulli), jnp.eye(2)), jnp.eye(2)
            ),
            "as the base of an autoregressive layer, got LogisticAutoregression",
        ),
        (lambda: one_pass(ALL_NETS["darn"](), np.ones((1, 3)), observed=None), "visible units that are independent"),
        (lambda: SGVB(ALL_NETS["connected"](), sampler=MeanPassing()), "got autoregressive units"),
        (lambda: LatentLayer(normal, 2, mean=0.1), "binary latents for latent_mean 0.1"),
        (lambda: darn(3, (2,), key=KEY, nade_units=0), "nade_units of at least 1, got 0"),
        (
            lambda: Connections(("prior",)),  # pyright: ignore
            "of the model or the recognition net, got prior",
        ),
        (
            lambda: LatentLayer(normal, 2, connections=Connections()),
            "binary units to depend on each other, got normal units in a latent layer",
        ),
        (lambda: ARM(ALL_NETS["connected"]()), r"binary units for ARM, got autoregressive .* \(vimco, .*nvil\)$"),
        (lambda: SGVB(ALL_NETS["connected"](), sampler=Concrete(0.5)), "got autoregressive units in latent layer 1"),
        (
            lambda: impute(ALL_NETS["darn"](), np.array([[1.0, np.nan, 0.0]]), key=KEY),
            "visible units that are independent given the latents",
        ),
    ],
)
def test_what_cannot_be_is_refused(make, message: str):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.full
def test_from_the_command_line(grey_file, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    options = ("--net", "darn", "--hidden", "3", "--nade-units", "3", "--autoregressive-recognition")
    words = ("--data", str(grey_file), "--batch-size", "8", "--nvil.baseline-units", "3", "--epochs", "1")
    assert run(["train", *words, *options, "--out", "run"]) == 0
    assert "deep autoregressive network" in capsys.readouterr().out
    assert run(["train", *words, "--net", "fdarn", "--hidden", "3", "--out", "other"]) == 0
    assert "fDARN" in capsys.readouterr().out
    assert run(["evaluate", "run", "--particles", "10", "--refine", "air:steps=2,samples=3"]) == 0
    assert run(["encode", "run", str(grey_file), "--out", "codes.npy"]) == 0
    assert run(["sample", "run", "--num", "4", "--out", "samples.png"]) == 0
    assert (tmp_path / "samples.png").exists()


@pytest.mark.full
def test_an_estimator_that_cannot_pay_connected_units_is_refused(grey_file, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    tokens = ("--data", str(grey_file), "--net", "darn", "--autoregressive-recognition", "--estimator", "disarm")
    message = fails(capsys, "train", *tokens, "--batch-size", "8")
    assert "expected an estimator for autoregressive latents, got disarm" in message
    tokens = ("--data", str(grey_file), "--autoregressive-recognition", *SMALL, "--epochs", "1")
    assert "effect with net sbn and estimator nvil, got autoregressive-recognition" in fails(capsys, "train", *tokens)
