"""Sheets of grey images, drawn pixel for pixel."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from beliefnet._errors import ArgumentError
from beliefnet.plots._figure import DPI, INK, save_png
from beliefnet.plots._text import for_picture

_PAPER = "#dde3ea"
_SHEET = 1000
_MARGIN = 16
_GAP = 2


def tile_images(images: ArrayLike, image_shape: tuple[int, int], *, columns: int, gap: int = 1) -> NDArray[np.float64]:
    """Lay images out row by row in one array.

    Args:
        images: grey values of shape [n, height * width].
        image_shape: height and width of one image, in pixels.
        columns: images in a row of the sheet.
        gap: pixels between neighbours.

    Returns:
        Array of shape [rows * (height + gap) - gap, columns * (width + gap) - gap]; gaps and unused places are NaN.

    Raises:
        ValueError: there is no image, the sizes do not fit `image_shape`, or `columns` is below 1.

    Examples:
        >>> tile_images([[0.0, 0.5], [1.0, 0.25]], (1, 2), columns=2).tolist()
        [[0.0, 0.5, nan, 1.0, 0.25]]
    """
    values = _rows_of_pixels(images)
    _check_layout(values, image_shape, columns)
    height, width = image_shape
    rows = math.ceil(len(values) / columns)
    cells = np.full((rows * columns, height + gap, width + gap), np.nan)
    cells[: len(values), :height, :width] = values.reshape(-1, height, width)
    grid = cells.reshape(rows, columns, height + gap, width + gap).swapaxes(1, 2)
    return grid.reshape(rows * (height + gap), columns * (width + gap))[: rows * (height + gap) - gap, : -gap or None]


def image_sheet(
    images: ArrayLike,
    image_shape: tuple[int, int],
    path: Path | str,
    *,
    columns: int | None = None,
    title: str | None = None,
) -> Path:
    """Save a grid of grey images.

    Args:
        images: values in [0, 1] (0 black) of shape [n, d]; values outside are clipped, NaN is drawn as a gap.
        image_shape: height and width with height * width = d.
        path: PNG file to write.
        columns: images in a row of the sheet; None makes the sheet about square.
        title: line above the sheet, or None.

    Returns:
        The path written.

    Raises:
        ValueError: there is no image, or the sizes do not fit.
    """
    values = _rows_of_pixels(images)
    columns = _columns(len(values), image_shape) if columns is None else columns
    _check_layout(values, image_shape, columns)
    values, shape = _enlarge(values, image_shape, (math.ceil(len(values) / columns), columns))
    return _save_sheet(tile_images(values, shape, columns=columns, gap=_GAP), path, title=title)


def reconstruction_sheet(
    originals: ArrayLike, reconstructions: ArrayLike, image_shape: tuple[int, int], path: Path | str
) -> Path:
    """Save pairs of rows: data, and right below them what the net makes of their codes.

    Args:
        originals: values in [0, 1] of shape [n, d].
        reconstructions: values in [0, 1] of shape [n, d], one for each original.
        image_shape: height and width with height * width = d.
        path: PNG file to write.

    Returns:
        The path written.

    Raises:
        ValueError: the two do not have the same shape, there is no image, or the sizes do not fit.
    """
    above, below = _rows_of_pixels(originals), _rows_of_pixels(reconstructions)
    if above.shape != below.shape:
        raise ArgumentError(
            f"expected one reconstruction for each original, got shapes {above.shape} and {below.shape}",
            "reconstructing the same rows",
        )
    return stacked_sheet({"original": above, "reconstruction": below}, image_shape, path)


def stacked_sheet(versions: Mapping[str, ArrayLike], image_shape: tuple[int, int], path: Path | str) -> Path:
    """Save several versions of the same images, one row of each right below the other.

    Args:
        versions: for each label, values in [0, 1] of shape [n, d]; NaN is drawn as a gap.
        image_shape: height and width with height * width = d.
        path: PNG file to write.

    Returns:
        The path written.

    Raises:
        ValueError: the versions do not have the same shape, there is no image, or the sizes do not fit.
    """
    arrays = [_rows_of_pixels(values) for values in versions.values()]
    depth, count = len(arrays), len(arrays[0])
    if len({values.shape for values in arrays}) > 1:
        shapes = " and ".join(str(values.shape) for values in arrays)
        raise ArgumentError(f"expected versions of the same images, got shapes {shapes}", "the same rows of each")
    columns = _columns(depth * count, image_shape)
    _check_layout(arrays[0], image_shape, columns)
    layout = (depth * math.ceil(count / columns), columns)
    enlarged = [_enlarge(values, image_shape, layout) for values in arrays]
    shape = enlarged[0][1]
    # Each array with blanks in the unused places, as [groups, columns, d].
    rows = [
        _filled(values, layout[0] // depth * columns).reshape(-1, columns, math.prod(shape)) for values, _ in enlarged
    ]
    groups = [tile_images(np.concatenate(group), shape, columns=columns, gap=_GAP) for group in zip(*rows, strict=True)]
    space = np.full((4 * _GAP, groups[0].shape[1]), np.nan)
    sheet = np.concatenate([part for group in groups for part in (group, space)][:-1])
    pitch = len(groups[0]) + len(space)
    labels = [(text, (index + 0.5) / depth * len(groups[0])) for index, text in enumerate(versions)]
    placed = [(text, index * pitch + centre) for index in range(len(groups)) for text, centre in labels]
    return _save_sheet(sheet, path, title=None, labels=placed)


def _rows_of_pixels(images: ArrayLike) -> NDArray[np.float64]:
    values = np.asarray(images)
    if values.ndim != 2 or not values.size:
        raise ArgumentError(f"expected at least one image as [n, d], got shape {values.shape}", "x.reshape(len(x), -1)")
    return values.astype(np.float64)


def _filled(values: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Add blank images up to `count`."""
    return np.pad(values, ((0, count - len(values)), (0, 0)), constant_values=np.nan)


