"""Sheets of grey images, drawn pixel for pixel."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from beliefnet._errors import ArgumentError
from beliefnet.plots._figure import DPI, FAINT, INK, save_png
from beliefnet.plots._text import for_picture

_PAPER = "#dde3ea"
_BETWEEN = "#8a949e80"
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
    sheet, labels = _stacked(versions, image_shape)
    return _save_sheet(sheet, path, title=None, labels=labels)


def draw_images(
    images: ArrayLike,
    image_shape: tuple[int, int],
    axes: Axes | None = None,
    *,
    columns: int | None = None,
    is_signed: bool = False,
) -> Axes:
    """Draw a grid of images on axes.

    Args:
        images: values in [0, 1] (0 black), or of any size where they are signed, of shape [n, d]; NaN is a gap.
        image_shape: height and width with height * width = d.
        axes: where to draw; by default in a new figure, a whole number of its pixels for each value.
        columns: images in a row; None makes the grid about square.
        is_signed: whether values below zero are drawn blue and those above red, such as weights.

    Returns:
        The axes.

    Raises:
        ValueError: there is no image, or the sizes do not fit.

    Examples:
        >>> draw_images([[0.0, 1.0], [0.5, 0.2]], (1, 2), columns=2).images[0].get_size()[1] > 4
        True
    """
    values = _rows_of_pixels(images)
    columns = _columns(len(values), image_shape) if columns is None else columns
    _check_layout(values, image_shape, columns)
    if is_signed:
        largest = np.nanmax(np.abs(values), initial=0)
        values = 0.5 + values / (2 * largest) if largest > 0 else np.full_like(values, 0.5)
    values, shape = _enlarge(values, image_shape, (math.ceil(len(values) / columns), columns))
    return _draw_sheet(tile_images(values, shape, columns=columns, gap=_GAP), axes, "RdBu_r" if is_signed else "gray")


def draw_image_rows(versions: Mapping[str, ArrayLike], image_shape: tuple[int, int], axes: Axes | None = None) -> Axes:
    """Draw what `stacked_sheet` saves, on axes; by default those of a new figure."""
    sheet, labels = _stacked(versions, image_shape)
    axes = _draw_sheet(sheet, axes, "gray", left=190)
    axes.set_yticks([centre for _, centre in labels], [for_picture(text, 24) for text, _ in labels])
    axes.tick_params(length=0, labelsize=11, labelcolor=FAINT)
    return axes


def _draw_sheet(sheet: NDArray[np.float64], axes: Axes | None, colours: str, *, left: int = 0) -> Axes:
    """Draw a sheet; in a figure of its own, one screen pixel for each value, so that nothing is resampled."""
    if axes is None:
        height, width = sheet.shape
        figure = Figure(figsize=((left + width) / DPI, height / DPI), dpi=DPI, facecolor="white")
        axes = figure.add_axes((left / (left + width), 0, width / (left + width), 1))
    coloured = colormaps[colours].with_extremes(bad=_BETWEEN)(sheet, bytes=True)
    axes.imshow(coloured, interpolation="nearest", aspect="auto" if axes.get_subplotspec() is None else "equal")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    return axes


def _stacked(
    versions: Mapping[str, ArrayLike], image_shape: tuple[int, int]
) -> tuple[NDArray[np.float64], list[tuple[str, float]]]:
    """Return versions of images in one array, and the height of each label."""
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
    return sheet, placed


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
