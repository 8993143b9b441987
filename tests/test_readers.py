"""What users bring: files as the field has them, hostile ones, rows in memory, and rows for a trained model."""

import contextlib
import gzip
import importlib
import importlib.util
import io
import json
import os
import sys
import time
import tracemalloc
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from beliefnet._errors import OptionError
from beliefnet.catalogue import TrainConfig
from beliefnet.data import (
    DataError,
    Dataset,
    LoadOptions,
    Record,
    load,
    read_incomplete_rows,
    read_like,
    read_rows,
    rows_like,
)
from beliefnet.data._documents import read_words, write_words
from beliefnet.data._load import SOURCES

ROOT = Path(__file__).parents[1]


@pytest.fixture
def bits() -> np.ndarray:
    return (np.random.default_rng(7).random((40, 6)) < 0.4).astype(np.uint8)


@pytest.fixture
def words() -> sparse.csr_matrix:
    """Forty documents of nine words; the first column is never empty."""
    dense = np.random.default_rng(3).poisson(0.6, (40, 9))
    dense[:, 0] += 1
    return sparse.csr_matrix(dense)


def csv(path: Path, rows: np.ndarray, columns: str = "", names: str = "") -> Path:
    lines = [",".join(map(str, row)) for row in rows.tolist()]
    if names:
        lines = [f"{name},{line}" for name, line in zip(names.split(), lines, strict=True)]
    path.write_text("".join(f"{line}\r\n" for line in ([columns] if columns else []) + lines))
    return path


def refused(path: Path, message: str, **options: object) -> str:
    with pytest.raises(DataError, match=message) as caught:
        load(path, **options)
    return str(caught.value)


# Tables


def test_an_index_column_names_the_rows(tmp_path: Path, bits: np.ndarray):
    numbered = np.column_stack([np.arange(40), bits])
    for header in (",a,b,c,d,e,f", "Unnamed: 0,a,b,c,d,e,f", "index,a,b,c,d,e,f", ""):
        with pytest.warns(UserWarning, match=r"first column of .*, which numbers the rows, is taken for their names"):
            rows = read_rows(csv(tmp_path / "x.csv", numbered, header))
        np.testing.assert_array_equal(rows.rows, bits)
        assert rows.names == tuple(map(str, range(40)))
        assert rows.columns == (tuple("abcdef") if header else None)
    # An index with gaps, as of a filtered frame, below an empty header.
    with pytest.warns(UserWarning, match="numbers the rows"):
        assert read_rows(csv(tmp_path / "x.csv", numbered[::3], ",a,b,c,d,e,f")).names[:2] == ("0", "3")  # pyright: ignore
    # Below a header such as `id`, with gaps or shuffled.
    for header, chosen in (("id", [1, 2, 4, 7]), ("Index", [9, 3, 5, 0, 1])):
        with pytest.warns(UserWarning, match="numbers the rows"):
            rows = read_rows(csv(tmp_path / "x.csv", numbered[chosen], f"{header},a,b,c,d,e,f"))
        assert (rows.names, rows.columns) == (tuple(map(str, chosen)), tuple("abcdef"))
        np.testing.assert_array_equal(rows.rows, bits[chosen])
    # Numbers that repeat name no rows.
    assert read_rows(csv(tmp_path / "x.csv", numbered[[1, 1, 0]], "id,a,b,c,d,e,f")).columns == ("id", *"abcdef")
    with pytest.warns(UserWarning, match=r"column 'age' of .* counts the rows and is read as data"):
        rows = read_rows(csv(tmp_path / "x.csv", numbered, "age,a,b,c,d,e,f"), values="counts")
    assert rows.shape == (40, 7)
    assert read_rows(tmp_path / "x.csv", values="counts", drop="age").shape == (40, 6)


def test_a_column_of_texts_is_shown_by_its_first_text(tmp_path: Path):
    mixed = "values='mixed' for columns of several kinds"
    (tmp_path / "x.csv").write_text("a,tea,b\n1,,0\n\n0,green,1\n1,black,1\n")
    error = refused(tmp_path / "x.csv", "got 'green' in column 'tea' \\(line 4, column 2\\)")
    assert error.endswith(f"; try drop='tea' if it is no data, or text_column='tea' if it holds texts, or {mixed}")
    (tmp_path / "x.csv").write_text("a,tea,milk\n1,green,cow\n0,black,oat\n")
    assert refused(tmp_path / "x.csv", "got 'green'").endswith(f"; try drop='tea' if it is no data, or {mixed}")
    (tmp_path / "x.csv").write_text("a,tea,milk\n1,,no\n0,Yes,no\n")
    assert "got 'Yes'" in (error := refused(tmp_path / "x.csv", "numbers in every column"))
    assert error.endswith(f"; try coding yes as 1 and no as 0, or drop='tea' if it is no data, or {mixed}")


def test_names_of_columns_may_hold_line_breaks(tmp_path: Path, bits: np.ndarray):
    rows = read_rows(csv(tmp_path / "x.csv", bits, '"first\nline","a ""b""",c,"d\n\n,",e,f'))
    assert rows.columns == ("first\nline", 'a "b"', "c", "d\n\n,", "e", "f")
    np.testing.assert_array_equal(rows.rows, bits)
    # A quote that is never closed is a letter.
    assert read_rows(csv(tmp_path / "x.csv", bits, 'a,5" pipe,c,d,e,f')).shape == (40, 6)


def test_a_header_that_counts_the_columns(tmp_path: Path, bits: np.ndarray):
    for header in ("0,1,2,3,4,5", ",0,1,2,3,4,5"):
        rows = np.column_stack([np.arange(40), bits]) if header.startswith(",") else bits
        with pytest.warns(UserWarning, match=r"first line of .*, which counts the columns, is taken for a header"):
            read = read_rows(csv(tmp_path / "x.csv", rows, header))
        np.testing.assert_array_equal(read.rows, bits)
        assert read.columns == tuple("012345")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_rows(csv(tmp_path / "x.csv", np.array([[0, 1], [1, 0], [1, 1]]))).shape == (3, 2)


