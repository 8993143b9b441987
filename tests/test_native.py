"""Code in C computes what XLA does, of any operands; and where there is none, nothing is missing."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import erfinv

from beliefnet import _random
from beliefnet._numerics import dense_bernoulli
from beliefnet.conditionals import AsIs, Centred, Dense, Feedforward, Offset, Prior, Signs
from beliefnet.distributions import bernoulli
from beliefnet.native import _library, native_code
from beliefnet.native import _scores as native_scores
from beliefnet.native._draws import bit_draws, normal_draws
from beliefnet.nets import sigmoid_belief_net

KINDS = ["bits", "signs", "centred", "one value", "seldom"]
# Particles, data, parents and units: whole and broken vectors, stretches, chunks, panels and stripes.
SHAPES = [(16, 1, 1, 1), (1, 3, 5, 32), (3, 40, 21, 17), (63, 7, 200, 1100), (25, 50, 203, 96), (1030, 2, 401, 31)]


def bernoulli_scores(*given) -> jax.Array | None:
    return native_scores.bernoulli_scores(*given, by_xla=dense_bernoulli)


def scores(parent, weight, bias, value) -> jax.Array:
    return native_scores._scores(parent, weight, bias, value.reshape(-1, *value.shape[-2:]), dense_bernoulli)


def scores_by_xla(*given) -> jax.Array:
    return dense_bernoulli(*given)[0]


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """A machine on which nothing was compiled yet."""
    monkeypatch.setenv("BELIEFNET_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(_library, "_failures", {})
    _library._load.cache_clear()
    yield tmp_path
    _library._load.cache_clear()


def operands(kind: str, shape: tuple[int, int, int, int] = (25, 50, 200, 784)) -> list[np.ndarray]:
    particles, data, parents, units = shape
    rng = np.random.default_rng(parents + units)
    bits = rng.random((particles, data, parents)) < (0.003 if kind == "seldom" else 0.5)
    made = {"signs": 2.0 * bits - 1, "centred": bits - rng.random(parents), "one value": np.full(bits.shape, 0.25)}
    weight, bias = rng.normal(size=(parents, units)) / 3, rng.normal(size=units) * 2
    value = rng.random((data, units)) < 0.3
    return [np.asarray(array, np.float32) for array in (made.get(kind, bits), weight, bias, value)]


def exact(parent: np.ndarray, weight: np.ndarray, bias: np.ndarray, value: np.ndarray) -> np.ndarray:
    logits = parent.astype(float) @ weight.astype(float) + bias
    return (value * logits - np.logaddexp(0, logits)).sum(axis=-1)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_scores_are_those_of_the_logits(native, kind, shape):
    given = operands(kind, shape)
    expected, found = exact(*given), np.asarray(jax.jit(scores)(*given))
    rounding = 1e-6 * np.abs(expected).max() + 1e-6 * given[3].shape[1]
    np.testing.assert_allclose(found, expected, rtol=0, atol=rounding)
    np.testing.assert_array_equal(found, np.asarray(jax.jit(scores)(*given)))


@pytest.mark.parametrize("place", [(0, 0, 3), (24, 49, 199), (7, 21, 0)])
@pytest.mark.parametrize("third", [0.5, np.nan, 2.0])
def test_a_third_value_is_left_to_xla(native, third, place):
    parent, *rest = operands("bits")
    parent[place] = third
    found, expected = jax.jit(scores)(parent, *rest), jax.jit(scores_by_xla)(parent, *rest)
    np.testing.assert_array_equal(found, expected)
    assert np.isnan(third) == bool(jnp.isnan(found).any())


@pytest.mark.parametrize("chunks", [(0, 1, 0.5), (1, 0.5, 0), (0.5, 0.5, 2), (7, 5, 6)], ids=str)
def test_values_are_those_of_all_chunks(native, chunks):
    """Each constant, or the first one zeros and ones, so that a third value shows when chunks are put together."""
    parent, *rest = operands("bits", (3 * _library.TASK, 1, 5, 40))
    for index, value in enumerate(chunks):
        rows = slice(index * _library.TASK, (index + 1) * _library.TASK)
        parent[rows] = np.where(parent[rows] > 0.5, chunks[0], value) if index == 1 else value
    found = np.asarray(jax.jit(scores)(parent, *rest))
    if len(set(chunks)) < 3:
        np.testing.assert_allclose(found, exact(parent, *rest), rtol=1e-5, atol=1e-4)
    else:
        np.testing.assert_array_equal(found, jax.jit(scores_by_xla)(parent, *rest))


def test_grey_values(native):
    parent, weight, bias, value = operands("bits", (20, 5, 40, 70))
    given = parent, weight, bias, np.linspace(0, 1, value.size, dtype=np.float32).reshape(value.shape)
    np.testing.assert_allclose(jax.jit(scores)(*given), exact(*given), rtol=1e-5)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("where", ["weight", "bias"])
def test_what_is_no_number_is_not_lost(native, bad, where):
    parent, weight, bias, value = operands("bits", (20, 5, 40, 70))
    (weight if where == "weight" else bias)[..., 3] = bad
    given = parent, weight, bias, value
    np.testing.assert_allclose(jax.jit(scores)(*given), jax.jit(scores_by_xla)(*given), rtol=1e-5, atol=1e-4)


def test_probabilities_near_0_and_1_lose_nothing(native):
    parent, weight, bias, value = operands("bits", (20, 5, 40, 70))
    for scale in (30.0, 1000.0, 1e30):
        given = parent, weight * scale, bias, (bias > 0) * np.ones_like(value)
        np.testing.assert_allclose(jax.jit(scores)(*given), exact(*given), rtol=2e-6, atol=1e-4)


def with_own_values(given: list[np.ndarray]) -> list[np.ndarray]:
    """The same operands, with bits of each particle to be scored."""
    *others, value = given
    particles = len(given[0])
    return [*others, np.stack([np.roll(value, index, axis=-1) for index in range(particles)])]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("kind", ["bits", "signs"])
def test_scores_are_those_of_the_values_of_each_particle(native, kind, shape):
    given = with_own_values(operands(kind, shape))
    expected = exact(*given)
    rounding = 1e-6 * np.abs(expected).max() + 1e-6 * shape[-1]
    np.testing.assert_allclose(jax.jit(scores)(*given), expected, rtol=0, atol=rounding)


def derivatives(function, places: tuple[int, ...], *given: np.ndarray) -> tuple[jax.Array, ...]:
    """Of a sum in which each score has a factor of its own."""
    factors = jnp.cos(jnp.arange(given[0][..., 0].size, dtype=float)).reshape(given[0].shape[:-1])
    return jax.jit(jax.grad(lambda *operands: (factors * function(*operands)).sum(), places))(*given)


@pytest.mark.parametrize("values", ["shared", "own"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_derivatives_are_those_of_the_logits(native, kind, shape, values):
    given = operands(kind, shape)
    given = given if values == "shared" else with_own_values(given)
    parent, weight, bias, value = (array.astype(float) for array in given)
    factors = np.cos(np.arange(parent[..., 0].size)).reshape(parent.shape[:-1])[..., None]
    slopes = factors * (value - 1 / (1 + np.exp(-(parent @ weight + bias))))

    def sums(parent: np.ndarray, weight: np.ndarray, slopes: np.ndarray) -> tuple[np.ndarray, ...]:
        return slopes @ weight.T, np.einsum("pdi,pdu->iu", parent, slopes), slopes.sum((0, 1))

    added_up = sums(np.abs(parent), np.abs(weight), np.abs(slopes))
    found = derivatives(scores, (0, 1, 2), *given)
    for one, other, size in zip(found, sums(parent, weight, slopes), added_up, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=2e-7 * size.max() + 1e-6)


@pytest.mark.parametrize("places", [(0,), (1,), (2,), (1, 2), (0, 1, 2, 3)], ids=str)
def test_derivatives_of_some_operands(native, places):
    given = operands("bits", (20, 5, 40, 70))
    text = jax.jit(jax.grad(lambda *a: scores(*a).sum(), places)).lower(*given).as_text()
    assert ("score_with_slopes" in text) == (3 not in places)
    for one, other in zip(*(derivatives(f, places, *given) for f in (scores, scores_by_xla)), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=2e-5)


def test_second_derivatives(native):
    given = [jnp.asarray(array) for array in operands("bits", (20, 5, 40, 70))]

    def found(function) -> tuple[jax.Array, ...]:
        slope = jax.grad(lambda parent, weight, bias: function(parent, weight, bias, given[3]).sum(), (0, 1, 2))
        return jax.jit(lambda *operands: jax.jvp(slope, operands, operands)[1])(*given[:3])

    for one, other in zip(found(scores), found(scores_by_xla), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


def test_a_tangent_of_each_operand(native):
    given = operands("bits", (20, 5, 40, 70))
    found, expected = (jax.jit(lambda *a: jax.jvp(f, a, a)[1])(*given) for f in (scores, scores_by_xla))  # noqa: B023
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("third", [0.5, np.nan])
def test_derivatives_at_a_third_value_are_left_to_xla(native, third):
    parent, *rest = operands("bits", (20, 5, 40, 70))
    parent[7, 2, 3] = third
    for one, other in zip(*(derivatives(f, (0, 1, 2), parent, *rest) for f in (scores, scores_by_xla)), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=2e-5)


def test_derivatives_near_0_and_1(native):
    parent, weight, bias, value = operands("bits", (20, 5, 40, 70))
    for scale in (30.0, 1e30):
        given = parent, weight * np.float32(scale), bias, value
        means = 1 / (1 + np.exp(-np.clip(parent.astype(float) @ given[1] + bias, -700, 700)))
        slope = jax.jit(jax.grad(lambda bias: scores(*given[:2], bias, given[3]).sum()))(bias)  # noqa: B023
        np.testing.assert_allclose(slope, (value - means).sum((0, 1)), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_derivatives_of_what_is_no_number(native, bad):
    parent, weight, bias, value = operands("bits", (20, 5, 40, 70))
    weight[4, 3] = bad
    slopes = jax.jit(jax.grad(lambda bias: scores(parent, weight, bias, value).sum()))(bias)
    assert np.isnan(slopes[3])
    assert not np.isnan(np.delete(slopes, 3)).any()


def test_many_nets_at_once(native):
    parent, *rest = operands("bits", (20, 5, 40, 70))
    together = jnp.stack([parent, 1 - parent])
    found = jax.jit(jax.vmap(scores, (0, None, None, None)))(together, *rest)
    np.testing.assert_allclose(found, [exact(parent, *rest), exact(1 - parent, *rest)], rtol=1e-5)
    slopes = jax.jit(jax.vmap(jax.grad(lambda w, p: scores(p, w, *rest[1:]).sum()), (None, 0)))(rest[0], together)
    for one, parent in zip(slopes, together, strict=True):
        expected = jax.grad(lambda w: scores_by_xla(parent, w, *rest[1:]).sum())(rest[0])  # noqa: B023
        np.testing.assert_allclose(one, expected, rtol=1e-5, atol=2e-5)


def test_only_what_is_worth_it(native):
    parent, weight, bias, value = map(jnp.asarray, operands("bits"))
    found = bernoulli_scores(parent, weight, bias, value)
    assert found is not None
    assert found.shape == (25, 50)
    leading = bernoulli_scores(parent.reshape(5, 5, 50, 200), weight, bias, value[None])
    assert leading is not None
    np.testing.assert_array_equal(leading.reshape(25, 50), found)
    own = bernoulli_scores(parent, weight, bias, jnp.broadcast_to(value, (25, 50, 784)))
    np.testing.assert_allclose(own, found, rtol=1e-5)
    for other in (
        (parent[0], weight, bias, value),
        (parent[:, :1], weight, bias, value),
        (parent.reshape(5, 5, 50, 200), weight, bias, jnp.broadcast_to(value, (5, 1, 50, 784))),
        (parent.astype(jnp.bfloat16), weight, bias, value),
        (parent, weight.astype(jnp.bfloat16), bias, value),
        (parent, weight, bias, value.astype(jnp.bfloat16)),
        (parent, weight, bias[:1], value),
        (parent, weight, bias[0], value),
        (parent, weight[:199], bias, value),
        (parent, weight, bias, value[None, None, None]),
        (parent[..., :4], weight[:4], bias, value),
        (parent, weight[:, :60], bias[:60], value[:, :60]),
    ):
        assert bernoulli_scores(*other) is None


def test_a_batch_of_any_size_is_left_to_xla(native):
    net = sigmoid_belief_net(784, (200,), key=jax.random.key(1))
    (size,) = jax.export.symbolic_shape("size")
    given = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in ((size, 784), (20, size, 200))]
    program = jax.export.export(jax.jit(lambda x, h: net.log_joint(x, (h,))))(*given)
    assert program.out_avals[0].shape == (20, size)


def test_another_platform_is_left_to_xla(native):
    given = operands("bits")
    text = jax.jit(scores).trace(*given).lower(lowering_platforms=("cuda",)).as_text()
    assert "beliefnet" not in text
    assert "beliefnet" in jax.jit(scores).trace(*given).lower(lowering_platforms=("cpu",)).as_text()


@pytest.mark.parametrize("has_slopes", [False, True])
def test_operands_that_do_not_fit_are_refused(native, has_slopes):
    _, weight, bias, value = map(jnp.asarray, operands("bits", (20, 5, 40, 70)))
    codes, low, high = jnp.zeros((2, 100, 4), jnp.uint16), jnp.zeros(40), jnp.zeros((1, 40))
    shapes = [(3, 5, 20), (100, 70)]

    def score(*given, shapes=shapes) -> None:
        name = "beliefnet_score_with_slopes" if has_slopes else "beliefnet_score_all"
        outs = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes][: 1 + has_slopes]
        jax.block_until_ready(jax.ffi.ffi_call(name, outs)(*given))

    fit = codes, low, high, weight, bias, value
    score(*fit)
    for place, other in (
        (0, codes.astype(jnp.int32)),
        (0, codes[:, :99]),
        (1, low[:39]),
        (2, high[:, :39]),
        (4, bias[:1]),
        (5, value[:, :69]),
        (5, value[:3]),
        (5, value[:0]),
    ):
        with pytest.raises(jax.errors.JaxRuntimeError, match="sizes that fit"):
            score(*fit[:place], other, *fit[place + 1 :])
    for wrong in ([(3, 5, 19), (100, 70)], [(3, 5, 20), (100, 69)])[: 1 + has_slopes]:
        with pytest.raises(jax.errors.JaxRuntimeError, match="sizes that fit"):
            score(*fit, shapes=wrong)


def test_a_mesh_is_left_to_xla(native):
    given = [jnp.asarray(array) for array in operands("bits")]
    mesh = jax.make_mesh((1,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))
    with jax.set_mesh(mesh):
        assert bernoulli_scores(*given) is None


@pytest.mark.parametrize(
    "view", [AsIs(), Signs(), Centred(jnp.linspace(0.1, 0.9, 200))], ids=lambda v: type(v).__name__
)
def test_a_net_scores_as_before(native, monkeypatch, view):
    key = jax.random.key(1)
    net = sigmoid_belief_net(784, (200,), key=key)
    layer = net.generative.conditionals[-1]
    dense = eqx.tree_at(lambda dense: dense.bias, layer.network, jnp.linspace(-1, 2, 784), is_leaf=lambda x: x is None)
    layer = Feedforward(dense, bernoulli, view, bias=jnp.linspace(1, -3, 784))
    net = eqx.tree_at(lambda net: net.generative.conditionals[-1], net, layer)
    x = jax.random.bernoulli(key, 0.3, (20, 784)).astype(jnp.float32)
    latents = net.infer(x, 20, key=key).values

    def terms() -> np.ndarray:
        return np.asarray(jax.jit(lambda net: net.log_joint_terms(x, latents))(net))

    found = terms()
    monkeypatch.setenv("BELIEFNET_NATIVE", "0")
    expected = terms()
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert (found != expected).any(), "code in C was not used"


class _Doubled(Feedforward):
    def parameters_given(self, parent):
        return 2 * super().parameters_given(parent)


def test_a_layer_of_ones_own_is_asked(native):
    layer = _Doubled(Dense(200, 784, key=jax.random.key(0)), bernoulli)
    parent, _, _, value = operands("bits")
    np.testing.assert_array_equal(layer.log_prob_given(parent, value), layer(jnp.asarray(parent)).log_prob(value))


@pytest.mark.parametrize("layer", ["prior", "offset", "feedforward"])
def test_a_layer_scores_what_its_distribution_does(layer):
    key = jax.random.key(2)
    dense = Feedforward(Dense(5, 3, key=key), bernoulli, bias=jnp.ones(3))
    layers = {
        "prior": Prior(jnp.arange(3.0), bernoulli),
        "offset": Offset(dense, jnp.ones((4, 3))),
        "feedforward": dense,
    }
    parent = jax.random.bernoulli(key, 0.5, (6, 4, 5)).astype(float)
    value = jax.random.bernoulli(key, 0.5, (4, 3)).astype(float)
    found = layers[layer].log_prob_given(parent, value)
    np.testing.assert_array_equal(found, layers[layer](parent).log_prob(value))


# Draws: whole and broken vectors, periods that no vector and no task divides, means of all shapes that broadcast.
DRAWS = [
    ((1 << 16,), (1 << 16,)),
    ((20, 100, 200), (100, 200)),
    ((331, 1, 203), (203,)),
    ((5, 37, 401), (1, 37, 401)),
    ((7, 90, 131), (7, 90, 131)),
    ((33, 17, 129), (1, 1, 129)),
    ((9, 80, 141), (80, 1)),
]


@pytest.mark.parametrize("seed", [0, 3, 2**31 + 7])
@pytest.mark.parametrize(("shape", "means"), DRAWS, ids=str)
def test_bits_are_those_of_xla(native, shape, means, seed):
    key = jax.random.fold_in(jax.random.key(seed), seed)
    probabilities = jax.random.uniform(jax.random.key(1), means)
    probabilities = probabilities.ravel().at[:3].set(jnp.array([0, 1, jnp.nan])).reshape(means)
    words = jax.random.key_data(key)
    found = bit_draws(words, probabilities, shape, by_xla=_random._bits)
    assert found is not None
    np.testing.assert_array_equal(found, _random._bits(words, probabilities, shape))
    np.testing.assert_array_equal(found, _random.bernoulli(key, probabilities, shape))
    fractions = (np.asarray(jax.random.bits(key, shape)) >> 8) / 2**24
    np.testing.assert_array_equal(found, fractions < np.asarray(probabilities, np.float64))


def test_a_bit_is_one_below_its_mean_alone(native):
    key, shape = jax.random.key(2), (20, 100, 200)
    fractions = (jax.random.bits(key, shape) >> 8).astype(jnp.float32) / 2**24
    words = jax.random.key_data(key)
    for means, expected in ((fractions, 0), (fractions + 2**-24, 1)):
        found = bit_draws(words, means, shape, by_xla=_random._bits)
        assert found is not None
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("shape", [(1 << 16,), (7, 90, 131), (3, 401, 203), (2000, 200)], ids=str)
def test_normal_numbers_are_those_of_the_uniform_ones_of_jax(native, shape):
    key = jax.random.key(5)
    found = normal_draws(jax.random.key_data(key), shape, by_xla=_random._normals)
    assert found is not None
    np.testing.assert_array_equal(found, _random.normal(key, shape, jnp.dtype("float32")))
    uniform = jax.random.uniform(key, shape, minval=np.nextafter(np.float32(-1), np.float32(0)), maxval=1)
    expected = np.sqrt(2) * erfinv(np.asarray(uniform, np.float64))
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(found, jax.random.normal(key, shape), rtol=1e-5, atol=1e-6)


def test_the_farthest_normal_numbers(native):
    """Of the words that give the smallest and the largest fraction, and one in the middle."""
    places = {}
    for seed in range(6):
        fractions = np.asarray(jax.random.bits(jax.random.key(seed), (1 << 20,))) >> 9
        places[seed] = int(fractions.argmin()), int(fractions.argmax())
    for seed, pair in places.items():
        key = jax.random.key(seed)
        found = np.asarray(_random.normal(key, (1 << 20,), jnp.dtype("float32")))[list(pair)]
        uniform = jax.random.uniform(key, (1 << 20,), minval=np.nextafter(np.float32(-1), np.float32(0)), maxval=1)
        expected = np.sqrt(2) * erfinv(np.asarray(uniform, np.float64)[list(pair)])
        np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_draws_have_no_derivative(native):
    means, shape = jnp.full((100, 200), 0.3), (20, 100, 200)
    slope = jax.jit(jax.grad(lambda p: (p * _random.bernoulli(jax.random.key(0), p, shape)).sum()))(means)
    np.testing.assert_array_equal(slope, _random.bernoulli(jax.random.key(0), means, shape).sum(axis=0))
    _, tangent = jax.jvp(lambda p: _random.bernoulli(jax.random.key(0), p, shape), (means,), (means,))
    assert not tangent.any()


def test_draws_of_many_keys_are_those_of_each(native):
    keys, means, shape = jax.random.split(jax.random.key(0), 3), jnp.full((100, 200), 0.3), (20, 100, 200)
    found = jax.jit(jax.vmap(lambda key: _random.bernoulli(key, means, shape)))(keys)
    np.testing.assert_array_equal(found, [_random.bernoulli(key, means, shape) for key in keys])
    found = jax.jit(jax.vmap(lambda key: _random.normal(key, shape, jnp.dtype("float32"))))(keys)
    expected = [_random.normal(key, shape, jnp.dtype("float32")) for key in keys]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_draws_are_in_c_only_where_that_is_worth_it(native):
    words, means = jax.random.key_data(jax.random.key(0)), jnp.full((100, 200), 0.5)

    def in_c(shape: tuple[int, ...], means: jax.Array = means) -> bool:
        return bit_draws(words, means, shape, by_xla=_random._bits) is not None

    assert in_c((20, 100, 200))
    assert not in_c((3, 100, 200))
    assert not in_c((20, 100, 200), means[0, 0])
    assert not in_c((2000, 2, 100), means[0, :100])
    assert not in_c((20, 100, 200), means.astype(jnp.bfloat16))
    mesh = jax.make_mesh((1,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))
    with jax.set_mesh(mesh):
        assert not in_c((20, 100, 200))
        assert normal_draws(words, (20, 100, 200), by_xla=_random._normals) is None
    assert normal_draws(words, (3, 100, 200), by_xla=_random._normals) is None


@pytest.mark.filterwarnings("ignore:code in C")
def test_nothing_is_compiled_for_what_is_small(native, fresh):
    parent, weight, bias, value = map(jnp.asarray, operands("bits"))
    assert bernoulli_scores(parent[:, :1], weight, bias, value[:1]) is None
    key, means = jax.random.key(0), jnp.full((100, 200), 0.5)
    words = jax.random.key_data(key)
    assert bit_draws(words, means, (3, 100, 200), by_xla=_random._bits) is None
    assert bit_draws(words, means[0, :100], (2000, 100), by_xla=_random._bits) is None
    assert normal_draws(words, (3, 100, 200), by_xla=_random._normals) is None
    assert not (fresh / "cache").exists()
    _library.is_loaded()
    assert (fresh / "cache").exists()


@pytest.mark.parametrize("draw", ["bits", "normals"])
def test_draws_on_another_platform_are_left_to_xla(native, draw):
    means, shape = jnp.full((100, 200), 0.5), (20, 100, 200)
    draws = {
        "bits": lambda key: _random.bernoulli(key, means, shape),
        "normals": lambda key: _random.normal(key, shape, jnp.dtype("float32")),
    }
    traced = jax.jit(draws[draw]).trace(jax.random.key(0))
    assert "beliefnet_draw" in traced.lower(lowering_platforms=("cpu",)).as_text()
    assert "beliefnet_draw" not in traced.lower(lowering_platforms=("cuda",)).as_text()


@pytest.mark.parametrize(("key", "means"), [((3,), (4,)), ((2,), (0,)), ((2,), (5,))])
def test_draws_of_operands_that_do_not_fit_are_refused(native, key, means):
    draw = jax.ffi.ffi_call("beliefnet_draw_bits", jax.ShapeDtypeStruct((8,), jnp.float32))
    with pytest.raises(jax.errors.JaxRuntimeError, match="a key of two words"):
        jax.block_until_ready(draw(jnp.zeros(key, jnp.uint32), jnp.zeros(means)))


def test_nothing_is_missing_without_it(fresh, monkeypatch):
    given = [jnp.asarray(array) for array in operands("bits")]
    why = {}
    for name, value in {"BELIEFNET_NATIVE": "0", "CC": "no-such-compiler", "features": ""}.items():
        with monkeypatch.context() as patch:
            if name == "features":
                patch.setattr(_library, "processor_features", lambda: "flags : sse2")
            else:
                patch.setenv(name, value)
            assert bernoulli_scores(*given) is None
            why[name] = native_code()
    if "avx512f" in _library.processor_features().split():
        assert why["CC"] == "none (no C compiler)"
    assert why["BELIEFNET_NATIVE"] == "none (BELIEFNET_NATIVE=0)"
    assert why["features"] == "none (a processor without AVX-512)"


def test_the_numerical_libraries_alone_will_do(native, fresh, monkeypatch):
    monkeypatch.delenv("BELIEFNET_CACHE")
    monkeypatch.setitem(sys.modules, "pooch", None)
    assert bernoulli_scores(*map(jnp.asarray, operands("bits"))) is None
    assert native_code().startswith("none (import of pooch")


def test_a_compiler_that_fails_is_named(native, fresh, monkeypatch):
    monkeypatch.setenv("CC", "false")
    with pytest.warns(UserWarning, match="false did not compile it: status 1; try another compiler, CC=gcc, or BELIEF"):
        assert bernoulli_scores(*map(jnp.asarray, operands("bits"))) is None
    assert native_code() == "none (false did not compile it: status 1)"
    broken = fresh / "broken.c"
    broken.write_text("int a = 1;\nint b = missing;\n")
    for name, value in {"_FOLDER": fresh, "_SOURCES": (broken.name,), "_SHARED": ()}.items():
        monkeypatch.setattr(_library, name, value)
    monkeypatch.delenv("CC")
    _library._load.cache_clear()
    with pytest.warns(UserWarning, match="error"):
        assert not _library.is_loaded()
    assert "broken.c:2:" in native_code()
    broken.write_text("int a = 1;\n")
    _library._load.cache_clear()
    with pytest.warns(UserWarning, match="describe"):
        assert not _library.is_loaded()


def in_a_new_process(**environment: str) -> str:
    code = "from beliefnet.native import _library, native_code; print(_library.is_loaded(), native_code())"
    run = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **environment}, capture_output=True, text=True
    )
    return run.stdout.strip()


@pytest.mark.full
def test_what_the_warning_says_works(native, tmp_path):
    found = {"BELIEFNET_CACHE": str(tmp_path)}
    assert in_a_new_process(**found, CC="false").startswith("False none (false did not")
    assert in_a_new_process(**found, CC="gcc" if shutil.which("gcc") else "cc") == "True AVX-512"
    assert in_a_new_process(**found, CC="false", BELIEFNET_NATIVE="0") == "False none (BELIEFNET_NATIVE=0)"


def test_a_command_that_cannot_be_read_is_none(fresh, monkeypatch):
    monkeypatch.setenv("CC", 'gcc "')
    assert not _library.is_loaded()
    assert native_code().startswith("none")


@pytest.mark.full
def test_a_cache_may_be_named_from_here(native, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert in_a_new_process(BELIEFNET_CACHE="here") == "True AVX-512"
    assert list((tmp_path / "here" / "native").rglob("*.so"))


def test_a_program_is_exported_without_it(native, monkeypatch):
    net = sigmoid_belief_net(784, (200,), key=jax.random.key(1))
    export = jax.export.export(jax.jit(lambda key: net.dream((400,), key=key)))
    with pytest.raises(ValueError, match="custom calls"):
        export(jax.random.key(0))
    monkeypatch.setenv("BELIEFNET_NATIVE", "0")
    jax.clear_caches()
    program = jax.export.export(jax.jit(lambda key: net.dream((400,), key=key)))(jax.random.key(0))
    assert program.platforms == ("cpu",)


@pytest.mark.full
def test_a_damaged_library_is_compiled_again(native, fresh):
    path = _library._path()
    path.parent.mkdir(parents=True)
    path.write_bytes(b"")
    assert in_a_new_process() == "True AVX-512"
    assert path.stat().st_size > 1000


def test_a_cache_that_cannot_be_written_is_named(native, fresh, monkeypatch):
    (fresh / "file").write_text("")
    monkeypatch.setenv("BELIEFNET_CACHE", str(fresh / "file"))
    with pytest.warns(UserWarning, match="Not a directory"):
        assert bernoulli_scores(*map(jnp.asarray, operands("bits"))) is None
    assert "Not a directory" in native_code()


@pytest.mark.full
def test_processes_that_compile_at_once_leave_one_library(native, tmp_path):
    code = "from beliefnet.native import _library; assert _library.is_loaded()"
    environment = {**os.environ, "BELIEFNET_CACHE": str(tmp_path)}
    running = [subprocess.Popen([sys.executable, "-c", code], env=environment) for _ in range(3)]
    assert [process.wait() for process in running] == [0, 0, 0]
    assert [path.suffix for path in tmp_path.rglob("*") if path.is_file()] == [".so"]
