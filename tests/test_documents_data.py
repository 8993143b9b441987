"""Documents of the user's own: files of every kind, and every way they can be wrong."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy import io as scipy_io
from scipy import sparse

from beliefnet import data
from beliefnet.catalogue import DataShape, TrainConfig, load_named_run
from beliefnet.cli import run
from beliefnet.data import DataError, Dataset, Record, load, read_like
from beliefnet.runs import RunFolder
from beliefnet.training import fit

pytestmark = pytest.mark.usefixtures("cache")

TEXTS = [
    "The cats and the dogs",
    "A cat, a dog; dogs don't mind.",
    "Mice, mice, mice!",
    "x1 is no word, nor is under_score: mice",
    "Größe der Mäuse",
    "Dogs chase cats; cats chase mice",
]


@pytest.fixture
def counts() -> sparse.csr_matrix:
    """Sixty documents of nine words, none of them empty; the last word is in the first document only."""
    rng = np.random.default_rng(3)
    dense = rng.poisson(0.4, (60, 9)) * (rng.random((60, 9)) < 0.6)
    dense[:, 0] += 1
    dense[:, 8] = np.arange(60) == 0
    return sparse.csr_matrix(dense)


def rows_for(path: Path, num_features: int, words: tuple[str, ...] | None = None, **options: object):
    """Counts for a model of so many columns."""
    record = Record("a", "user file", "none", {}, num_features, None, "a", "sha256:0", "counts")
    return read_like(record, path, columns=words, **options).rows


def same(one: sparse.csr_matrix, other: sparse.csr_matrix) -> bool:
    return one.shape == other.shape and (one != other).nnz == 0


def rows_of(*matrices: sparse.csr_matrix) -> list[bytes]:
    return sorted(row.astype(np.int32).tobytes() for matrix in matrices for row in matrix.toarray())


def pieces(name: str, counts: sparse.csr_matrix) -> dict[str, np.ndarray]:
    shape = np.array(counts.shape)
    parts = {"data": counts.data, "indices": counts.indices, "indptr": counts.indptr, "shape": shape}
    return {f"{name}_{piece}": array for piece, array in parts.items()}


def write_npy(path: Path, counts: sparse.csr_matrix):
    np.save(path, counts.toarray())


def write_dense_npz(path: Path, counts: sparse.csr_matrix):
    np.savez(path, train=counts.toarray().astype(np.float32))


def write_csv(path: Path, counts: sparse.csr_matrix):
    np.savetxt(path, counts.toarray(), fmt="%d", delimiter=",")


def write_csr(path: Path, counts: sparse.csr_matrix):
    sparse.save_npz(path, counts)


def write_coo(path: Path, counts: sparse.csr_matrix):
    """Every count in ones, so that duplicates have to be added up; and a zero that is written out."""
    coo = counts.tocoo()
    row, column = np.repeat(coo.row, coo.data), np.repeat(coo.col, coo.data)
    ones = np.append(np.ones(len(row), np.uint8), np.uint8(0))
    matrix = sparse.coo_matrix((ones, (np.append(row, 0), np.append(column, 3))), counts.shape)
    sparse.save_npz(path, matrix)


def write_csc_array(path: Path, counts: sparse.csr_matrix):
    sparse.save_npz(path, sparse.csc_array(counts.astype(np.float64)))


def write_pieces(path: Path, counts: sparse.csr_matrix):
    np.savez(path, **pieces("train", counts))


def write_svmlight(path: Path, counts: sparse.csr_matrix):
    from sklearn.datasets import dump_svmlight_file

    dump_svmlight_file(counts, np.zeros(counts.shape[0]), str(path), zero_based=False)


def write_market(path: Path, counts: sparse.csr_matrix):
    with path.open("wb") as file:
        scipy_io.mmwrite(file, counts)


KINDS: dict[str, tuple[str, Callable[[Path, sparse.csr_matrix], None]]] = {
    "dense npy": ("x.npy", write_npy),
    "dense npz": ("x.npz", write_dense_npz),
    "csv": ("x.csv", write_csv),
    "csr": ("x.npz", write_csr),
    "coo with duplicates": ("x.npz", write_coo),
    "csc array": ("x.npz", write_csc_array),
    "pieces": ("x.npz", write_pieces),
    "svmlight": ("x.svmlight", write_svmlight),
    "libsvm": ("x.LIBSVM", write_svmlight),
    "matrix market": ("x.mtx", write_market),
}
ONLY_DOCUMENTS = KINDS.keys() - {"dense npy", "dense npz", "csv"}


# A matrix of the user's own


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_file_holds_the_same_documents(tmp_path: Path, counts: sparse.csr_matrix, kind: str):
    name, write = KINDS[kind]
    write(tmp_path / name, counts)
    data = load(tmp_path / name, values="counts")
    np.save(tmp_path / "plain.npy", counts.toarray())
    assert data.record.checksum == load(tmp_path / "plain.npy", values="counts").record.checksum
    assert data.record.splits == {"train": 48, "valid": 6, "test": 6}
    assert rows_of(data.train.rows, data.valid.rows, data.test.rows) == rows_of(counts)
    assert data.words == tuple(f"word {number}" for number in range(1, 10))
    assert (data.record.values, data.record.binarization, data.record.image_shape) == ("counts", "none", None)
    for split in ("train", "valid", "test"):
        rows = data.split(split).rows
        assert isinstance(rows, sparse.csr_matrix)
        assert (rows.dtype, rows.has_canonical_format, (rows.data > 0).all()) == (np.int32, True, True)
        assert rows.sum(axis=1).min() > 0
    assert same(rows_for(tmp_path / name, 9), counts)


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_file_is_taken_for(tmp_path: Path, counts: sparse.csr_matrix, kind: str):
    name, write = KINDS[kind]
    write(tmp_path / name, counts)
    if kind in ONLY_DOCUMENTS:
        assert load(tmp_path / name).record.values == "counts"
    with pytest.raises(DataError, match=r"expected values between 0 and 1.*; try .*values='counts'"):
        load(tmp_path / name, values="binary")
    bits = (counts > 0).astype(np.int64)
    write(tmp_path / name, bits)
    data = load(tmp_path / name)
    assert (data.record.values, data.record.binarization) == ("binary", "none")
    assert data.train.is_sparse == (kind in ONLY_DOCUMENTS)
    assert sorted(row.tobytes() for split in (data.train, data.valid, data.test) for row in split.means()) == sorted(
        row.tobytes() for row in bits.toarray().astype(np.float32)
    )
    assert load(tmp_path / name, values="counts").record.values == "counts"


def test_file_with_splits_of_its_own(tmp_path: Path, counts: sparse.csr_matrix):
    path = tmp_path / "x.npz"
    np.savez(path, **pieces("train", counts[:40]), **pieces("test", counts[40:]), labels=np.zeros(60))
    data = load(path, valid_fraction=0.2)
    assert data.record.splits == {"train": 32, "valid": 8, "test": 20}
    assert same(data.test.rows, counts[40:])
    with pytest.raises(DataError, match="holds test rows of its own"):
        load(path, test_fraction=0.2)
    assert same(rows_for(path, 9, array="test"), counts[40:])
    with pytest.raises(DataError, match=r"with an array or matrix 'valid', got"):
        rows_for(path, 9, array="valid")
    np.savez(path, train=counts[:40].toarray(), test=counts[40:].toarray())
    assert same(load(path, values="counts").test.rows, counts[40:])
    assert same(rows_for(path, 9, array="test"), counts[40:])


def test_split_depends_on_the_seed_alone(tmp_path: Path, counts: sparse.csr_matrix):
    write_market(tmp_path / "x.mtx", counts)
    first, again, other = (load(tmp_path / "x.mtx", split_seed=seed).record for seed in (1, 1, 2))
    assert first == again
    assert first.checksum != other.checksum


def test_vocabulary_beside_a_file(tmp_path: Path, counts: sparse.csr_matrix):
    write_csr(tmp_path / "x.npz", counts)
    plain = load(tmp_path / "x.npz")
    (tmp_path / "x.vocab.txt").write_text("cat\r\ndog\r\nmouse\nbat\nrat\nowl\ngnu\nemu\nyak\n")
    named = load(tmp_path / "x.npz")
    assert named.words == ("cat", "dog", "mouse", "bat", "rat", "owl", "gnu", "emu", "yak")
    assert same(named.train.rows, plain.train.rows)
    assert named.record.checksum != plain.record.checksum


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cat\ndog\n", r"expected 9 words in .*x\.vocab\.txt, one for each column of x\.npz, got 2"),
        ("cat\n\ndog\n", "got an empty line 2"),
        ("cat\ndog\ncat\n", "got 'cat' in lines 1 and 3"),
        ("", "expected 9 words in .*, got 0"),
    ],
)
def test_vocabularies_that_do_not_fit(tmp_path: Path, counts: sparse.csr_matrix, text: str, message: str):
    write_csr(tmp_path / "x.npz", counts)
    (tmp_path / "x.vocab.txt").write_text(text)
    with pytest.raises(DataError, match=message):
        load(tmp_path / "x.npz")


def test_most_frequent_words_are_kept(tmp_path: Path, counts: sparse.csr_matrix):
    write_csr(tmp_path / "x.npz", counts)
    whole, part = load(tmp_path / "x.npz"), load(tmp_path / "x.npz", vocabulary_size=4)
    assert isinstance(whole.train.rows, sparse.csr_matrix)
    totals = np.asarray(whole.train.rows.sum(axis=0)).ravel()
    kept = [int(word.split()[1]) - 1 for word in part.words or ()]
    assert kept == sorted(np.argsort(-totals, kind="stable")[:4])
    for split in ("train", "valid", "test"):
        assert same(part.split(split).rows, whole.split(split).rows[:, kept])
    with pytest.raises(DataError, match=r"expected vocabulary_size from 1 to 9, the number of words in .*, got 10"):
        load(tmp_path / "x.npz", vocabulary_size=10)
    with pytest.raises(DataError, match="got 0; try leaving the option out"):
        load(tmp_path / "x.npz", vocabulary_size=0)


def test_empty_documents_are_left_out_with_a_warning(tmp_path: Path, counts: sparse.csr_matrix):
    path = tmp_path / "x.npz"
    empty = sparse.csr_matrix((5, 9), dtype=np.int64)
    held = {"train": sparse.vstack([empty, counts], format="csr"), "valid": counts, "test": counts}
    np.savez(path, **pieces("train", held["train"]), **pieces("valid", counts), **pieces("test", counts))
    with pytest.warns(UserWarning, match=r"left out documents of .*x\.npz without any word .*: 5 of 65 train$"):
        data = load(path, keep_empty=False)
    assert data.record.splits == {"train": 60, "valid": 60, "test": 60}
    assert same(data.train.rows, counts)
    rows = rows_for(path, 9)
    assert same(rows, held["train"])


def test_rows_without_counts_are_data_unless_they_are_documents(tmp_path: Path):
    rows = np.random.default_rng(0).poisson(1.0, (40, 5))
    rows[::4] = 0
    path, texts = tmp_path / "x.npy", tmp_path / "x.txt"
    np.save(path, rows)
    texts.write_text("cats dogs\n\nmice dogs\n" * 4)
    kept = {"train": 32, "valid": 4, "test": 4}
    assert load(path, values="counts").record.splits == kept
    assert load(texts, keep_empty=True).train.rows.shape == (10, 3)
    data = Dataset.from_arrays(rows, values="counts")
    assert (data.record.splits, data.record.keep_empty) == (kept, True)
    assert Record.from_dict(data.record.to_dict()) == data.record
    poisson, document = (
        TrainConfig(data=str(path), hidden=2, epochs=1, **how) for how in ({"visible": "poisson"}, {"net": "document"})
    )
    assert poisson.load_data().record.splits == kept
    with pytest.warns(UserWarning, match="left out documents"):
        left = document.load_data()
    assert sum(left.record.splits.values()) == 30
    net, estimator = document.build(DataShape.of(left))
    with pytest.raises(DataError, match=r"one word in .*, got 8 empty ones of 32, .*; try .* keep_empty=False where"):
        fit(net, data, estimator)
    with pytest.raises(DataError, match=r"expected no keep_empty for .*, which holds binary values, got False"):
        Dataset.from_arrays(rows > 0, keep_empty=False)


@pytest.mark.full
def test_a_run_without_empty_rows_is_opened_and_goes_on(tmp_path: Path):
    # As earlier versions read counts of Poisson units.
    rows = np.random.default_rng(0).poisson(1.0, (40, 5))
    rows[::4] = 0
    np.save(tmp_path / "x.npy", rows)
    options = {"batch_size": 8, "learning_rate": 0.01}
    config = TrainConfig(data=str(tmp_path / "x.npy"), hidden=2, visible="poisson", epochs=1, **options)
    with pytest.warns(UserWarning, match="left out documents"):
        data = config.load_data(keep_empty=False)
    assert "keep_empty" not in data.record.to_dict()
    folder = RunFolder.create(tmp_path / "run", config.to_dict())
    net, estimator = config.build(DataShape.of(data))
    fit(net, data, estimator, options=config.fit, folder=folder)
    with pytest.warns(UserWarning, match="left out documents"):
        assert load_named_run(folder.path).load_data().record == data.record
    assert run(["train", "--resume", str(folder.path), "--epochs", "2"]) == 0
    assert load_named_run(folder.path).folder.read_record()["data"]["checksum"] == data.record.checksum


def test_split_of_empty_documents(tmp_path: Path, counts: sparse.csr_matrix):
    # The most frequent word of the training documents is in none of the others.
    first, others = sparse.csr_matrix(counts.multiply(np.arange(9) == 0)), counts[:, 1:]
    rest = sparse.hstack([sparse.csr_matrix((60, 1), dtype=np.int64), others], format="csr")
    np.savez(tmp_path / "x.npz", **pieces("train", first), **pieces("valid", first), **pieces("test", rest))
    with pytest.raises(DataError, match=r"expected test documents with words of the vocabulary in .*, got 60 without"):
        load(tmp_path / "x.npz", vocabulary_size=1, keep_empty=False)


def test_a_split_of_zeros_is_no_matter_of_words(tmp_path: Path):
    rows = np.ones((4, 3), int)
    np.savez(tmp_path / "x.npz", train=rows, valid=0 * rows, test=rows)
    with pytest.raises(
        DataError,
        match=r"expected valid rows with a count above 0 in .*, got 4 of zeros only; try valid rows that hold counts, "
        r"or keep_empty=True for Poisson units$",
    ):
        load(tmp_path / "x.npz", values="counts", keep_empty=False)
    assert load(tmp_path / "x.npz", values="counts", keep_empty=True).record.splits["valid"] == 4


def test_averages_and_means(tmp_path: Path, counts: sparse.csr_matrix):
    write_csr(tmp_path / "x.npz", counts)
    data = load(tmp_path / "x.npz")
    assert isinstance(data.train.rows, sparse.csr_matrix)
    average = data.train.average()
    assert (average.dtype, average.shape) == (np.float32, (9,))
    np.testing.assert_allclose(average, data.train.rows.toarray().mean(axis=0), rtol=1e-6)
    np.testing.assert_array_equal(data.test.means(), data.test.rows.toarray())


def test_options_that_documents_cannot_have(tmp_path: Path, counts: sparse.csr_matrix):
    write_csr(tmp_path / "x.npz", counts)
    np.save(tmp_path / "x.npy", np.eye(9))
    with pytest.raises(DataError, match=r"expected no binarization for .*, which holds word counts, got 'static'"):
        load(tmp_path / "x.npz", binarization="static")
    with pytest.raises(DataError, match=r"expected no vocabulary_size for .*, which holds binary values, got 5"):
        load(tmp_path / "x.npy", vocabulary_size=5)


# Rows for a trained model


def test_columns_are_taken_by_their_words(tmp_path: Path, counts: sparse.csr_matrix):
    write_csr(tmp_path / "x.npz", counts)
    model = ("rat", "cat", "newt")
    with pytest.raises(DataError, match=r"expected 3 columns \(what the model was trained on\), got 9"):
        rows_for(tmp_path / "x.npz", 3)
    with pytest.raises(DataError, match="expected documents with words that the model was trained on, got none in"):
        rows_for(tmp_path / "x.npz", 3, words=model)
    (tmp_path / "x.vocab.txt").write_text("cat\ndog\nmouse\nbat\nrat\nowl\ngnu\nemu\nyak\n")
    rows = rows_for(tmp_path / "x.npz", 3, words=model)
    np.testing.assert_array_equal(rows.toarray()[:, :2], counts[:, [4, 0]].toarray())
    assert (rows.shape, rows.dtype, rows.has_canonical_format) == ((60, 3), np.int32, True)


def test_numbered_words_are_found_again(tmp_path: Path, counts: sparse.csr_matrix):
    write_csr(tmp_path / "x.npz", counts)
    part = load(tmp_path / "x.npz", vocabulary_size=4)
    rows = rows_for(tmp_path / "x.npz", 4, words=part.words)
    assert set(rows_of(part.train.rows)) <= set(rows_of(rows))
    np.testing.assert_array_equal(rows.toarray(), counts[:, [int(word[5:]) - 1 for word in part.words or ()]].toarray())


def test_svmlight_does_not_say_how_wide_it_is(tmp_path: Path, counts: sparse.csr_matrix):
    path = tmp_path / "x.svmlight"
    write_svmlight(path, counts[1:])
    assert load(path).record.num_features == 8
    rows = rows_for(path, 9, words=tuple("abcdefghi"), first_column=1)
    assert same(rows, counts[1:])
    (tmp_path / "x.vocab.txt").write_text("".join(f"{word}\n" for word in "abcdefghi"))
    assert load(path).words == tuple("abcdefghi")


# A matrix that cannot be used


def spoil(value: float) -> np.ndarray:
    dense = np.ones((10, 6))
    dense[2, 4] = value
    return dense


BAD_MATRICES: dict[str, tuple[np.ndarray, str]] = {
    "negative": (spoil(-1), "expected whole numbers from 0 to 2147483647 in .*, got -1 at row 3, column 5"),
    "fraction": (spoil(0.5), "got 0.5 at row 3, column 5 .*; try counts of words, not frequencies"),
    "nan": (spoil(np.nan), "got nan at row 3, column 5"),
    "infinity": (spoil(np.inf), "got inf at row 3, column 5"),
    "too large": (spoil(2.0**31), r"got 2.14748e\+09 at row 3, column 5"),
    "complex": (np.ones((4, 2), complex), "complex"),
    "text": (np.array([["a", "b"]] * 4), "got dtype <U1"),
    "one axis": (np.ones(4), r"expected shape \[rows, features\] or .*, got \[4\]"),
    "four axes": (np.ones((4, 2, 2, 1)), r"got \[4, 2, 2, 1\]"),
    "no words": (np.ones((4, 0)), r"got shape \[4, 0\]"),
    "zeros": (np.zeros((4, 2)), "expected counts in .*, got only zeros"),
    "two documents": (np.ones((2, 4)), "expected at least 3 rows in .*, got 2"),
}


@pytest.mark.parametrize("case", BAD_MATRICES)
@pytest.mark.parametrize("written", [np.save, lambda path, array: np.savez(path.with_suffix(".npz"), array)])
def test_dense_matrices_that_cannot_be_used(tmp_path: Path, case: str, written: Callable[[Path, np.ndarray], None]):
    array, message = BAD_MATRICES[case]
    written(tmp_path / "x.npy", array)
    (path,) = tmp_path.iterdir()
    with pytest.raises(DataError, match=message) as caught:
        load(path, values="counts")
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("case", ["negative", "fraction", "nan", "complex", "zeros", "two documents"])
@pytest.mark.parametrize("kind", ["csr", "csc", "coo", "mtx"])
def test_sparse_matrices_that_cannot_be_used(tmp_path: Path, case: str, kind: str):
    array, message = BAD_MATRICES[case]
    matrix = sparse.csr_matrix(array)
    if kind == "mtx":
        with (tmp_path / "x.mtx").open("wb") as file:
            scipy_io.mmwrite(file, matrix)
    else:
        sparse.save_npz(tmp_path / "x.npz", matrix.asformat(kind))
    (path,) = tmp_path.iterdir()
    with pytest.raises(DataError, match=message):
        load(path, values="counts")


def with_piece(counts: sparse.csr_matrix, name: str, change: Callable[[np.ndarray], np.ndarray]):
    parts = pieces("train", counts)
    return {**parts, name: change(parts[name])}


def beyond(array: np.ndarray) -> np.ndarray:
    return np.where(np.arange(len(array)) == 1, 10**6, array)


BROKEN_PIECES: dict[str, tuple[str, Callable[[np.ndarray], np.ndarray]]] = {
    "column beyond the last": ("train_indices", beyond),
    "column before the first": ("train_indices", lambda array: array - 1),
    "row that ends nowhere": ("train_indptr", beyond),
    "rows backwards": ("train_indptr", lambda array: array[::-1]),
    "fractional columns": ("train_indices", lambda array: array / 2),
    "too few counts": ("train_data", lambda array: array[:-1]),
    "shape of three": ("train_shape", lambda array: np.append(array, 1)),
    "shape of another matrix": ("train_shape", lambda array: array + 1),
    "shape without an axis": ("train_shape", lambda array: array[0]),
    "negative shape": ("train_shape", lambda array: -array),
}


@pytest.mark.parametrize("case", BROKEN_PIECES)
def test_pieces_that_do_not_fit(tmp_path: Path, counts: sparse.csr_matrix, case: str):
    np.savez(tmp_path / "x.npz", **with_piece(counts, *BROKEN_PIECES[case]))
    with pytest.raises(DataError, match=r"expected train_data, .* in .*x\.npz to be the pieces of a sparse matrix"):
        load(tmp_path / "x.npz")


@pytest.mark.parametrize("piece", ["data", "indices", "indptr", "shape"])
def test_missing_and_broken_arrays_of_scipy(tmp_path: Path, counts: sparse.csr_matrix, piece: str):
    sparse.save_npz(tmp_path / "x.npz", counts)
    with np.load(tmp_path / "x.npz") as file:
        arrays = dict(file)
    np.savez(tmp_path / "x.npz", **{**arrays, piece: beyond(arrays[piece]) * -1})
    with pytest.raises(DataError, match=r"x\.npz"):
        load(tmp_path / "x.npz")
    del arrays[piece]
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(DataError, match=r"x\.npz"):
        load(tmp_path / "x.npz", values="counts")


def test_pieces_that_are_missing(tmp_path: Path, counts: sparse.csr_matrix):
    parts = pieces("train", counts)
    del parts["train_data"]
    np.savez(tmp_path / "x.npz", **parts)
    with pytest.raises(DataError, match=r"expected the arrays train_data, .* got no train_data; try scipy"):
        load(tmp_path / "x.npz")
    np.savez(tmp_path / "x.npz", **pieces("other", counts))
    with pytest.raises(DataError, match=r"expected the arrays train_data, .* got 'other_data'"):
        load(tmp_path / "x.npz")
    np.savez(tmp_path / "x.npz", **pieces("train", counts), **pieces("test", counts[:, 1:]))
    with pytest.raises(DataError, match=r"same number of columns in .*, got {'train': 9, 'test': 8}"):
        load(tmp_path / "x.npz")


def test_objects_are_never_unpickled(tmp_path: Path, counts: sparse.csr_matrix):
    objects = np.array([{}, None], dtype=object)
    np.savez(tmp_path / "x.npz", **{**pieces("train", counts), "train_data": objects})
    with pytest.raises(DataError, match=r"got pickled objects \(dtype object\)"):
        load(tmp_path / "x.npz")
    np.savez(tmp_path / "x.npz", format=objects, shape=np.array([2, 2]), data=objects)
    with pytest.raises(DataError, match=r"got pickled objects \(dtype object\)"):
        load(tmp_path / "x.npz")


BAD_FILES: dict[str, tuple[str, bytes, str]] = {
    "empty svmlight": ("x.svm", b"", r"x\.svm"),
    "words in svmlight": ("x.svm", b"0 cat:2\n", r"expected lines of the form 'label column:value .* in .*x\.svm"),
    "negative column": ("x.svm", b"0 -1:2\n", r"x\.svm"),
    "same column twice": ("x.svm", b"0 1:2 1:3\n", r"x\.svm"),
    "fraction in svmlight": ("x.svm", b"0 1:2\n0 1:2.5\n", "got 2.5 at row 2, column 1"),
    "binary svmlight": ("x.svm", bytes(range(256)), r"x\.svm"),
    "empty mtx": ("x.mtx", b"", r"expected a matrix in Matrix Market format, .* in .*x\.mtx"),
    "other mtx": ("x.mtx", b"1 2 3\n", r"expected a matrix in Matrix Market format"),
    "cut mtx": ("x.mtx", b"%%MatrixMarket matrix coordinate integer general\n3 3 2\n1 1 1\n", r"x\.mtx"),
    "mtx beyond its shape": ("x.mtx", b"%%MatrixMarket matrix coordinate integer general\n3 3 1\n4 1 1\n", r"x\.mtx"),
    "vast mtx": (
        "x.mtx",
        b"%%MatrixMarket matrix coordinate integer general\n99999999999999999999 3 1\n1 1 1\n",
        r"x\.mtx",
    ),
    "texts without a column": (
        "x.csv",
        b"id,text\n1,cats\n",
        "got 'cats' in column 'text' .*; try drop='text' .*, or text_column='text'",
    ),
    "other suffix": (
        "x.feather",
        b"",
        r"expected a file that ends in \.npy, .* or a folder of texts or images, got .*x\.feather",
    ),
    "damaged npz": ("x.npz", b"PK\x03\x04 and then nothing", "got a damaged"),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_files_that_cannot_be_used(tmp_path: Path, case: str):
    name, content, message = BAD_FILES[case]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        load(tmp_path / name, values="counts")


# A text that ends early may be a text all the same.
@pytest.mark.parametrize("kind", sorted(KINDS.keys() - {"csv", "svmlight", "libsvm"}))
@pytest.mark.parametrize("kept", [0.3, 0.9])
def test_truncated_files(tmp_path: Path, counts: sparse.csr_matrix, kind: str, kept: float):
    name, write = KINDS[kind]
    write(tmp_path / name, counts)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: int(kept * len(content))])
    with pytest.raises(DataError, match=name.replace(".", r"\.")):
        load(tmp_path / name, values="counts")


def test_paths_that_lead_nowhere(tmp_path: Path):
    for name in ("x.mtx", "x.txt", "x.svm", "x.npz"):
        with pytest.raises(DataError, match=rf"expected an existing file, got .*{name}"):
            load(tmp_path / name, values="counts")
    with pytest.raises(DataError, match=r"got the folder .* without any; try a folder that holds texts"):
        load(tmp_path)


# Texts


def write_folder(folder: Path, texts: list[str]) -> Path:
    for number, text in enumerate(texts):
        path = folder / ("late" if number > 2 else "early") / f"{number:03}.TXT"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (folder / "notes.md").write_text("zebras")
    return folder


def write_lines(path: Path, texts: list[str]) -> Path:
    path.write_text("".join(f"{text}\r\n" for text in texts), encoding="utf-8-sig", newline="")
    return path


def write_column(path: Path, texts: list[str]) -> Path:
    quoted = [text.replace('"', '""') for text in texts]
    path.write_text("id;body\n" + "".join(f'{n};"{text}\n"\n' for n, text in enumerate(quoted)), encoding="utf-8")
    return path


def load_texts(tmp_path: Path, kind: str, texts: list[str], **options: object) -> Dataset:
    load_with: Callable[..., Dataset] = load
    if kind == "folder":
        return load_with(write_folder(tmp_path / "texts", texts), **options)
    if kind == "lines":
        return load_with(write_lines(tmp_path / "texts.txt", texts), **options)
    return load_with(write_column(tmp_path / "texts.csv", texts), text_column="body", **options)


@pytest.mark.parametrize("kind", ["folder", "lines", "column"])
def test_texts_become_counts(tmp_path: Path, kind: str):
    data = load_texts(tmp_path, kind, TEXTS * 5, split_seed=4)
    assert data.words == ("cat", "cats", "chase", "der", "dog", "dogs", "don", "größe", "mice", "mind", "mäuse", "word")
    assert (data.record.splits, data.record.name) == ({"train": 24, "valid": 3, "test": 3}, "texts")
    rows = {tuple(row) for split in ("train", "valid", "test") for row in data.split(split).rows.toarray()}
    named = [{word: int(n) for word, n in zip(data.words, row, strict=True) if n} for row in rows]
    assert sorted(named, key=str) == sorted(
        [
            {"cats": 1, "dogs": 1},
            {"cat": 1, "dog": 1, "dogs": 1, "don": 1, "mind": 1},
            {"mice": 3},
            {"mice": 1, "word": 1},
            {"der": 1, "größe": 1, "mäuse": 1},
            {"cats": 2, "chase": 2, "dogs": 1, "mice": 1},
        ],
        key=str,
    )
    lines = write_lines(tmp_path / "plain.txt", TEXTS * 5)
    assert data.record.checksum == load(lines, split_seed=4).record.checksum


def test_words_are_learnt_from_training_texts_alone(tmp_path: Path):
    texts = [f"common q{'abcdefghij'[n // 10]}{'abcdefghij'[n % 10]}" for n in range(40)]
    path = write_lines(tmp_path / "x.txt", texts)
    data = load(path)
    assert data.record.num_features == 33
    assert isinstance(data.test.rows, sparse.csr_matrix)
    assert data.test.rows.sum() == 4
    assert load(path, vocabulary_size=1).words == ("common",)
    with pytest.raises(DataError, match="expected vocabulary_size from 1 to 33"):
        load(path, vocabulary_size=34)


def test_two_thousand_words_are_kept(tmp_path: Path):
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = [f"q{first}{second}{third}" for first in letters for second in letters for third in "xyzw"]
    path = write_lines(tmp_path / "x.txt", ["common " + " ".join(words)] * 5)
    assert load(path).record.num_features == 2000
    assert load(path, vocabulary_size=2500).record.num_features == 2500


def test_texts_for_a_trained_model(tmp_path: Path):
    texts = ["", "Cats and a DOG", "nothing known", "the dog the dog"]
    paths = [write_folder(tmp_path / "new", texts), write_lines(tmp_path / "new.txt", texts)]
    for path in paths:
        rows = rows_for(path, 3, words=("dog", "cats", "the"))
        np.testing.assert_array_equal(rows.toarray(), [[0, 0, 0], [1, 1, 0], [0, 0, 0], [2, 0, 2]])
        assert (rows.dtype, rows.has_canonical_format) == (np.int32, True)
        with pytest.raises(DataError, match=r"got the texts .*; try columns=\.\.\. with the model's vocabulary"):
            rows_for(path, 3)
        with pytest.raises(DataError, match="expected documents with words that the model was trained on, got none"):
            rows_for(path, 1, words=("zebra",))
    column = write_column(tmp_path / "new.csv", texts)
    rows = rows_for(column, 1, words=("dog",), text_column="body")
    assert rows.toarray().ravel().tolist() == [0, 1, 0, 2]


def test_long_texts_of_a_column(tmp_path: Path):
    assert load_texts(tmp_path, "column", ["cats " * 40000] * 4).words == ("cats",)
    assert set(load_texts(tmp_path, "column", ['say "cats", dogs'] * 4).words or ()) == {"say", "cats", "dogs"}


def test_texts_that_cannot_be_used(tmp_path: Path):
    path = write_column(tmp_path / "x.csv", TEXTS)
    with pytest.raises(DataError, match=r"expected a column 'text' in the first line of .*, got 'id', 'body'; try one"):
        load(path, text_column="text")
    path.write_text("id;body\n1;cats\n2\n3;dogs\n")
    with pytest.raises(DataError, match=r"expected 2 columns at line 3 of .*, got 1, fewer than in the first line"):
        load(path, text_column="body")
    path.write_text("")
    with pytest.raises(DataError, match=r"expected a column 'body' .*, got an empty file"):
        load(path, text_column="body")
    write_lines(tmp_path / "x.txt", TEXTS)
    with pytest.raises(DataError, match=r"expected binary data, got .*x\.txt, which holds texts"):
        load(tmp_path / "x.txt", values="binary")
    with pytest.raises(DataError, match=r"expected texts with words .* in .*, got none in 4 training documents"):
        load(write_lines(tmp_path / "x.txt", ["12 3", "the", "a b", "", "", ""]))
    with pytest.raises(DataError, match="expected at least 3 rows"):
        load(write_lines(tmp_path / "x.txt", ["cats", "dogs"]))
    (tmp_path / "x.txt").write_bytes(b"")
    with pytest.raises(DataError, match=r"expected at least 3 rows in .*, got 0"):
        load(tmp_path / "x.txt")


def test_texts_in_another_encoding(tmp_path: Path):
    folder = write_folder(tmp_path / "texts", TEXTS)
    (folder / "early" / "bad.txt").write_bytes("größe".encode("latin-1"))
    with pytest.raises(DataError, match=r"expected a text file in UTF-8, got .*bad\.txt"):
        load(folder)
    (tmp_path / "x.txt").write_bytes("größe\n".encode("latin-1") * 5)
    with pytest.raises(DataError, match=r"expected a text file in UTF-8, got .*x\.txt"):
        load(tmp_path / "x.txt")


# Records


def test_record_of_documents_survives_json(tmp_path: Path, counts: sparse.csr_matrix):
    write_csr(tmp_path / "x.npz", counts)
    record = load(tmp_path / "x.npz").record
    assert Record.from_dict(json.loads(json.dumps(record.to_dict()))) == record
    assert record.to_dict()["values"] == "counts"
    assert "values" not in load("bars").record.to_dict()
    with pytest.raises(DataError, match="expected a data record with values 'binary', 'grey', 'counts', 'mixed', got"):
        Record.from_dict({**record.to_dict(), "values": "weights"})


def test_checksum_sees_every_part(counts: sparse.csr_matrix):
    words = tuple("abcdefghi")
    original = data.checksum((counts,), words)
    wide = counts.copy()
    wide.indices, wide.indptr = wide.indices.astype(np.int64), wide.indptr.astype(np.int64)
    assert original == data.checksum((wide,), words)
    narrower, moved, more = counts[:, :8], counts.copy(), counts.copy()
    moved.indptr = np.where(np.arange(61) == 30, moved.indptr + 1, moved.indptr)
    more.data = more.data + 1
    others = [data.checksum((matrix,), words) for matrix in (narrower, moved, more)]
    others += [data.checksum((counts,), words[::-1]), data.checksum((counts,))]
    assert len({original, *others}) == 6
