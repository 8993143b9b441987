"""Data in many files: every row once an epoch, in an order that is known, and no rows of one split in another."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pyarrow
import pytest
from callbacks import StopsAt
from pyarrow import ipc, parquet
from scipy import sparse

import beliefnet
from beliefnet.cli._rows import warn_of_sample
from beliefnet.data import DataError, Observations, load, load_shards, rows_like
from beliefnet.data.streamed import _files, _found, _load, _windows
from beliefnet.estimators import Reinforce
from beliefnet.nets import sigmoid_belief_net
from beliefnet.training import FitOptions, Fitted, _feed, _run, fit

pytest.importorskip("grain")

BITS = (np.arange(200)[:, None] >> np.arange(8)) & 1
"""Row n is n in binary."""
SIZES = (31, 40, 9, 50, 30, 40)
NET = sigmoid_belief_net(8, (3,), key=jax.random.key(0))


def numbers(rows) -> np.ndarray:
    return np.asarray(rows) @ (1 << np.arange(8))


def files(folder, write, rows=BITS):
    """Write files of several sizes; return the folder."""
    folder.mkdir(exist_ok=True)
    for index, part in enumerate(np.split(rows, np.cumsum(SIZES)[:-1])):
        write(folder, f"part-{index}", part)
    return folder


def table(rows, names="abcdefgh") -> pyarrow.Table:
    return pyarrow.table(dict(zip(names, np.asarray(rows, np.uint8).T, strict=True)))


def npy(folder, name, rows):
    np.save(folder / f"{name}.npy", rows.astype(np.uint8))


def npz(folder, name, rows):
    sparse.save_npz(folder / f"{name}.npz", sparse.csr_matrix(rows))


def row_groups(folder, name, rows):
    parquet.write_table(table(rows), folder / f"{name}.parquet", row_group_size=7)


def arrow(folder, name, rows):
    found = table(rows)
    # The two forms of such files.
    form = ipc.new_file if name.endswith("0") else ipc.new_stream
    with form(folder / f"{name}.arrow", found.schema) as writer:
        writer.write_table(found, max_chunksize=11)


SMALL = ((_files, "PART_BYTES", 40), (_windows, "WINDOW_BYTES", 160), (_feed, "_BLOCK_BYTES", 160))


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    """Parts of five rows of eight bytes, four of them to a window; blocks of two batches, and a step to a dispatch."""
    for module, name, size in (*SMALL, (_run, "_DISPATCH_SECONDS", 0.0)):
        monkeypatch.setattr(module, name, size)


def epoch_of(data, epoch=0, seed=0, size=10, net=NET) -> Observations:
    """Return the rows of an epoch, in its order."""
    steps = data.record.splits["train"] // size
    return _feed.streamed_in(data, net, size, seed=seed).take(epoch, 0, steps)[0]


@pytest.mark.parametrize("write", [npy, npz, row_groups, arrow])
def test_an_epoch_has_every_row_once(tmp_path, write):
    data = load(files(tmp_path / "x", write))
    held_out = np.concatenate([numbers(data.valid), numbers(data.test)])
    assert data.record.splits == {"train": 200 - len(held_out), "valid": len(data.valid), "test": len(data.test)}
    taken = epoch_of(data)
    # Rows that do not fill a batch are left out, other ones in other epochs.
    assert len(taken) == data.record.splits["train"] // 10 * 10
    assert len(np.unique(numbers(taken))) == len(taken)
    assert not np.isin(numbers(taken), held_out).any()
    assert len(np.unique(held_out)) == len(held_out)
    assert taken.rows.dtype == (np.int32 if write is npz else np.uint8)
    others = [epoch_of(data, epoch, seed) for epoch, seed in ((0, 0), (1, 0), (0, 1))]
    np.testing.assert_array_equal(numbers(others[0]), numbers(taken))
    for other in others[1:]:
        assert not np.array_equal(numbers(other), numbers(taken))
    # A row has the same number in every epoch.
    known, found = (dict(zip(rows.numbers.tolist(), numbers(rows), strict=True)) for rows in (taken, others[1]))
    assert all(known[number] == found[number] for number in known.keys() & found.keys())


def test_rows_are_shuffled_in_windows_of_parts(tmp_path):
    """Parts of all files come together, their rows apart, and no further than a window."""
    data = load(files(tmp_path / "x", npy))
    found = epoch_of(data, size=1)
    parts = np.searchsorted([place.number for place in data.batches.places], found.numbers, side="right")
    spans = [np.ptp(np.flatnonzero(parts == part)) for part in np.unique(parts)]
    assert 5 < max(spans) < 25
    assert len(np.unique(numbers(found)[:20] // 40)) > 2
    assert np.abs(np.diff(numbers(found))).mean() > 30


def test_rows_are_taken_from_anywhere(tmp_path):
    data = load(files(tmp_path / "x", npy))
    source = _feed.streamed_in(data, NET, 10, seed=0)
    whole = numbers(epoch_of(data, epoch=2))
    for first, count in ((5, 3), (8, 2), (0, 1), (5, 3)):
        np.testing.assert_array_equal(
            numbers(source.take(2, first, count)[0]), whole[10 * first : 10 * (first + count)]
        )


def train(data, **given) -> Fitted:
    named = {name: given.pop(name) for name in ("folder", "callback") if name in given}
    options = FitOptions(**{"epochs": 2, "batch_size": 10, "learning_rate": 0.1} | given)
    return fit(NET, data, Reinforce(2), options=options, **named)


def assert_same(one: Fitted, other: Fitted):
    for a, b in zip(jax.tree.leaves(one.state), jax.tree.leaves(other.state), strict=True):
        assert np.asarray(a).tobytes() == np.asarray(b).tobytes()


def test_a_run_goes_on_in_the_middle_of_an_epoch(tmp_path):
    folder = files(tmp_path / "x", npy)
    whole = train(load(folder))
    assert int(train(load(folder), folder=tmp_path / "run", callback=StopsAt(5)).state.learner.step) == 5
    # The files may have moved.
    moved = folder.rename(tmp_path / "y")
    found = train(load(moved), folder=tmp_path / "run")
    assert_same(found, whole)
    npy(moved, "part-0", BITS[:30])
    with pytest.raises(DataError, match="the data that the run was started with"):
        train(load(moved), folder=tmp_path / "run")


class Killed(StopsAt):
    """Ends the process, which can do nothing about it."""

    def should_stop(self):
        if super().should_stop():
            os.kill(os.getpid(), signal.SIGKILL)
        return False


def train_until_killed(folder: str, run: str):
    """Train on the files of a folder, with a checkpoint after every step, until a step in the second epoch."""
    for module, name, size in (*SMALL, (_run, "_DISPATCH_SECONDS", 0.0)):
        setattr(module, name, size)
    train(load(folder), folder=run, callback=Killed(19), checkpoint_seconds=0.0)


@pytest.mark.full
def test_a_run_goes_on_after_a_kill(tmp_path):
    folder = files(tmp_path / "x", npy)
    words = [str(folder), str(tmp_path / "run")]
    child = "import sys, test_shards; test_shards.train_until_killed(*sys.argv[1:])"
    found = subprocess.run([sys.executable, "-c", child, *words], cwd=Path(__file__).parent, capture_output=True)
    assert (found.returncode, found.stderr) == (-signal.SIGKILL, b"")
    steps = [int(path.name[5:]) for path in (tmp_path / "run" / "checkpoints").iterdir()]
    assert max(steps) == 19 > len(epoch_of(load(folder))) // 10
    assert_same(train(load(folder), folder=tmp_path / "run"), train(load(folder)))


def test_files_are_of_the_split_that_they_are_named_after(tmp_path):
    folder = tmp_path / "x"
    (folder / "test").mkdir(parents=True)
    for name, rows in (("train-0", BITS[:60]), ("train_1", BITS[60:90]), ("valid", BITS[90:110])):
        npy(folder, name, rows)
    npy(folder / "test", "0", BITS[110:])
    data = load(folder)
    assert data.record.splits == {"train": 90, "valid": 20, "test": 90}
    np.testing.assert_array_equal(numbers(data.valid), np.arange(90, 110))
    named = load_shards([folder / "train-0.npy"], valid=[folder / "valid.npy"])
    assert named.record.splits == {"train": 60, "valid": 20, "test": 0}
    with pytest.raises(DataError, match=r"no valid_fraction, because .* has valid files of its own"):
        load(folder, valid_fraction=0.2)


def test_no_more_than_enough_files_are_held_out(tmp_path, monkeypatch):
    monkeypatch.setattr(_found, "_ENOUGH", 7)
    for index in range(40):
        npy(tmp_path, f"part-{index}", BITS[5 * index : 5 * index + 5])
    assert load(tmp_path).record.splits == {"train": 180, "valid": 10, "test": 10}
    assert load(tmp_path, valid_fraction=0.2, test_fraction=0).record.splits == {"train": 160, "valid": 40, "test": 0}


def test_a_sample_that_stands_for_all_training_rows_is_said(tmp_path, monkeypatch, capsys):
    folder = files(tmp_path / "x", npy)
    monkeypatch.setattr(_load, "_SAMPLE_ROWS", 32)
    data = load(folder)
    warn_of_sample(data)
    said = f"of the {data.record.splits['train']} training rows of x, which are read as needed, 32 are used"
    assert said in capsys.readouterr().err


@pytest.mark.full
def test_a_table_of_mixed_columns(tmp_path, monkeypatch):
    folder = tmp_path / "x"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for index in range(5):
        columns = {"age": rng.normal(40, 9, 30), "kind": rng.choice(["cat", "dog"], 30).tolist()}
        parquet.write_table(pyarrow.table(columns), folder / f"{index}.parquet")
    model = beliefnet.fit(str(folder), epochs=1, batch_size=10)
    assert {column.name: column.kind for column in model.record.schema.columns} == {
        "age": "number",
        "kind": "binary",
    }
    # A sample of the first rows does not show that one.
    monkeypatch.setattr(_load, "_SAMPLE_ROWS", 40)
    for index in range(5):
        columns = {"age": list(range(30)), "kind": ["cat", "dog"] * 10 + ["cow"] * 10}
        parquet.write_table(pyarrow.table(columns), folder / f"train-{index}.parquet")
        (folder / f"{index}.parquet").rename(folder / f"valid-{index}.parquet")
    with pytest.raises(DataError, match=r"'cow'.*rows 1 to 30 of .*.parquet"):
        beliefnet.fit(str(folder), epochs=1, batch_size=10)


def bad(folder, name="part-3"):
    """Return what writes a file beside good ones."""
    rows = BITS[:20].copy()
    rows[17, 2] = 3
    return {
        "value": lambda: npy(folder, name, rows),
        "width": lambda: npy(folder, name, rows[:, :7]),
        "empty": lambda: npy(folder, name, rows[:0]),
        "objects": lambda: np.save(folder / f"{name}.npy", np.array([[1], None], object)),
        "short": lambda: (folder / f"{name}.npy").write_bytes((folder / "part-0.npy").read_bytes()[:-9]),
    }


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("value", r"rows 16 to 20 of .*part-3.npy.* 3 at row 3, column 3"),
        ("width", r"columns of every file to be as in .*part-0.npy, \[8\], got \[7\] in .*part-3.npy"),
        ("empty", r"rows in every file, got none in .*part-3.npy"),
        ("objects", r"damaged .*part-3.npy .*objects"),
        ("short", r"damaged .*part-3.npy"),
    ],
)
def test_a_bad_file_is_named(tmp_path, what, message):
    folder = files(tmp_path / "x", npy)
    bad(folder)[what]()
    with pytest.raises(DataError, match=message):
        epoch_of(load(folder, split_seed=1), size=1)


def test_a_dark_file_is_dark_whatever_is_read_with_it(tmp_path, monkeypatch):
    monkeypatch.setattr(_windows, "_GROUP_BYTES", 1)
    folder = files(tmp_path / "x", npy, np.random.default_rng(0).integers(0, 256, (200, 8)))
    npy(folder, "part-3", BITS[:50])
    data = load(folder, values="grey", split_seed=1)
    read = data.batches.taking(lambda rows, _: rows_like(data.record, rows, are_own=True), data.train, 10, seed=0)
    rows, numbered = read(0, 0, data.batches.num_rows // 10)
    first = sum(
        shard.num_rows for shard in data.batches.shards[: [s.path.stem for s in data.batches.shards].index("part-3")]
    )
    dark = (numbered >= first) & (numbered < first + 50)
    assert dark.sum() > 30
    assert rows.means()[dark].max() == np.float32(1 / 255)
    np.save(folder / "part-4.npy", np.eye(8))
    with pytest.raises(DataError, match=r"numbers of every file to be as in .*, whole ones, got floats in .*part-4"):
        load(folder, values="grey")


def test_tables_that_differ_are_told_apart(tmp_path):
    folder = files(tmp_path / "x", row_groups)
    for held, message in (
        (table(BITS[:9], "abcdefgx"), "column 'h' of every file to be as in .*part-0.parquet, numbers, got none"),
        (table(BITS[:9]).select(list("bacdefgh")), "the order of columns of every file"),
        (
            table(BITS[:9]).set_column(1, "b", [["x"] * 9]),
            "column 'b' .*, numbers, got texts or dates in .*part-4.parquet",
        ),
    ):
        parquet.write_table(held, folder / "part-4.parquet")
        with pytest.raises(DataError, match=message):
            load(folder)
    assert load(folder, drop=("b",), values="binary").record.num_features == 7
    with pytest.raises(DataError, match=r"a column of data in every file, got none of 'a', .* left; try fewer to drop"):
        load(folder, drop=tuple("abcdefgh"))


def test_what_cannot_be_is_said(tmp_path, monkeypatch):
    folder = files(tmp_path / "x", npy)
    for use, message in (
        (lambda: load(folder, transpose=True), "no transpose for .*, one of many files .*; try leaving it out"),
        (lambda: load(folder, binarization="static"), "that needs all rows at once"),
        (lambda: load_shards([folder / "part-0.npy"]), "3 files of training rows or more in files, .* got 1"),
        (lambda: load_shards([folder / "x.csv"]), r"files that end in \.npy, .*, got .*x\.csv"),
        (lambda: load_shards([]), "files of training rows in files, got none"),
    ):
        with pytest.raises(DataError, match=message):
            use()
    npy(folder, "train", BITS)
    with pytest.raises(DataError, match=r"every file of .* to be named after a split, as some are, got 'part-0.npy'"):
        load(folder)
    monkeypatch.setitem(__import__("sys").modules, "grain", None)
    (folder / "train.npy").unlink()
    with pytest.raises(DataError, match=re.escape("pip install 'beliefnet[stream]'")):
        epoch_of(load(folder))


@pytest.mark.parametrize("other", ["notes.txt", "preview.png", "labels.csv.gz", "below/x.mtx", "part-9.npy.gz"])
def test_other_data_beside_shards_are_refused(tmp_path, other):
    folder = files(tmp_path / "x", npy)
    for name in ("README.txt", "LICENSE", "License.TXT", "form.json", ".hidden.txt", "_SUCCESS"):
        (folder / name).write_text("words")
    assert load(folder).record.num_features == 8
    (folder / other).parent.mkdir(exist_ok=True)
    (folder / other).write_text("words")
    for use in (load, load_shards):
        message = f"shards or of other data, got both in .*x: 6 such as 'part-0.npy' and 1 such as '{Path(other).name}'"
        with pytest.raises(DataError, match=message) as caught:
            use(folder)
    assert str(caught.value).endswith(
        "; try a folder of the shards alone, or in Python load_shards(train, valid, test) with lists of files"
    )
    shards = sorted(folder.glob("*.npy"))
    assert load_shards(shards[:4], shards[4:5], shards[5:]).record.splits == {"train": 130, "valid": 30, "test": 40}


def test_a_file_is_of_one_split_once(tmp_path):
    a, b, c, *_ = sorted(files(tmp_path / "x", npy).glob("*.npy"))
    link = tmp_path / "link.npy"
    link.symlink_to(a)
    for given in (([a, b], [a]), ([a, a, b], [c]), ([a, b], [c], [link])):
        with pytest.raises(DataError, match=r"every file once, got .*(part-0|link).npy twice"):
            load_shards(*given)


def test_files_of_a_split_are_paths(tmp_path):
    folder = files(tmp_path / "x", npy)
    a, b, *_ = sorted(folder.glob("*.npy"))
    assert load_shards([a], valid=b).record.splits == load_shards([a], valid=str(b)).record.splits
    with pytest.raises(DataError, match=r"no valid beside .*, which is taken for a folder of all splits"):
        load_shards(folder, valid=[b])
    with pytest.raises(DataError, match="test to have a file, got an empty list; try test=None"):
        load_shards([a], valid=b, test=[])
    # The type checker of the tests would refuse it first.
    for given in ([1], 5, [[a]]):
        with pytest.raises(TypeError, match=r"expected .*valid to be of type .*valid-000.npy"):
            _load._paths("valid", given)
    for paths in ([a, b], [str(a), str(b)]):
        with pytest.raises(DataError, match=r"got a list of paths, as .*; try data.load_shards\(paths\), or"):
            beliefnet.fit(paths)
