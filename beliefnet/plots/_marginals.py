"""The values of each column of a table, such as those of data beside those of samples."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from beliefnet._errors import ArgumentError
from beliefnet.plots._figure import FAINT, GRID, INK, blank_axes, save_png
from beliefnet.plots._text import for_legend, for_picture
from beliefnet.tables import dates_of, days_of

_COLOURS = ("#2563eb", "#f59e0b", "#7b8794")
_ACROSS = 4
_MOST_BARS = 12
_NUM_BINS = 24
_NAME = 28
_MOST_COLUMNS = 60


def plot_marginals(versions: Mapping[str, Mapping[str, np.ndarray]], path: Path | str) -> Path:
    """Save a small picture of each column: how often each category occurs, or a histogram of numbers.

    Args:
        versions: For each label, such as "data", the values of each column by its name, `[rows]`: numbers, NaN where
            one is missing, or texts, such as dates, and truth values, None where one is missing. At most three, of the
            same columns.
        path: PNG file to write.

    Returns:
        The path written.

    Raises:
        ValueError: If there are no columns, or not the same ones.
    """
    return save_png(marginals_figure(versions), path)


def marginals_figure(versions: Mapping[str, Mapping[str, np.ndarray]]) -> Figure:
    """Return the figure that `plot_marginals` saves: a panel for each column, as `draw_marginal` draws it."""
    labels = list(versions)
    names = list(versions[labels[0]]) if labels else []
    if not names or any(list(version) != names for version in versions.values()):
        raise ArgumentError("expected versions of the same columns, got others or none", "{'data': columns}")
    shown = names[:_MOST_COLUMNS]
    across = min(_ACROSS, len(shown))
    down = math.ceil(len(shown) / across)
    figure = Figure(figsize=(2.6 * across + 0.4, 1.9 * down + 0.6), facecolor="white", layout="constrained")
    panels = figure.subplots(down, across, squeeze=False).ravel()
    for axes in panels[len(shown) :]:
        axes.set_visible(False)
    for axes, name in zip(panels, shown, strict=False):
        draw_marginal([version[name] for version in versions.values()], axes, title=name)
    handles = [Patch(color=colour, label=for_legend(text)) for text, colour in zip(labels, _COLOURS, strict=False)]
    figure.legend(handles=handles, loc="outside upper right", ncols=3, fontsize=8, frameon=False)
    return figure


def draw_marginal(versions: Sequence[np.ndarray], axes: Axes | None = None, *, title: str = "") -> Axes:
    """Draw versions of one column: how often each category occurs, or histograms of numbers.

    Args:
        versions: At most three times the values of the column, `[rows]`, as `plot_marginals` takes them.
        axes: Where to draw; by default in a new figure.
        title: Line above it.

    Returns:
        The axes.
    """
    axes = blank_axes(2.8, 2.0) if axes is None else axes
    values = [_known(version) for version in versions]
    axes.set_title(for_picture(title, _NAME), loc="left", fontsize=8, color=INK)
    _undress(axes)
    is_few = len({value for part in values for value in part.tolist()}) <= _MOST_BARS
    if not is_few and all(map(_are_dates, values)):
        _histograms(axes, [np.array([days_of(value) for value in part], np.float64) for part in values])
        axes.xaxis.set_major_locator(MaxNLocator(3))
        axes.xaxis.set_major_formatter(lambda days, _: str(dates_of(np.array([days]), have_time=False)[0]))
    elif is_few or any(part.dtype == object for part in values):
        _bars(axes, values)
    else:
        _histograms(axes, values)
    return axes


def _known(values: np.ndarray) -> np.ndarray:
    if values.dtype == object:
        return np.array([value for value in values if value is not None and value == value], object)
    return values[np.isfinite(values)]


def _are_dates(values: np.ndarray) -> bool:
    return values.dtype == object and len(values) > 0 and all(days_of(value) is not None for value in values)


def _bars(axes: Axes, values: list[np.ndarray]) -> None:
    """Draw the share of each category; of many, the most frequent ones."""
    counts: dict[Any, int] = {}
    for part in values:
        for value in part.tolist():
            counts[value] = counts.get(value, 0) + 1
    kinds = sorted(counts, key=lambda value: -counts[value])[:_MOST_BARS]
    kinds = sorted(kinds, key=lambda value: (type(value) is str, value))
    width = 0.8 / len(values)
    for index, (part, colour) in enumerate(zip(values, _COLOURS, strict=False)):
        shares = [np.mean([value == kind for value in part.tolist()] or [0.0]) for kind in kinds]
        places = np.arange(len(kinds)) + (index - (len(values) - 1) / 2) * width
        axes.bar(places, shares, width=width, color=colour)
    texts = [for_picture(f"{kind:g}" if type(kind) is float else kind, 12) for kind in kinds]
    is_long = sum(map(len, texts)) > 24
    axes.set_xticks(np.arange(len(kinds)), texts, rotation=90 if is_long else 0, fontsize=7, color=INK)


def _histograms(axes: Axes, values: list[np.ndarray]) -> None:
    """Draw histograms over the range that holds all but the outermost hundredth of the first."""
    least, largest = np.quantile(values[0], [0.005, 0.995])
    edges = np.linspace(least, largest if largest > least else least + 1, _NUM_BINS + 1)
    if (values[0] == np.rint(values[0])).all():
        # As many whole numbers in each.
        step = max(1.0, np.ceil((largest - least + 1) / _NUM_BINS))
        edges = np.arange(np.floor(least), largest + step + 1, step) - 0.5
    bins = edges.tolist()
    axes.xaxis.set_major_locator(MaxNLocator(4))
    for index, (part, colour) in enumerate(zip(values, _COLOURS, strict=False)):
        weights = np.full(len(part), 1 / max(len(part), 1))
        clipped = np.clip(part, edges[0], edges[-1])
        if index == 0:
            axes.hist(clipped, bins, weights=weights, color=colour, alpha=0.35)
        axes.hist(clipped, bins, weights=weights, color=colour, histtype="step", lw=1.4)


def _undress(axes: Axes) -> None:
    axes.grid(axis="y", color=GRID, lw=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=FAINT, labelcolor=INK, labelsize=7, length=0)
    axes.spines[:].set_visible(False)
