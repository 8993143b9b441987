"""Data sets: named ones, downloads from a local server, a user's own files, and every way they can be wrong."""

import doctest
import gzip
import json
import os
import struct
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from serving import Server, local_source

from beliefnet import data
from beliefnet.cli import run
from beliefnet.data import (
    DataError,
    DataUnavailable,
    Record,
    _load,
    available,
    fetch,
    load,
    names,
)
from beliefnet.data._load import SOURCES
from beliefnet.data.sources import AbstractStored, _images
from beliefnet.data.sources._formats import packed_layout
from beliefnet.data.sources._images import IDX_FILES, unpack_grey

pytestmark = pytest.mark.usefixtures("cache")

REAL_DATA = os.environ.get("BELIEFNET_DATA")


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


@pytest.fixture
def bits(rng: np.random.Generator) -> np.ndarray:
    return (rng.random((40, 6)) < 0.5).astype(np.uint8)


def save(path: Path, array: np.ndarray) -> Path:
    np.save(path, array)
    return path


def rows_of(*arrays: np.ndarray) -> list[bytes]:
    return sorted(row.tobytes() for array in arrays for row in array)


# Named data sets


@pytest.mark.parametrize(("name", "binarization"), [("digits", "threshold"), ("bars", "none")])
def test_builtin_has_the_shapes_it_lists(name: str, binarization: str):
    data = load(name)
    assert data.record.splits == dict(SOURCES[name].splits)
    assert data.record.binarization == binarization
    assert (data.record.num_features, data.record.image_shape) == (64, (8, 8))
    for split in ("train", "valid", "test"):
        rows = data.split(split).rows
        assert rows.shape == (data.record.splits[split], 64)
        assert rows.dtype == np.uint8
        assert set(np.unique(rows)) == {0, 1}


@pytest.mark.parametrize(
    ("name", "start"), [("digits", "sha256:9cf95e2135adb7bc"), ("bars", "sha256:9917ff3be76f4649")]
)
def test_builtin_checksum_is_pinned(name: str, start: str):
    assert load(name).record.checksum.startswith(start)
    assert load(name, seed=5).record.checksum.startswith(start)


def test_digits_are_the_same_where_the_file_is_elsewhere(monkeypatch):
    file = _images._digits()
    monkeypatch.setattr(_images, "find_spec", lambda name: None)
    np.testing.assert_array_equal(_images._digits(), file)


def test_digits_modes_agree_with_scikit_learn():
    from sklearn.datasets import load_digits

    images, _ = load_digits(return_X_y=True)
    dynamic, threshold, static = (load("digits", binarization=mode) for mode in ("dynamic", "threshold", "static"))
    assert dynamic.train.rows.dtype == np.float32
    assert rows_of(dynamic.train.rows, dynamic.valid.rows, dynamic.test.rows) == rows_of(
        (images / 16).astype(np.float32)
    )
    np.testing.assert_array_equal(threshold.test.rows, dynamic.test.rows * 16 >= 8)
    assert np.all(static.test.rows[dynamic.test.rows == 0] == 0)
    assert np.all(static.test.rows[dynamic.test.rows == 1] == 1)
    standard_error = 0.5 / np.sqrt(dynamic.train.rows.size)
    assert abs(static.train.rows.mean() - dynamic.train.rows.mean()) < 5 * standard_error


