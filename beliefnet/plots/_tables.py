"""Rows of a table: heat maps under the names of the columns, and what columns are on average."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from beliefnet._errors import ArgumentError
from beliefnet.plots._figure import FAINT, GRID, INK, blank_axes, save_png
from beliefnet.plots._text import for_legend, for_picture

_PAPER = "#dde3ea"
_COLOURS = ("#f59e0b", "#2563eb", "#7b8794")
_LABELS = 60
_NAME = 28


def table_sheet(versions: Mapping[str, ArrayLike], columns: Sequence[str], path: Path | str) -> Path:
    """Save versions of some rows as heat maps above the names of the columns, side by side where they are narrow.

    All have one scale of colours, which stands beside them. Of more than 60 columns, some are named.

    Args:
        versions: for each label, values of shape [n, columns]; NaN is drawn as a gap.
        columns: names of the columns.
        path: PNG file to write.

    Returns:
        The path written.

    Raises:
        ValueError: there are no rows, or they are of another width than there are names.
    """
    return save_png(table_figure(versions, columns), path)


def table_figure(versions: Mapping[str, ArrayLike], columns: Sequence[str]) -> Figure:
    """Return the figure that `table_sheet` saves."""
    arrays = _checked(versions, columns, num_axes=2)
    known = np.concatenate([values[np.isfinite(values)] for values in arrays.values()])
    least, largest = (0.0, 1.0) if not len(known) else (min(0.0, known.min()), max(1.0, known.max()))
    height = min(6.0, max(1.0, 0.14 * max(map(len, arrays.values()))))
    width = min(14.0, max(2.0, 0.2 * len(columns)))
    down, across = (1, len(arrays)) if len(arrays) * len(columns) <= _LABELS else (len(arrays), 1)
    size = (max(4.0, across * width + 1.5), down * height + 1.6)
    figure = Figure(figsize=size, facecolor="white", layout="constrained")
    panels = figure.subplots(down, across, sharex=True, squeeze=False).ravel()
    colours = colormaps["Blues"].with_extremes(bad=_PAPER)
    for axes, (label, values) in zip(panels, arrays.items(), strict=True):
        drawn = axes.imshow(values, aspect="auto", interpolation="nearest", cmap=colours, vmin=least, vmax=largest)
        axes.set_title(for_picture(label), loc="left", fontsize=9, color=INK)
        axes.set_yticks([])
        axes.tick_params(which="both", length=0)
        axes.spines[:].set_visible(False)
        if len(columns) <= _LABELS:
            axes.set_xticks(np.arange(1, len(columns)) - 0.5, minor=True)
            axes.grid(axis="x", which="minor", color="white", lw=1.5)
        if axes in panels[-across:]:
            step = math.ceil(len(columns) / _LABELS)
            names = [for_picture(name, _NAME) for name in columns[::step]]
            axes.set_xticks(np.arange(0, len(columns), step), names, rotation=90, fontsize=7, color=INK)
    scale = figure.colorbar(drawn, ax=list(panels), fraction=0.03, pad=0.01)  # pyright: ignore[reportPossiblyUnboundVariable]
    scale.ax.tick_params(labelsize=7, colors=FAINT, labelcolor=INK)
    scale.outline.set_visible(False)  # pyright: ignore[reportCallIssue]
    return figure


def plot_columns(means: Mapping[str, ArrayLike], columns: Sequence[str], path: Path | str, *, most: int = 40) -> Path:
    """Save the means of columns side by side, such as those of data and of samples: of bits, how often they are on.

    Args:
        means: for each label, the mean of each column, of shape [columns]; at most three of them.
        columns: names of the columns.
        path: PNG file to write.
        most: of more columns than that, the ones that differ most are drawn.

    Returns:
        The path written.

    Raises:
        ValueError: there are no means, or as many others as there are names.
    """
    return save_png(draw_columns(means, columns, most=most).figure, path)  # pyright: ignore[reportArgumentType]


def draw_columns(
    means: Mapping[str, ArrayLike], columns: Sequence[str], axes: Axes | None = None, *, most: int = 40
) -> Axes:
    """Draw what `plot_columns` saves, on axes; by default those of a new figure."""
    arrays = _checked(means, columns, num_axes=1)
    values = np.stack(list(arrays.values()))
    spread = values.max(axis=0) - values.min(axis=0)
    chosen = np.sort(np.argsort(-spread, kind="stable")[:most])
    axes, places = blank_axes(7, 1.4 + 0.2 * len(chosen)) if axes is None else axes, np.arange(len(chosen))
    axes.hlines(places, values[:, chosen].min(axis=0), values[:, chosen].max(axis=0), color=FAINT, lw=1)
    for label, row, colour in zip(arrays, values, _COLOURS, strict=False):
        axes.plot(row[chosen], places, "o", color=colour, ms=4.5, label=for_legend(label))
    axes.set_yticks(places, [for_picture(columns[column], _NAME) for column in chosen], fontsize=8, color=INK)
    axes.set_ylim(len(chosen) - 0.5, -0.5)
    if values.min() >= 0 and values.max() <= 1:
        axes.set_xlim(-0.02, 1.02)
    _undress(axes)
    some = f" (the {len(chosen)} of {len(columns)} that differ most)" if len(chosen) < len(columns) else ""
    axes.set_xlabel(f"mean of the column{some}", fontsize=8, color=INK)
    axes.figure.legend(loc="outside upper right", ncols=len(arrays), fontsize=8, frameon=False)  # pyright: ignore[reportCallIssue]
    return axes


def _undress(axes: Axes) -> None:
    axes.grid(axis="x", color=GRID, lw=1)
    axes.set_axisbelow(True)
    axes.tick_params(colors=FAINT, labelcolor=INK, labelsize=8, length=0)
    axes.spines[:].set_visible(False)


def _checked(versions: Mapping[str, ArrayLike], columns: Sequence[str], *, num_axes: int) -> dict[str, np.ndarray]:
    arrays = {label: np.asarray(values, np.float64) for label, values in versions.items()}
    for values in arrays.values():
        if values.ndim != num_axes or not values.size or values.shape[-1] != len(columns):
            raise ArgumentError(
                f"expected values of {len(columns)} named columns, got shape {list(values.shape)}",
                "a name for each column",
            )
    if not arrays:
        raise ArgumentError("expected something to draw, got nothing", "{'samples': rows}")
    return arrays