def test_tables_of_texts_alone_and_baskets_are_told_from_tables_of_numbers(tmp_path: Path):
    table, baskets = tmp_path / "x.tsv", tmp_path / "x.csv"
    table.write_text("body\tpart\n" + "red melon\ttrain\nred melon\ttest\n" * 5)
    assert refused(table, "got 'red melon'").endswith("; try text_column='body' if it holds texts")
    assert load(table, text_column="body", split_column="part").columns == ("melon", "red")
    baskets.write_text("tea,rye bread\ntea\nrye bread\n" * 4)
    assert refused(baskets, "expected 2 columns at line 2").endswith("or item_separator=',' for the items of baskets")
    assert load(baskets, item_separator=",", values="binary").columns == ("rye bread", "tea")
    baskets.write_text("1,0\n1\n")
    assert refused(baskets, "expected 2 columns").endswith("; try giving every line the same number of columns")


def test_a_file_the_other_way_round_than_the_runs_own_is_told(tmp_path: Path):
    lines = [",a,b,c,d", *(f"r{i},{i % 3},1,0,2" for i in range(8))]
    (tmp_path / "rows.csv").write_text("\n".join(lines))
    (tmp_path / "turned.csv").write_text(
        "\n".join(map(",".join, zip(*(line.split(",") for line in lines), strict=True)))
    )
    data = load(tmp_path / "turned.csv", values="counts", transpose=True)
    with pytest.raises(DataError, match="; try transpose=False if its rows are those of the data, or documents"):
        read_like(data.record, tmp_path / "rows.csv", columns=data.columns)
    assert read_like(data.record, tmp_path / "rows.csv", columns=data.columns, transpose=False).shape == (8, 4)


def test_texts_before_numbers_name_the_rows(tmp_path: Path, bits: np.ndarray):
    names = " ".join(f"S{row}" for row in range(40))
    path = csv(tmp_path / "x.csv", bits, "MutationType,a,b,c,d,e,f", names)
    with pytest.warns(UserWarning, match="texts in column 'MutationType' of .* are taken for the names of the rows"):
        data = load(path)
    assert data.columns == tuple("abcdef")
    for split in (data.train, data.valid, data.test):
        numbers = [int(name[1:]) for name in split.names or ()]
        np.testing.assert_array_equal(split.rows, bits[numbers])
    with pytest.warns(UserWarning, match="names of the rows"):
        turned = read_rows(path, transpose=True)
    assert (turned.shape, turned.columns, turned.names) == ((6, 40), tuple(names.split()), tuple("abcdef"))
    # As R writes it: the names of the rows have no header.
    with pytest.warns(UserWarning, match="names of the rows"):
        assert read_rows(csv(tmp_path / "r.csv", bits, "a,b,c,d,e,f", names)).columns == tuple("abcdef")


def test_a_table_of_numbers_is_no_text(tmp_path: Path, words: sparse.csr_matrix):
    text = "kind\ta\tb\nx\t1\t0\ny\t3\t2\nz\t0\t2\nw\t1\t1\n"
    (tmp_path / "x.txt").write_text(text)
    with pytest.warns(UserWarning, match="names of the rows"):
        rows = read_rows(tmp_path / "x.txt", values="counts")
    assert (rows.columns, rows.names) == (("a", "b"), tuple("xyzw"))


def test_columns_are_dropped_chosen_and_named(tmp_path: Path, bits: np.ndarray):
    path = tmp_path / "x.csv"
    path.write_text("a,b,class\n" + "".join(f"{a},{b},{'cat' if a else 'dog'}\n" for a, b in bits[:, :2]))
    message = refused(path, r"got '(cat|dog)' in column 'class' \(line 2, column 3\); try drop='class'")
    assert "text_column='class'" in message
    assert load(path, drop="class").columns == ("a", "b")
    assert load(path, drop=["class", "a"]).columns == ("b",)
    chosen = read_rows(path, columns=("b", "a"))
    np.testing.assert_array_equal(chosen.rows, bits[:, [1, 0]])
    assert read_rows(path, name_column="class").names[:40] is not None  # pyright: ignore
    refused(
        path,
        r"expected a column 'klass' .*, got no such column among 'a', 'b', 'class'.*; did you mean 'class'",
        drop="klass",
    )


@pytest.mark.parametrize(
    "text", ["0,5;1\n0,25;0\n1;0,125\n0;1\n", '\ufeff"a";"b"\r\n"0,5";"1"\r\n"0,25";"0"\r\n"1";"0,125"\r\n0;1\r\n']
)
def test_decimal_commas(tmp_path: Path, text: str):
    path = tmp_path / "x.csv"
    path.write_text(text, encoding="utf-8", newline="")
    refused(path, "try decimal=',' for decimal commas")
    np.testing.assert_array_equal(read_rows(path, decimal=",").rows, [[0.5, 1], [0.25, 0], [1, 0.125], [0, 1]])


def test_truth_values_and_missing_cells(tmp_path: Path):
    path = tmp_path / "x.csv"
    path.write_text("a,b\nTrue,False\nfalse,TRUE\nTrue,True\n")
    np.testing.assert_array_equal(read_rows(path).rows, [[1, 0], [0, 1], [1, 1]])
    record = load(path).record
    path.write_text("a,b\nTrue,\nNA,TRUE\nnan,True\n")
    np.testing.assert_array_equal(read_incomplete_rows(record, path).means(), [[1, np.nan], [np.nan, 1], [np.nan, 1]])
    refused(path, "expected finite values in .*, got nan at line 2, column 'b'")


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_empty_cells_of_a_table_are_missing(tmp_path: Path, delimiter: str):
    path = tmp_path / "x.csv"
    path.write_text("\n".join(delimiter.join(row) for row in (["", ""], ["1", ""], ["", ""], ["0", "1"])) + "\n\n")
    record = Record("a", "user file", "none", {}, 2, None, "a", "sha256:0")
    expected = [[np.nan, np.nan], [1, np.nan], [np.nan, np.nan], [0, 1]]
    np.testing.assert_array_equal(read_incomplete_rows(record, path).means(), expected)