def test_static_sample_depends_on_the_seed_alone():
    first, again, other = (load("digits", binarization="static", seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.train.rows, again.train.rows)
    assert first.record == again.record
    assert first.record.checksum != other.record.checksum
    assert not np.array_equal(first.valid.rows[:300], first.test.rows[:300])


def test_bars_are_unions_of_bars():
    images = load("bars").train.rows.reshape(-1, 8, 8)
    rows, columns = images.all(axis=2, keepdims=True), images.all(axis=1, keepdims=True)
    np.testing.assert_array_equal(images, rows | columns)
    # A pixel is off when both its bars are: (7/8)^2.
    assert images.mean() == pytest.approx(1 - (7 / 8) ** 2, abs=0.01)


def test_unknown_names_are_met_with_a_guess():
    with pytest.raises(
        DataError, match=r"expected a data set name \(digits, .* got 'binarised-mnist'; did you mean 'bin"
    ):
        load("binarised-mnist")
    with pytest.raises(DataError, match="got 'zzz'; try one of these names"):
        load("zzz")
    with pytest.raises(DataError, match="did you mean 'mnist'"):
        fetch("mnits")
    with pytest.raises(DataError, match="got 'digits', which is built in"):
        fetch("digits")


def test_options_that_a_named_data_set_cannot_have():
    with pytest.raises(
        DataError, match=r"expected no test_fraction for 'digits', whose rows and split are fixed, got 0.2"
    ):
        load("digits", test_fraction=0.2)
    with pytest.raises(DataError, match="already 0 or 1, got 'dynamic'; try leaving the option out"):
        load("bars", binarization="dynamic")
    with pytest.raises(DataError, match="got 'none'; try 'threshold', its default"):
        load("digits", binarization="none")
    with pytest.raises(DataError, match="got 'dynamics'; did you mean 'dynamic'"):
        load("digits", binarization="dynamics")


def test_listing_says_where_data_is(cache: Path):
    listing = {row.name: row for row in available()}
    assert list(listing) == names()
    assert listing["bars"].where == "built in"
    assert listing["mnist"].where == "absent"
    assert listing["mnist"].binarization == "dynamic"
    assert listing["mnist"].image_shape == (28, 28)
    cache.mkdir()
    (cache / "mnist.npz").touch()
    assert {row.name: row.where for row in available()}["mnist"] == str(cache / "mnist.npz")


def test_data_folder_that_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("BELIEFNET_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match="expected BELIEFNET_DATA to name a folder"):
        load("mnist")


def test_doctests():
    assert doctest.testmod(_load).failed == 0


# Records


@pytest.mark.parametrize("image_shape", [(2, 3), None])
def test_record_survives_json(image_shape: tuple[int, int] | None):
    record = Record("a", "user file", "none", {"train": 3, "valid": 1, "test": 1}, 6, image_shape, "a.npy", "sha256:0")
    assert Record.from_dict(json.loads(json.dumps(record.to_dict()))) == record
    assert None not in record.to_dict().values()


def test_record_with_wrong_fields():
    with pytest.raises(DataError, match=r"try adding or removing 'colour', 'source'"):
        Record.from_dict(
            {key: value for key, value in load("bars").record.to_dict().items() if key != "source"} | {"colour": 1}
        )


def test_checksum_sees_contents_and_shape(bits: np.ndarray):
    original = data.checksum((bits,))
    assert original == data.checksum((np.asfortranarray(bits),))
    assert original != data.checksum((1 - bits,))
    assert original != data.checksum((bits.reshape(6, 40),))
    assert original != data.checksum((bits[:20], bits[20:]))
    assert data.checksum((np.ones((2, 2), ">f4"),)) == data.checksum((np.ones((2, 2), "<f4"),))


def test_unknown_split():
    with pytest.raises(DataError, match="expected the split 'train', 'valid', 'test', got 'validation'"):
        load("bars").split("validation")


# A user's own files: what works


def test_file_is_split_without_overlap(tmp_path: Path):
    rows = np.unpackbits(np.arange(200, dtype=np.uint8)[:, None], axis=1)
    path = save(tmp_path / "mine.npy", rows)
    data = load(path, valid_fraction=0.2)
    assert data.record.splits == {"train": 140, "valid": 40, "test": 20}
    assert rows_of(data.train.rows, data.valid.rows, data.test.rows) == rows_of(rows)
    assert (data.record.name, data.record.variant, data.record.source) == ("mine", "user file", str(path))
    assert (data.record.binarization, data.record.image_shape) == ("none", None)


def test_split_depends_on_the_seed_alone(tmp_path: Path, bits: np.ndarray):
    path = str(save(tmp_path / "x.npy", bits))
    assert load(path, split_seed=3).record == load(path, split_seed=3).record
    assert load(path, split_seed=3).record.checksum != load(path, split_seed=4).record.checksum
    assert load(path, seed=3).record == load(path, seed=4).record
    np.testing.assert_array_equal(load(path).train.rows, load(path).train.rows)


def test_record_keeps_the_path_as_given(tmp_path: Path, bits: np.ndarray, monkeypatch: pytest.MonkeyPatch):
    save(tmp_path / "x.npy", bits)
    monkeypatch.chdir(tmp_path)
    assert load("x.npy").record.source == "x.npy"


@pytest.mark.parametrize("dtype", [bool, np.int64, np.float32, np.float64, ">f4"])
def test_binary_values_of_any_dtype_are_the_same_data(tmp_path: Path, bits: np.ndarray, dtype: type):
    plain = load(save(tmp_path / "x.npy", bits)).record
    other = load(save(tmp_path / "x.npy", bits.astype(dtype)))
    assert other.train.rows.dtype == np.uint8
    assert other.record == plain


def test_intensities_are_dynamic_unless_told_otherwise(tmp_path: Path, rng: np.random.Generator):
    path = save(tmp_path / "x.npy", rng.random((30, 9)))
    data = load(path)
    assert (data.record.binarization, data.train.rows.dtype, data.record.image_shape) == ("dynamic", np.float32, (3, 3))
    np.testing.assert_array_equal(data.test.means(), data.test.rows)
    np.testing.assert_array_equal(load(path, binarization="threshold").train.rows, data.train.rows >= 0.5)
    assert set(np.unique(load(path, binarization="static").train.rows)) == {0, 1}


def test_images_keep_their_shape(tmp_path: Path, bits: np.ndarray):
    data = load(save(tmp_path / "x.npy", bits.reshape(40, 2, 3)))
    assert (data.record.num_features, data.record.image_shape) == (6, (2, 3))


@pytest.mark.parametrize("name", ["train", "x_train", "X", "x", "data", "whatever"])
def test_npz_with_one_array(tmp_path: Path, bits: np.ndarray, name: str):
    np.savez(tmp_path / "x.npz", **{name: bits})
    assert load(tmp_path / "x.npz").record.splits == {"train": 32, "valid": 4, "test": 4}


def test_npz_with_splits_of_its_own(tmp_path: Path, bits: np.ndarray):
    path = tmp_path / "x.npz"
    np.savez(path, x_train=bits[:20], test=bits[20:], labels=np.arange(40))
    data = load(path)
    assert data.record.splits == {"train": 18, "valid": 2, "test": 20}
    np.testing.assert_array_equal(data.test.rows, bits[20:])
    np.savez(path, train=bits[:20], valid=bits[20:30], test=bits[30:])
    np.testing.assert_array_equal(load(path).train.rows, bits[:20])
    with pytest.raises(DataError, match=r"expected no test_fraction, because .* holds test rows of its own, got 0.5"):
        load(path, test_fraction=0.5)


def test_npz_with_one_split_of_intensities_is_all_intensities(tmp_path: Path, bits: np.ndarray):
    np.savez(tmp_path / "x.npz", train=bits, test=bits / 2)
    data = load(tmp_path / "x.npz")
    assert {data.split(split).rows.dtype for split in ("train", "valid", "test")} == {np.dtype(np.float32)}


def test_npz_in_the_cache_format(tmp_path: Path, rng: np.random.Generator):
    grey = rng.integers(0, 256, (20, 2, 4), dtype=np.uint8)
    np.savez(tmp_path / "grey.npz", train_images=grey, test_images=grey, train_labels=np.zeros(20))
    data = load(tmp_path / "grey.npz")
    assert (data.train.rows.dtype, data.record.binarization, data.record.image_shape) == (np.uint8, "dynamic", (2, 4))
    np.testing.assert_allclose(data.test.means(), grey.reshape(20, 8) / 255, rtol=1e-6)
    packed = rng.integers(0, 256, (20, 2), dtype=np.uint8)
    np.savez(tmp_path / "bits.npz", train_bits=packed, test_bits=packed)
    np.testing.assert_array_equal(load(tmp_path / "bits.npz").test.rows, np.unpackbits(packed, axis=1))


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("header", ["", "a{0}b{0}c\n", '"a"{0}"b"{0}"c"\n'])
def test_csv_dialects(tmp_path: Path, delimiter: str, header: str):
    path = tmp_path / "x.CSV"
    lines = [delimiter.join(row) for row in ("0 1 0", "1 1.0 0", "0 0 1", "1 0 1") for row in [row.split()]]
    path.write_text(header.format(delimiter) + "\n".join(lines) + "\n\n", encoding="utf-8-sig")
    data = load(path)
    assert data.record.splits == {"train": 2, "valid": 1, "test": 1}
    assert (data.record.binarization, data.record.num_features) == ("none", 3)


# A user's own files: what does not


def spoil(value: float, row: int = 2, column: int = 4) -> np.ndarray:
    rows = np.full((10, 6), 0.5)
    rows[row, column] = value
    return rows


BAD_ARRAYS: dict[str, tuple[np.ndarray, str]] = {
    "nan": (spoil(np.nan), "expected finite values in .*, got nan at row 3, column 5"),
    "infinity": (spoil(np.inf), "got inf at row 3, column 5"),
    "negative": (spoil(-0.25), r"from -0.25 to 0.5, the first outside being -0.25 at row 3, column 5 .*rescaling"),
    "too large": (spoil(1.5), r"from 0.5 to 1.5, the first outside being 1.5 at row 3, column 5 .*rescaling"),
    "bytes": (np.tile(np.arange(256), (4, 1)), "from 0 to 255, .* being 2 at row 1, column 3 .*x / 255"),
    "whole floats": (np.tile(np.arange(256.0), (4, 1)), "try x / 255"),
    "text": (np.array([["a", "b"]] * 4), "expected an array of numbers in .*, got dtype <U1"),
    "complex": (np.ones((4, 2), complex), "got dtype complex128"),
    "one axis": (np.ones(4), r"expected shape \[rows, features\] or .*, got \[4\]"),
    "four axes": (np.ones((4, 2, 2, 1)), r"got \[4, 2, 2, 1\]"),
    "no features": (np.ones((4, 0)), r"at least one row and one feature in .*, got shape \[4, 0\]"),
    "no rows": (np.ones((0, 4)), r"got shape \[0, 4\]"),
    "two rows": (np.ones((2, 4)), "expected at least 3 rows in .*, got 2"),
}


@pytest.mark.parametrize("case", BAD_ARRAYS)
def test_arrays_that_cannot_be_used(tmp_path: Path, case: str):
    array, message = BAD_ARRAYS[case]
    with pytest.raises(DataError, match=message):
        load(save(tmp_path / "x.npy", array))


BAD_TEXTS: dict[str, tuple[str, str]] = {
    "text": ("a,b\n0,1\n1,0\n0,oops\n", r"expected a number at line 4, column 2 of .*, got 'oops'"),
    "text in line 1": ("0,oops\n0,1\n", r"line 1, column 2 of .*, got 'oops'"),
    "empty cell": ("0,1\n\n0,\n0,1\n", r"got nan at line 3, column 2 \(row 2 of the data; counted from 1\)"),
    "spaces": ("0 1\n1 0\n0 1\n", r"line 2, column 1 of .*, got '1 0'; try numbers separated by"),
    "long row": ("a,b\n0,1\n1,0,1\n", r"expected 2 columns at line 3 of .*, as in the first row, got 3"),
    "short row": ("0,1\n1\n", r"expected 2 columns at line 2 of .*, as in the first row, got 1"),
    "not finite": ("0,1\n0,nan\n0,0\n", r"got nan at line 2, column 2 \(row 2"),
    "below a header and names": ("id,a,b\n1,0,1\n2,1,\n4,0,0\n", r"got nan at line 3, column 'b' \(row 2 of the data"),
    "outside": (
        "0,1,0\n0,7,1\n0,0,1\n",
        r"values from 0 to 7, the first outside being 7 at line 2, column 2 \(row 2",
    ),
    "empty": ("", "expected rows of numbers, got an empty file"),
    "blank": ("\n \n", "expected rows of numbers, got an empty file"),
    "header only": ("a,b\n", "got one line of text"),
    "one row": ("0,1\n", "expected at least 3 rows in .*, got 1"),
    "odd digits": ("0,1\n0_0,1\n", r"expected a number at line 2, column 1 of .*, got '0_0'; try plain decimals"),
    "long field": ("0," + "1" * 140000 + "\n", "larger than field limit"),
}


@pytest.mark.parametrize("case", BAD_TEXTS)
def test_texts_that_cannot_be_used(tmp_path: Path, case: str):
    text, message = BAD_TEXTS[case]
    path = tmp_path / "x.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        load(path)


def test_text_in_another_encoding(tmp_path: Path):
    (tmp_path / "x.csv").write_bytes("größe,b\n0,1\n".encode("latin-1"))
    with pytest.raises(DataError, match="expected a text file in UTF-8"):
        load(tmp_path / "x.csv")


def test_objects_are_never_unpickled(tmp_path: Path):
    objects = np.array([[0, None]] * 4, dtype=object)
    np.save(tmp_path / "x.npy", objects, allow_pickle=True)
    np.savez(tmp_path / "x.npz", train=objects)
    for name in ("x.npy", "x.npz"):
        with pytest.raises(DataError, match=r"got pickled objects \(dtype object\)"):
            load(tmp_path / name)


@pytest.mark.parametrize("name", ["x.npy", "x.npz"])
@pytest.mark.parametrize(("content", "found"), [(b"", "an empty file"), (b"0,1\n", "something else")])
def test_files_of_another_kind(tmp_path: Path, name: str, content: bytes, found: str):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=rf"expected a {name[1:]} file as written by numpy\.save.*, got {found}"):
        load(tmp_path / name)


@pytest.mark.parametrize("name", ["x.npy", "x.npz"])
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9])
def test_truncated_files(tmp_path: Path, rng: np.random.Generator, name: str, kept: float):
    path = tmp_path / name
    (np.save if name == "x.npy" else np.savez_compressed)(path, rng.random((100, 10)))
    path.write_bytes(path.read_bytes()[: int(kept * path.stat().st_size)])
    with pytest.raises(DataError, match="expected a complete file, got a damaged"):
        load(path)


