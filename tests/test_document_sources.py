"""Named data sets of documents: what they hold, downloads from a local server, and the real data where they are."""

import gzip
import io
import os
import pickle
import sys
import warnings
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from scipy import io as scipy_io
from scipy import sparse
from serving import Server, local_source

from beliefnet.cli import run
from beliefnet.data import DataError, Dataset, DataUnavailable, available, fetch, load
from beliefnet.data._load import SOURCES
from beliefnet.data.sources._documents import TOKEN_FILES, convert_tokens, rcv1_layout, unpack_documents, unpack_tokens

pytestmark = pytest.mark.usefixtures("cache")

REAL_DATA = os.environ.get("BELIEFNET_DATA")


@pytest.fixture
def counts() -> sparse.csr_matrix:
    """Sixty documents of nine words; all of them have the first word."""
    rng = np.random.default_rng(3)
    dense = rng.poisson(0.4, (60, 9))
    dense[:, 0] += 2
    return sparse.csr_matrix(dense)


def same(one: object, other: sparse.csr_matrix) -> bool:
    return isinstance(one, sparse.csr_matrix) and one.shape == other.shape and (one != other).nnz == 0


def rows_of(*matrices: sparse.csr_matrix) -> list[bytes]:
    return sorted(row.astype(np.int32).tobytes() for matrix in matrices for row in matrix.toarray())


def test_named_data_hold_what_they_hold():
    with pytest.raises(
        DataError,
        match=r"^expected counts for a document net or poisson visible units, got 'mnist', which holds binary images; "
        r"try --data 20newsgroups, or a net over bits \(beliefnet train --net sbn\)$",
    ):
        load("mnist", values="counts")
    with pytest.raises(DataError, match=r"got '20newsgroups', which holds word counts; .*--net document\)$"):
        load("20newsgroups", values="binary")
    with pytest.raises(DataError, match="expected no vocabulary_size for 'bars', which holds binary values"):
        load("bars", vocabulary_size=7)
    with pytest.raises(DataError, match="expected no binarization for '20newsgroups', which holds word counts"):
        load("20newsgroups", binarization="static")
    with pytest.raises(DataError, match="expected no text_column for '20newsgroups'"):
        load("20newsgroups", text_column="text")


def test_listing_of_documents(capsys: pytest.CaptureFixture[str]):
    listing = {row.name: row for row in available()}
    assert (listing["20newsgroups"].values, listing["20newsgroups"].image_shape) == ("counts", None)
    assert (listing["20newsgroups"].num_features, listing["20newsgroups"].where) == (2000, "absent")
    assert (listing["mnist"].values, listing["mnist"].num_features) == ("binary", 784)
    assert run(["datasets"]) == 0
    printed = capsys.readouterr().out
    assert "2000 words" in printed
    assert "28x28" in printed


def test_reuters_needs_its_package(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "lda", None)
    assert {row.name: row.where for row in available()}["reuters"] == "absent"
    with pytest.raises(DataUnavailable, match=r'try pip install "beliefnet\[docs-data\]"'):
        load("reuters")


def test_reuters():
    pytest.importorskip("lda")
    data = load("reuters")
    assert data.record.splits == dict(SOURCES["reuters"].splits)
    assert (data.record.num_features, len(data.words or ())) == (4258, 4258)
    assert sum(
        float(data.split(split).average().sum() * size) for split, size in data.record.splits.items()
    ) == pytest.approx(84010, rel=1e-5)
    with pytest.warns(UserWarning, match="left out documents of 'reuters'"):
        assert load("reuters", vocabulary_size=2).words == ("church", "pope")


# 20 Newsgroups, from a server on this machine


def cell_array(arrays: list[np.ndarray]) -> np.ndarray:
    cells = np.empty((1, len(arrays)), dtype=object)
    cells[0, :] = arrays
    return cells


def mat_files(part: str, counts: sparse.csr_matrix) -> dict[str, bytes]:
    """Each document as a list of columns and one of counts, in a file of its own for either."""
    files = {}
    for kind, array in {"tokens": counts.indices, "counts": counts.data}.items():
        buffer = io.BytesIO()
        scipy_io.savemat(buffer, {kind: cell_array(np.split(array, counts.indptr[1:-1]))})
        files[f"bow_{part}_{kind}.mat"] = buffer.getvalue()
    return files


@pytest.fixture
def release(counts: sparse.csr_matrix) -> dict[str, bytes]:
    """The published files, in small: 44 training, 6 validation and 10 test documents of nine words."""
    parts = {"tr": counts[:44], "va": counts[44:50], "ts": counts[50:], "ts_h1": counts[50:].sign()}
    files = {name: content for part, matrix in parts.items() for name, content in mat_files(part, matrix).items()}
    return {**files, "vocab.pkl": pickle.dumps(list("ihgfedcba"), protocol=2)}


