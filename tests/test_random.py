"""Draws made in one pass are those of JAX's own generator."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from beliefnet._numerics import starting_map
from beliefnet._random import bernoulli, normal, uniform
from beliefnet.distributions._normal import Normal


def expected(key: jax.Array, probabilities: jax.Array, shape: tuple[int, ...]) -> np.ndarray:
    """Draws from JAX's words: one where the first 24 bits, as a fraction, are below the probability."""
    fractions = (np.asarray(jax.random.bits(key, shape)) >> 8).astype(np.float64) / 2**24
    return (fractions < np.asarray(probabilities, np.float64)).astype(np.float32)


@pytest.mark.parametrize("shape", [(), (1,), (7,), (3, 5, 4)])
def test_the_words_are_those_of_jax(shape: tuple[int, ...]):
    key = jax.random.key(3)
    for probability in np.linspace(0, 1, 9):
        means = jnp.full(shape[-1:], probability, jnp.float32)
        drawn = jax.jit(bernoulli, static_argnums=2)(key, means, shape)
        np.testing.assert_array_equal(drawn, expected(key, means, shape))


def test_draws_of_many_keys_are_those_of_each():
    keys, means = jax.random.split(jax.random.key(1), 6), jax.random.uniform(jax.random.key(2), (6, 40))
    drawn = jax.vmap(lambda key, own: bernoulli(key, own, own.shape))(keys, means)
    np.testing.assert_array_equal(drawn, [expected(*pair, (40,)) for pair in zip(keys, means, strict=True)])


def test_sure_units_are_never_drawn_otherwise():
    key = jax.random.key(0)
    assert bernoulli(key, jnp.ones(()), (100_000,)).all()
    assert not bernoulli(key, jnp.zeros(()), (100_000,)).any()


def test_the_smallest_probability_that_can_be_drawn_is_drawn_as_often_as_its_bits_say():
    key, shape = jax.random.key(5), (1 << 20,)
    rare = bernoulli(key, jnp.float32(2**-16), shape)
    assert rare.sum() == expected(key, jnp.float32(2**-16), shape).sum() > 0


@pytest.mark.parametrize("impl", ["rbg", "unsafe_rbg"])
def test_keys_of_other_generators_draw_what_jax_draws(impl: str):
    key, means = jax.random.key(0, impl=impl), jnp.array([0.2, 0.7])
    uniforms = jax.random.uniform(key, (50, 2))
    np.testing.assert_array_equal(bernoulli(key, means, (50, 2)), uniforms < means)


def test_old_keys_draw_as_new_ones():
    means = jnp.array([0.2, 0.7])
    old, new = (bernoulli(key, means, (50, 2)) for key in (jax.random.PRNGKey(4), jax.random.key(4)))
    np.testing.assert_array_equal(old, new)


def test_double_precision_takes_numbers_of_double_precision():
    with jax.enable_x64(True):
        key, means = jax.random.key(0), jnp.array([0.2, 0.7])
        drawn = bernoulli(key, means, (50, 2))
        assert drawn.dtype == jnp.float64
        np.testing.assert_array_equal(drawn, jax.random.uniform(key, (50, 2), jnp.float64) < means)


def test_an_array_of_keys_is_no_key():
    for num in (2, 3):
        with pytest.raises(ValueError, match="single key"):
            bernoulli(jax.random.split(jax.random.key(0), num), jnp.array([0.2, 0.7]), (3, 2))


@pytest.mark.parametrize("shape", [(), (7,), (3, 5, 4)])
@pytest.mark.parametrize(("impl", "is_double"), [("threefry2x32", False), ("threefry2x32", True), ("rbg", False)])
def test_uniform_numbers_are_those_of_jax(shape: tuple[int, ...], impl: str, is_double: bool):
    with jax.enable_x64(is_double):
        key = jax.random.key(3, impl=impl)
        found = jax.jit(uniform, static_argnums=1)(key, shape)
        np.testing.assert_array_equal(found, jax.random.uniform(key, shape))
        assert found.dtype == jnp.zeros(()).dtype


@pytest.mark.parametrize("shape", [(1, 1), (7, 3), (64, 200), (100, 1)])
@pytest.mark.parametrize("is_double", [False, True])
def test_maps_start_as_the_uniform_ones_of_glorot(shape: tuple[int, int], is_double: bool):
    with jax.enable_x64(is_double):
        key = jax.random.key(2)
        weight, bias = starting_map(key, shape)
        np.testing.assert_array_equal(weight, jax.nn.initializers.glorot_uniform()(key, shape))
        np.testing.assert_array_equal(bias, np.zeros(shape[1]))


@pytest.mark.parametrize("shape", [(), (7,), (30, 50, 40)])
@pytest.mark.parametrize(("impl", "is_double"), [("threefry2x32", False), ("threefry2x32", True), ("rbg", False)])
def test_normal_numbers_are_those_of_jax(shape: tuple[int, ...], impl: str, is_double: bool):
    with jax.enable_x64(is_double):
        key, dtype = jax.random.key(3, impl=impl), jnp.zeros(()).dtype
        found = jax.jit(normal, static_argnums=(1, 2))(key, shape, dtype)
        np.testing.assert_array_equal(found, jax.random.normal(key, shape, dtype))


def test_normal_numbers_of_many_keys_are_those_of_each():
    keys = jax.random.split(jax.random.key(1), 6)
    drawn = jax.vmap(lambda key: normal(key, (40,), jnp.dtype("float32")))(keys)
    np.testing.assert_array_equal(drawn, [jax.random.normal(key, (40,)) for key in keys])


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="on a processor XLA would repeat them")
def test_normal_numbers_are_made_once_wherever_they_are_used():
    def uses(draw, key):
        noise = draw(key, (20, 30, 40), jnp.dtype("float32"))
        return noise @ jnp.ones((40, 7)), jnp.tanh(noise), (noise**2).sum(axis=-1), jnp.sin(2 * noise).sum(axis=0)

    # Of the polynomial that turns uniform numbers into normal ones.
    coefficient = "2.81022636e-08"
    texts = [
        jax.jit(uses, static_argnums=0).lower(draw, jax.random.key(0)).compile().as_text()
        for draw in (normal, jax.random.normal)
    ]
    once, often = (text.count(coefficient) for text in texts)
    assert once == 1
    assert often > 1 or jax.__version_info__ >= (0, 11)  # which repeats nothing


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float64"])
def test_normal_numbers_have_the_type_that_is_asked_for_under_x64(dtype: str):
    with jax.enable_x64(True):
        key = jax.random.key(3)
        found = normal(key, (7,), jnp.dtype(dtype))
        np.testing.assert_array_equal(found, jax.random.normal(key, (7,), jnp.dtype(dtype)))
        assert found.dtype == dtype
        assert Normal(jnp.zeros(3, dtype), jnp.ones(3, dtype)).sample(key).dtype == dtype


def test_draws_outside_of_a_program_are_compiled_once():
    """A second draw of the same shape takes the program of the first."""
    distribution = Normal(jnp.zeros(11), jnp.ones(11))
    distribution.sample(jax.random.key(0), (3,))
    compiled: list[str] = []

    def listen(event: str, _seconds: float, **_about) -> None:
        compiled.append(event)

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        distribution.sample(jax.random.key(1), (3,))
        assert not [event for event in compiled if "compile" in event]
        distribution.sample(jax.random.key(1), (5,))
        assert [event for event in compiled if "compile" in event]
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
