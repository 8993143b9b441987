"""Batches of grain: in its order, from one epoch to the next, and on from its state without what had been read."""

import jax
import numpy as np
import pytest
from callbacks import StopsAt

from beliefnet._errors import ArgumentError
from beliefnet.data import Batches, DataError, Dataset
from beliefnet.estimators import Reinforce
from beliefnet.nets import sigmoid_belief_net
from beliefnet.training import FitOptions, Fitted, _feed, _run, fit

grain = pytest.importorskip("grain")

ROWS = (np.random.default_rng(0).random((40, 5)) < 0.4).astype(np.uint8)
VALID = ROWS[:9]
NET = sigmoid_belief_net(5, (3,), key=jax.random.key(0))


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Two batches of eight rows of five bytes to a block, and a step to a dispatch."""
    monkeypatch.setattr(_feed, "_BLOCK_BYTES", 80)
    monkeypatch.setattr(_run, "_DISPATCH_SECONDS", 0.0)


class Rows:
    """Rows that remember which of them were read."""

    def __init__(self):
        self.read = []

    def __repr__(self):
        return "rows"

    def __len__(self):
        return len(ROWS)

    def __getitem__(self, row):
        self.read.append(int(row))
        return ROWS[row]


def shuffled(rows):
    return grain.MapDataset.source(rows).seed(1).shuffle().batch(8)


def unthreaded(rows):
    return shuffled(rows).repeat().to_iter_dataset(grain.ReadOptions(0, 0))


def buffered(rows):
    """Rows in an order that only a buffer knows: the state of such an iterator holds what is in it."""
    one = grain.ReadOptions(1, 1)
    kept = grain.MapDataset.source(rows).shuffle(seed=1).repeat().to_iter_dataset(one)
    return grain.experimental.WindowShuffleIterDataset(kept, window_size=16, seed=2).batch(8)


def loader(rows):
    sampler = grain.samplers.IndexSampler(len(ROWS), shuffle=True, seed=3)
    return grain.DataLoader(data_source=rows, sampler=sampler, operations=[grain.transforms.Batch(8)], worker_count=0)


def dataset(make, rows=None) -> Dataset:
    batches = Batches.of(make(Rows() if rows is None else rows), batch_size=8, num_batches=5)
    return Dataset.from_batches(batches, VALID)


def train(data, **given) -> Fitted:
    named = {name: given.pop(name) for name in ("folder", "callback") if name in given}
    return fit(NET, data, Reinforce(2), options=FitOptions(epochs=3, learning_rate=0.1, **given), **named)


def assert_same(one: Fitted, other: Fitted):
    for a, b in zip(jax.tree.leaves(one.state), jax.tree.leaves(other.state), strict=True):
        assert np.asarray(a).tobytes() == np.asarray(b).tobytes()


@pytest.mark.full(but=["buffered", "unthreaded"])
@pytest.mark.parametrize("make", [shuffled, buffered, unthreaded, loader])
def test_a_run_goes_on_from_the_state_of_grain(make, tmp_path):
    whole = train(dataset(make))
    for step in (3, 8):
        assert int(train(dataset(make), folder=tmp_path, callback=StopsAt(step)).state.learner.step) == step
    rows = Rows()
    data = dataset(make, rows)
    sampled = len(rows.read)
    assert_same(train(data, folder=tmp_path), whole)
    if make is unthreaded:
        # Step 8 is the second of its block: the batches of steps 7 to 14.
        assert len(rows.read) - sampled == 8 * 8


def test_every_epoch_has_the_order_of_grain_and_every_row():
    rows = Rows()
    batches = Batches.of(shuffled(rows), batch_size=8)
    epochs = [np.concatenate([batches.take(epoch, index) for index in range(5)]) for epoch in range(2)]
    expected = shuffled(Rows()).repeat()
    np.testing.assert_array_equal(epochs[1], np.concatenate([expected[5 + index] for index in range(5)]))
    assert not np.array_equal(*epochs)
    np.testing.assert_array_equal(*(rows[np.lexsort(rows.T)] for rows in epochs))
    assert batches.num_batches == 5


def test_what_ends_begins_anew():
    batches = Batches.of(grain.MapDataset.source(ROWS).batch(8).to_iter_dataset(), batch_size=8, num_batches=3)
    found = np.concatenate([batches.take(epoch, index) for epoch in range(2) for index in range(3)])
    np.testing.assert_array_equal(found, np.concatenate([ROWS, ROWS[:8]]))


def test_what_cannot_be_is_said():
    with pytest.raises(ArgumentError, match=r"num_batches for .*, which has no length; try num_batches=100"):
        Batches.of(shuffled(Rows()).repeat(), batch_size=8)
    with pytest.raises(DataError, match="batches from grain, got none; try a data set that has some"):
        Batches.of(shuffled(Rows())[:0], batch_size=8, num_batches=1).take(0, 0)