def publish(server: Server, files: dict[str, bytes], counts: sparse.csr_matrix, monkeypatch: pytest.MonkeyPatch):
    layout: dict[str, tuple[tuple[int, ...], str]] = {"words": ((9,), "object")}
    for split, matrix in {"train": counts[:50], "test": counts[50:]}.items():
        layout |= {f"{split}_{piece}": ((matrix.nnz,), "int32") for piece in ("data", "indices")}
        layout |= {f"{split}_indptr": ((matrix.shape[0] + 1,), "int32"), f"{split}_shape": ((2,), "int64")}
    changes = {"num_words": 9, "splits": {"train": 45, "valid": 5, "test": 10}, "layout": layout}
    unpack = partial(unpack_documents, num_valid=5)
    monkeypatch.setitem(SOURCES, "20newsgroups", local_source("20newsgroups", server, files, unpack=unpack, **changes))


def sorted_columns(counts: sparse.csr_matrix) -> list[int]:
    totals = counts[:50].toarray().sum(axis=0)
    return sorted(range(9), key=lambda column: (-totals[column], "ihgfedcba"[column]))


def test_newsgroups_end_to_end(
    release: dict[str, bytes], counts: sparse.csr_matrix, server: Server, cache: Path, monkeypatch: pytest.MonkeyPatch
):
    publish(server, release, counts, monkeypatch)
    data, order = load("20newsgroups"), sorted_columns(counts)
    assert data.words == tuple("ihgfedcba"[column] for column in order)
    assert data.record.splits == {"train": 45, "valid": 5, "test": 10}
    assert same(data.test.rows, counts[50:][:, order])
    assert rows_of(data.train.rows, data.valid.rows) == rows_of(counts[:50][:, order])
    assert sorted(path.name for path in cache.iterdir()) == ["20newsgroups_11314.npz", "20newsgroups_11314.vocab.txt"]
    assert load("20newsgroups", seed=3).record == data.record
    assert len(server.asked) == 9
    assert fetch("20newsgroups") == cache / "20newsgroups_11314.npz"
    # The file is one that a user could have brought.
    with np.load(cache / "20newsgroups_11314.npz", allow_pickle=False) as written:
        assert set(written) == {
            f"{name}_{piece}"
            for name in ("train", "test", "test_observed")
            for piece in ("data", "indices", "indptr", "shape")
        }
    brought = load(cache / "20newsgroups_11314.npz")
    assert brought.words == data.words
    assert same(brought.test.rows, data.test.rows)


def test_fewer_words_of_newsgroups_are_the_first(
    release: dict[str, bytes], counts: sparse.csr_matrix, server: Server, monkeypatch: pytest.MonkeyPatch
):
    publish(server, release, counts, monkeypatch)
    order = sorted_columns(counts)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = load("20newsgroups", vocabulary_size=2)
    assert same(data.test.rows, counts[50:][:, order[:2]])
    # All documents have the first word: it is taken from some of the test documents here.
    rare = sparse.csr_matrix(counts.multiply((np.arange(60) < 57)[:, None] | (np.arange(9) > 0)))
    for name, content in mat_files("ts", rare[50:]).items():
        release[name] = content
    publish(server, release, rare, monkeypatch)
    monkeypatch.setenv("BELIEFNET_CACHE", f"{os.environ['BELIEFNET_CACHE']}-other")
    with pytest.warns(UserWarning, match=r"left out documents of '20newsgroups' .*: 3 of 10 test"):
        assert load("20newsgroups", vocabulary_size=1).record.splits == {"train": 45, "valid": 5, "test": 7}


def test_vocabulary_of_newsgroups_that_is_missing(
    release: dict[str, bytes], counts: sparse.csr_matrix, server: Server, cache: Path, monkeypatch: pytest.MonkeyPatch
):
    publish(server, release, counts, monkeypatch)
    load("20newsgroups")
    beside = cache / "20newsgroups_11314.vocab.txt"
    words = beside.read_text()
    beside.unlink()
    with pytest.raises(DataError, match=r"expected the vocabulary .*\.vocab\.txt beside .*, got no such file"):
        load("20newsgroups")
    beside.write_text(words[2:])
    with pytest.raises(DataError, match=r"expected the array 'words' \(object \[9\]\) .*, got object \[8\]"):
        load("20newsgroups")


class Harmful:
    def __reduce__(self):
        return os.mkdir, ("unpickled",)


@pytest.mark.parametrize(
    "content", [Harmful(), {"a": 1}, ["a", 2], [np.float64(1)]], ids=["code", "dict", "int", "numpy"]
)
def test_pickles_of_other_contents_are_refused(
    release: dict[str, bytes],
    counts: sparse.csr_matrix,
    server: Server,
    cache: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    content: object,
):
    monkeypatch.chdir(tmp_path)
    publish(server, {**release, "vocab.pkl": pickle.dumps(content)}, counts, monkeypatch)
    with pytest.raises(DataError, match=r"expected a list of words in .*vocab\.pkl, got other contents"):
        load("20newsgroups")
    assert list(cache.iterdir()) == []
    assert not (tmp_path / "unpickled").exists()


