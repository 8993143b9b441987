"""Folders of PNG images: grey levels by row, splits by subfolder, and what is no grey image of one size."""

import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from beliefnet.cli import run
from beliefnet.data import DataError, load, read_incomplete_rows, read_like, read_rows
from beliefnet.data._files import LEAST_EXPANSION


@pytest.fixture
def grey() -> np.ndarray:
    """Twelve images, neither square nor black and white."""
    return np.random.default_rng(0).integers(0, 256, (12, 3, 4)).astype(np.uint8)


def write(folder: Path, images: np.ndarray, mode: str | None = None, splits: str = "") -> Path:
    """Write images as PNG files; each goes to the folder of its split, by letter, where these are given."""
    for number, image in enumerate(images):
        inside = folder / {"t": "train", "v": "Val", "e": "test"}[splits[number]] if splits else folder
        inside.mkdir(parents=True, exist_ok=True)
        picture = Image.fromarray(image)
        (picture if mode is None else picture.convert(mode)).save(inside / f"{number:02}.png")
    return folder


def refused(folder: Path, message: str, **options: object) -> str:
    with pytest.raises(DataError, match=message) as caught:
        load(folder, **options)
    return str(caught.value)


def test_grey_levels_are_means_of_bits_or_grey_values(tmp_path: Path, grey: np.ndarray):
    data = load(write(tmp_path, grey))
    assert (data.record.binarization, data.record.largest, data.record.image_shape) == ("dynamic", 255, (3, 4))
    rows = read_rows(tmp_path)
    np.testing.assert_array_equal(rows.means(), grey.reshape(12, 12) / np.float32(255))
    assert rows.names == tuple(f"{number:02}.png" for number in range(12))
    assert load(tmp_path, values="grey").record.levels == 256
    np.testing.assert_array_equal(read_rows(tmp_path, values="counts").dense(), grey.reshape(12, 12))
    refused(tmp_path, "expected whole numbers from 0 to 16", values="grey", levels=17)
    refused(tmp_path, "expected no encoding for .*, a file that is read by no options", encoding="latin-1")
    refused(tmp_path, "expected no transpose", transpose=True)
    refused(tmp_path, "with no named arrays; try leaving", array="x")
    # The same numbers in any form that is grey: a palette, colours that are none, opaque pixels.
    for mode in ("P", "RGB", "RGBA", "LA"):
        np.testing.assert_array_equal(read_rows(write(tmp_path / mode, grey, mode)).rows, rows.rows)
    few = (grey // 16).astype(np.uint8)
    assert load(write(tmp_path / "few", few), values="grey", levels=16).record.levels == 16


def test_black_and_white_are_bits(tmp_path: Path, grey: np.ndarray):
    rows = read_rows(write(tmp_path / "bits", grey, "1"))
    assert (rows.largest, rows.is_dynamic, rows.rows.max()) == (1, False, 1)
    np.testing.assert_array_equal(read_rows(write(tmp_path / "bytes", rows.rows.reshape(grey.shape) * 255)).rows, rows)
    like = load(write(tmp_path / "grey", grey), binarization="threshold")
    np.testing.assert_array_equal(read_like(like.record, tmp_path / "bits").rows, rows.rows)


def test_subfolders_are_splits_or_only_names(tmp_path: Path, grey: np.ndarray):
    folder = write(tmp_path / "split", grey, splits="ttttttvvveee")
    data = load(folder)
    assert data.record.splits == {"train": 6, "valid": 3, "test": 3}
    assert (data.test.names, data.valid.names) == (
        ("test/09.png", "test/10.png", "test/11.png"),
        ("Val/06.png", "Val/07.png", "Val/08.png"),
    )
    np.testing.assert_array_equal(data.test.rows, grey[9:].reshape(3, 12))
    # A trained net takes all of them, or those of one folder.
    assert (len(read_like(data.record, folder)), len(read_like(data.record, folder / "test"))) == (12, 3)
    write(folder, grey[:1])
    error = refused(folder, "expected all images of .* in subfolders such as train, valid and test")
    assert error.endswith("got '00.png'; try moving it into one of them")
    (folder / "00.png").rename(folder / "train" / "more.png")
    assert load(folder).record.splits["train"] == 7
    write(tmp_path / "kinds" / "b", grey[:2])
    write(tmp_path / "kinds" / "a", grey[2:4])
    assert read_rows(tmp_path / "kinds").names == ("a/00.png", "a/01.png", "b/00.png", "b/01.png")


def test_transparent_pixels_are_missing(tmp_path: Path, grey: np.ndarray):
    record = load(write(tmp_path / "whole", grey)).record
    seen = np.random.default_rng(1).random(grey.shape) < 0.7
    seen[3] = True
    write(tmp_path / "holes", np.stack([grey, np.where(seen, 255, 0).astype(np.uint8)], -1))
    rows = read_incomplete_rows(record, tmp_path / "holes").rows.reshape(grey.shape)
    np.testing.assert_array_equal(rows, np.where(seen, grey / np.float32(255), np.nan))
    refused(tmp_path / "holes", r"expected finite values in .*, got nan at row 1, column .*\(beliefnet impute\)")


def test_what_is_no_grey_image_of_one_size(tmp_path: Path, grey: np.ndarray):
    write(tmp_path, grey)
    coloured = np.stack([grey[0]] * 3, -1)
    coloured[2, 1] = (9, 8, 7)
    Image.fromarray(coloured).save(tmp_path / "x.png")
    error = refused(tmp_path, r"got a colour \(red 9, green 8, blue 7\) at row 3, column 2; try Image\.open\(path\)")
    assert "'L'" in error
    Image.open(tmp_path / "x.png").convert("L").save(tmp_path / "x.png")
    assert len(read_rows(tmp_path)) == 13
    Image.fromarray(np.stack([grey[0], np.full_like(grey[0], 99)], -1)).save(tmp_path / "x.png")
    refused(tmp_path, "got opacity 99 of 255 at row 1, column 1")
    Image.open(tmp_path / "x.png").convert("L").save(tmp_path / "x.png")
    assert len(read_rows(tmp_path)) == 13
    pixels = grey[0].astype(np.uint16) * 256 + 7
    Image.fromarray(pixels).save(tmp_path / "x.png")
    refused(tmp_path, r"expected 8 bits a pixel in .*x\.png, got 16; try \(pixels // 256\)\.astype\('uint8'\)")
    Image.fromarray((pixels // 256).astype("uint8")).save(tmp_path / "x.png")
    np.testing.assert_array_equal(read_rows(tmp_path).rows[-1], grey[0].ravel())
    Image.fromarray(grey[0].T.copy()).save(tmp_path / "x.png")
    refused(tmp_path, r"expected images of one size in .*, got 3 x 4 pixels in 00\.png and 4 x 3 in x\.png")
    Image.open(tmp_path / "x.png").resize((4, 3)).save(tmp_path / "x.png")
    assert len(read_rows(tmp_path)) == 13
    frames = [Image.fromarray(image) for image in grey[:2]]
    frames[0].save(tmp_path / "x.png", save_all=True, append_images=frames[1:])
    refused(tmp_path, r"expected one image in .*x\.png, got an animation")
    (tmp_path / "x.png").unlink()
    (tmp_path / ".x.png").write_bytes(b"hidden")
    (tmp_path / "x.jpg").write_bytes(b"something")
    with pytest.warns(UserWarning, match=r"files of .* that are not read: 'x\.jpg'$"):
        assert len(read_rows(tmp_path)) == 12
    (tmp_path / "x.txt").write_text("red melon")
    refused(tmp_path, r"expected a folder of texts or of images, got 1 \.txt and 12 \.png files in")


def test_damaged_and_hostile_images(tmp_path: Path, grey: np.ndarray):
    content = (write(tmp_path, grey[:3]) / "01.png").read_bytes()

    def load_with(changed: bytes, message: str = "") -> None:
        (tmp_path / "01.png").write_bytes(changed)
        refused(tmp_path, message or r"got (a damaged|something else|an empty file).*01\.png")

    for place in range(len(content)):
        load_with(content[:place])
        load_with(content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :])

    def chunk(kind: bytes, inside: bytes) -> bytes:
        return struct.pack(">I", len(inside)) + kind + inside + struct.pack(">I", zlib.crc32(kind + inside))

    def image(width: int, height: int, inside: bytes = b"") -> bytes:
        header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
        return content[:8] + header + chunk(b"IDAT", inside) + chunk(b"IEND", b"")

    # Intact chunks that hold too little, no zlib stream, or nothing like a header.
    load_with(image(4, 3, zlib.compress(bytes(7))), r"got a damaged .*01\.png")
    load_with(image(4, 3, b"no stream at all"), r"got a damaged .*01\.png")
    load_with(content[:8] + chunk(b"IHDR", b"") + chunk(b"IEND", b""), r"got a damaged .*01\.png \(no header\)")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for side in (4, 2**31 - 1):
            (tmp_path / "00.png").write_bytes(image(LEAST_EXPANSION, side))
            refused(tmp_path, "expected the images of .* to expand to at most 67.1 MB, got")


def test_codes_have_the_names_of_the_files(tmp_path: Path, trained: Path, grey: np.ndarray):
    write(tmp_path / "in", grey.reshape(12, 12)[:, None, :7])
    assert run(["encode", str(trained), str(tmp_path / "in"), "--out", str(tmp_path / "codes.csv")]) == 0
    lines = (tmp_path / "codes.csv").read_text().splitlines()
    assert [line.partition(",")[0] for line in lines] == ["row", *(f"{number:02}.png" for number in range(12))]


@pytest.mark.full
def test_a_net_is_trained_on_a_folder_and_fills_in_its_images(
    tmp_path: Path, grey: np.ndarray, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "in", grey)
    seen = np.where(grey[:2] > 100, 255, 0).astype(np.uint8)
    write(tmp_path / "holes", np.stack([grey[:2], seen], -1))
    small = ["--hidden", "3", "--epochs", "1", "--batch-size", "4", "--estimator", "reinforce"]
    assert run(["train", "--data", "in", "--out", "run", *small]) == 0
    short = ["--particles", "8", "--starts", "1", "--rounds", "1"]
    assert run(["impute", "run", "holes", "--out", "filled.csv", *short]) == 0
    lines = (tmp_path / "filled.csv").read_text().splitlines()
    filled = np.array([line.split(",")[1:] for line in lines[1:]], float).reshape(2, 3, 4)
    assert ((filled >= 0) & (filled <= 1)).all()
    assert [line.partition(",")[0] for line in lines] == ["row", "00.png", "01.png"]
    assert run(["impute", "run", "in", "--out", "filled.csv"]) == 1  # nothing is missing there
