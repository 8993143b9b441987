"""What families know: their kind of units, the data they are a model of, points, closed forms, where a layer starts."""

import itertools
import re

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from scipy import sparse

from beliefnet.data import DataError
from beliefnet.distributions import (
    AbstractFamily,
    UnitKind,
    bag_of_words,
    bernoulli,
    categorical,
    discretised_logistic,
    grey_normal,
    normal,
    poisson,
)
from beliefnet.distributions._normal import Normal
from beliefnet.nets import sigmoid_belief_net

RNG = np.random.default_rng(0)
KNOWN = {
    "bernoulli": (bernoulli, UnitKind.BINARY, "binary", "nats"),
    "categorical": (categorical(3), UnitKind.ONE_HOT, "binary", "nats"),
    "normal": (normal, UnitKind.CONTINUOUS, None, "nats"),
    "grey-normal": (grey_normal, UnitKind.CONTINUOUS, "grey", "nats"),
    "logistic": (discretised_logistic(17), UnitKind.OTHER, "grey", "bits per dimension"),
    "poisson": (poisson, UnitKind.OTHER, "counts", "nats"),
    "bag-of-words": (bag_of_words(50), UnitKind.OTHER, "counts", "perplexity"),
}


@pytest.mark.parametrize("name", KNOWN)
def test_what_a_family_says_of_itself(name: str):
    family, kind, values, report = KNOWN[name]
    assert (family.name, family.kind, family.values, family.report) == (name, kind, values, report)
    assert family.units_per_variable == (3 if name == "categorical" else 1)
    assert UnitKind.of(family(family.neutral(2))) is kind


BYTES, GREY = RNG.integers(0, 256, (6, 4)), RNG.random((6, 4)).astype(np.float32)
COUNTS, SIGNS = RNG.poisson(3.0, (6, 4)) + np.eye(6, 4, dtype=int), RNG.choice([-1.0, 1.0], (6, 4))
LEVELS = RNG.integers(0, 17, (6, 4)) / 16
REFUSED = {
    "bytes of bits": (bernoulli, BYTES),
    "grey of bits": (bernoulli, GREY),
    "signs of bits": (bernoulli, SIGNS),
    "counts of bits": (bernoulli, COUNTS),
    "numbers of bits": (bernoulli, RNG.normal(size=(6, 4))),
    "bytes of levels": (discretised_logistic(256), BYTES),
    "bytes of other levels": (discretised_logistic(17), BYTES),
    "indices of levels": (discretised_logistic(17), np.rint(16 * LEVELS)),
    "values between levels": (discretised_logistic(17), GREY),
    "signs of levels": (discretised_logistic(17), SIGNS),
    "bytes of grey": (grey_normal, BYTES),
    "numbers of grey": (grey_normal, RNG.normal(size=(6, 4))),
    "halves of counts": (poisson, COUNTS / 2),
    "negative counts": (bag_of_words(9), COUNTS - 2),
}


@pytest.mark.parametrize("name", REFUSED)
def test_the_first_bad_value_is_named_and_the_advice_works(name: str):
    family, x = REFUSED[name]
    with pytest.raises(DataError) as refused:
        family.check(x, "these rows")
    message = str(refused.value)
    row, column = map(int, re.search(r"at row (\d+), column (\d+) \(counted from 1\)", message).groups())  # pyright: ignore
    row, column = row - 1, column - 1
    assert f"in these rows, got {x[row, column]:g} at" in message
    # Everything before it is fine, and it alone is not.
    before, only = np.array(x, float), np.array(x, float)[row : row + 1, column : column + 1]
    before = before.reshape(-1)[: row * x.shape[1] + column]
    if len(before):
        family.check(before[None])
    with pytest.raises(DataError):
        family.check(only)
    advice = message.split("; try ")[1].split(", or ")[0]
    followed = eval(advice, {"np": np, "x": x})
    family.check(np.asarray(followed, np.float32))
    assert np.ptp(np.asarray(followed, float)) > 0, "the advice keeps the rows apart"


GOOD = {
    "bernoulli": GREY > 0.5,
    "categorical": np.eye(3)[RNG.integers(0, 3, (6, 2))].reshape(6, 6),
    "normal": SIGNS * 9,
    "grey-normal": GREY,
    "logistic": LEVELS.astype(np.float32),
    "poisson": COUNTS,
    "bag-of-words": COUNTS.astype(np.uint8),
}


