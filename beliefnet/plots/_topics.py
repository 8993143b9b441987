"""The words of topics, as bars."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from beliefnet._errors import ArgumentError
from beliefnet.evaluation import Topic
from beliefnet.plots._figure import FAINT, INK, blank_axes, save_png
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
    return save_png(topics_figure(topics, most=most), path)


def topics_figure(topics: Sequence[tuple[str, Sequence[str], Sequence[float]]], *, most: int = 12) -> Figure:
    """Return the figure that `plot_topics` saves: a panel for each topic, as `draw_topic` draws it."""
    shown = topics[:most]
    if not shown:
        raise ArgumentError("expected at least one topic, got none", "the result of evaluation.topics")
    rows = math.ceil(len(shown) / _COLUMNS)
    most_words = max(len(words) for _, words, _ in shown)
    figure = Figure(figsize=(14, rows * (0.7 + 0.23 * most_words)), facecolor="white", layout="constrained")
    panels = np.ravel(figure.subplots(rows, _COLUMNS, squeeze=False))
    for axes, topic in zip(panels, shown, strict=False):
        draw_topic(*topic, axes=axes)
    for axes in panels[len(shown) :]:
        axes.set_visible(False)
    return figure


def draw_topic(title: str, words: Sequence[str], strengths: Sequence[float], axes: Axes | None = None) -> Axes:
    """Draw the words of a topic with a bar each, as long as the word is strong.

    Args:
        title: Line above them.
        words: The words, the strongest first.
        strengths: How strong each is.
        axes: Where to draw; by default in a new figure.

    Returns:
        The axes.
    """
    axes = blank_axes(3.5, 0.7 + 0.23 * len(words)) if axes is None else axes
    places = np.arange(len(words))
    axes.barh(places, strengths, color=_BAR, height=0.62)
    axes.set_yticks(places, [for_picture(word, 30) for word in words], color=INK)
    axes.invert_yaxis()
    axes.set_title(for_picture(title), loc="left", fontsize=10, fontweight="bold", color=INK)
    axes.set_xticks([])
    axes.tick_params(colors=FAINT, labelcolor=INK, length=0)
    axes.spines[:].set_visible(False)
    return axes


def titled_topics(found: Sequence[Topic], names: Sequence[str]) -> list[tuple[str, list[str], tuple[float, ...]]]:
    """Return topics as `plot_topics` takes them, by the names of words; those spoken against have a minus."""
    titles = [f"unit {topic.unit}: NPMI {topic.coherence:.2f}, activity {topic.activity:.2f}" for topic in found]
    return [(title, signed_words(topic, names), topic.strengths) for title, topic in zip(titles, found, strict=True)]


def signed_words(topic: Topic, names: Sequence[str]) -> list[str]:
    """Return the words of a topic; those that its unit speaks against have a minus."""
    signs = ["-" if strength < 0 else "" for strength in topic.strengths]
    return [sign + names[word] for sign, word in zip(signs, topic.words, strict=True)]
