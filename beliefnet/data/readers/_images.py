"""Folders of images: grey PNG files of one size, whose chunks and sizes are checked before they are decoded."""

import io
import struct
import warnings
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from beliefnet._errors import DataError, listed, shown
from beliefnet.data._files import check_expansion, expansion_limit, read_bytes, readable
from beliefnet.data._record import LoadOptions
from beliefnet.data._split import Contents, divided
from beliefnet.data.readers._matrix import Wanted
from beliefnet.data.readers._texts import SPLIT_NAMES

IMAGES = ".png"
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY = 0


class _Header(NamedTuple):
    """What the first chunk of a PNG file says."""

    width: int
    height: int
    depth: int
    colour: int


def images_below(folder: Path) -> list[Path]:
    """Return the PNG files in and below a folder, in the order of their paths; hidden files are none."""
    with readable(folder):
        found = [path for path in folder.rglob("*") if path.suffix.lower() == IMAGES and path.is_file()]
    return sorted(
        (path for path in found if not path.name.startswith(".")), key=lambda path: path.relative_to(folder).parts
    )


def image_contents(folder: Path, options: LoadOptions, wanted: Wanted | None) -> Contents:
    """Read a folder of images, a row for each: bytes of grey levels, or bits where all are black and white.

    Subfolders that are called as splits are, `train`, `valid` and `test`, are splits; a trained net takes all rows.
    """
    paths = images_below(folder)
    _warn_of_others(folder, paths)
    names = tuple(path.relative_to(folder).as_posix() for path in paths)
    pixels = _decoded(paths, folder)
    largest = 255
    if pixels.dtype != np.uint8 or options.values == "counts" or options.levels is not None:
        largest = 1
    elif np.isin(pixels, (0, 255)).all():
        pixels, largest = pixels // 255, 1
    contents = Contents({"train": pixels}, largest=largest, names={"train": names}, reading=options.reading)
    called = _splits(names, folder) if wanted is None else None
    return contents if called is None else divided(contents, called, str(folder))


def _splits(names: Sequence[str], folder: Path) -> list[str] | None:
    """Return the split that each file is in, by its subfolder; None where no subfolder is called as a split is."""
    tops = [name.partition("/")[0].lower() if "/" in name else "" for name in names]
    called = [SPLIT_NAMES.get(top) for top in tops]
    known = [split for split in called if split is not None]
    if not known:
        return None
    if len(known) < len(called):
        raise DataError(
            f"expected all images of {folder} in subfolders such as train, valid and test, as some are, got "
            f"{shown(names[called.index(None)])}",
            "moving it into one of them",
        )
    return known


def _warn_of_others(folder: Path, paths: Sequence[Path]) -> None:
    taken = set(paths)
    with readable(folder):
        others = [path for path in folder.rglob("*") if path not in taken and path.is_file()]
    shown_ones = sorted(path.relative_to(folder).as_posix() for path in others if not path.name.startswith("."))
    if shown_ones:
        warnings.warn(f"files of {folder} that are not read: {listed(shown_ones, 4)}", stacklevel=2)


def _decoded(paths: Sequence[Path], folder: Path) -> np.ndarray:
    """Return the grey levels of images, `[images, height, width]`: bytes, or from 0 to 1 where pixels are missing."""
    shape, first, pixels = (0, 0), paths[0], np.zeros(0, np.uint8)
    for place, path in enumerate(paths):
        content = read_bytes(path)
        header = _header(content, path)
        if place == 0:
            shape = (header.height, header.width)
            with readable(folder):
                limit = expansion_limit(sum(path.stat().st_size for path in paths))
            check_expansion(len(paths) * shape[0] * shape[1], limit, f"the images of {folder}")
            pixels = np.empty((len(paths), *shape), np.uint8)
        if (header.height, header.width) != shape:
            raise DataError(
                f"expected images of one size in {folder}, got {shape[0]} x {shape[1]} pixels in {first.name} and "
                f"{header.height} x {header.width} in {path.name}",
                "Image.open(path).resize((width, height)) of Pillow",
            )
        grey = _grey(content, header, path)
        if grey.dtype != pixels.dtype and pixels.dtype == np.uint8:
            pixels = pixels.astype(np.float32) / np.float32(255)
        pixels[place] = grey if grey.dtype == pixels.dtype else grey / np.float32(255)
    return pixels


def _header(content: bytes, path: Path) -> _Header:
    """Return what a PNG file says of itself, once all of its chunks are intact."""
    if not content.startswith(_SIGNATURE):
        got = "something else" if content else "an empty file"
        raise DataError(f"expected a PNG image, got {got} in {path}", "Image.open(path).save('name.png') of Pillow")
    kinds, at = [], len(_SIGNATURE)
    while b"IEND" not in kinds:
        length, kind = struct.unpack_from(">I4s", content, at) if at + 12 <= len(content) else (len(content), b"")
        end = at + 12 + length
        if end > len(content) or content[end - 4 : end] != struct.pack(">I", zlib.crc32(content[at + 4 : end - 4])):
            raise _damaged(path, f"at byte {at}")
        kinds.append(kind)
        at = end
    if kinds[0] != b"IHDR" or kinds.count(b"IHDR") > 1 or struct.unpack_from(">I", content, 8) != (13,):
        raise _damaged(path, "no header")
    if b"acTL" in kinds:
        raise DataError(f"expected one image in {path}, got an animation", "a file for each of its images")
    header = _Header(*struct.unpack_from(">IIBB", content, 16))
    if header.depth > 8:
        raise DataError(
            f"expected 8 bits a pixel in {path}, got {header.depth}",
            "(pixels // 256).astype('uint8'), or numpy.save with values from 0 to 1",
        )
    return header


def _grey(content: bytes, header: _Header, path: Path) -> np.ndarray:
    """Return grey levels `[height, width]`: bytes, or from 0 to 1 with NaN where pixels are transparent."""
    # Imported here because most uses never need it; it comes with matplotlib.
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
            if header.colour == _GREY and "transparency" not in image.info:
                return np.asarray(image.convert("L"))
            red, green, blue, alpha = np.moveaxis(np.asarray(image.convert("RGBA")), -1, 0)
    except (
        OSError,
        SyntaxError,
        ValueError,
        EOFError,
        struct.error,
        zlib.error,
        Image.DecompressionBombError,
    ) as error:
        raise _damaged(path, shown(str(error), 100).strip("'\"")) from error
    coloured = ((red != green) | (green != blue)) & (alpha > 0)
    if coloured.any():
        row, column = np.unravel_index(np.argmax(coloured), coloured.shape)
        raise DataError(
            f"expected a grey image in {path}, got a colour (red {red[row, column]}, green {green[row, column]}, blue "
            f"{blue[row, column]}) at row {row + 1}, column {column + 1}",
            "Image.open(path).convert('L').save(path) of Pillow, which makes it grey",
        )
    is_partly = (alpha > 0) & (alpha < 255)
    if is_partly.any():
        row, column = np.unravel_index(np.argmax(is_partly), is_partly.shape)
        raise DataError(
            f"expected pixels that are opaque, or transparent where they are missing, in {path}, got opacity "
            f"{alpha[row, column]} of 255 at row {row + 1}, column {column + 1}",
            "Image.open(path).convert('L').save(path) of Pillow, which leaves opacity out",
        )
    return np.where(alpha > 0, red / np.float32(255), np.float32(np.nan)) if (alpha == 0).any() else red


def _damaged(path: Path, reason: str) -> DataError:
    return DataError(f"expected a complete file, got a damaged {path} ({reason})", "writing it again")