def test_flipped_byte_in_npz(tmp_path: Path, rng: np.random.Generator):
    path = tmp_path / "x.npz"
    np.savez_compressed(path, train=rng.random((100, 10)))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(content)
    with pytest.raises(DataError, match="got a damaged"):
        load(path)


def test_npz_with_unclear_contents(tmp_path: Path, bits: np.ndarray):
    path = tmp_path / "x.npz"
    np.savez(path, train=bits, data=bits)
    with pytest.raises(DataError, match=r"expected one array of train rows in .*, got 'train', 'data'"):
        load(path)
    np.savez(path, first=bits, second=bits)
    with pytest.raises(DataError, match=r"expected an array named 'train', .*, got 'first', 'second'"):
        load(path)
    np.savez(path, train=bits, test=bits[:, :3])
    with pytest.raises(DataError, match=r"same number of columns in .*, got {'train': 6, 'test': 3}"):
        load(path)
    np.savez(path, train_images=bits, test=bits)
    with pytest.raises(
        DataError, match=r"same scale in .*, got {'train_images': 'bytes', 'test': 'values from 0 to 1'}"
    ):
        load(path)
    np.savez(path, train_bits=bits / 2)
    with pytest.raises(DataError, match="expected uint8 rows packed by"):
        load(path)
    np.savez(path)
    with pytest.raises(DataError):
        load(path)


