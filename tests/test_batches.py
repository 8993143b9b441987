"""Training rows that are made batch by batch: every one is seen, in order, and a run goes on where it was."""

import itertools
import re

import jax
import numpy as np
import pytest
from callbacks import StopsAt
from scipy import sparse

import beliefnet
from beliefnet._errors import OptionError
from beliefnet.data import Batches, DataError, Dataset
from beliefnet.estimators import Reinforce
from beliefnet.nets import document_net, sigmoid_belief_net
from beliefnet.training import FitOptions, Fitted, _feed, _run, fit

VALID = (np.random.default_rng(0).random((9, 5)) < 0.4).astype(np.uint8)
NET = sigmoid_belief_net(5, (3,), key=jax.random.key(0))
OPTIONS = {"epochs": 3, "learning_rate": 0.1}


class Maker:
    """Makes batches of eight rows by their numbers, and keeps what it was asked for."""

    def __init__(self):
        self.asked = []

    def __call__(self, epoch: int, index: int) -> np.ndarray:
        self.asked.append((epoch, index))
        return (np.random.default_rng([epoch, index]).random((8, 5)) < 0.4).astype(np.uint8)


class Loader:
    """Yields the same batches whenever it is iterated, like a loader of another library."""

    def __len__(self):
        return 5

    def __iter__(self):
        return (Maker()(0, index) for index in range(5))


