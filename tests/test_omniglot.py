"""OMNIGLOT: the published file, from a local server in its layout, and the one that cannot be downloaded."""

from functools import partial
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from commands import fails
from scipy.io import savemat
from serving import Server, local_source

from beliefnet.data import DataError, DataUnavailable, available, fetch, load
from beliefnet.data._load import SOURCES
from beliefnet.data.sources import AbstractStored

pytestmark = pytest.mark.usefixtures("cache")

NUM_TRAIN, NUM_TEST, NUM_VALID = 12, 5, 3
VALID_ROWS = np.sort(np.random.RandomState(123).permutation(NUM_TRAIN)[-NUM_VALID:])
TRAIN_ROWS = np.setdiff1d(np.arange(NUM_TRAIN), VALID_ROWS)


def columns_of(upright: np.ndarray) -> np.ndarray:
    """Images `[n, 28, 28]` as MATLAB has them: each a column, down the columns of the image first."""
    return np.stack([image.ravel(order="F") for image in upright], axis=1)


def mat(**variables: np.ndarray) -> bytes:
    file = BytesIO()
    savemat(file, variables)
    return file.getvalue()


def publish(server: Server, monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    source = SOURCES["omniglot"]
    assert isinstance(source, AbstractStored)
    layout = {"train": ((NUM_TRAIN, 784), "float32"), "test": ((NUM_TEST, 784), "float32")}
    unpack = partial(source.unpack, num_valid=NUM_VALID)
    small = local_source("omniglot", server, {"chardata.mat": content}, layout=layout, unpack=unpack)
    monkeypatch.setitem(SOURCES, "omniglot", small)


@pytest.fixture
def published(server: Server, monkeypatch: pytest.MonkeyPatch) -> dict[str, np.ndarray]:
    """Upright images of a small file that the server publishes."""
    random = np.random.default_rng(7)
    images = {"data": random.random((NUM_TRAIN, 28, 28)), "testdata": random.random((NUM_TEST, 28, 28))}
    # The published file has labels and more beside the images.
    columns = {name: columns_of(array) for name, array in images.items()}
    publish(server, monkeypatch, mat(**columns, targetchar=np.arange(NUM_TRAIN)[None]))
    return {name: array.reshape(-1, 784).astype(np.float32) for name, array in images.items()}


def test_the_published_file_end_to_end(published: dict[str, np.ndarray], server: Server, cache: Path):
    data = load("omniglot")
    np.testing.assert_array_equal(data.train.rows, published["data"][TRAIN_ROWS])
    np.testing.assert_array_equal(data.valid.rows, published["data"][VALID_ROWS])
    np.testing.assert_array_equal(data.test.rows, published["testdata"])
    assert (data.record.binarization, data.record.image_shape, data.train.rows.dtype) == (
        "dynamic",
        (28, 28),
        np.float32,
    )
    assert [path.name for path in cache.iterdir()] == ["omniglot28.npz"]
    assert load("omniglot").record == data.record
    assert server.asked == ["chardata.mat"]


def test_the_file_in_the_cache_can_be_loaded_as_ones_own(published: dict[str, np.ndarray]):
    np.testing.assert_array_equal(load(fetch("omniglot")).test.rows, published["testdata"])


def test_bits_of_the_published_file(published: dict[str, np.ndarray]):
    np.testing.assert_array_equal(load("omniglot", binarization="threshold").test.rows, published["testdata"] >= 0.5)
    first, again, other = (load("omniglot", binarization="static", seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.train.rows, again.train.rows)
    assert set(np.unique(first.train.rows)) == {0, 1}
    assert not np.array_equal(first.train.rows, other.train.rows)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data": np.zeros((NUM_TRAIN, 784))}, r"expected columns of 784 pixels in 'data' .*, got shape \[12, 784\]"),
        ({"data": np.full((784, NUM_TRAIN), 255.0)}, "expected values between 0 and 1 in 'data' of chardata.mat"),
        ({"testdata": np.full((784, NUM_TEST), np.nan)}, "expected finite values in 'testdata' of chardata.mat"),
        (
            {"testdata": np.zeros((784, 2))},
            r"expected the array 'test' \(float32 \[5, 784\]\) .*, got float32 \[2",
        ),
    ],
)
def test_a_file_of_another_layout(
    server: Server, cache: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, np.ndarray], message: str
):
    variables = {"data": np.zeros((784, NUM_TRAIN)), "testdata": np.zeros((784, NUM_TEST))} | changes
    publish(server, monkeypatch, mat(**variables))
    with pytest.raises(DataError, match=message):
        load("omniglot")
    assert list(cache.iterdir()) == []


def test_a_file_without_the_images(server: Server, monkeypatch: pytest.MonkeyPatch):
    publish(server, monkeypatch, mat(data=np.zeros((784, NUM_TRAIN))))
    with pytest.raises(DataError, match=r"expected the variables \['data', 'testdata'\] in .*testdata"):
        load("omniglot")


def test_the_published_split_and_its_checksum():
    source = SOURCES["omniglot"]
    assert dict(source.splits) == {"train": 23000, "valid": 1345, "test": 8070}
    assert [download.checksum for download in source.downloads] == ["md5:21ecaf34373511aa7691cf2e0802aa3d"]


def test_the_rebuilt_one_cannot_be_downloaded(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    message = r"expected omniglot28_rebuilt.npz in .*, got no such file; 'omniglot-rebuilt' is not published, so that"
    for get in (load, fetch):
        with pytest.raises(DataUnavailable, match=message) as caught:
            get("omniglot-rebuilt")
        assert str(cache) in str(caught.value)
    assert not cache.exists()
    with pytest.raises(DataError, match="expected no base_urls for 'omniglot-rebuilt', which is not published, got"):
        fetch("omniglot-rebuilt", base_urls=["http://127.0.0.1:9"])
    for command in (("datasets", "fetch", "omniglot-rebuilt"), ("train", "--data", "omniglot-rebuilt")):
        assert "'omniglot-rebuilt' is not published" in fails(capsys, *command)
    monkeypatch.setenv("BELIEFNET_DATA", str(tmp_path))
    with pytest.raises(DataUnavailable, match=f"in {tmp_path} or {cache}"):
        load("omniglot-rebuilt")


def test_a_rebuilt_file_of_another_layout(cache: Path):
    cache.mkdir()
    np.savez(cache / "omniglot28_rebuilt.npz", train_images=np.zeros((24345, 28, 28), np.uint8))
    with pytest.raises(DataError, match=r"'test_images' \(uint8 \[8115, 28, 28\]\) .*; try another copy of this file"):
        load("omniglot-rebuilt")
    assert {row.name: row.where for row in available()}["omniglot-rebuilt"] == str(cache / "omniglot28_rebuilt.npz")


def test_the_rebuilt_one_says_what_it_is_not():
    rebuilt = SOURCES["omniglot-rebuilt"]
    assert "NOT comparable with published OMNIGLOT" in rebuilt.description
    assert "not the published" in rebuilt.variant
