"""Annotated matrices of HDF5: every form of X, layers, names; and files that are damaged, vast or lead elsewhere."""

import contextlib
import gzip
import sys
import warnings
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from scipy import sparse

from beliefnet.cli import run
from beliefnet.data import DataError, load, read_like, read_rows
from beliefnet.data._files import LEAST_EXPANSION

CELLS = [f"cell {number}" for number in range(20)]
GENES = list("ABCDEF")


@pytest.fixture
def counts() -> np.ndarray:
    return np.random.default_rng(3).poisson(0.6, (20, 6)).astype(np.float32)


def put(file: Any, place: str, matrix: Any) -> None:
    """Write a matrix as AnnData does."""
    if not sparse.issparse(matrix):
        file.create_dataset(place, data=matrix, compression="gzip").attrs["encoding-type"] = "array"
        return
    group = file.create_group(place)
    group.attrs["encoding-type"] = f"{matrix.format}_matrix"
    group.attrs["shape"] = matrix.shape
    for name in ("data", "indices", "indptr"):
        group.create_dataset(name, data=getattr(matrix, name))


def annotate(file: Any, table: str, names: list[str]) -> None:
    group = file.create_group(table)
    group.attrs["_index"] = "ids"
    group.create_dataset("ids", data=names, dtype=h5py.string_dtype())


def write(path: Path, matrix: Any, genes: list[str] = GENES, **others: Any) -> Path:
    """Write a file with X, and others under their places, `_` for `/`."""
    with h5py.File(path, "w") as file:
        put(file, "X", matrix)
        annotate(file, "obs", CELLS[: matrix.shape[0]])
        annotate(file, "var", genes)
        for place, other in others.items():
            put(file, place.replace("_", "/"), other)
        if "raw_X" in others:
            annotate(file, "raw/var", [f"raw {number}" for number in range(others["raw_X"].shape[1])])
    return path


def refused(path: Path, message: str, **options: object) -> str:
    with pytest.raises(DataError, match=message) as caught:
        load(path, **options)
    return str(caught.value)


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_matrix, sparse.csc_matrix], ids=("dense", "csr", "csc"))
def test_matrices_of_every_form_with_their_names(tmp_path: Path, counts: np.ndarray, form: Any):
    path = write(tmp_path / "x.h5ad", form(counts), layers_twice=form(2 * counts), raw_X=form(counts[:, :2]))
    rows = read_rows(path, values="counts")
    np.testing.assert_array_equal(rows.dense(), counts)
    assert (rows.columns, rows.names) == (tuple(GENES), tuple(CELLS))
    np.testing.assert_array_equal(read_rows(path, values="counts", array="layers/twice").dense(), 2 * counts)
    assert read_rows(path, values="counts", array="raw/X").columns == ("raw 0", "raw 1")
    assert read_rows(path, values="counts", transpose=True).names == tuple(GENES)
    packed = tmp_path / "x.h5ad.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    np.testing.assert_array_equal(read_rows(packed, values="counts").dense(), counts)
    if form is not np.asarray:
        assert load(path).record.values == "counts"


def test_counts_are_looked_for_in_layers(tmp_path: Path, counts: np.ndarray):
    path = write(tmp_path / "x.h5ad", sparse.csr_matrix(np.log1p(counts)), layers_counts=counts, obsm_pca=counts)
    error = refused(path, "expected counts, whole numbers, in X of .*, got 0.693147")
    assert error.endswith("; try array='layers/counts'")
    data = load(path, array="layers/counts", values="counts")
    # A trained net reads the same array, and says where there is none.
    np.testing.assert_array_equal(read_like(data.record, path, columns=data.columns).dense(), counts)
    with pytest.raises(DataError, match=r"expected a matrix 'layers/counts' in .*, got 'X'; try array='X'"):
        read_like(data.record, write(tmp_path / "y.h5ad", counts), columns=data.columns)
    refused(path, "expected a matrix, dense or by compressed rows or columns, at 'layers'", array="layers")
    refused(path, "expected a matrix 'obs/ids/x' in", array="obs/ids/x")
    refused(path, "expected numbers at 'obs/ids' in .*, got dtype object", array="obs/ids")
    refused(path, "expected no decimal for", decimal=",")
    assert read_rows(path, array="obsm/pca", values="counts").columns is None


def test_columns_are_found_by_their_names(tmp_path: Path, counts: np.ndarray):
    bits = (counts > 0).astype(np.float32)
    data = load(write(tmp_path / "x.h5ad", bits))
    other = write(tmp_path / "y.h5ad", np.column_stack([bits[:, ::-1], bits[:, 0]]), [*GENES[::-1], "Z"])
    np.testing.assert_array_equal(read_like(data.record, other, columns=data.columns).rows, bits)
    with pytest.raises(DataError, match=r"expected a column 'F' in .*y\.h5ad, as the model was trained on"):
        read_like(data.record, write(tmp_path / "y.h5ad", bits[:, :5], GENES[:5]), columns=data.columns)
    with pytest.warns(UserWarning, match=r"columns of .* with the same name are numbered: 'A'$"):
        assert read_rows(write(tmp_path / "x.h5ad", bits, [*"AABAA", "A-1"])).columns == (
            *("A", "A-2", "B", "A-3", "A-4"),
            "A-1",
        )