def test_damaged_release_leaves_nothing_behind(
    release: dict[str, bytes], counts: sparse.csr_matrix, server: Server, cache: Path, monkeypatch: pytest.MonkeyPatch
):
    publish(server, release, counts, monkeypatch)
    server.damage = lambda content: content[:-1] + bytes([content[-1] ^ 1])
    with pytest.raises(DataUnavailable, match=r"wrong checksum.*_11314\.vocab\.txt and .*_11314\.npz"):
        load("20newsgroups")
    assert list(cache.iterdir()) == []


# RCV1, from a server on this machine


def tokens(documents: dict[int, str]) -> bytes:
    return gzip.compress("".join(f".I {n}\n.W\n{text}\n\n" for n, text in documents.items()).encode(), mtime=0)


@pytest.fixture
def token_files(server: Server, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Forty documents in five files: all have the stem "reut", twice and on two lines, and two of ten others."""
    rest = "abcdefghij"
    texts = {n: f"reut {rest[n % 10]}\n{rest[n % 7]} reut" for n in range(40)}
    files = {name: tokens({n: texts[n] for n in range(8 * k, 8 * k + 8)}) for k, name in enumerate(TOKEN_FILES)}
    sizes = {"num_documents": 40, "num_test": 10, "num_words": 6}
    changes = {"num_words": 6, "splits": {"train": 25, "valid": 5, "test": 10}, "layout": rcv1_layout(**sizes)}
    convert, unpack = partial(convert_tokens, **sizes), partial(unpack_tokens, num_valid=5)
    monkeypatch.setitem(SOURCES, "rcv1", local_source("rcv1", server, files, convert=convert, unpack=unpack, **changes))
    return files


def test_tokens_end_to_end(token_files: dict[str, bytes], server: Server, cache: Path):
    data = load("rcv1")
    assert data.record.splits == {"train": 25, "valid": 5, "test": 10}
    assert (data.words or ())[0] == "reut"
    rows = np.concatenate([data.split(split).rows.toarray() for split in ("train", "valid", "test")])
    assert rows.shape == (40, 6)
    assert (rows[:, 0] == 2).all()
    # Stems below "h" are in more documents than the others.
    assert set((data.words or ())[1:]) < set("abcdefg")
    of_training = np.concatenate([data.split(split).rows.toarray() for split in ("train", "valid")]).sum(axis=0)
    assert (np.diff(of_training) <= 0).all()
    assert [path.name for path in sorted(cache.iterdir())] == ["rcv1_794414.npz", "rcv1_794414.vocab.txt"]
    assert load("rcv1").record == data.record
    assert sorted(server.asked) == sorted(TOKEN_FILES)


def test_tokens_that_are_incomplete(token_files: dict[str, bytes], server: Server, cache: Path):
    server.files[TOKEN_FILES[2]] = tokens({16: "reut"})
    with pytest.raises(DataError, match=r"expected 40 documents in lyrl2004_tokens_train.*, got 33; try downloading"):
        load("rcv1")
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "expected 40 documents"),
        (b"plain text", "got a damaged"),
        (gzip.compress(b"reut reut\n"), r"to begin with '\.I' and the number of a document, got 'reut reut"),
        (tokens(dict.fromkeys(range(99), "reut"))[:-9], "got a damaged"),
    ],
    ids=["empty", "text", "no number", "cut short"],
)
def test_tokens_that_are_none(token_files: dict[str, bytes], server: Server, cache: Path, content: bytes, message: str):
    server.files[TOKEN_FILES[0]] = content
    with pytest.raises(DataError, match=message):
        load("rcv1")
    assert list(cache.iterdir()) == []


# The real data, where it is


@pytest.fixture
def newsgroups(monkeypatch: pytest.MonkeyPatch) -> Dataset:
    if not REAL_DATA or not (Path(REAL_DATA) / "20newsgroups_11314.npz").is_file():
        pytest.skip("BELIEFNET_DATA names no folder with 20newsgroups_11314.npz")
    monkeypatch.setenv("BELIEFNET_DATA", REAL_DATA)
    return load("20newsgroups")


def test_newsgroups_are_as_listed(newsgroups: Dataset):
    assert newsgroups.record.splits == dict(SOURCES["20newsgroups"].splits)
    assert newsgroups.record.num_features == 2000
    assert (newsgroups.words or ())[:3] == ("writes", "article", "people")
    assert newsgroups.record.checksum.startswith("sha256:ee522b89caf49815")


def test_unigram_model_scores_as_known(newsgroups: Dataset):
    train, valid, test = (sparse.csr_matrix(newsgroups.split(split).rows) for split in ("train", "valid", "test"))
    totals = np.asarray(train.sum(axis=0) + valid.sum(axis=0)).ravel() + 1
    nats, lengths = -(test @ np.log(totals / totals.sum())), np.asarray(test.sum(axis=1)).ravel()
    assert np.exp((nats / lengths).mean()) == pytest.approx(1281.87, abs=0.005)
    assert np.exp(nats.sum() / lengths.sum()) == pytest.approx(1391.56, abs=0.005)
