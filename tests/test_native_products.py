"""Products with matrices of two values in each column are, in C, those of XLA, and so are their derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from beliefnet.conditionals import MLP, AsIs, Dense, Feedforward, LogCounts, Signs
from beliefnet.distributions import bernoulli
from beliefnet.native import _library, _products
from beliefnet.native._products import product
from beliefnet.nets import sigmoid_belief_net

KINDS = ["bits", "signs", "centred", "one value", "seldom", "mostly", "large"]
# Rows, inputs and outputs: whole and broken vectors, groups, blocks, chunks and panels; few tasks, and many.
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
    return lambda rows, weight: jnp.tanh(multiply(rows, weight) / 9).sum()


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
        (rows, weight[:, :15]),
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
    for view, count in ((AsIs(), 1), (Signs(), 1), (LogCounts(), 0)):
        layer = Feedforward(net, bernoulli, view)
        assert str(jax.make_jaxpr(layer.parameters_given)(rows + 1)).count("beliefnet_product") == count


def test_operands_that_do_not_fit_are_refused(native):
    weight, values, high = jnp.zeros((10, 20)), jnp.zeros(10), jnp.zeros((1, 10))
    codes = jnp.zeros((1, 2, 64), jnp.int32)
    multiply = jax.ffi.ffi_call("beliefnet_multiply", jax.ShapeDtypeStruct((3, 20), jnp.float32))
    jax.block_until_ready(multiply(codes, values, high, weight))
    for given in (
        (codes[:, :1], values, high, weight),
        (codes, values[:9], high, weight),
        (codes, values, high[:, :9], weight),
        (codes, values, high, weight[:4]),
    ):
        with pytest.raises(jax.errors.JaxRuntimeError, match="sizes that fit"):
            jax.block_until_ready(multiply(*given))


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