def test_paths_that_lead_nowhere(tmp_path: Path):
    with pytest.raises(DataError, match=r"expected an existing file, got no/such.npy"):
        load("no/such.npy")
    with pytest.raises(DataError, match="expected an existing file, got digits"):
        load(Path("digits"))
    with pytest.raises(DataError, match=r"got the folder .* without any; try a folder that holds texts"):
        load(tmp_path)
    (tmp_path / "x.feather").write_text("0,1\n")
    with pytest.raises(DataError, match=r"expected a file that ends in \.npy, \.npz, .*, got .*x\.feather"):
        load(tmp_path / "x.feather")


@pytest.mark.parametrize("name", ["x.npy", "x.npz", "x.csv"])
def test_files_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str):
    (tmp_path / name).touch()

    def refuse(*_args: object, **_kwargs: object):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(DataError, match=r"expected a readable file, got .* \(Permission denied\)"):
        load(tmp_path / name)


def test_fractions_that_make_no_sense(tmp_path: Path, bits: np.ndarray):
    path = save(tmp_path / "x.npy", bits)
    for given in ({"test_fraction": 1.0}, {"test_fraction": -0.1}, {"valid_fraction": 0.0}, {"valid_fraction": 1.0}):
        ((name, fraction),) = given.items()
        with pytest.raises(DataError, match=rf"expected a {name} .*, got {fraction}; try 0.1"):
            load(path, **given)
    with pytest.raises(DataError, match=r"expected fractions that leave training rows, got 0.5 and 0.5 of the 40 rows"):
        load(path, valid_fraction=0.5, test_fraction=0.5)