def test_splits_of_a_column(tmp_path: Path, bits: np.ndarray):
    parts = ["train", "validation", "Test", "training"] * 10
    lines = [f"{part},{','.join(map(str, row))}" for part, row in zip(parts, bits, strict=True)]
    (tmp_path / "x.csv").write_text("\n".join(["part,a,b,c,d,e,f", *lines]))
    data = load(tmp_path / "x.csv", split_column="part")
    assert data.record.splits == {"train": 20, "valid": 10, "test": 10}
    np.testing.assert_array_equal(data.test.rows, bits[2::4])
    texts = [
        f"{part}\tcats and dogs {word}" for part, word in zip(parts, ["mice", "bats", "rats", "owls"] * 10, strict=True)
    ]
    (tmp_path / "x.tsv").write_text("\n".join(["part\tbody", *texts]))
    with pytest.warns(UserWarning, match="column 'part' of .* names splits and is not used; try split_column='part'"):
        load(tmp_path / "x.tsv", text_column="body")
    data = load(tmp_path / "x.tsv", text_column="body", split_column="part")
    assert data.record.splits == {"train": 20, "valid": 10, "test": 10}
    assert data.words == ("cats", "dogs", "mice", "owls")
    (tmp_path / "x.tsv").write_text("\n".join(texts))
    headless = load(tmp_path / "x.tsv", text_column="column 2", split_column="column 1")
    assert headless.record.checksum == data.record.checksum
    refused(
        tmp_path / "x.tsv",
        "expected a split of .* to be called 'train'",
        text_column="column 1",
        split_column="column 2",
    )


def test_the_split_has_a_seed_of_its_own(tmp_path: Path):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).random((50, 4)))
    first, other = (load(tmp_path / "x.npy", seed=seed, binarization="static") for seed in (1, 2))
    means = [load(tmp_path / "x.npy", seed=seed).test.means() for seed in (1, 2)]
    np.testing.assert_array_equal(*means)
    assert first.record.checksum != other.record.checksum
    assert not np.array_equal(means[0], load(tmp_path / "x.npy", split_seed=1).test.means())


# Sparse files, documents and baskets


def market(words: sparse.csr_matrix, kind: str = "integer") -> str:
    coo = words.tocoo()
    entries = "".join(
        f"{i + 1} {j + 1}{f' {n}' if kind != 'pattern' else ''}\n"
        for i, j, n in zip(coo.row, coo.col, coo.data, strict=True)
    )
    return f"%%MatrixMarket matrix coordinate {kind} general\n%\n{words.shape[0]} {words.shape[1]} {coo.nnz}\n{entries}"


def test_a_folder_of_10x_has_cells_for_rows(tmp_path: Path, words: sparse.csr_matrix):
    turned = words.T.tocsr()
    (tmp_path / "matrix.mtx.gz").write_bytes(gzip.compress(market(turned).encode()))
    genes = "".join(f"GENE{n}\tsym{n}\tGene Expression\n" for n in range(9))
    (tmp_path / "features.tsv.gz").write_bytes(gzip.compress(genes.encode()))
    (tmp_path / "barcodes.tsv").write_text("".join(f"CELL{n}-1\n" for n in range(40)))
    for path in (tmp_path, tmp_path / "matrix.mtx.gz"):
        with pytest.warns(UserWarning, match="which are the cells, are taken for the rows"):
            rows = read_rows(path)
        np.testing.assert_array_equal(rows.rows.toarray(), words.toarray())
        assert (rows.columns, rows.names) == (
            tuple(f"sym{n}" for n in range(9)),
            tuple(f"CELL{n}-1" for n in range(40)),
        )
    (tmp_path / "barcodes.tsv").write_text("one\n")
    refused(tmp_path, r"expected 40 lines in .*barcodes\.tsv for the matrix .*, got 1")


def test_matrix_market_of_every_field(tmp_path: Path, words: sparse.csr_matrix):
    path = tmp_path / "x.mtx"
    path.write_text(market(words, "real"))
    np.testing.assert_array_equal(read_rows(path).rows.toarray(), words.toarray())
    path.write_text(market(words, "pattern"))
    np.testing.assert_array_equal(read_rows(path).means(), words.toarray() > 0)
    square = sparse.csr_matrix(np.tril(words.toarray()[:9]))
    path.write_text(market(square).replace("general", "symmetric"))
    full = square.toarray() + np.tril(square.toarray(), -1).T
    np.testing.assert_array_equal(read_rows(path).rows.toarray(), full)
    path.write_text("%%MatrixMarket matrix array integer general\n2 3\n1\n4\n2\n5\n3\n6\n")
    np.testing.assert_array_equal(read_rows(path, values="counts").rows.toarray(), [[1, 2, 3], [4, 5, 6]])


def test_sparse_bits_are_bits(tmp_path: Path, bits: np.ndarray):
    sparse.save_npz(tmp_path / "x.npz", sparse.csr_matrix(bits))
    data = load(tmp_path / "x.npz")
    assert (data.record.values, data.record.binarization, data.train.is_sparse) == ("binary", "none", True)
    np.save(tmp_path / "x.npy", bits)
    np.testing.assert_array_equal(data.train.means(), load(tmp_path / "x.npy").train.means())
    sparse.save_npz(tmp_path / "x.npz", sparse.csr_matrix(bits * 0.5))
    refused(
        tmp_path / "x.npz",
        r"zeros and ones in a sparse matrix.*got 0.5 at row .*; try matrix.toarray\(\)",
        values="binary",
    )
    refused(tmp_path / "x.npz", "expected whole numbers .*, got 0.5")


class Harmful:
    def __reduce__(self):
        return os.mkdir, ("unpickled",)


