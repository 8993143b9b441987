"""Ready-made nets: the same weights and function for the same key as ever, and pickles of all of them."""

import copy
import json
import pickle
import subprocess
import sys
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from beliefnet import BeliefNet, Chain, ConditionalNet
from beliefnet._frozen import Frozen, hold_frozen
from beliefnet.conditionals import Centred, Dense, EquinoxNetwork, Feedforward, LogCounts, Signs
from beliefnet.data import DataError
from beliefnet.distributions import (
    UnitKind,
    bernoulli,
    categorical,
    discretised_logistic,
    grey_normal,
    normal,
    poisson,
)
from beliefnet.nets import (
    Convolution,
    LatentLayer,
    OwnNetworks,
    VisibleLayer,
    categorical_belief_net,
    darn,
    document_net,
    fully_visible_net,
    layered_net,
    nade,
    sigmoid_belief_net,
    vae,
)

MEAN, KEY = jnp.linspace(0.1, 0.9, 16), jax.random.key(7)
SEEN = {"input_mean": MEAN, "visible_mean": MEAN, "key": KEY}
RECORDED = json.loads((Path(__file__).parent / "fixtures" / "nets-0.1.0.json").read_text())


def own() -> OwnNetworks:
    up, down = jax.random.split(jax.random.key(3))
    return OwnNetworks(eqx.nn.MLP(16, 3, 5, 1, key=up), eqx.nn.MLP(3, 16, 5, 1, key=down))


def mixed() -> BeliefNet:
    layers = [LatentLayer(bernoulli, 4, mean=0.3), LatentLayer(normal, 3), LatentLayer(categorical(3), 2)]
    return layered_net(VisibleLayer(16, bernoulli, MEAN, MEAN), layers, key=KEY)


NETS = {
    "sbn": lambda: sigmoid_belief_net(16, (5, 4), **SEEN),
    "sbn plain": lambda: sigmoid_belief_net(16, (5, 4), key=KEY, signs=False),
    "sbn rare": lambda: sigmoid_belief_net(16, (5, 4), latent_mean=0.1, **SEEN),
    "sbn rare deterministic": lambda: sigmoid_belief_net(
        16, (5, 4), latent_mean=0.1, deterministic=(6, 7), deterministic_recognition=(3,), **SEEN
    ),
    "sbn rare plain": lambda: sigmoid_belief_net(16, (5, 4), latent_mean=0.1, signs=False, **SEEN),
    "sbn convolution": lambda: sigmoid_belief_net(
        16, (5,), bottom=Convolution((4, 4), (2, 3)), deterministic=(6,), **SEEN
    ),
    "sbn own": lambda: sigmoid_belief_net(16, (3,), bottom=own(), **SEEN),
    "sbn own rare": lambda: sigmoid_belief_net(16, (3,), bottom=own(), latent_mean=0.2, **SEEN),
    "darn": lambda: darn(16, (5, 4), autoregressive_recognition=True, **SEEN),
    "fdarn": lambda: darn(16, (5, 4), autoregressive_visible=False, visible=poisson, **SEEN),
    "categorical": lambda: categorical_belief_net(16, (3, 2), num_categories=3, **SEEN),
    "vae": lambda: vae(16, (3, 2), deterministic=(6,), **SEEN),
    "vae grey": lambda: vae(16, (3, 2), deterministic=(6,), visible=discretised_logistic(16), **SEEN),
    "vae grey normal": lambda: vae(16, (3,), deterministic=(6,), visible=grey_normal, **SEEN),
    "vae convolution": lambda: vae(
        16, (3,), bottom=Convolution((4, 4), (2,)), visible=discretised_logistic(16), **SEEN
    ),
    "document": lambda: document_net(16, (5,), **SEEN),
    "document normal": lambda: document_net(16, (5,), latents=normal, deterministic=(4,), **SEEN),
    "mixed": mixed,
    "fvsbn": lambda: fully_visible_net(16, visible_mean=MEAN),
    "nade": lambda: nade(16, 6, key=KEY, visible_mean=MEAN),
}


def value_of(kind: UnitKind, size: int) -> jax.Array:
    if kind is UnitKind.CONTINUOUS:
        return jnp.linspace(-1, 1, size)[None]
    return (jnp.arange(size) % 3 == 1 if kind is UnitKind.ONE_HOT else jnp.arange(size) % 2).astype(float)[None]


@eqx.filter_jit
def scores(net: BeliefNet) -> tuple[jax.Array, jax.Array]:
    x = (jnp.arange(16) % 3 == 1).astype(float)[None]
    latents = tuple(value_of(*pair) for pair in zip(net.latent_kinds, net.layer_sizes, strict=True))
    return net.log_joint(x, latents)[0], net.log_recognition(x, latents)[0]


@pytest.mark.full
@pytest.mark.parametrize("name", NETS)
def test_nets_start_as_they_did_in_0_1_0(name: str):
    net, recorded = NETS[name](), RECORDED[name]
    leaves = [leaf for leaf in jax.tree.leaves(net, is_leaf=lambda n: isinstance(n, Frozen)) if eqx.is_array(leaf)]
    assert sum(leaf.size for leaf in leaves) == recorded["size"]
    np.testing.assert_allclose(sum(float(jnp.abs(leaf).sum()) for leaf in leaves), recorded["sum"], rtol=1e-5)
    expected = recorded["log_joint"], recorded["log_recognition"]
    np.testing.assert_allclose(scores(net), expected, rtol=2e-5, atol=2e-5)


