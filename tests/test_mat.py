"""MATLAB files: arrays by name, dense and sparse, and files that are damaged, vast or of another version."""

import contextlib
import struct
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse
from scipy.io import savemat

from beliefnet.cli import run
from beliefnet.data import DataError, load, read_incomplete_rows, read_like, read_rows
from beliefnet.data._files import LEAST_EXPANSION


@pytest.fixture
def bits() -> np.ndarray:
    return (np.random.default_rng(7).random((20, 6)) < 0.4).astype(np.uint8)


@pytest.fixture
def words() -> sparse.csc_matrix:
    return sparse.csc_matrix(np.random.default_rng(3).poisson(0.6, (20, 9)).astype(float))


def refused(path: Path, message: str, **options: object) -> str:
    with pytest.raises(DataError, match=message) as caught:
        load(path, **options)
    return str(caught.value)


HOW: dict[str, dict[str, Any]] = {"4": {"format": "4"}, "5": {}, "7": {"do_compression": True}}


@pytest.mark.parametrize("version", HOW)
def test_arrays_of_every_version(tmp_path: Path, bits: np.ndarray, words: sparse.csc_matrix, version: str):
    how = HOW[version]
    path = tmp_path / "x.mat"
    savemat(path, {"mine": bits.astype(float)}, **how)
    np.testing.assert_array_equal(read_rows(path).rows, bits)
    np.testing.assert_array_equal(read_rows(path, transpose=True).rows, bits.T)
    savemat(path, {"X": words, "note": "a text", "test": words[:4]}, **how)
    data = load(path)
    assert (data.record.values, data.record.splits["test"]) == ("counts", 4)
    np.testing.assert_array_equal(data.test.dense(), words[:4].toarray())
    turned = load(path, transpose=True, array="X", test_fraction=0.3)
    assert turned.train.num_features == 20
    savemat(path, {"train": bits, "val": bits[:3], "labels": np.arange(20.0)[:, None]}, **how)
    with pytest.warns(UserWarning, match="not used: 'labels'"):
        np.testing.assert_array_equal(load(path).valid.rows, bits[:3])
    # Columns for rows, in every split.
    savemat(path, {"train": bits.T, "test": bits[:3].T}, **how)
    np.testing.assert_array_equal(load(path, transpose=True).test.rows, bits[:3])


def test_names_are_used_as_those_of_other_files(tmp_path: Path, bits: np.ndarray):
    path = tmp_path / "x.mat"
    savemat(path, {"first": bits, "second": 1.0 - bits})
    error = refused(path, "expected an array named 'train', .*, got 'first', 'second'")
    assert "; try array='first' for one of them" in error
    with pytest.warns(UserWarning, match="not used: 'second'"):
        data = load(path, array="first")
    refused(path, "an array of numbers 'third', got .* with 'first', 'second'", array="third")
    refused(path, "expected no decimal for", decimal=",")
    # A trained net reads the array of its run where there is one, and else by the names that are known.
    with pytest.warns(UserWarning, match="not used"):
        np.testing.assert_array_equal(read_like(data.record, path).rows, bits)
    savemat(path, {"X": bits[:5], "test": bits[5:]})
    np.testing.assert_array_equal(read_like(data.record, path).rows, bits[:5])
    with pytest.warns(UserWarning, match="not used"):
        np.testing.assert_array_equal(read_like(data.record, path, array="test").rows, bits[5:])
    savemat(path, {"train": bits, "more": bits})
    refused(path, "a split that is known by its name, got 'more'")
    savemat(path, {"rows": {"a": 1}, "text": "red"})
    refused(path, r"expected an array of numbers in .*, got 'rows \(struct\)', 'text \(char\)'")
    savemat(path, {"rows": bits + 1j})
    refused(path, r"expected an array of numbers in .*, got 'rows \(complex\)'; try save\(name")