@pytest.mark.parametrize("name", KNOWN)
def test_data_that_fit_are_taken_and_what_is_not_finite_is_not(name: str):
    family, good = KNOWN[name][0], GOOD[name]
    family.check(good)
    family.check(sparse.csr_matrix(np.asarray(good, np.float64)))
    bad = np.asarray(good, float).copy()
    bad[4, 1] = np.nan
    with pytest.raises(DataError, match=r"finite values in data, got nan at row 5, column 2 .*; try leaving"):
        family.check(bad)
    # Of a categorical variable, all units are missing or none.
    bad[4] = np.nan
    family.check(bad, observed=~np.isnan(bad))


def test_sparse_rows_are_checked_where_they_are_stored():
    rows = sparse.csr_matrix(np.array([[0, 0, 1.0], [0, 1.0, 0], [0, 0, 7.0]]))
    with pytest.raises(DataError, match="got 7 at row 3, column 3"):
        bernoulli.check(rows)
    with pytest.raises(DataError, match="got 7 at row 3, column 3"):
        bernoulli.check(rows.tocsc())
    poisson.check(rows)


def test_one_hot_data_have_a_single_one_for_each_variable():
    good = GOOD["categorical"].copy()
    good[3, 3:] = 0
    with pytest.raises(DataError, match=r"single one among the 3 units of each .* got 0 at row 4, column 4"):
        categorical(3).check(good)


def test_many_rows_are_looked_at_in_blocks():
    rows = np.zeros((3000, 784), np.uint8)
    rows[2999, 783] = 2
    with pytest.raises(DataError, match="got 2 at row 3000, column 784"):
        bernoulli.check(rows)


@pytest.mark.parametrize("name", ["bernoulli", "categorical", "normal"])
def test_points_carry_the_probability_of_a_layer(name: str):
    family = KNOWN[name][0]
    parameters = jax.random.normal(jax.random.key(0), (5, family.num_parameters(2)))
    layer = family(parameters)
    points, log_mass = family.points_under(layer)
    width = family.num_units(parameters.shape[-1])
    assert len(points) == family.num_points(width) == len(family.points(width)[0])
    mass = jnp.broadcast_to(jnp.exp(log_mass), (len(points), 5))
    np.testing.assert_allclose(mass.sum(axis=0), 1, rtol=1e-4)
    np.testing.assert_allclose((mass[..., None] * points).sum(axis=0), layer.mean, atol=1e-4)
    exact = -family.expected_log_prob(layer, layer)
    np.testing.assert_allclose(family.entropy(layer), exact)
    np.testing.assert_allclose(-(mass * layer.log_prob(points)).sum(axis=0), exact, rtol=1e-3)


@pytest.mark.parametrize("name", ["logistic", "poisson", "bag-of-words"])
def test_what_has_no_points_and_no_closed_form_says_so(name: str):
    family = KNOWN[name][0]
    with pytest.raises(ValueError, match=f"discrete or normal latents to enumerate, got {name} units"):
        family.points(2)
    layer = family(family.neutral(2))
    with pytest.raises(ValueError, match=f"closed form, got {name} units; try an average over draws"):
        family.expected_log_prob(layer, layer)


def cost(family: AbstractFamily, rates: np.ndarray, num_rows: int | None) -> float:
    """Expected nats per row of a layer at its start, beyond what the exact rates take."""
    logits = np.asarray(family.starting(jnp.asarray(rates, jnp.float32), num_rows), np.float64)
    return float(np.sum(np.logaddexp(0, logits) - rates * logits))


def smoothed(rates: np.ndarray, num_rows: int) -> float:
    """The same of independent bits with one more of each value."""
    p = (rates * num_rows + 1) / (num_rows + 2)
    return float(-np.sum(rates * np.log(p) + (1 - rates) * np.log1p(-p)))


RATES = {
    **{f"{rate:g}": np.full(20_000, rate) for rate in (1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.3)},
    **{f"1 - {rate:g}": np.full(20_000, 1 - rate) for rate in (1e-6, 1e-4, 0.01)},
    "mixed": np.concatenate([10 ** RNG.uniform(-6, 0, 10_000), 1 - 10 ** RNG.uniform(-6, 0, 10_000)]),
    "never": np.concatenate([np.zeros(10_000), np.full(10_000, 1e-3)]),
}


