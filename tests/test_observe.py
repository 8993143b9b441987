"""Data enter by one way: the same sentence at every entry point, the same result from every form of the numbers."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import conditional_net, small_net
from scipy import sparse

from beliefnet import Chain, ConditionalNet, decode, sample_means
from beliefnet.conditionals import Dense, Feedforward
from beliefnet.data import DataError, Observations
from beliefnet.distributions import bernoulli, categorical, discretised_logistic, grey_normal, normal, poisson
from beliefnet.estimators import Reinforce
from beliefnet.evaluation import (
    Effort,
    Search,
    encode,
    evaluate,
    exact_bound,
    exact_elbo,
    exact_gradient,
    exact_log_likelihood,
    exact_posterior,
    gradient_report,
    impute,
    inference_gaps,
    observe,
    one_pass,
    particle_bounds,
    sandwich,
    topics,
)
from beliefnet.nets import document_net, vae
from beliefnet.proposals import Annealed
from beliefnet.refiners import AIR
from beliefnet.training import fit

KEY = jax.random.key(0)
NET = small_net(2)  # three binary units
BITS = np.array([[0, 1, 1], [1, 0, 0], [1, 1, 1], [0, 0, 1]])
DOCUMENTS = document_net(3, (2,), key=KEY, document_length=4)

ENTRIES = {
    "observe": observe,
    "evaluate": lambda net, x: evaluate(net, x, num_particles=2, key=KEY).elbo.mean,
    "particle_bounds": lambda net, x: particle_bounds(net, x, num_particles=2, key=KEY).elbo,
    "encode": lambda net, x: encode(net, x)[0],
    "gradient_report": lambda net, x: gradient_report(net, x, {"r": Reinforce(2)}, effort=Effort(8), key=KEY),
    "inference_gaps": lambda net, x: inference_gaps(net, x, AIR(1, 2), num_particles=2, key=KEY),
    "impute": lambda net, x: impute(net, x, search=Search(2, 1, 1, AIR(1, 2)), key=KEY).means,
    "one_pass": one_pass,
    "exact_log_likelihood": exact_log_likelihood,
    "exact_posterior": exact_posterior,
    "exact_elbo": exact_elbo,
    "exact_bound": lambda net, x: exact_bound(net, x, num_particles=2),
    "exact_gradient": exact_gradient,
}
TOPICS = {"topics": lambda net, x: topics(net, x, num_words=2)}


def with_one(value: float) -> np.ndarray:
    """The bits as floats, one of them replaced."""
    x = BITS.astype(float)
    x[2, 1] = value
    return x


UNFIT = {
    "bytes": ((BITS * 255).astype(np.uint8), "zeros and ones.* got 255 at row 1, column 2"),
    "signs": (2 * BITS - 1, "zeros and ones.* got -1 at row 1, column 1"),
    "grey": (with_one(0.25), r"zeros and ones.* got 0\.25 at row 3, column 2"),
    "infinite": (with_one(np.inf), "finite values in data, got inf at row 3, column 2"),
    "too wide": (np.zeros((4, 5)), r"data of shape \[examples, 3\], got \[4, 5\]"),
    "one row": (BITS[0], r"shape \[examples, features\], got \[3\]; try array\[None\]"),
    "a number": (np.float64(1.0), r"shape \[examples, features\], got \[\]"),
    "four axes": (np.zeros((1, 1, 1, 3)), r"shape \[examples, features\], got \[1, 1, 1, 3\]"),
    "empty": (np.zeros((0, 3)), "at least one row"),
    "no columns": (np.zeros((3, 0)), "at least one row and one column"),
    "strings": (BITS.astype(str), "numbers in data, got an array of dtype"),
    "complex": (BITS.astype(complex), "numbers in data, got an array of dtype complex128"),
    "objects": ([[0, 1, object()]], "rows of numbers.* in data, got list"),
    "nothing": (None, r"shape \[examples, features\], got \[\]"),
    "ragged": ([[0, 1, 1], [1, 0]], "rows of numbers, all of the same length, in data, got list"),
    "a dictionary": ({"x": 1}, "rows of numbers.* in data, got dict"),
    "sparse of twos": (sparse.coo_matrix(2 * BITS), "zeros and ones.* got 2 at row 1, column 2"),
    "other values": (Observations(BITS, "counts"), "binary data for visible units"),
    "means above one": (
        Observations(3.0 * BITS, is_dynamic=True),
        "bits.* in data, got (3|means)",
    ),
}
WITH_HOLES = {
    "nan": (with_one(np.nan), "finite values in data, got nan at row 3, column 2 .* evaluation.impute"),
    "masked": (np.ma.masked_equal(BITS, 0), r"without missing values in data, got a masked array; .*impute"),
}


@pytest.mark.parametrize("name", UNFIT)
@pytest.mark.parametrize("entry", ENTRIES)
def test_every_entry_refuses_what_the_net_is_no_model_of(entry: str, name: str):
    data, message = UNFIT[name]
    with pytest.raises(DataError, match=message):
        ENTRIES[entry](NET, data)


@pytest.mark.parametrize("name", WITH_HOLES)
@pytest.mark.parametrize("entry", ENTRIES)
def test_holes_are_filled_in_or_refused(entry: str, name: str):
    data, message = WITH_HOLES[name]
    if entry in ("impute", "one_pass"):
        assert np.isfinite(np.asarray(ENTRIES[entry](NET, data))).all()
    else:
        with pytest.raises(DataError, match=message):
            ENTRIES[entry](NET, data)


COUNTS = np.array([[2, 0, 1], [0, 3, 0], [1, 1, 4]])


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("negative", -COUNTS, "whole numbers .* got -2"),
        ("fractional", COUNTS / 2, "whole numbers .* got 0.5"),
        ("sparse", sparse.csc_matrix(COUNTS / 2), "whole numbers .* got 0.5"),
        ("too wide", np.zeros((2, 4)), r"data of shape \[examples, 3\], got \[2, 4\]|documents of shape"),
    ],
)
@pytest.mark.parametrize("entry", ["evaluate", "encode", "topics"])
def test_documents_are_counts(entry: str, name: str, data, message: str):
    with pytest.raises(DataError, match=message):
        (ENTRIES | TOPICS)[entry](DOCUMENTS, data)


FAMILIES = {
    "bernoulli": (bernoulli, [[0, 1, 1]], [[0.5, 1, 1]]),
    "categorical": (categorical(3), [[0, 1, 0]], [[0, 1, 1]]),
    "levels": (discretised_logistic(5), [[0, 0.25, 1]], [[0, 0.3, 1]]),
    "bytes for levels": (discretised_logistic(256), [[0, 1 / 255, 1]], [[0, 1, 255]]),
    "grey": (grey_normal, [[0, 0.3, 1]], [[0, 0.3, 1.5]]),
    "counts": (poisson, [[0, 1, 300]], [[0, 1.5, 1]]),
    "numbers": (normal, [[-3.0, 1e6, 0.1]], [[np.nan, 0, 1]]),
}


@pytest.mark.parametrize("name", FAMILIES)
def test_what_a_family_is_a_model_of(name: str):
    family, fits, does_not = FAMILIES[name]
    net = vae(3 // family.units_per_variable, (2,), key=KEY, deterministic=(), visible=family)
    assert np.isfinite(evaluate(net, fits, num_particles=2, key=KEY).elbo.mean)
    with pytest.raises(DataError, match=r"expected .* in data, got .* at row 1, column .*; try "):
        evaluate(net, does_not, num_particles=2, key=KEY)


def test_hints_that_say_how_to_rescale_work_when_followed():
    as_bytes, signs = (BITS * 255).astype(np.uint8), 2 * BITS - 1
    for data, hint, scaled in ((as_bytes, r"x / 255", as_bytes / 255), (signs, r"\(x \+ 1\) / 2", (signs + 1) / 2)):
        with pytest.raises(DataError, match=hint):
            observe(NET, data)
        np.testing.assert_array_equal(observe(NET, scaled).means(), BITS)


class Frame:
    """What NumPy and we read of a data frame."""

    columns = ("a", "b", "c")

    def __array__(self, dtype=None, copy=None):
        return BITS


FORMS = {
    "list": lambda: BITS.tolist(),
    "boolean": lambda: BITS == 1,
    "float64": lambda: BITS.astype(np.float64),
    "float16": lambda: BITS.astype(np.float16),
    "big-endian": lambda: BITS.astype(">f8"),
    "big-endian integers": lambda: BITS.astype(">i4"),
    "jax": lambda: jnp.asarray(BITS),
    "bfloat16": lambda: jnp.asarray(BITS, jnp.bfloat16).astype(jnp.float32),
    "masked but whole": lambda: np.ma.masked_array(BITS, np.zeros_like(BITS)),
    "column-major": lambda: np.asfortranarray(BITS),
    "strided": lambda: np.repeat(BITS, 2, axis=0)[::2],
    "csr": lambda: sparse.csr_matrix(BITS),
    "csc": lambda: sparse.csc_matrix(BITS.astype(float)),
    "coo": lambda: sparse.coo_array(BITS.astype(np.int64)),
    "sparse and boolean": lambda: sparse.lil_matrix(BITS.astype(bool)),
    "images": lambda: BITS.reshape(4, 3, 1),
    "frame": lambda: Frame(),
    "observations": lambda: Observations(BITS.astype(np.uint8)),
}


@pytest.mark.parametrize("name", FORMS)
def test_every_form_of_the_same_numbers_is_the_same(name: str):
    data = FORMS[name]()
    np.testing.assert_array_equal(observe(NET, data).means(), BITS)
    expected = evaluate(NET, BITS, num_particles=3, key=KEY)
    assert evaluate(NET, data, num_particles=3, key=KEY).elbo == expected.elbo
    np.testing.assert_allclose(encode(NET, data)[0], NET.recognition.means(BITS.astype(np.float32))[0], rtol=1e-5)


def test_names_of_columns_are_kept():
    assert observe(NET, Frame()).columns == ("a", "b", "c")


def test_a_conditional_nets_condition_may_be_anything_finite():
    net = conditional_net(3)
    x = np.ones((2, net.num_visible))
    x[:, : net.num_condition] = -7.5
    observe(net, x)
    with pytest.raises(DataError, match=r"zeros and ones.* in the outputs of data, got -7.5"):
        observe(net, np.full_like(x, -7.5))
    x[0, 0] = np.nan
    with pytest.raises(DataError, match="finite values in the condition of data"):
        observe(net, x)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        (1, 2, r"zeros and ones.* in the condition of data, got 2 at row 4, column 2"),
        (4, 1.5, r"whole .* in the outputs of data, got 1.5 at row 4, column 3"),
    ],
)
def test_both_parts_of_a_conditional_net_are_checked(column: int, value: float, message: str):
    """Two bits are given, three counts follow."""
    down = Feedforward(Dense(2, 2, key=KEY), bernoulli), Feedforward(Dense(2, 3, key=KEY), poisson)
    up = (Feedforward(Dense(5, 2, key=KEY), bernoulli),)
    net = ConditionalNet(Chain(down), Chain(up), bernoulli)
    x = np.array([[0, 1, 5, 0, 7]] * 4, np.float32)
    for values in ("counts", "grey"):
        assert len(observe(net, Observations(x, values))) == 4
    assert np.isfinite(evaluate(net, x, num_particles=3, key=KEY).nll.mean)
    x[3, column] = value
    for data in (x, Observations(x, "counts"), sparse.csr_matrix(x)):
        with pytest.raises(DataError, match=message):
            observe(net, data)


RULES = {"r": Reinforce(2)}
NUMBERS = {
    "evaluate": ("num_particles", lambda k: inspect.unwrap(evaluate)(NET, BITS, num_particles=k, key=KEY)),
    "particle_bounds": (
        "num_particles",
        lambda k: inspect.unwrap(particle_bounds)(NET, BITS, num_particles=k, key=KEY),
    ),
    "chunk": ("chunk", lambda k: inspect.unwrap(particle_bounds)(NET, BITS, num_particles=2, chunk=k, key=KEY)),
    "impute": ("num_particles", lambda k: Search(num_particles=k)),
    "starts": ("num_starts", lambda k: Search(num_starts=k)),
    "num_rounds": ("num_rounds", lambda k: Search(num_rounds=k)),
    "gaps": ("num_particles", lambda k: inspect.unwrap(inference_gaps)(NET, BITS, AIR(1, 2), num_particles=k, key=KEY)),
    "draws": ("num_draws", lambda k: Effort(num_draws=k)),
    "sandwich": (
        "num_particles",
        lambda k: inspect.unwrap(sandwich)(NET, Annealed(2), num_examples=2, num_particles=k, key=KEY),
    ),
    "examples": (
        "num_examples",
        lambda k: inspect.unwrap(sandwich)(NET, Annealed(2), num_examples=k, num_particles=2, key=KEY),
    ),
    "exact": ("num_particles", lambda k: inspect.unwrap(exact_bound)(NET, BITS, num_particles=k)),
    "words": ("num_words", lambda k: inspect.unwrap(topics)(DOCUMENTS, COUNTS, num_words=k)),
}


@pytest.mark.parametrize("bad", [0, -3, 1.5, "10", None, 2**31, 10**30], ids=str)
@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_of_things_are_whole_and_positive(name: str, bad):
    argument, call = NUMBERS[name]
    if name == "chunk" and bad is None:
        return  # as many as fit
    with pytest.raises(
        ValueError, match=rf"expected {argument} (to be a whole number|of at (least|most) \d+), got .*; try \d+"
    ):
        call(bad)


WRONG = {
    "net": lambda: inspect.unwrap(evaluate)(None, BITS, num_particles=2, key=KEY),
    "proposal": lambda: inspect.unwrap(evaluate)(NET, BITS, num_particles=2, key=KEY, proposal=AIR()),
    "search": lambda: inspect.unwrap(impute)(NET, BITS, search={"num_rounds": 2}, key=KEY),
    "refiner": lambda: inspect.unwrap(impute)(NET, BITS, search=Search(refiner="air"), key=KEY),
    "refiner of gaps": lambda: inspect.unwrap(inference_gaps)(NET, BITS, "air", num_particles=2, key=KEY),
    "steps": lambda: inspect.unwrap(inference_gaps)(NET, BITS, AIR(2, 2), steps=1, num_particles=2, key=KEY),
    "annealed": lambda: inspect.unwrap(sandwich)(NET, 500, num_examples=2, num_particles=2, key=KEY),
    "estimators": lambda: inspect.unwrap(gradient_report)(NET, BITS, [Reinforce(2)], key=KEY),
    "estimator 'r'": lambda: inspect.unwrap(gradient_report)(NET, BITS, {"r": "reinforce"}, key=KEY),
    "effort": lambda: inspect.unwrap(gradient_report)(NET, BITS, {"r": Reinforce(2)}, effort=500, key=KEY),
    "states": lambda: inspect.unwrap(gradient_report)(NET, BITS, {"r": Reinforce(2)}, states=[None], key=KEY),
    "dataset": lambda: inspect.unwrap(fit)(NET, BITS, Reinforce(2)),
    "latents": lambda: inspect.unwrap(decode)(NET, np.ones((2, 2))),
    "shape": lambda: inspect.unwrap(sample_means)(NET, 100, key=KEY),
}


@pytest.mark.parametrize("name", WRONG)
def test_things_of_another_type_are_named(name: str):
    with pytest.raises(TypeError, match=rf"expected {name.removesuffix(' of gaps')} to be of type \w+.*, got .*; try "):
        WRONG[name]()


def test_numbers_of_numpy_are_numbers():
    assert evaluate(NET, BITS, num_particles=np.int64(2), key=KEY).num_particles == 2


DYNAMIC = Observations(np.random.default_rng(0).random((40, 3)).astype(np.float32), is_dynamic=True)


def test_the_bits_of_a_row_are_its_own(monkeypatch):
    """The same for any order, subset and way of asking; other rows and keys have others."""
    whole = np.asarray(DYNAMIC.take(np.arange(40), key=KEY))
    some = np.array([7, 3, 39, 3])
    np.testing.assert_array_equal(DYNAMIC.take(some, key=KEY), whole[some])
    np.testing.assert_array_equal(DYNAMIC[some].take(np.arange(4), key=KEY), whole[some])
    np.testing.assert_array_equal(DYNAMIC[5:9].on_device().take(jnp.arange(4), key=KEY), whole[5:9])
    assert (np.asarray(DYNAMIC.take(np.arange(40), key=jax.random.key(1))) != whole).any()
    same = Observations(np.full((200, 3), 0.5, np.float32), is_dynamic=True)
    assert 0.4 < np.asarray(same.take(np.arange(200), key=KEY)).mean() < 0.6


@pytest.mark.full(but=["3-4-3-200"])
@pytest.mark.parametrize("num_particles", [1, 200])
@pytest.mark.parametrize("net", [NET, small_net(4, 3)], ids=["3-2", "3-4-3"])
def test_evaluations_see_the_same_bits(monkeypatch, net, num_particles: int):
    """For every net, number of particles, block size and subset."""
    seen = []
    from beliefnet.evaluation import _evaluate

    original = _evaluate.bounds_of_rows
    monkeypatch.setattr(
        _evaluate, "bounds_of_rows", lambda net, x, *a, **k: seen.append(np.asarray(x)) or original(net, x, *a, **k)
    )
    monkeypatch.setattr(_evaluate, "rows_per_pass", lambda net: 7 * min(num_particles, 100))
    evaluate(net, DYNAMIC[4:], num_particles=num_particles, key=KEY)
    data_key, _ = jax.random.split(KEY)
    np.testing.assert_array_equal(np.concatenate(seen)[:36], np.asarray(DYNAMIC.take(np.arange(4, 40), key=data_key)))