def test_token_ids_and_lda_c(tmp_path: Path, words: sparse.csr_matrix, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    documents = [np.repeat(row.indices, row.data) for row in words]
    np.savez(tmp_path / "x.npz", tokens=np.concatenate(documents), lengths=[len(document) for document in documents])
    lines = [f"{row.nnz}" + "".join(f" {j}:{n}" for j, n in zip(row.indices, row.data, strict=True)) for row in words]
    (tmp_path / "x.ldac").write_text("\n".join(lines))
    for name in ("x.npz", "x.ldac"):
        np.testing.assert_array_equal(read_rows(tmp_path / name).rows.toarray(), words.toarray())
    for rows in (documents, [document.tolist() for document in documents]):
        ragged = np.empty(40, object)
        ragged[:] = rows
        np.save(tmp_path / "x.npy", ragged, allow_pickle=True)
        np.testing.assert_array_equal(read_rows(tmp_path / "x.npy").rows.toarray(), words.toarray())
    ragged[0] = Harmful()
    np.save(tmp_path / "x.npy", ragged, allow_pickle=True)
    message = refused(tmp_path / "x.npy", r"got pickled objects \(dtype object\)")
    # What the message says to try is what was read above; and nothing was called.
    assert "numpy.savez(path, tokens=numpy.concatenate(rows), lengths=[len(row) for row in rows])" in message
    assert not (tmp_path / "unpickled").exists()
    (tmp_path / "x.ldac").write_text("2 0:1\n1 1:1\n")
    refused(tmp_path / "x.ldac", "got '2 0:1' as line 1 of documents")
    np.savez(tmp_path / "x.npz", tokens=np.arange(5), lengths=[2, 2])
    refused(tmp_path / "x.npz", "expected lengths that add up to the 5 tokens in .*, got 4")


def test_baskets_of_items(tmp_path: Path):
    baskets = ["rye bread, SKU-1042", "SKU-2001", 'butter, "cheese, blue"', "butter,butter"] * 5
    (tmp_path / "x.txt").write_text("\n".join(baskets))
    data = load(tmp_path / "x.txt", item_separator=",")
    assert data.words == ("SKU-1042", "SKU-2001", "butter", "cheese, blue", "rye bread")
    assert data.train.rows.max() == 2
    bits = load(tmp_path / "x.txt", item_separator=",", values="binary")
    assert (bits.record.values, bits.train.rows.max()) == ("binary", 1)
    like = read_like(bits.record, tmp_path / "x.txt", columns=bits.columns)
    np.testing.assert_array_equal(like.means()[:3], [[1, 0, 0, 0, 1], [0, 1, 0, 0, 0], [0, 0, 1, 1, 0]])
    refused(
        tmp_path / "x.txt", r"expected binary data, got .*, which holds texts; .*item_separator=','", values="binary"
    )


def test_texts_in_other_encodings(tmp_path: Path):
    (tmp_path / "latin.txt").write_bytes("café brûlée\n".encode("latin-1") * 9)
    message = refused(tmp_path / "latin.txt", "expected a text file in UTF-8")
    assert "encoding='latin-1'" in message
    assert load(tmp_path / "latin.txt", encoding="latin-1").words == ("brûlée", "café")
    (tmp_path / "wide.txt").write_text("café brûlée\n" * 9, encoding="utf-16")
    assert load(tmp_path / "wide.txt").words == ("brûlée", "café")
    refused(tmp_path / "latin.txt", "expected the name of an encoding, got 'klingon'", encoding="klingon")


def test_a_folder_of_texts_in_several_encodings(tmp_path: Path):
    folder = tmp_path / "texts"
    folder.mkdir()
    for name, encoding in (("a", "utf-8"), ("b", "latin-1"), ("c", "utf-16"), ("d", "utf-8"), ("e", "latin-1")):
        (folder / f"{name}.txt").write_text("café brûlée", encoding=encoding)
    (folder / "f.txt").write_text("coffee")
    assert "encoding='latin-1'" in refused(folder, r"expected a text file in UTF-8, got .*b\.txt")
    with pytest.warns(UserWarning, match=r"3 of the 6 files of .*, such as a\.txt, are in Unicode and are read so"):
        rows = read_rows(folder, encoding="latin-1")
    assert rows.columns == ("brûlée", "café", "coffee")
    np.testing.assert_array_equal(rows.dense(), [[1, 1, 0]] * 5 + [[0, 0, 1]])


DECIMAL_COMMAS = {
    "plain": "1,5\n2,25\n0,125\n7,0\n",
    "below a name": "length\n1,5\n2,25\n0,125\n7,0\n",
    "a sign": "-1,5\n+2,25\n0,125\n7,0\n",
    "some whole": "1,5\n2\n0,125\n7\n",
}


@pytest.mark.parametrize("name", DECIMAL_COMMAS)
def test_one_column_with_decimal_commas_is_asked_for(name: str, tmp_path: Path):
    path = tmp_path / "x.csv"
    path.write_text(DECIMAL_COMMAS[name])
    message = refused(path, "expected", levels=None)
    assert "decimal=',' for decimal commas" in message
    if name != "some whole":
        assert "got '" + path.read_text().removeprefix("length\n").split()[0] in message
        assert message.endswith("or delimiter=',' for two columns")
        with pytest.raises(DataError, match=r"between 0 and 1 .* from -?\d to \d+"):
            read_rows(path, delimiter=",")
    # Followed, the hint gives one column; its numbers are no bits.
    with pytest.raises(DataError, match=r"between 0 and 1 .*, got values from -?[\d.]+ to 7, .* column (1|'length')"):
        read_rows(path, decimal=",")


def test_two_columns_of_whole_numbers_are_not_asked_about(tmp_path: Path):
    path = tmp_path / "x.csv"
    for text, options in (
        ("0,1\n1,0\n1,1\n", {}),
        ("a,b\n1,5\n2,25\n", {"values": "counts"}),
        ("1,5\n2,25\n", {"values": "counts"}),
        ("1,5\n2,7\n", {"values": "grey", "levels": 8}),
        # R names the rows below a header of one name less.
        ("n\n1,5\n2,25\n3,125\n4,7\n", {"values": "counts"}),
    ):
        path.write_text(text)
        assert read_rows(path, **options).shape[1] == (1 if text.startswith("n") else 2)


def test_vocabularies_of_any_words(tmp_path: Path):
    given = (
        "a\u2028b",
        "\u2028",
        "x\u0085",
        "form\ffeed",
        "new\nline",
        '"quoted"',
        " led",
        "plain",
        "\x1b[31m",
        "\ufeffmark",
    )
    write_words(tmp_path / "x.vocab.txt", given)
    assert read_words(tmp_path / "x.vocab.txt") == given


def test_counts_of_three_axes_keep_their_shape(tmp_path: Path):
    spikes = np.random.default_rng(0).poisson(1.0, (30, 4, 5))
    np.save(tmp_path / "x.npy", spikes)
    data = load(tmp_path / "x.npy", values="counts")
    assert (data.record.image_shape, data.record.num_features) == ((4, 5), 20)
    np.testing.assert_array_equal(read_rows(tmp_path / "x.npy", values="counts").means(), spikes.reshape(30, 20))


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, float])
def test_whole_numbers_of_few_levels(tmp_path: Path, dtype: type):
    genotypes = (np.arange(120) % 3).reshape(30, 4).astype(dtype)
    np.save(tmp_path / "x.npy", genotypes)
    message = refused(tmp_path / "x.npy", "from 0 to 2, the first outside being 2 at row 1, column 3")
    assert "values='counts'" in message
    assert "levels=3" in message
    data = load(tmp_path / "x.npy", values="grey", levels=3)
    assert (data.record.levels, data.train.largest) == (3, 2)
    np.testing.assert_array_equal(read_like(data.record, tmp_path / "x.npy").means(), genotypes / np.float32(2))
    assert load(tmp_path / "x.npy", values="counts").record.values == "counts"
    refused(tmp_path / "x.npy", "expected grey values|between 0 and 1", values="grey")


