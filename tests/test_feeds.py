"""Rows that do not stay on the device: the same training, to the bit, and no more rows in memory than steps need."""

import tracemalloc

import jax
import numpy as np
import pytest
from callbacks import StopsAt
from scipy import sparse

from beliefnet._errors import OptionError
from beliefnet.data import DataError, Dataset, Observations
from beliefnet.estimators import MSC, Reinforce
from beliefnet.nets import document_net, sigmoid_belief_net
from beliefnet.training import FitOptions, Fitted, Start, _feed, _run, fit, fit_side_by_side

RNG = np.random.default_rng(0)
BITS = (RNG.random((45, 5)) < 0.4).astype(np.uint8)
MEANS = RNG.integers(0, 256, (45, 5)).astype(np.uint8)
COUNTS = RNG.poisson(1.0, (45, 5)) + np.eye(5, dtype=int)[np.arange(45) % 5]
NET = sigmoid_belief_net(5, (3,), key=jax.random.key(0))
OPTIONS = {"epochs": 3, "batch_size": 8, "learning_rate": 0.1}


def bits(rows=BITS):
    return Dataset.from_observations(Observations(rows), Observations(rows[:9]))


def means():
    rows = Observations(MEANS, largest=255, is_dynamic=True)
    return Dataset.from_observations(rows, rows[:9], rows[3:9])


def documents():
    return Dataset.from_arrays(sparse.csr_matrix(COUNTS), COUNTS[:9], COUNTS[:9], values="counts")


@pytest.fixture
def small_blocks(monkeypatch):
    """Two batches of eight rows of five bytes to a block: of the five batches of an epoch, the last one is alone."""
    monkeypatch.setattr(_feed, "_BLOCK_BYTES", 80)
    monkeypatch.setattr(_run, "_DISPATCH_SECONDS", 0.0)


def train(data, rows_on="host", net=NET, estimator=None, **given) -> Fitted:
    named = {name: given.pop(name) for name in ("folder", "callback") if name in given}
    options = FitOptions(**OPTIONS | given, rows_on=rows_on)
    return fit(net, data, Reinforce(2) if estimator is None else estimator, options=options, **named)


def assert_same(one: Fitted, other: Fitted):
    for a, b in zip(jax.tree.leaves(one.state), jax.tree.leaves(other.state), strict=True):
        assert np.asarray(a).tobytes() == np.asarray(b).tobytes()
    for name in ("train_bound", "valid_bound"):
        assert [row[name] for row in one.history] == [row[name] for row in other.history]


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("make", [bits, pytest.param(means, marks=pytest.mark.full)])
def test_rows_on_the_host_train_the_same_net(make):
    assert_same(train(make()), train(make(), "device"))


@pytest.mark.full
@pytest.mark.usefixtures("small_blocks")
def test_sparse_rows_on_the_host_train_the_same_net():
    net = document_net(5, (3,), key=jax.random.key(0))
    assert_same(train(documents(), net=net), train(documents(), "device", net=net))


@pytest.mark.full
@pytest.mark.usefixtures("small_blocks")
def test_what_an_estimator_keeps_of_each_row_is_that_of_the_row():
    one, other = (train(bits(), where, estimator=MSC(2)) for where in ("host", "device"))
    assert_same(one, other)
    assert one.state.learner.estimator_state.is_begun.sum() > 40


@pytest.mark.usefixtures("small_blocks")
def test_a_run_goes_on_in_the_middle_of_a_block_and_on_the_device(tmp_path):
    for step in (3, 7):
        assert int(train(bits(), folder=tmp_path, callback=StopsAt(step)).state.learner.step) == step
    train(bits(), "device", folder=tmp_path, callback=StopsAt(9))
    whole = train(bits())
    assert_same(train(bits(), folder=tmp_path), whole)
    assert_same(train(bits(), folder=tmp_path), whole)


@pytest.fixture
def mapped(tmp_path):
    """A file of eight megabytes."""
    np.save(tmp_path / "x.npy", (np.random.default_rng(1).random((80_000, 100)) < 0.3).astype(np.uint8))
    return Observations(np.load(tmp_path / "x.npy", mmap_mode="r"))


def test_a_memory_mapped_file_is_not_read_into_memory(mapped):
    net = sigmoid_belief_net(100, (2,), key=jax.random.key(0))
    tracemalloc.start()
    try:
        data = Dataset.from_observations(mapped, mapped[:400])
        mean = data.train.average()
        rows = _run.Rows.of(net, data, FitOptions())
        take = _feed.in_order(rows.train, 200, key=jax.random.key(0))
        taken, numbers = take(0, 7, 3)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert rows.are_on_host
    assert peak < 0.75 * mapped.rows.nbytes
    np.testing.assert_array_equal(taken.rows, mapped.rows[numbers])
    assert len(np.unique(numbers)) == 600
    np.testing.assert_allclose(mean, mapped.rows.mean(axis=0), rtol=1e-5)


@pytest.mark.full
def test_a_memory_mapped_file_trains_the_same_net(tmp_path):
    np.save(tmp_path / "x.npy", BITS)
    data = bits(np.load(tmp_path / "x.npy", mmap_mode="r"))
    assert _feed.is_mapped(data.train)
    assert not _feed.is_mapped(bits().train)
    assert_same(train(data, "auto"), train(bits(), "auto"))


def test_what_does_not_fit_the_device_stays_on_the_host(monkeypatch):
    class Small:
        def memory_stats(self):
            return {"bytes_limit": 1000, "bytes_in_use": 600}

    assert _feed.fits_device(Observations(BITS))
    monkeypatch.setattr(jax, "local_devices", lambda: [Small()])
    assert not _feed.fits_device(Observations(BITS))
    assert _feed.fits_device(Observations(BITS[:40]))


def test_what_cannot_be_is_said():
    with pytest.raises(OptionError, match="on the device for runs side by side, got some on the host; try fit"):
        fit_side_by_side([Start(NET, Reinforce(2), FitOptions(rows_on="host"))], bits())
    with pytest.raises(DataError, match=r"valid rows like the training rows, .*'largest': 1.*, got .*'largest': 255"):
        Dataset.from_observations(Observations(BITS), Observations(MEANS, largest=255, is_dynamic=True))
    wrong = BITS.copy()
    wrong[44, 2] = 7
    with pytest.raises(DataError, match="got 7 at row 45, column 3"):
        train(bits(wrong))