def test_images_and_classes(tmp_path: Path):
    path, grey = tmp_path / "x.mat", np.random.default_rng(0).integers(0, 256, (9, 3, 4)).astype(np.uint8)
    savemat(path, {"train_images": grey})
    data = load(path)
    assert (data.record.largest, data.record.image_shape, data.record.binarization) == (255, (3, 4), "dynamic")
    # Whole numbers of class double are stored as bytes, and are numbers all the same.
    savemat(path, {"rows": np.moveaxis(grey, 0, -1).astype(float)}, do_compression=True)
    with pytest.warns(UserWarning, match="is read as 3 rows of 4 x 9, .*; try transpose=True if its last axis does"):
        load(path, values="grey")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        turned = read_rows(path, transpose=True, values="grey")
    np.testing.assert_allclose(turned.means(), grey.reshape(9, 12) / 255, atol=1e-6)
    savemat(path, {"rows": np.where(grey[:, 0] > 99, grey[:, 0] / 255, np.nan)})
    incomplete = read_incomplete_rows(load_like(tmp_path), path)
    np.testing.assert_array_equal(np.isnan(incomplete.rows), grey[:, 0] <= 99)


def load_like(folder: Path):
    """The record of grey data of four columns."""
    np.save(folder / "own.npy", np.random.default_rng(0).random((20, 4)))
    return load(folder / "own.npy").record


def test_commands_take_a_matlab_file(tmp_path: Path, trained: Path):
    rows = np.random.default_rng(1).random((5, 7))
    savemat(tmp_path / "x.mat", {"train": rows[:2], "test": rows})
    out = tmp_path / "codes.npy"
    assert run(["encode", str(trained), str(tmp_path / "x.mat"), "--split", "test", "--out", str(out)]) == 0
    assert len(np.load(out)) == 5


def element(kind: int, content: bytes) -> bytes:
    return struct.pack("<II", kind, len(content)) + content


def test_damaged_and_hostile_files(tmp_path: Path, bits: np.ndarray, words: sparse.csc_matrix):
    path = tmp_path / "x.mat"
    path.write_bytes(b"")
    refused(path, "expected a MATLAB file, got an empty file")
    path.write_bytes(b"MATLAB 7.3 MAT-file".ljust(124) + b"\0\2IM" + bytes(400) + b"\x89HDF\r\n\x1a\n")
    assert "save(name, 'rows', '-v7')" in refused(path, "got version 7.3, which is HDF5")
    chance = np.random.default_rng(0)
    for how in HOW.values():
        savemat(path, {"train": words, "test": words.toarray()}, **how)
        content = path.read_bytes()
        for cut in chance.integers(1, len(content), 10):
            path.write_bytes(content[:cut])
            with pytest.raises(DataError):
                load(path)
        for place in [*range(100, 200, 5), *chance.integers(0, len(content), 30)]:
            flipped = bytearray(content)
            flipped[place] ^= 1 << int(chance.integers(8))
            path.write_bytes(flipped)
            # Some names, dates and numbers may change unseen; nothing else comes of it.
            with warnings.catch_warnings(action="ignore"), contextlib.suppress(DataError):
                assert load(path).train.num_features
    # Places outside of a sparse matrix are seen before it is turned into rows.
    savemat(path, {"train": words})
    content = path.read_bytes()
    places = words.indices.astype("<i4").tobytes()
    assert content.count(places) == 1
    path.write_bytes(content.replace(places, b"\xff\xff\xff\x7f" + places[4:]))
    refused(path, r"expected .* to be the pieces of a sparse matrix, got places from 0 to 2147483647")
    vast = zlib.compress(element(14, bytes(LEAST_EXPANSION + 1)), 1)
    path.write_bytes(content[:128] + element(15, vast))
    refused(path, "expected the arrays of .* to expand to at most 67.1 MB")
    path.write_bytes(content[:128] + element(15, zlib.compress(element(14, b"") + b"more")))
    refused(path, "got a damaged .*at byte 128")
    savemat(path, {"train": bits})
    path.write_bytes((once := path.read_bytes()) + once[128:])
    refused(path, "expected arrays of different names in .*, got 'train', 'train'")