def test_codes_have_the_names_of_the_cells(tmp_path: Path, trained: Path):
    bits = (np.random.default_rng(1).random((5, 7)) < 0.5).astype(np.float32)
    bits[0, 0] = 1
    write(tmp_path / "x.h5ad", bits, list("ABCDEFG"))
    folder = tmp_path / "10x"
    folder.mkdir()
    entries = "".join(f"{column + 1} {row + 1} 1\n" for row, column in zip(*np.nonzero(bits), strict=True))
    market = f"%%MatrixMarket matrix coordinate integer general\n7 5 {int(bits.sum())}\n{entries}"
    (folder / "matrix.mtx.gz").write_bytes(gzip.compress(market.encode()))
    (folder / "features.tsv.gz").write_bytes(gzip.compress("".join(f"G{n}\tg{n}\n" for n in range(7)).encode()))
    (folder / "barcodes.tsv.gz").write_bytes(gzip.compress("".join(f"{name}\n" for name in CELLS[:5]).encode()))
    tables = []
    for data in (tmp_path / "x.h5ad", folder / "matrix.mtx.gz"):
        assert run(["encode", str(trained), str(data), "--out", str(tmp_path / "codes.csv"), "--overwrite"]) == 0
        tables.append((tmp_path / "codes.csv").read_text())
        assert [line.partition(",")[0] for line in tables[-1].splitlines()[1:]] == CELLS[:5]
    assert tables[0] == tables[1]


def test_what_leads_out_of_a_file_is_not_followed(tmp_path: Path, counts: np.ndarray):
    path, secret = tmp_path / "x.h5ad", write(tmp_path / "secret.h5", counts)
    for link in (h5py.ExternalLink(secret.name, "/X"), h5py.SoftLink("/elsewhere")):
        with h5py.File(write(path, counts), "a") as file:
            del file["X"]
            file["X"] = link
        refused(path, "expected 'X' in .* itself, got a link")
    (tmp_path / "plain").write_bytes(counts.tobytes())
    with h5py.File(write(path, counts), "a") as file:
        del file["X"]
        file.create_dataset("X", counts.shape, "f4", external=[(str(tmp_path / "plain"), 0, counts.nbytes)])
    refused(path, "expected 'X' in .* itself, got a view of other files")
    with h5py.File(write(path, counts), "a") as file:
        del file["X"]
        layout = h5py.VirtualLayout(counts.shape, "f4")
        layout[:] = h5py.VirtualSource(str(secret), "X", counts.shape)
        file.create_virtual_dataset("X", layout)
    refused(path, "expected 'X' in .* itself, got a view of other files")


def test_damaged_and_vast_files(tmp_path: Path, counts: np.ndarray, monkeypatch: pytest.MonkeyPatch):
    path = write(tmp_path / "x.h5ad", sparse.csr_matrix(counts))
    content, chance = path.read_bytes(), np.random.default_rng(0)
    for cut in (0, 1, 8, *chance.integers(9, len(content), 8)):
        path.write_bytes(content[:cut])
        refused(path, r"expected a complete \.h5ad file, got .*x\.h5ad")
    for place in chance.integers(0, len(content), 60):
        path.write_bytes(content[:place] + bytes([content[place] ^ 16]) + content[place + 1 :])
        # Numbers and names may change unseen; nothing else comes of it.
        with warnings.catch_warnings(action="ignore"), contextlib.suppress(DataError):
            assert load(path).train.num_features
    with h5py.File(write(path, counts), "a") as file:
        del file["X"]
        file.create_dataset("X", (2**40, 2**20), "f4", chunks=(64, 64), compression="gzip")
    refused(path, "expected 'X' of .* to expand to at most 67.1 MB")
    with h5py.File(write(path, counts), "a") as file:
        del file["obs/ids"]
        file.create_dataset("obs/ids", (LEAST_EXPANSION,), "S8", chunks=(64,), compression="gzip")
    refused(path, "expected 'obs/ids' of .* to expand to at most 67.1 MB")
    with h5py.File(write(path, sparse.csr_matrix(counts)), "a") as file:
        file["X"]["indices"][0] = 2**30  # pyright: ignore[reportIndexIssue]
    refused(path, "to be the pieces of a sparse matrix, got places from 0 to 1073741824")
    with h5py.File(write(path, counts), "a") as file:
        del file["obs"]
        file["obs"] = np.zeros(20, [("index", "S8")])
    error = refused(path, "expected a group 'obs' in .*, got a table of an older version of AnnData")
    assert error.endswith("; try anndata.read_h5ad(path).write_h5ad(path)")
    with h5py.File(write(path, counts), "a") as file:
        del file["obs/ids"]
        file["obs/ids"] = ["one"]
    refused(path, r"expected 20 names in 'obs' of .*, got \[1\]")
    monkeypatch.setitem(sys.modules, "h5py", None)
    assert refused(path, "expected the package h5py").endswith('; try pip install "beliefnet[h5ad]"')