class Endless:
    """Does not say how many batches it has."""

    def __iter__(self):
        return (Maker()(0, index) for index in itertools.count())


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Two batches of eight rows of five bytes to a block, and a step to a dispatch."""
    monkeypatch.setattr(_feed, "_BLOCK_BYTES", 80)
    monkeypatch.setattr(_run, "_DISPATCH_SECONDS", 0.0)


def dataset(make=None, valid=VALID, **options) -> Dataset:
    return Dataset.from_batches(Batches(make or Maker(), num_batches=5, batch_size=8), valid, **options)


def train(data, net=NET, **given) -> Fitted:
    named = {name: given.pop(name) for name in ("folder", "callback") if name in given}
    return fit(net, data, Reinforce(2), options=FitOptions(**OPTIONS | given), **named)


def assert_same(one: Fitted, other: Fitted):
    for a, b in zip(jax.tree.leaves(one.state), jax.tree.leaves(other.state), strict=True):
        assert np.asarray(a).tobytes() == np.asarray(b).tobytes()


@pytest.fixture(scope="module")
def whole():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_feed, "_BLOCK_BYTES", 80)
        return train(dataset())


def test_every_batch_is_asked_for_once_in_order():
    make = Maker()
    data = dataset(make)
    sampled = len(make.asked)
    assert make.asked == [(0, index) for index in range(5)]
    fitted = train(data)
    assert make.asked[sampled:] == [(epoch, index) for epoch in range(3) for index in range(5)]
    assert (len(fitted.history), int(fitted.state.learner.step)) == (3, 15)
    assert data.record.splits == {"train": 40, "valid": 9, "test": 0}
    np.testing.assert_array_equal(data.train.rows[8:16], Maker()(0, 1))


@pytest.mark.full
def test_a_net_learns_from_the_batches_of_the_epoch():
    """From the tenth epoch on, one of two runs is given the opposite rows."""
    rows = Maker()(0, 0)
    fitted = train(Dataset.from_batches(Batches(lambda *_: rows, 1, 8), VALID), epochs=30)
    assert fitted.history[-1]["train_bound"] > fitted.history[0]["train_bound"] + 0.3
    turned = Batches(lambda epoch, _: rows if epoch < 9 else 1 - rows, 1, 8)
    other = train(Dataset.from_batches(turned, VALID), epochs=30)
    assert [row["train_bound"] for row in other.history[:9]] == [row["train_bound"] for row in fitted.history[:9]]
    assert other.history[9]["train_bound"] < fitted.history[9]["train_bound"] - 0.3


@pytest.mark.parametrize("step", [2, 8])
def test_a_run_goes_on_where_it_was(whole, tmp_path, step: int):
    train(dataset(), folder=tmp_path, callback=StopsAt(step))
    make = Maker()
    data = dataset(make)
    make.asked.clear()
    assert_same(train(data, folder=tmp_path), whole)
    first = make.asked[0]
    assert first == (step // 5, step % 5 // 2 * 2)


def test_an_object_that_is_iterated_goes_on_where_it_was(tmp_path):
    def data():
        return Dataset.from_batches(Batches.of(Loader(), batch_size=8), VALID)

    train(data(), folder=tmp_path, callback=StopsAt(8))
    once = Maker()
    expected = train(dataset(lambda _, index: once(0, index)))
    assert_same(train(data(), folder=tmp_path), expected)


def test_a_sequence_is_taken_in_an_order_of_each_epoch():
    batches = Batches.of([np.full((2, 3), index) for index in range(6)], batch_size=2)
    orders = [[int(batches.take(epoch, index)[0, 0]) for index in range(6)] for epoch in (0, 1, 0)]
    assert orders[0] == orders[2] != orders[1]
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(6))
    other = Batches.of([np.full((2, 3), index) for index in range(6)], batch_size=2, seed=1)
    assert [int(other.take(0, index)[0, 0]) for index in range(6)] != orders[0]


def test_in_two_lines():
    model = beliefnet.fit(dataset(), hidden=(3,), epochs=2, estimator="reinforce")
    assert model.encode(VALID).shape == (9, 3)
    assert [row["step"] for row in model.history] == [5, 10]
    with pytest.raises(DataError, match="cannot be loaded again"):
        model.evaluate(num_particles=2)


@pytest.mark.full
def test_means_and_documents_are_read_as_the_sample_was():
    grey = np.random.default_rng(0).random((8, 5)).astype(np.float32)
    means = dataset(lambda *_: grey, grey)
    assert (means.record.binarization, means.train.is_dynamic) == ("dynamic", True)
    bits = dataset(lambda *_: grey, grey, binarization="threshold")
    assert set(np.unique(bits.train.rows)) == {0, 1}
    assert train(means).history[0]["train_bound"] != train(bits).history[0]["train_bound"]
    counts = np.random.default_rng(0).poisson(2.0, (8, 5)) + 1
    documents = dataset(lambda *_: sparse.csr_matrix(counts), counts, values="counts")
    assert len(train(documents, document_net(5, (3,), key=jax.random.key(0))).history) == 3


def late(change):
    """Return what makes good batches but for one of the second epoch."""
    return lambda epoch, index: change(Maker()(epoch, index)) if (epoch, index) == (1, 2) else Maker()(epoch, index)


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (
            lambda: train(dataset(late(lambda rows: rows * 3))),
            r"zeros and ones in rows, .* got 3 .*\(batch 3 of epoch 2\)",
        ),
        (lambda: train(dataset(late(lambda rows: rows[:7]))), r"8 rows in batch 3 of epoch 2, got shape \[7, 5\]"),
        (lambda: train(dataset(late(lambda rows: rows[:, :4]))), "batch 3 of epoch 2"),
        (lambda: train(dataset(), batch_size=9), "batch-size 8, that of the batches, got 9; try leaving it out"),
        (lambda: dataset(binarization="static"), "binarization that needs all rows at once for batches, got 'static'"),
        (
            lambda: Batches.of(iter([VALID]), batch_size=9),
            "in every epoch, got list_iterator, which ends once; try a list",
        ),
        (lambda: Batches.of(3, batch_size=9), "that yields batches, got 3; try a list"),
        (
            lambda: Batches.of(Endless(), batch_size=9),
            "num_batches for Endless, which has no length; try num_batches=100",
        ),
        (lambda: Batches(Maker(), 0, 9), "num_batches of at least 1, got 0; try 100"),
        (
            lambda: Dataset.from_batches(Batches.of(Loader(), batch_size=8, num_batches=6), VALID),
            "another batch in the epoch, got 5 in all; try num_batches=5",
        ),
    ],
)
def test_what_cannot_be_is_said(use, message: str):
    with pytest.raises((DataError, OptionError, ValueError, TypeError), match=message):
        use()


def test_other_batches_are_another_run(tmp_path):
    train(dataset(), folder=tmp_path, epochs=1)
    with pytest.raises(DataError, match=re.escape("the data that the run was started with")):
        train(dataset(lambda epoch, index: 1 - Maker()(epoch, index)), folder=tmp_path)