BYTES = np.random.default_rng(0).integers(0, 256, (12, 4)).astype(np.uint8)
DARK = (np.arange(12) % 2).reshape(3, 4).astype(np.uint8)
SCALES = {
    "bytes": (255, np.r_[BYTES, DARK], {}),
    "bytes as floats": (255, np.r_[BYTES, [[255, 0, 1, 2]], DARK].astype(float), {}),
    "levels": (8, np.r_[BYTES % 5 * 2, DARK], {"levels": 9}),
    "floats": (1, np.r_[BYTES / 255, DARK], {}),
}


@pytest.mark.parametrize("name", SCALES)
def test_grey_values_do_not_depend_on_what_is_read_with_them(name: str):
    scale, rows, options = SCALES[name]
    record = Dataset.from_arrays(rows[:-3], valid=rows[-3:], values="grey", **options).record
    assert record.scale == scale
    assert Record.from_dict(record.to_dict()) == record
    for size in (1, 4, len(rows)):
        parts = [rows[first : first + size] for first in range(0, len(rows), size)]
        read = np.concatenate([rows_like(record, part, are_own=True).means() for part in parts])
        np.testing.assert_allclose(read, rows / scale, atol=1e-6)
    older = replace(record, scale=None)
    assert rows_like(older, DARK, are_own=True).means().max() == 1
    other = BYTES if scale == 1 else rows[:-3] / scale
    expected = "floats between 0 and 1" if scale == 1 else f"whole numbers from 0 to {scale}"
    with pytest.raises(DataError, match=f"expected {expected} in rows"):
        rows_like(record, other, are_own=True)
    if scale > 1:
        with pytest.raises(DataError, match=f"levels={scale + 1} says, got values from 0 to {scale + 1}"):
            rows_like(record, rows * 0 + np.arange(4) * (scale + 1.0) / 3 // 1, are_own=True)


def test_means_of_bits_do_not_depend_on_what_is_read_with_them(tmp_path: Path):
    np.savez(tmp_path / "x.npz", train_images=np.r_[BYTES, DARK])
    record = load(tmp_path / "x.npz").record
    rows = rows_like(record, DARK, are_own=True)
    assert rows.is_dynamic
    np.testing.assert_allclose(rows.means(), DARK / 255, atol=1e-7)
    # Those of other data are bits.
    np.testing.assert_array_equal(rows_like(record, DARK).means(), DARK)
    with pytest.raises(DataError, match="expected whole numbers from 0 to 255 in rows"):
        rows_like(record, BYTES / 255, are_own=True)


def test_other_grey_files_are_of_the_scale_of_the_record(tmp_path: Path):
    record = Dataset.from_arrays(BYTES, valid=DARK, values="grey").record
    path = tmp_path / "x.npy"
    for rows, unit in ((DARK, DARK / 255), (BYTES / 255, BYTES / 255), (BYTES.astype(float), BYTES / 255)):
        np.save(path, rows)
        np.testing.assert_allclose(read_like(record, path).means(), unit, atol=1e-6)
    x = DARK.astype(float)
    np.save(path, x)
    with pytest.raises(DataError, match=r"only zeros and ones.*; try x / 255 if .*, or 255 \* x if"):
        read_like(record, path)
    for rows, unit in ((x / 255, x / 255), (255 * x, x)):
        np.save(path, rows)
        np.testing.assert_allclose(read_like(record, path).means(), unit, atol=1e-6)


# Arrays by name


def test_arrays_that_are_not_used_are_named(tmp_path: Path, bits: np.ndarray):
    labels = np.array(["cat", None] * 20, object)
    np.savez(tmp_path / "x.npz", imgs=bits, classes=np.arange(40), names=labels)
    refused(tmp_path / "x.npz", "expected an array named .*, got 'imgs', 'classes', 'names'; try array='imgs'")
    with pytest.warns(UserWarning, match="arrays of .* that are not used: 'classes', 'names'"):
        assert load(tmp_path / "x.npz", array="imgs").record.reading.array == "imgs"
    np.savez(tmp_path / "x.npz", train=bits[:20], validation=bits[20:30], test=bits[30:])
    assert load(tmp_path / "x.npz").record.splits == {"train": 20, "valid": 10, "test": 10}
    np.savez(tmp_path / "x.npz", train=bits[:20], holdout=bits[20:])
    refused(tmp_path / "x.npz", r"a split that is known by its name, got 'holdout' \[20, 6\]")
    with pytest.warns(UserWarning, match="not used: 'holdout'"):
        assert load(tmp_path / "x.npz", array="train").record.splits == {"train": 16, "valid": 2, "test": 2}


# Rows for a trained model


def test_files_are_read_as_the_model_was_trained(tmp_path: Path):
    """A run on digits, whose default is the threshold, reads grey files by the threshold."""
    grey = np.random.default_rng(0).random((9, 64))
    np.save(tmp_path / "x.npy", grey)
    rows = read_like(load("digits").record, tmp_path / "x.npy")
    assert not rows.is_dynamic
    np.testing.assert_array_equal(rows.rows, grey.astype(np.float32) >= 0.5)
    dynamic = read_like(load("digits", binarization="dynamic").record, tmp_path / "x.npy")
    assert dynamic.is_dynamic
    np.testing.assert_array_equal(dynamic.means(), grey.astype(np.float32))
    with pytest.raises(DataError, match=r"expected zeros and ones in .*; try binarization='threshold'"):
        read_like(load("bars").record, tmp_path / "x.npy")
    assert read_like(load("bars").record, tmp_path / "x.npy", binarization="threshold").rows.max() == 1


def test_bytes_for_a_model_of_bytes(tmp_path: Path):
    grey = np.random.default_rng(0).integers(0, 256, (20, 2, 3), dtype=np.uint8)
    np.savez(tmp_path / "x.npz", train_images=grey)
    np.save(tmp_path / "x.npy", grey)
    record = load(tmp_path / "x.npz").record
    assert (record.largest, record.binarization) == (255, "dynamic")
    np.testing.assert_allclose(read_like(record, tmp_path / "x.npy").means(), grey.reshape(20, 6) / 255, rtol=1e-6)


def test_options_of_the_file_are_those_of_training(tmp_path: Path):
    text = "id;b;a;kind\nr1;0,5;1;x\nr2;0,25;0;y\nr3;1;0;x\nr4;0;1;y\n"
    (tmp_path / "x.csv").write_text(text)
    data = load(tmp_path / "x.csv", decimal=",", drop="kind", name_column="id", binarization="threshold")
    record = Record.from_dict(json.loads(json.dumps(data.record.to_dict())))
    assert record == data.record
    np.testing.assert_array_equal(read_like(record, tmp_path / "x.csv").rows, [[1, 1], [0, 0], [1, 0], [0, 1]])
    # Columns are found by their names, whatever their order and whatever is beside them.
    (tmp_path / "y.csv").write_text("a;other;b\n1;7;0,5\n0;7;0\n")
    np.testing.assert_array_equal(read_like(record, tmp_path / "y.csv", columns=data.columns).rows, [[1, 1], [0, 0]])
    (tmp_path / "y.csv").write_text("a;other\n1;7\n0;7\n")
    with pytest.raises(DataError, match=r"expected a column 'b' .*, got no such column"):
        read_like(record, tmp_path / "y.csv", columns=data.columns)
    np.save(tmp_path / "y.npy", [[1.0, 0.0]])
    np.testing.assert_array_equal(read_like(record, tmp_path / "y.npy").rows, [[1, 0]])
    np.save(tmp_path / "y.npy", [[1.0], [0.0]])
    with pytest.raises(DataError, match=r"expected 2 columns .*, got 1 in .*; try transpose=True"):
        read_like(record, tmp_path / "y.npy")
    np.testing.assert_array_equal(read_like(record, tmp_path / "y.npy", transpose=True).rows, [[1, 0]])


def test_the_first_column_of_svmlight_is_recorded_or_asked_for(tmp_path: Path, words: sparse.csr_matrix):
    def write(name: str, first: int, columns: slice) -> Path:
        rows = [row[:, columns] for row in words]
        start = first + columns.start
        lines = ["1" + "".join(f" {j + start}:{n}" for j, n in zip(row.indices, row.data, strict=True)) for row in rows]
        (tmp_path / name).write_text("\n".join(lines))
        return tmp_path / name

    whole = write("whole.svm", 0, slice(0, 9))
    later = write("later.svm", 0, slice(1, 9))
    trained = load(whole)
    assert trained.record.reading.first_column == 0
    np.testing.assert_array_equal(read_like(trained.record, later).rows.toarray()[:, 1:], words.toarray()[:, 1:])
    np.save(tmp_path / "x.npy", words.toarray())
    record = load(tmp_path / "x.npy", values="counts").record
    short = write("short.svm", 0, slice(1, 8))
    with pytest.raises(DataError, match=r"expected to know the number of the first column of .*; try first_column=0"):
        read_like(record, short)
    moved = read_like(record, short, first_column=1).rows.toarray()
    np.testing.assert_array_equal(moved[:, :7], words.toarray()[:, 1:8])
    np.testing.assert_array_equal(read_like(record, whole).rows.toarray(), words.toarray())
    with pytest.raises(DataError, match=r"expected columns from 1 on in .*, got column 0; try first_column=0"):
        read_like(replace(record, reading=replace(record.reading, first_column=1)), whole)


def test_options_that_a_kind_of_file_cannot_have(tmp_path: Path, bits: np.ndarray):
    np.save(tmp_path / "x.npy", bits)
    refused(tmp_path / "x.npy", "expected no delimiter for .*, got ';'; try leaving it out", delimiter=";")
    refused(tmp_path / "x.npy", "expected an option of load, got 'delimeter'; did you mean 'delimiter'", delimeter=";")
    with pytest.raises(OptionError, match=r"expected split-seed to be a whole number, got 1\.5"):
        load(tmp_path / "x.npy", split_seed=1.5)
    with pytest.raises(DataError, match="expected no split_column for the rows of"):
        read_rows(tmp_path / "x.npy", split_column="a")
    refused(tmp_path / "x.npy", r"expected a delimiter of one character, got '::'", delimiter="::")
    assert LoadOptions.of({"drop": "class"}).drop == ("class",)


# Rows in memory


class Frame:
    """What a data frame has that matters here."""

    def __init__(self, rows: np.ndarray, columns: list[str], index: list[str] | range):
        self.rows, self.columns, self.index = rows, columns, index

    def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
        return self.rows

    def __len__(self) -> int:
        return len(self.rows)


def test_rows_in_memory_of_any_kind(bits: np.ndarray):
    plain = Dataset.from_arrays(bits)
    kinds = (
        *(bits.astype(dtype) for dtype in (bool, np.int64, ">i4", ">f8", np.float16)),
        *(bits.tolist(), np.ma.masked_array(bits), np.asfortranarray(bits), bits.astype(object)),
    )
    for rows in kinds:
        assert Dataset.from_arrays(rows).record == plain.record
    for kind in ("csr", "csc", "coo", "lil"):
        data = Dataset.from_arrays(sparse.csr_matrix(bits).asformat(kind))
        np.testing.assert_array_equal(data.train.means(), plain.train.means())
    framed = Dataset.from_arrays(Frame(bits, list("abcdef"), [f"r{n}" for n in range(40)]))
    assert framed.columns == tuple("abcdef")
    assert framed.test.names == tuple(f"r{n}" for n in plain_places(plain.test.rows, bits))
    assert Dataset.from_arrays(Frame(bits, list("abcdef"), range(40))).train.names is None
    assert Dataset.from_arrays(bits.reshape(40, 2, 3)).record.image_shape == (2, 3)


def plain_places(part: np.ndarray, rows: np.ndarray) -> list[int]:
    """Where the rows of a test split are, which the split draws again."""
    places = np.random.default_rng(0).permutation(40)[4:8]
    np.testing.assert_array_equal(rows[np.sort(places)], part)
    return np.sort(places).tolist()


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (np.full((9, 3), 2), "from 2 to 2, the first outside being 2 at row 1, column 1"),
        (np.full((9, 3), -1), "from -1 to -1"),
        (np.tile([-1, 1], (9, 2)), r"try \(x \+ 1\) / 2 if these are -1 and 1"),
        (np.full((9, 3), 255), "try x / 255 if these are 8-bit grey levels"),
        (np.full((9, 3), np.nan), "expected finite values in arrays, got nan"),
        (np.ones(9), r"expected shape \[rows, features\]"),
        (np.ones((9, 3), complex), "expected numbers in .*, got an array of dtype complex128"),
        ([[0, 1], [1]], "expected rows of numbers, all of the same length"),
        ([["a", "b"]] * 4, "expected numbers in .*, got an array of dtype <U1"),
        (np.ma.masked_array(np.ones((9, 3)), mask=np.eye(9, 3)), "without missing values .*, got a masked array"),
        (sparse.csr_matrix(np.full((9, 3), 0.5)), "expected whole numbers .*, got 0.5"),
        (np.ones((2, 3)), "expected at least 3 rows in arrays"),
    ],
)
def test_rows_in_memory_that_cannot_be_used(rows: object, message: str):
    with pytest.raises(DataError, match=message):
        Dataset.from_arrays(rows)