def test_no_rows_are_left_for_testing_where_none_are_wanted(tmp_path: Path, bits: np.ndarray):
    found = load(save(tmp_path / "x.npy", bits), test_fraction=0)
    assert found.record.splits == {"train": 36, "valid": 4, "test": 0}
    assert len(found.test) == 0
    together = np.concatenate([found.train.rows, found.valid.rows])
    assert sorted(map(bytes, together)) == sorted(map(bytes, bits.astype(together.dtype)))
    with pytest.raises(DataError, match=r"at least 2 rows in .*, one for each of training, valid, got 1"):
        load(save(tmp_path / "one.npy", bits[:1]), test_fraction=0)


def test_binarization_of_binary_file(tmp_path: Path, bits: np.ndarray):
    with pytest.raises(DataError, match="already 0 or 1, got 'static'"):
        load(save(tmp_path / "x.npy", bits), binarization="static")


# Downloads, from a server on this machine


def idx(array: np.ndarray) -> bytes:
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return gzip.compress(header + array.tobytes(), mtime=0)


def amat(rows: np.ndarray) -> bytes:
    return "".join(" ".join(map(str, row)) + "\n" for row in rows).encode()


@pytest.fixture
def small_mnist(server: Server, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> dict[str, np.ndarray]:
    arrays = {
        "train_images": rng.integers(0, 256, (10, 28, 28), dtype=np.uint8),
        "train_labels": np.arange(10, dtype=np.uint8),
        "test_images": rng.integers(0, 256, (4, 28, 28), dtype=np.uint8),
        "test_labels": np.arange(4, dtype=np.uint8),
    }
    files = {IDX_FILES[name]: idx(array) for name, array in arrays.items()}
    layout = {"train_images": ((10, 28, 28), "uint8"), "test_images": ((4, 28, 28), "uint8")}
    source = local_source("mnist", server, files, layout=layout, unpack=partial(unpack_grey, num_valid=3))
    monkeypatch.setitem(SOURCES, "mnist", source)
    return arrays


@pytest.fixture
def small_binarized(server: Server, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> dict[str, np.ndarray]:
    sizes = {"train": 5, "valid": 2, "test": 3}
    rows = {split: (rng.random((n, 784)) < 0.3).astype(np.uint8) for split, n in sizes.items()}
    files = {f"binarized_mnist_{split}.amat": amat(array) for split, array in rows.items()}
    source = local_source("binarized-mnist", server, files, layout=packed_layout(sizes))
    monkeypatch.setitem(SOURCES, "binarized-mnist", source)
    return rows


def test_idx_files_end_to_end(
    small_mnist: dict[str, np.ndarray], server: Server, cache: Path, capsys: pytest.CaptureFixture[str]
):
    data = load("mnist")
    images = small_mnist["train_images"].reshape(10, 784)
    np.testing.assert_array_equal(data.train.rows, images[:7])
    np.testing.assert_array_equal(data.valid.rows, images[7:])
    np.testing.assert_array_equal(data.test.rows, small_mnist["test_images"].reshape(4, 784))
    assert data.record.binarization == "dynamic"
    assert f"beliefnet: downloading 'mnist' from {server.url} into {cache}" in capsys.readouterr().err
    assert [path.name for path in cache.iterdir()] == ["mnist.npz"]
    with np.load(cache / "mnist.npz", allow_pickle=False) as written:
        for name, array in small_mnist.items():
            np.testing.assert_array_equal(written[name], array)
    threshold = load("mnist", binarization="threshold")
    np.testing.assert_array_equal(threshold.train.rows, images[:7] > 127.5)
    np.testing.assert_allclose(data.train.means(), images[:7] / 255, rtol=1e-6)
    np.testing.assert_allclose(data.train.average(), images[:7].mean(axis=0) / 255, rtol=1e-6)
    assert fetch("mnist") == cache / "mnist.npz"
    assert len(server.asked) == 4


def test_amat_files_end_to_end(small_binarized: dict[str, np.ndarray], cache: Path):
    data = load("binarized-mnist")
    for split, rows in small_binarized.items():
        np.testing.assert_array_equal(data.split(split).rows, rows)
    assert (data.record.binarization, data.record.variant) == ("none", "salakhutdinov-murray-2008")
    assert [path.name for path in cache.iterdir()] == ["binarized_mnist.npz"]
    assert load("binarized-mnist").record == data.record


def test_mat_file_end_to_end(server: Server, rng: np.random.Generator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from scipy.io import savemat

    upright = (rng.random((9, 28, 28)) < 0.3).astype(np.uint8)
    published = (1 - upright).transpose(0, 2, 1).reshape(9, 784)
    savemat(tmp_path / "x.mat", {"train_data": published[:4], "val_data": published[4:6], "test_data": published[6:]})
    files = {"caltech101_silhouettes_28_split1.mat": (tmp_path / "x.mat").read_bytes()}
    layout = packed_layout({"train": 4, "valid": 2, "test": 3})
    monkeypatch.setitem(
        SOURCES, "caltech-silhouettes", local_source("caltech-silhouettes", server, files, layout=layout)
    )
    data = load("caltech-silhouettes")
    np.testing.assert_array_equal(
        np.concatenate([data.train.rows, data.valid.rows, data.test.rows]), upright.reshape(9, 784)
    )


def flip(content: bytes) -> bytes:
    return content[:-1] + bytes([content[-1] ^ 1])


@pytest.mark.parametrize("name", ["mnist", "binarized-mnist"])
@pytest.mark.parametrize(
    ("damage", "reason"),
    [(flip, "wrong checksum: the download is damaged"), (lambda content: content[:-5], "IncompleteRead|incomplete")],
)
def test_damaged_downloads_leave_nothing_behind(
    small_mnist: object,
    small_binarized: object,
    server: Server,
    cache: Path,
    name: str,
    damage: Callable[[bytes], bytes],
    reason: str,
):
    server.damage = damage
    with pytest.raises(DataUnavailable, match=reason) as caught:
        load(name)
    assert server.url in str(caught.value)
    assert list(cache.iterdir()) == []


def test_missing_file_and_refused_connection(small_mnist: object, server: Server, cache: Path, tmp_path: Path):
    del server.files[IDX_FILES["test_labels"]]
    with pytest.raises(DataUnavailable, match="404") as caught:
        load("mnist")
    message = str(caught.value)
    assert f"{server.url}/{IDX_FILES['test_labels']}" in message
    assert "try putting mnist.npz, as beliefnet writes it on a machine with a network, or the published" in message
    assert str(cache) in message
    with pytest.raises(DataUnavailable, match=r"http://127\.0\.0\.1:9/train-images.*refused"):
        fetch("mnist", base_urls=["http://127.0.0.1:9"])
    assert list(cache.iterdir()) == []


def test_a_download_tells_how_far_it_is(small_mnist: object, server: Server, cache: Path, capfd):
    told: list[tuple[str, int, int | None]] = []
    fetch("mnist", progress=lambda *now: told.append(now))
    sizes = {name: len(content) for name, content in server.files.items()}
    assert {name: done for name, done, _ in told} == sizes
    assert {(name, total) for name, _, total in told} == set(sizes.items())
    (cache / "mnist.npz").unlink()
    assert run(["datasets", "fetch", "mnist", "--progress", "plain"]) == 0
    assert "fetching mnist: connecting\n" in capfd.readouterr().err


def test_second_mirror_serves_when_the_first_does_not(small_mnist: object, server: Server):
    assert fetch("mnist", base_urls=["http://127.0.0.1:9", server.url]).name == "mnist.npz"


def test_published_files_in_the_data_folder_need_no_network(
    small_binarized: dict[str, np.ndarray], server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for name, content in server.files.items():
        (tmp_path / name).write_bytes(content)
    monkeypatch.setenv("BELIEFNET_DATA", str(tmp_path))
    np.testing.assert_array_equal(load("binarized-mnist").train.rows, small_binarized["train"])
    assert server.asked == []


def test_published_file_with_a_wrong_checksum_is_passed_over(
    small_binarized: dict[str, np.ndarray], server: Server, cache: Path
):
    cache.mkdir()
    (cache / "binarized_mnist_test.amat").write_bytes(b"0 1\n")
    np.testing.assert_array_equal(load("binarized-mnist").test.rows, small_binarized["test"])
    assert "binarized_mnist_test.amat" in server.asked


def test_data_folder_comes_before_the_cache(
    small_mnist: dict[str, np.ndarray], server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("BELIEFNET_DATA", str(tmp_path))
    dark = {name: np.zeros_like(array) for name, array in small_mnist.items()}
    np.savez_compressed(tmp_path / "mnist.npz", **dark)
    assert load("mnist").train.rows.max() == 0
    assert server.asked == []


def test_file_of_the_right_name_but_another_format(cache: Path, bits: np.ndarray):
    cache.mkdir()
    np.savez(cache / "mnist.npz", x_train=bits)
    with pytest.raises(DataError, match=r"'train_images' \(uint8 \[60000, 28, 28\]\) of 'mnist' in .*, got no such"):
        load("mnist")
    np.savez(cache / "mnist.npz", train_images=np.zeros((3, 28, 28)))
    with pytest.raises(DataError, match=r"got float64 \[3, 28, 28\]; try moving this file away"):
        load("mnist")
    (cache / "mnist.npz").write_bytes(b"not a zip file")
    with pytest.raises(DataError, match=r"expected a .npz file"):
        load("mnist")


@pytest.mark.parametrize(
    "content",
    [b"", b"plain text", gzip.compress(b"\0\0\x08\x01\0\0\0\x09abc", mtime=0), gzip.compress(b"", mtime=0)],
    ids=["empty", "text", "cut short", "nothing inside"],
)
def test_verified_file_of_another_format(
    small_mnist: object, server: Server, cache: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
):
    files = server.files | {IDX_FILES["train_images"]: content}
    monkeypatch.setitem(SOURCES, "mnist", local_source("mnist", server, files))
    with pytest.raises(DataError, match="train-images"):
        load("mnist")
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize("text", [b"", b"0 1\n", b"0 2 " * 392])
def test_verified_text_of_another_format(
    small_binarized: object, server: Server, monkeypatch: pytest.MonkeyPatch, text: bytes
):
    files = server.files | {"binarized_mnist_train.amat": text}
    monkeypatch.setitem(SOURCES, "binarized-mnist", local_source("binarized-mnist", server, files))
    with pytest.raises(DataError, match="expected lines of 784 values 0 or 1"):
        load("binarized-mnist")


def test_cache_folder_that_cannot_be_made(small_mnist: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("BELIEFNET_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(
        DataUnavailable, match=r"expected a cache folder that can be written, .* try setting BELIEFNET_CA"
    ):
        load("mnist")


# The real data, where it is


@pytest.fixture
def real_data(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    def need(name: str) -> None:
        source = SOURCES[name]
        assert isinstance(source, AbstractStored)
        if not REAL_DATA or not (Path(REAL_DATA) / source.file_name).is_file():
            pytest.skip(f"BELIEFNET_DATA names no folder with {source.file_name}")
        monkeypatch.setenv("BELIEFNET_DATA", REAL_DATA)

    return need


@pytest.mark.parametrize(
    ("name", "nats"), [("binarized-mnist", 205.79), ("caltech-silhouettes", 380.06), ("omniglot-rebuilt", 174.84)]
)
def test_independent_bernoulli_model_scores_as_known(real_data: Callable[[str], None], name: str, nats: float):
    """Of grey images, the expectation over their bits."""
    real_data(name)
    data = load(name)
    train, test = (data.split(split).means().mean(axis=0, dtype=np.float64) for split in ("train", "test"))
    means = (train * len(data.train.rows) + 0.5) / (len(data.train.rows) + 1)
    log_odds, log_off = np.log(means) - np.log1p(-means), np.log1p(-means).sum()
    assert -(test @ log_odds + log_off) == pytest.approx(nats, abs=0.005)


GREY = ["mnist", "fashion-mnist", "omniglot", "omniglot-rebuilt"]


@pytest.mark.parametrize("name", [*GREY, "binarized-mnist", "caltech-silhouettes"])
def test_real_data_has_the_shapes_it_lists(real_data: Callable[[str], None], name: str):
    real_data(name)
    data = load(name)
    assert data.record.splits == dict(SOURCES[name].splits)
    assert data.train.rows.shape == (data.record.splits["train"], 784)
    assert data.record.binarization == SOURCES[name].binarization


def test_real_validation_rows_of_the_rebuilt_omniglot_are_scattered(real_data: Callable[[str], None]):
    """The file is grouped by character, of each of which it has 15 training rows."""
    real_data("omniglot-rebuilt")
    with np.load(Path(os.environ["BELIEFNET_DATA"]) / "omniglot28_rebuilt.npz") as file:
        images, character = file["train_images"].reshape(-1, 784), file["train_character"]
    chosen = np.random.RandomState(123).permutation(len(images))[-1345:]
    data = load("omniglot-rebuilt")
    np.testing.assert_array_equal(data.valid.rows, images[np.sort(chosen)])
    assert rows_of(data.train.rows, data.valid.rows) == rows_of(images)
    assert len(np.unique(character[chosen])) > 800
