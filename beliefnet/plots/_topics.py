"""The words of topics, as bars."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from beliefnet._errors import ArgumentError
from beliefnet.plots._figure import FAINT, INK, save_png
from beliefnet.plots._text import for_picture

_BAR = "#2563eb"
_COLUMNS = 4


def plot_topics(
    topics: Sequence[tuple[str, Sequence[str], Sequence[float]]], path: Path | str, *, most: int = 12
) -> Path:
    """Save the words of topics with a bar each, as long as the word is strong; the lengths are each panel's own.

    Args:
        topics: Title, words and their strengths, the strongest word first.
        path: PNG file to write.
        most: Only so many topics are drawn, the first ones.

    Returns:
        The path written.

    Raises:
        ValueError: there are no topics.
    """
    shown = topics[:most]
    if not shown:
        raise ArgumentError("expected at least one topic, got none", "the result of evaluation.topics")
    rows = math.ceil(len(shown) / _COLUMNS)
    most_words = max(len(words) for _, words, _ in shown)
    figure = Figure(figsize=(14, rows * (0.7 + 0.23 * most_words)), facecolor="white", layout="constrained")
    panels = np.ravel(figure.subplots(rows, _COLUMNS, squeeze=False))
    for axes, topic in zip(panels, shown, strict=False):
        _draw(axes, *topic)
    for axes in panels[len(shown) :]:
        axes.set_visible(False)
    return save_png(figure, path)


def _draw(axes: Axes, title: str, words: Sequence[str], strengths: Sequence[float]) -> None:
    places = np.arange(len(words))
    axes.barh(places, strengths, color=_BAR, height=0.62)
    axes.set_yticks(places, [for_picture(word, 30) for word in words], color=INK)
    axes.invert_yaxis()
    axes.set_title(for_picture(title), loc="left", fontsize=10, fontweight="bold", color=INK)
    axes.set_xticks([])
    axes.tick_params(colors=FAINT, labelcolor=INK, length=0)
    axes.spines[:].set_visible(False)