@pytest.mark.parametrize("name", RATES)
@pytest.mark.parametrize("num_rows", [None, 1000, 10**6])
def test_bits_start_no_worse_than_independent_ones(name: str, num_rows: int | None):
    rates = RATES[name]
    # Where the number of rows is not known, one in 10,000 is what a rare bit is taken for, or the rarest that is seen.
    allowed = smoothed(rates, num_rows or 10_000)
    assert cost(bernoulli, rates, num_rows) <= allowed * (1 + 1e-3) + 0.01
    assert np.isfinite(bernoulli.starting(jnp.asarray(rates, jnp.float32), num_rows)).all()


@pytest.mark.full
def test_a_net_of_rare_bits_starts_as_good_as_independent_ones():
    rates = np.full(20_136, 4e-4)
    rows = (RNG.random((200, len(rates))) < rates).astype(np.float32)
    mean = rows.mean(axis=0)
    net = sigmoid_belief_net(len(rates), (20,), key=jax.random.key(0), visible_mean=mean, input_mean=mean)
    latents = net.infer(jnp.asarray(rows), 1, key=jax.random.key(1)).values
    bound = float(net.log_weight(jnp.asarray(rows), latents).mean())
    p = (mean * 200 + 1) / 202
    independent = float((rows @ np.log(p) + (1 - rows) @ np.log1p(-p)).mean())
    assert bound > independent - 1
    # With every rare bit taken for one in a hundred it was 100 nats and more below.
    assert bound > float((rows @ np.full_like(p, np.log(0.01)) + (1 - rows).sum(1) * np.log1p(-0.01)).mean()) + 100


@pytest.mark.parametrize("name", ["categorical", "poisson", "bag-of-words"])
def test_what_never_occurred_has_a_bounded_cost(name: str):
    family = KNOWN[name][0]
    mean = jnp.array([0.0, 0.6, 0.4])
    surprise = jnp.array([1.0, 0.0, 0.0])
    for num_rows in (None, 50):
        cost = -float(family(family.starting(mean, num_rows)).log_prob(surprise))
        assert cost < (16 if num_rows is None else 6)
    usual = [family(family.starting(mean)).log_prob(row) for row in jnp.eye(3)[1:]]
    exact = [family(jnp.log(jnp.maximum(mean, 1e-12))).log_prob(row) for row in jnp.eye(3)[1:]]
    np.testing.assert_allclose(usual, exact, atol=2e-4)


def test_many_words_that_never_occurred_cost_little():
    mean = jnp.concatenate([jnp.zeros(100_000), jnp.full(100, 0.5)])
    family = bag_of_words(50)
    counts = jnp.zeros(100_100).at[-1].set(1.0)
    np.testing.assert_allclose(family(family.starting(mean)).log_prob(counts), -np.log(100), atol=0.011)


def test_every_joint_value_is_a_point_once():
    values, log_counts = bernoulli.points(3)
    np.testing.assert_array_equal(values, list(itertools.product((0, 1), repeat=3)))
    np.testing.assert_array_equal(log_counts, 0)


def test_normal_units_have_the_derivatives_of_a_sum_over_particles():
    key, shape = jax.random.key(0), (5, 3, 4)
    loc, scale = jax.random.normal(key, shape[1:]), jax.random.uniform(key, shape[1:], minval=0.5)
    value = jax.random.normal(jax.random.key(1), shape)

    def own(loc: jax.Array, scale: jax.Array) -> jax.Array:
        return jnp.sin(normal(jnp.concatenate([loc, scale], -1)).log_prob(value)).sum()

    def plain(loc: jax.Array, scale: jax.Array) -> jax.Array:
        unit = dist.Normal(loc, normal.smallest_scale + jax.nn.softplus(scale)).to_event(1)
        return jnp.sin(jnp.asarray(unit.log_prob(value))).sum()

    for found, expected in zip(*(jax.grad(f, (0, 1))(loc, scale) for f in (own, plain)), strict=True):
        np.testing.assert_allclose(found, expected, rtol=2e-5, atol=1e-5)


def test_normal_units_are_mapped_as_those_of_numpyro():
    loc, scale = jnp.arange(3.0), jnp.arange(1.0, 4)
    found, expected = (jax.vmap(lambda q: q.log_prob(1.0))(make(loc, scale)) for make in (Normal, dist.Normal))
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert Normal(0, 1).sample(jax.random.key(0), (2,)).dtype == jnp.float32
