"""Products with matrices of two values in each column are, in C, those of XLA, and so are their derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from beliefnet.conditionals import MLP, AsIs, Beside, Dense, Feedforward, LogCounts, Signs, Stacked
from beliefnet.distributions import bernoulli
from beliefnet.estimators import NVIL, VIMCO
from beliefnet.native import _library, _products
from beliefnet.native._described import described
from beliefnet.native._products import product
from beliefnet.nets import sigmoid_belief_net

KINDS = ["bits", "signs", "centred", "one value", "seldom", "mostly", "large"]
# Rows, inputs and outputs: whole and broken vectors, groups, stretches, blocks, chunks and panels.
SHAPES = [(64, 1, 16), (65, 3, 17), (100, 784, 200), (331, 40, 33), (1030, 203, 70), (2049, 5, 1), (70, 1100, 45)]


@pytest.fixture
def everything(native, monkeypatch):
    """Products of any size are in C."""
    for name in ("_FEWEST_ROWS", "_FEWEST_COLUMNS", "_FEWEST_PRODUCTS"):
        monkeypatch.setattr(_products, name, 1)


def operands(kind: str, shape: tuple[int, int, int] = (100, 784, 200)) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rows, inputs, outputs = shape
    rng = np.random.default_rng(rows + inputs + outputs)
    bits = rng.random((rows, inputs)) < {"seldom": 0.003, "mostly": 0.997}.get(kind, 0.4)
    made = {"signs": 2.0 * bits - 1, "centred": bits - rng.random(inputs), "one value": np.full(bits.shape, 0.25)}
    # Ones of the first column are very large.
    made["large"] = bits * np.where(np.arange(inputs) == 0, 1e6, 1)
    weight, slope = rng.normal(size=(inputs, outputs)), rng.normal(size=(rows, outputs))
    given, weight, slope = (np.asarray(array, np.float32) for array in (made.get(kind, bits), weight, slope))
    return given, weight, slope


def is_in_c(*given) -> bool:
    return "beliefnet_multiply" in jax.jit(product).lower(*given).as_text()


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_products_and_derivatives_are_those_of_the_operands(everything, kind, shape):
    rows, weight, slope = operands(kind, shape)
    assert is_in_c(rows, weight)

    def both(rows, weight, slope):
        found, pull = jax.vjp(product, rows, weight)
        return found, *pull(slope)

    found, of_rows, of_weight = jax.jit(both)(rows, weight, slope)
    exact_rows, exact_weight, exact_slope = (array.astype(float) for array in (rows, weight, slope))
    # To rounding of the terms of each sum: a large column does not spoil rows in which it is not.
    terms = np.abs(exact_rows) @ np.abs(exact_weight)
    assert (np.abs(found - exact_rows @ exact_weight) <= 1e-6 * terms + 1e-6).all()
    terms = np.abs(exact_rows).T @ np.abs(exact_slope)
    everywhere = np.abs(exact_rows).max(axis=0)[:, None] * np.abs(exact_slope).sum(axis=0)
    assert (np.abs(of_weight - exact_rows.T @ exact_slope) <= 1e-6 * terms + 3e-8 * everywhere + 1e-6).all()
    np.testing.assert_allclose(of_rows, exact_slope @ exact_weight.T, rtol=1e-4, atol=1e-4)
    again = jax.jit(both)(rows, weight, slope)
    for one, other in zip((found, of_rows, of_weight), again, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("place", [(0, 0), (63, 3), (99, 783), (7, 200), (64, 1)])
@pytest.mark.parametrize("third", [0.5, np.nan, -1.0])
def test_a_third_value_is_left_to_xla(everything, third, place):
    rows, weight, slope = operands("bits")
    rows[place] = third

    def both(multiply, rows, weight):
        found, pull = jax.vjp(lambda weight: multiply(rows, weight), weight)
        return found, *pull(slope)

    found, expected = (jax.jit(both, static_argnums=0)(f, rows, weight) for f in (product, jnp.matmul))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)
    assert np.isnan(third) == bool(jnp.isnan(found[0]).any())


def test_a_third_value_of_a_later_task_is_seen(everything):
    rows, weight, slope = operands("bits", (5 * _library.TASK + 3, 7, 20))
    for task, values in enumerate([(0, 0), (0, 1), (0, 0), (0, 1), (0, 2), (0, 1)]):
        part = rows[task * _library.TASK : (task + 1) * _library.TASK]
        part[...] = np.where(part > 0.5, values[1], values[0])
    for f in (product, lambda rows, weight: jax.vjp(lambda w: product(rows, w), weight)[1](slope)[0]):
        found = np.asarray(jax.jit(f)(rows, weight))
        rows_now, is_forward = rows.astype(float), found.shape[0] == rows.shape[0]
        expected = rows_now @ weight if is_forward else rows_now.T @ slope
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_no_number_is_not_lost(everything, bad):
    rows, weight, slope = operands("signs")
    weight[3, 5] = slope[3, 5] = bad
    found, pull = jax.vjp(product, jnp.asarray(rows), jnp.asarray(weight))
    assert not np.isfinite(found[:, 5]).any()
    assert np.isfinite(found[:, :5]).all()
    of_weight = pull(slope)[1]
    assert not np.isfinite(of_weight[:, 5]).any()
    assert np.isfinite(of_weight[:, 6:]).all()


def f_of(multiply):
    def f(rows, weight):
        return jnp.tanh(multiply(rows, weight) / 9).sum()

    f.multiply = multiply
    return f


@jax.custom_vjp
def _ignored(values):
    return values.sum()


_ignored.defvjp(lambda values: (values.sum(), None), lambda _, slope: (None,))


def _without_programs(f, *given):
    with jax.disable_jit():
        return f(*given)


TRANSFORMED = {
    "gradient": lambda f, r, w: jax.grad(f, (0, 1))(r, w),
    "gradient of a program": lambda f, r, w: jax.grad(jax.jit(f), (0, 1))(r, w),
    "gradient in a loop": lambda f, r, w: jax.grad(
        lambda w: jax.lax.fori_loop(0, 2, lambda i, total: total + f(r, w * total), 1.0)
    )(w),
    "checkpoint": lambda f, r, w: jax.grad(jax.checkpoint(f), (0, 1))(r, w),
    "tangent": lambda f, r, w: jax.jvp(f, (r, w), (r / 3, w)),
    "second derivative": lambda f, r, w: jax.jvp(jax.grad(f, 1), (r, w), (r, w)),
    "of rows, twice": lambda f, r, w: jax.jvp(jax.grad(f, 0), (r, w), (r / 3, w)),
    "Hessian": lambda f, r, w: jax.hessian(lambda scale: f(r, scale * w))(1.5),
    "many nets": lambda f, r, w: jax.vmap(jax.grad(f, 1))(jnp.stack([r, 1 - r]), jnp.stack([w, 2 * w])),
    "many maps of the same rows": lambda f, r, w: jax.vmap(jax.grad(f, 1), (None, 0))(r, jnp.stack([w, 2 * w])),
    "transpose in the weights": lambda f, r, w: jax.linear_transpose(lambda w: f.multiply(r, w), w)(r @ w),
    "transpose in the rows": lambda f, r, w: jax.linear_transpose(lambda r: f.multiply(r, w), r)(r @ w),
    "no slope": lambda f, r, w: jax.grad(lambda w: _ignored(f.multiply(r, w)) + w.sum())(w),
    "without programs": lambda f, r, w: _without_programs(jax.grad(f, (0, 1)), r, w),
    "linear": lambda f, r, w: jax.linearize(f, r, w)[1](r, w),
}


@pytest.mark.parametrize("name", TRANSFORMED)
def test_transformations_of_jax(everything, name):
    rows, weight, _ = map(jnp.asarray, operands("bits", (70, 11, 9)))
    found, expected = (TRANSFORMED[name](f_of(f), rows, weight) for f in (product, jnp.matmul))
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_only_what_is_worth_it(native):
    rows, weight, _ = map(jnp.asarray, operands("bits"))
    assert is_in_c(rows, weight)
    for other in (
        (rows[:63], weight),
        (jnp.tile(rows, (4, 1)), weight[:, :47]),
        (rows[:, :100], weight[:100]),
        (rows.astype(jnp.bfloat16), weight),
        (rows, weight.astype(jnp.bfloat16)),
        (rows > 0, weight),
    ):
        assert not is_in_c(*other)
    with pytest.raises(TypeError, match="contracting"):
        product(rows, weight[:783])
    mesh = jax.make_mesh((1,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))
    with jax.set_mesh(mesh):
        assert not is_in_c(rows, weight)


def test_other_platforms_and_batches_of_any_size_are_left_to_xla(native):
    rows, weight, _ = operands("bits")
    text = jax.jit(product).trace(rows, weight).lower(lowering_platforms=("cuda",)).as_text()
    assert "beliefnet_multiply" not in text
    (size,) = jax.export.symbolic_shape("size")
    given = jax.ShapeDtypeStruct((size, 784), jnp.float32), jax.ShapeDtypeStruct((784, 200), jnp.float32)
    assert jax.export.export(jax.jit(product))(*given).out_avals[0].shape == (size, 200)


def test_a_map_looks_at_bits_and_not_at_activations_or_counts(native):
    dense = Dense(784, 200, key=jax.random.key(0))
    rows = jnp.asarray(operands("signs")[0])
    np.testing.assert_allclose(dense(rows), dense.of_reals(rows), rtol=1e-5, atol=1e-5)
    for leading in ((4, 25, 784), (2, 2, 25, 784)):
        np.testing.assert_array_equal(dense(rows.reshape(leading)), dense(rows).reshape(*leading[:-1], 200))
    net = MLP((784, 300, 200), jnp.tanh, key=jax.random.key(1))
    assert str(jax.make_jaxpr(net)(rows)).count("beliefnet_product") == 1
    mixed = Beside((Signs(), LogCounts()), (700, 84))
    for view, count in ((AsIs(), 1), (Signs(), 1), (LogCounts(), 0), (mixed, 0)):
        layer = Feedforward(net, bernoulli, view)
        assert str(jax.make_jaxpr(layer.parameters_given)(rows + 1)).count("beliefnet_product") == count
        scored, many = Feedforward(dense, bernoulli, view), jnp.stack([rows] * 8)
        assert ("score_all" in str(jax.make_jaxpr(scored.log_prob_given)(many, rows[:, :200]))) == count


@pytest.mark.parametrize("name", ["multiply", "multiply_across"])
def test_operands_that_do_not_fit_are_refused(native, name):
    described = {"multiply": 30, "multiply_across": 3}[name]
    weight, values, high = jnp.zeros((30, 20)), jnp.zeros(described), jnp.zeros((1, described))
    codes = jnp.zeros((2, 3, 4), jnp.uint16)
    multiply = jax.ffi.ffi_call(f"beliefnet_{name}", jax.ShapeDtypeStruct((3, 20), jnp.float32))
    jax.block_until_ready(multiply(codes, values, high, weight))
    for given in (
        (codes[:, :1], values, high, weight),
        (codes[:, :, :2], values, high, weight),
        (codes, values[:2], high, weight),
        (codes, values, high[:, :2], weight),
        (codes, values, high, weight[:4]),
    ):
        with pytest.raises(jax.errors.JaxRuntimeError, match="sizes that fit"):
            jax.block_until_ready(multiply(*given))
    with pytest.raises(jax.errors.JaxRuntimeError, match="sizes that fit"):
        jax.block_until_ready(multiply(codes.astype(jnp.int32), values, high, weight))


def test_a_gradient_of_a_net_is_as_before(native, monkeypatch):
    net = sigmoid_belief_net(784, (200, 200), key=jax.random.key(1))
    key = jax.random.key(2)
    x = jax.random.bernoulli(key, 0.3, (100, 784)).astype(jnp.float32)
    latents = net.infer(x, 2, key=key).values

    def slopes(net):
        return jax.grad(lambda net: net.log_joint(x, latents).sum())(net)

    text = str(jax.make_jaxpr(slopes)(net))
    assert text.count("beliefnet_product") >= 4, "code in C was not used"
    found = jax.jit(slopes)(net)
    monkeypatch.setenv("BELIEFNET_NATIVE", "0")
    expected = jax.jit(lambda net: slopes(net))(net)
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4 * float(jnp.abs(other).max()))


def test_an_observation_is_looked_at_once(native):
    """By the recognition net and the baselines together."""
    net, key = sigmoid_belief_net(784, (200,), key=jax.random.key(1)), jax.random.key(2)
    estimator = NVIL(net, key=key)
    x = jax.random.bernoulli(key, 0.3, (100, 784)).astype(jnp.float32)
    estimate = jax.jit(lambda net, x: estimator.estimate(net, x, estimator.init(net), key=key).net)
    text = estimate.lower(net, x).compile().as_text()
    assert text.count('custom_call_target="beliefnet_describe"') == 3  # and what is drawn, in either branch


def test_layers_of_a_recognition_net_are_scored_by_what_draws(native):
    """And those of the model in C: the layers need no product but that of their scores."""
    net, key = sigmoid_belief_net(784, (200, 200), key=jax.random.key(1)), jax.random.key(2)
    x = jax.random.bernoulli(key, 0.3, (100, 784)).astype(jnp.float32)
    text = str(jax.make_jaxpr(lambda net: VIMCO(20).estimate(net, x, None, key=key).net)(net))
    assert text.count("target_name=beliefnet_score_with_slopes") == 2


@pytest.mark.parametrize("kind", ["signs", "centred"])
def test_slopes_of_one_sign_of_many_rows_lose_nothing(everything, kind):
    rows, _, _ = operands(kind, (100_000, 6, 4))
    slope = np.full((100_000, 4), 0.1, np.float32)
    weight = jnp.zeros((6, 4))
    found = jax.jit(lambda slope: jax.vjp(lambda weight: product(rows, weight), weight)[1](slope)[0])(slope)
    # To rounding of what is added up: nothing of signs, whose sums are from 0, a part of 10,000 of others.
    most = {"signs": 1e-3, "centred": 5e-3}[kind]
    np.testing.assert_allclose(found, rows.astype(float).T @ slope.astype(float), rtol=0, atol=most)


def test_a_value_that_drowns_others_is_left_to_xla(everything):
    rows, weight, _ = operands("bits")
    for large in (1e6, 1e30):
        rows[:, 0] = np.where(np.arange(100) < 80, large, 0)
        found, expected = (jax.jit(f)(rows, weight) for f in (product, jnp.matmul))
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("across", [False, True])
def test_the_smaller_value_is_the_low_one(native, across):
    rows, _, _ = operands("bits")
    rows[0] = 1  # the first row of all
    has_two_values, low, high, _ = jax.jit(lambda rows: described(rows[None], across=across))(rows)
    assert has_two_values
    np.testing.assert_array_equal(low, np.zeros(784))
    np.testing.assert_array_equal(high[0], np.ones(784))


@pytest.mark.parametrize("kind", [jax.sharding.AxisType.Auto, jax.sharding.AxisType.Explicit], ids=lambda k: k.name)
def test_rows_that_are_divided_without_a_mesh(native, kind):
    rows, weight, _ = map(jnp.asarray, operands("bits"))
    mesh = jax.make_mesh((1,), ("data",), axis_types=(kind,))
    divided = jax.device_put(rows, jax.NamedSharding(mesh, jax.P("data")))
    np.testing.assert_allclose(jax.jit(product)(divided, weight), rows @ weight, rtol=1e-4, atol=1e-4)
    assert not is_in_c(divided, weight)


class _Doubled(Dense):
    def __call__(self, values):
        return 2 * super().__call__(values)


def test_a_map_of_ones_own_is_asked(native):
    key = jax.random.key(0)
    net = MLP((784, 300, 200), jnp.tanh, key=key)
    own = net.with_part(1, _Doubled(300, 200, key=key)).with_part(0, _Doubled(784, 300, key=key))
    rows = jnp.asarray(operands("bits")[0])
    first, last = own.parts
    np.testing.assert_allclose(own(rows), last(jnp.tanh(first(rows))), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(own.of_reals(rows), own(rows), rtol=1e-5, atol=1e-5)
    stacked = Stacked((Dense(784, 300, key=key), Dense(300, 200, key=key)))
    assert (
        str(jax.make_jaxpr(Feedforward(stacked, bernoulli, LogCounts()).parameters_given)(rows)).count("product") == 1
    )