def _columns(count: int, image_shape: tuple[int, int]) -> int:
    """Return how many images side by side make the sheet about square."""
    height, width = image_shape
    return min(count, max(1, round(math.sqrt(count * height / width))))


def _check_layout(values: NDArray[np.generic], image_shape: tuple[int, int], columns: int) -> None:
    if values.shape[1] != math.prod(image_shape):
        raise ArgumentError(
            f"expected {math.prod(image_shape)} values per image for the shape {image_shape}, got {values.shape[1]}",
            "the data set's image shape, or `table_sheet`",
        )
    if columns < 1:
        raise ArgumentError(f"expected at least 1 column, got {columns}", "columns=None in `image_sheet`")


def _enlarge(
    values: NDArray[np.float64], image_shape: tuple[int, int], layout: tuple[int, int]
) -> tuple[NDArray[np.float64], tuple[int, int]]:
    """Repeat pixels so that `layout` (rows, columns) fills a sheet, and the gaps stay thin beside them."""
    height, width = image_shape
    times = min(16, max(1, _SHEET // max(layout[0] * height, layout[1] * width)))
    enlarged = values.reshape(-1, height, width).repeat(times, axis=1).repeat(times, axis=2)
    return enlarged.reshape(len(values), -1), (height * times, width * times)


def _save_sheet(
    sheet: NDArray[np.float64], path: Path | str, *, title: str | None, labels: Sequence[tuple[str, float]] = ()
) -> Path:
    """Draw `sheet` with one screen pixel per value, so that nothing is resampled; labels are (text, height) pairs."""
    title = for_picture(title) if title else None
    height, width = sheet.shape
    left = _MARGIN + (150 if labels else 0)
    top = _MARGIN + (40 if title else 0)
    # A title needs room even above a single small image.
    total_width = left + max(width, 17 * len(title or "")) + _MARGIN
    total_height = top + height + _MARGIN
    figure = Figure(figsize=(total_width / DPI, total_height / DPI), dpi=DPI, facecolor="white")
    axes = figure.add_axes((left / total_width, _MARGIN / total_height, width / total_width, height / total_height))
    axes.set_axis_off()
    grey = colormaps["gray"].with_extremes(bad=_PAPER)
    # Coloured here, as bytes: matplotlib's own colouring holds the sheet many times over in double precision.
    axes.imshow(grey(sheet, bytes=True), interpolation="nearest", aspect="auto")
    if title:
        figure.text(left / total_width, 1 - (top - 16) / total_height, title, fontsize=11, fontweight="bold", color=INK)
    for label, centre in labels:
        x, y = (left - 12) / total_width, 1 - (top + centre) / total_height
        figure.text(x, y, for_picture(label, 24), fontsize=7, color=INK, ha="right", va="center")
    return save_png(figure, path)