@pytest.mark.full(but=["sbn own", "nade"])
@pytest.mark.parametrize("name", NETS)
def test_nets_pickle_and_copy(name: str):
    net = NETS[name]()
    for other in (pickle.loads(pickle.dumps(net)), copy.deepcopy(net)):
        assert jax.tree.structure(other) == jax.tree.structure(net)
        assert scores(other) == scores(net)


def test_a_pickled_net_is_read_by_another_process(tmp_path):
    (tmp_path / "net.pickle").write_bytes(pickle.dumps(NETS["vae"]()))
    code = "import pickle, sys; print(pickle.load(open(sys.argv[1], 'rb')).layer_sizes)"
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "net.pickle"], capture_output=True, text=True)
    assert done.stdout.strip() == "(3, 2)", done.stderr


def test_modules_with_functions_of_jax_pickle():
    for activation in (jax.nn.relu, jax.nn.softplus, jnp.tanh, jax.nn.gelu):
        network = EquinoxNetwork(eqx.nn.MLP(3, 2, 4, 1, activation=activation, key=KEY), 3)
        again = pickle.loads(pickle.dumps(network))
        np.testing.assert_array_equal(again(jnp.ones(3)), network(jnp.ones(3)))
    with pytest.raises(pickle.PicklingError, match="found by its name"):
        pickle.dumps(jax.jit(lambda x: x))


@pytest.mark.full
@pytest.mark.parametrize("name", ["sbn", "mixed"])
def test_the_difference_of_joint_and_recognition_is_the_weight_of_each_draw(name: str):
    net = NETS[name]()
    one = sigmoid_belief_net(16, (5,), key=KEY)
    for each in (net, one):
        x = (jnp.arange(32).reshape(2, 16) % 3 == 1).astype(float)
        draw = each.infer(x, 5, key=KEY)
        weight = each.log_joint(x, draw.values) - each.log_recognition(x, draw.values)
        assert weight.shape == (5, 2)
        np.testing.assert_allclose(weight, each.log_weight(x, draw.values))
        terms = each.log_joint_terms(x, draw.values), each.log_recognition_terms(x, draw.values)
        assert [t.shape for t in terms] == [(5, 2, len(each.layer_sizes) + 1), (5, 2, len(each.layer_sizes))]
        np.testing.assert_allclose(terms[0].sum(axis=-1) - draw.log_probs.sum(axis=-1), weight, rtol=1e-5, atol=1e-5)


def test_views_show_what_they_say():
    counts = jnp.array([[0.0, 1.0, 7.0]])
    np.testing.assert_array_equal(Signs()(jnp.array([0.0, 1.0])), [-1, 1])
    np.testing.assert_array_equal(Signs()(jnp.array([0, 1], jnp.uint8)), [-1, 1])
    for view in (Centred(counts[0]), LogCounts(counts[0])):
        np.testing.assert_allclose(view(counts), 0, atol=1e-7)
        np.testing.assert_allclose(view.centre, counts[0], rtol=1e-5)
    assert LogCounts().centre is None
    layer = Feedforward(Dense(3, 2, key=KEY, has_bias=False), bernoulli, Centred(counts[0]), jnp.array([0.5, -1.0]))
    np.testing.assert_allclose(layer.parameters_given(counts)[0], [0.5, -1.0], atol=1e-6)
    moved = hold_frozen(jax.tree.map(jnp.ones_like, layer))
    np.testing.assert_array_equal(moved.view.offset.array, 0)  # pyright: ignore[reportAttributeAccessIssue]
    np.testing.assert_array_equal(moved.bias, 1)


def conditional(**changes) -> ConditionalNet:
    down = Chain((Feedforward(Dense(2, 4, key=KEY), bernoulli), Feedforward(Dense(4, 3, key=KEY), bernoulli)))
    return ConditionalNet(down, Chain((Feedforward(Dense(5, 4, key=KEY), bernoulli),)), **changes)


def test_condition_and_outputs_are_checked_apart():
    features, bits = np.array([[0.3, -2.0], [5.0, 0.1]]), np.array([[0, 1, 0], [1, 1, 0]])
    rows = np.concatenate([features, bits], axis=1)
    net = conditional()
    net.check(rows)
    assert (net.values, net.visible) == ("binary", bernoulli)
    with pytest.raises(DataError, match=r"zeros and ones.* in the condition of data, got 0.3 at row 1, column 1"):
        conditional(condition=bernoulli).check(rows)
    assert conditional(condition=normal).values is None
    rows[1, 3] = 0.5
    with pytest.raises(DataError, match=r"in the outputs of data, got 0.5 at row 2, column 2"):
        net.check(rows)
    rows[0, 0] = np.inf
    with pytest.raises(DataError, match=r"finite values in the condition of data, got inf at row 1, column 1"):
        net.check(rows)


def test_nets_with_and_without_a_condition_are_told_apart():
    net = conditional()
    with pytest.raises(ValueError, match="starts with a prior, got a first conditional with 2 parents; try"):
        BeliefNet(net.generative, net.recognition)
    whole = sigmoid_belief_net(3, (2,), key=KEY)
    with pytest.raises(ValueError, match="that the condition feeds, got a prior; try a Feedforward, or BeliefNet"):
        ConditionalNet(whole.generative, whole.recognition)