def test_splits_in_memory(bits: np.ndarray):
    data = Dataset.from_arrays(
        bits[:20], bits[20:30], bits[30:], columns=list("abcdef"), names={"test": [f"t{n}" for n in range(10)]}
    )
    np.testing.assert_array_equal(data.valid.rows, bits[20:30])
    assert data.test.names is not None
    assert data.test.names[3] == "t3"
    with pytest.raises(DataError, match=r"same number of columns in arrays, got {'train': 6, 'test': 5}"):
        Dataset.from_arrays(bits, test=bits[:, :5])
    with pytest.raises(DataError, match=r"expected whole numbers .* in arrays, got 0.5 at row 1"):
        Dataset.from_arrays(bits / 2 + 0.5, values="counts")
    with pytest.raises(DataError, match="which say how a file is read"):
        Dataset.from_arrays(bits, delimiter=";")
    grey = Dataset.from_arrays(np.random.default_rng(0).random((20, 4)), binarization="threshold")
    assert (grey.record.binarization, grey.train.rows.dtype) == ("threshold", np.uint8)


# Hostile files


def npy(shape: str, descr: str = "'<f8'", data: bytes = b"0" * 80) -> bytes:
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}".encode()
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + data


def archive(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, content in members.items():
            opened.writestr(f"{name}.npy", content)
    return file.getvalue()


def pieces(shape: list[int], kind: str = "csr") -> bytes:
    file = io.BytesIO()
    ones = np.ones(2, np.int64)
    places = {"row": ones, "col": ones} if kind == "coo" else {"indices": ones, "indptr": np.array([0, 1, 2, 2])}
    np.savez(file, format=np.array(kind), data=ones, shape=np.array(shape), **places)
    return file.getvalue()


MARKET = b"%%MatrixMarket matrix coordinate integer general\n"
RANDOM = np.random.default_rng(0)
HOSTILE: dict[str, tuple[str, Callable[[], bytes]]] = {
    "more rows than bytes": ("x.npy", lambda: npy("(100000000000, 10)")),
    "rows without end": ("x.npy", lambda: npy(f"({10**30}, 0)")),
    "negative rows": ("x.npy", lambda: npy("(-1, 10)")),
    "power in a header": ("x.npy", lambda: npy("(9**9**9,)")),
    "brackets in a header": ("x.npy", lambda: npy("(" * 9000)),
    "strings of a gigabyte": ("x.npy", lambda: npy("(3,)", "'<U250000000'")),
    "records": ("x.npy", lambda: npy("(3,)", "[('a', '<f8')]")),
    "header of two gigabytes": ("x.npy", lambda: b"\x93NUMPY\x02\x00\xff\xff\xff\x7f{"),
    "a bomb": ("x.npz", lambda: archive(train=npy("(100, 1000000)", "'|u1'", bytes(10**8)))),
    "an array that claims": ("x.npz", lambda: archive(train=npy("(1000000000, 1000)"))),
    "wide pieces": ("x.npz", lambda: pieces([3, 10**12])),
    "tall pieces": ("x.npz", lambda: pieces([10**12, 3], "csc")),
    "vast pieces": ("x.npz", lambda: pieces([10**12, 10**12], "coo")),
    "rows of a header": ("x.mtx", lambda: MARKET + b"1000000000000 3 1\n1 1 1\n"),
    "columns of a header": ("x.mtx", lambda: MARKET + b"3 1000000000000 1\n1 1 1\n"),
    "entries of a header": ("x.mtx", lambda: MARKET + b"3 3 1000000000000\n1 1 1\n"),
    "no sizes": ("x.mtx", lambda: MARKET + b"nan inf -1\n1 1 1\n"),
    "an entry beyond": ("x.mtx", lambda: MARKET + b"3 3 1\n4 1 1\n"),
    "an index of a trillion": ("x.svm", lambda: b"1 1000000000000:1\n1 2:1\n1 3:1\n"),
    "an index of two milliards": ("x.svm", lambda: b"1 2000000000:1\n1 2:1\n1 3:1\n"),
    "a term of two milliards": ("x.ldac", lambda: b"1 2000000000:1\n1 2:1\n1 3:1\n"),
    "zeros compressed": ("x.csv.gz", lambda: gzip.compress(bytes(10**8), 9)),
    "ones compressed": ("x.mtx.gz", lambda: gzip.compress(MARKET + b"1" * 10**8, 9)),
    "random bytes": ("x.csv", lambda: RANDOM.bytes(2 * 10**6)),
    "random letters": ("x.csv", lambda: RANDOM.integers(32, 127, 4 * 10**5, dtype=np.uint8).tobytes()),
    "control characters": ("x.txt", lambda: RANDOM.integers(1, 32, 10**5, dtype=np.uint8).tobytes()),
    "a cell of 20 MB": ("x.csv", lambda: b"0,1\n0," + b"x" * (20 * 10**6) + b"\n"),
    "a number of 20 MB": ("x.csv", lambda: b"0,1\n0," + b"1" * (20 * 10**6) + b"\n"),
    "a million columns and more": ("x.csv", lambda: b"0," * 2 * 10**6 + b"1\n"),
    "a quote without end": ("x.csv", lambda: b'a,b\n"1,0\n' + b"1,0\n" * 10**5),
    "zero bytes": ("x.csv", lambda: b"0,1\n0,\0\n" * 1000),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_files_are_refused_soon_and_without_much_memory(tmp_path: Path, case: str):
    name, content = HOSTILE[case]
    path = tmp_path / name
    path.write_bytes(content())
    tracemalloc.start()
    begin = time.process_time()
    try:
        message = refused(path, "expected")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert time.process_time() - begin < 3
    assert peak < 2**28 + 10 * path.stat().st_size
    assert len(message) < 1000 + len(str(path))


@pytest.mark.parametrize("name", ["x.csv", "x.npy", "x.npz", "x.mtx", "x.svm", "x.txt", "x.csv.gz"])
def test_pipes_and_devices_are_refused(tmp_path: Path, name: str):
    os.mkfifo(tmp_path / name)
    refused(tmp_path / name, "expected a regular file, got a named pipe")
    (tmp_path / name).unlink()
    (tmp_path / name).symlink_to("/dev/zero")
    refused(tmp_path / name, "expected a regular file, got a device")


def test_archives_that_are_none(tmp_path: Path):
    content = bytearray(archive(train=npy("(2, 5)")))
    for place, value in ((6, 1), (8, 99)):  # encrypted; packed by a method that nobody knows
        spoilt = bytearray(content)
        central = spoilt.index(b"PK\x01\x02")
        spoilt[place], spoilt[central + place + 2] = value, value
        (tmp_path / "x.npz").write_bytes(spoilt)
        refused(tmp_path / "x.npz", r"x\.npz")
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as opened, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(2):
            opened.writestr("train.npy", npy("(2, 5)"))
    (tmp_path / "x.npz").write_bytes(file.getvalue())
    refused(tmp_path / "x.npz", "expected arrays of different names")


def fuzzer():
    spec = importlib.util.spec_from_file_location("fuzz_readers", ROOT / "benchmarks" / "fuzz_readers.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_mutated_files_are_read_or_refused(tmp_path: Path):
    """A short form of benchmarks/fuzz_readers.py: whatever else comes of a file fails the test by itself."""
    fuzz, random = fuzzer(), np.random.default_rng(1)
    found = {"read": 0, "refused": 0}
    good = fuzz.intact()
    for number in range(160):
        name = list(good)[number % len(good)]
        path = tmp_path / f"{number}-{name}"
        path.write_bytes(good[name] if number < len(good) else fuzz.mutated(good[name], random))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                fuzz.read(path)
                found["read"] += 1
            except DataError:
                assert number >= len(good), f"{name} is a good file"
                found["refused"] += 1
    assert min(found.values()) > 20


def test_every_named_set_says_what_it_is():
    assert all(source.name == name for name, source in SOURCES.items())
    assert {"binary", "grey", "counts"} >= {source.values for source in SOURCES.values()}


def test_options_of_the_command_line_reach_the_reader(tmp_path: Path, words: sparse.csr_matrix):
    genotypes = (np.arange(120) % 3).reshape(30, 4).astype(np.int8)
    np.save(tmp_path / "x.npy", genotypes)
    config = TrainConfig(data=str(tmp_path / "x.npy"), visible="logistic", levels=3, split_seed=2)
    record = config.load_data().record
    assert (record.values, record.levels, record.splits["test"]) == ("grey", 3, 3)
    moved = TrainConfig(data=str(tmp_path / "x.npy"), visible="logistic", levels=3).load_data().record
    assert moved.checksum != record.checksum
    np.save(tmp_path / "counts.npy", words.toarray())
    assert TrainConfig(data=str(tmp_path / "counts.npy"), net="document").load_data().record.values == "counts"
    (tmp_path / "x.csv").write_text("a;b\n0,5;1\n0,25;0\n1;0\n0;1\n")
    assert TrainConfig(data=str(tmp_path / "x.csv"), decimal=",", drop=("b",)).load_data().columns == ("a",)


def test_runs_of_the_first_version_keep_their_split(tmp_path: Path):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).random((50, 4)))
    old = TrainConfig.from_dict({"data": str(tmp_path / "x.npy"), "seed": 3, "vimco": {"stand_in": "geometric"}})
    assert old.load_data().record.checksum == load(tmp_path / "x.npy", split_seed=3).record.checksum


def test_the_array_of_the_run_is_read_again(tmp_path: Path, bits: np.ndarray):
    np.savez(tmp_path / "two.npz", first=bits, second=1 - bits)
    record = load(tmp_path / "two.npz", array="second").record
    np.testing.assert_array_equal(read_like(record, tmp_path / "two.npz", array=None).rows, 1 - bits)
    np.testing.assert_array_equal(read_like(record, tmp_path / "two.npz", array="first").rows, bits)
    np.savez(tmp_path / "one.npz", other=bits)
    np.testing.assert_array_equal(read_like(record, tmp_path / "one.npz").rows, bits)


@pytest.mark.parametrize("suffix", [".svm", ".ldac"])
def test_plain_lines_and_others_are_read_alike(tmp_path: Path, suffix: str):
    """A comment, or a line that is not plain, changes nothing in what the others say."""
    lines = ["2 0:1 3:2", "1 1:4", "2 2:1\t4:3 ", "1 0:1"]
    plain, other = tmp_path / f"plain{suffix}", tmp_path / f"other{suffix}"
    plain.write_text("\n".join(lines))
    other.write_text("\n\n".join(lines) + "\n\n" + (" # a comment" if suffix == ".svm" else ""))
    read = [read_rows(path).rows.toarray() for path in (plain, other)]
    np.testing.assert_array_equal(read[0], [[1, 0, 0, 2, 0], [0, 4, 0, 0, 0], [0, 0, 1, 0, 3], [1, 0, 0, 0, 0]])
    np.testing.assert_array_equal(*read)


@pytest.mark.parametrize("line", ["1 1:", "1 :1", "1 1:1:1", "1.2.3 1:1", "1 1:1e", "1 1:-", "1 1.5:1", "x 1:1", "1 1"])
def test_lines_that_only_look_plain_are_refused(tmp_path: Path, line: str):
    (tmp_path / "x.svm").write_text(f"1 1:1\n{line}\n1 2:1\n")
    with pytest.raises(DataError, match="expected"):
        read_rows(tmp_path / "x.svm")


@pytest.mark.parametrize("name", ["x.svm", "x.ldac", "x.csv", "x.txt"])
def test_many_lines_take_no_call_for_each(tmp_path: Path, name: str):
    (tmp_path / name).write_text({".csv": "1\n"}.get(Path(name).suffix, "1 1:1\n") * 100_000)
    # What is imported at the first use would be counted as well.
    importlib.import_module("sklearn.feature_extraction.text")
    calls = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count)
    try:
        with contextlib.suppress(DataError):
            assert read_rows(tmp_path / name).shape[0] == 100_000
    finally:
        sys.setprofile(None)
    assert calls < 90_000
