"""The training curve: the bound against the epoch, for training and validation data."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from beliefnet._errors import ArgumentError
from beliefnet.plots._figure import FAINT, INK, blank_axes, save_png, undress
from beliefnet.plots._text import for_picture

_TRAIN = "#9aa5b1"
_VALID = "#2563eb"
_BEST = "#d9480f"


def plot_training_curve(rows: Sequence[Mapping[str, Any]], path: Path | str, *, title: str) -> Path:
    """Save the training and validation bound against the epoch, with the best validation epoch marked.

    The lower end of the axis may cut off the first epochs, never the second half of the training, and says so.

    Args:
        rows: one mapping per epoch with `epoch`, `train_bound` and `valid_bound` in nats per example (higher is
            better), and `seconds` since training began. Bounds that are absent, None or not finite are left out.
        path: PNG file to write.
        title: line above the curve.

    Returns:
        The path written.

    Raises:
        ValueError: there are no rows.
    """
    axes = draw_training_curve(rows, blank_axes(7.2, 4.2), title=title)
    return save_png(axes.figure, path)  # pyright: ignore[reportArgumentType]


def draw_training_curve(rows: Sequence[Mapping[str, Any]], axes: Axes | None = None, *, title: str = "") -> Axes:
    """Draw what `plot_training_curve` saves.

    Args:
        rows: one mapping per epoch, as there.
        axes: where to draw; by default in a new figure.
        title: line above the curve.

    Returns:
        The axes.

    Raises:
        ValueError: there are no rows.
    """
    if not rows:
        raise ArgumentError("expected at least one row of metrics, got none", "again after the first epoch")
    axes = blank_axes(7.2, 4.2) if axes is None else axes
    train, valid = _series(rows, "train_bound"), _series(rows, "valid_bound")
    _draw_line(axes, train, _TRAIN, "training")
    _draw_line(axes, valid, _VALID, "validation")
    _limit(axes, train, valid)
    _mark_best(axes, valid)
    _dress(axes, title, _elapsed(rows))
    return axes


def _series(rows: Sequence[Mapping[str, Any]], name: str) -> NDArray[np.float64]:
    """Return the finite points as [points, 2]: epoch and bound."""
    points = [(row["epoch"], row.get(name)) for row in rows]
    array = np.array([(epoch, np.nan if bound is None else bound) for epoch, bound in points], np.float64)
    return array[np.isfinite(array).all(axis=1)]


def _draw_line(axes: Axes, points: NDArray[np.float64], colour: str, label: str) -> None:
    if len(points):
        marker = "o" if len(points) <= 30 else ""
        axes.plot(*points.T, color=colour, lw=2, marker=marker, ms=4, label=label, solid_capstyle="round")


def _limit(axes: Axes, *series: NDArray[np.float64]) -> None:
    """Choose the y-axis so that the plateau can be read, and say what it leaves out."""
    points = np.concatenate(series)
    if not len(points):
        axes.text(0.5, 0.5, "no finite bound yet", transform=axes.transAxes, ha="center", va="center", color=FAINT)
        return
    epochs, bounds = points.T
    lowest, highest = bounds.min(), bounds.max()
    late = bounds[epochs >= (epochs.min() + epochs.max()) / 2].min()
    low = max(lowest, min(late, highest - 2 * (highest - np.quantile(bounds, 0.25))))
    room = 0.08 * (highest - low) or max(0.01 * abs(highest), 0.1)
    axes.set_ylim(low - room, highest + room)
    if epochs.min() == epochs.max():
        axes.set_xlim(epochs[0] - 1, epochs[0] + 1)
    if lowest < low - room:
        note = f"first epochs not shown, from {_number(lowest)}"
        axes.text(0.995, 0.02, note, transform=axes.transAxes, fontsize=8, color=FAINT, ha="right", va="bottom")


def _mark_best(axes: Axes, valid: NDArray[np.float64]) -> None:
    if not len(valid):
        return
    epoch, bound = valid[valid[:, 1].argmax()]
    # The value goes to the legend, where no curve can run through it.
    label = f"best validation {_number(bound)}, epoch {epoch:.0f}"
    axes.plot(epoch, bound, marker="o", ms=9, mfc="white", mec=_BEST, mew=2, ls="", zorder=4, label=label)


def _dress(axes: Axes, title: str, elapsed: str) -> None:
    axes.set_title(for_picture(title), loc="left", fontsize=12, fontweight="bold", color=INK, pad=30)
    axes.set_xlabel(f"epoch{elapsed}", color=INK)
    axes.set_ylabel("bound (nats per example)", color=INK)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    undress(axes)
    if axes.get_legend_handles_labels()[0]:
        # On a line of its own between the title and the curves.
        place = {"loc": "lower left", "bbox_to_anchor": (-0.01, 1), "borderaxespad": 0.2}
        axes.legend(**place, ncols=3, frameon=False, labelcolor=INK, fontsize=9, handlelength=1.4)


def _elapsed(rows: Sequence[Mapping[str, Any]]) -> str:
    seconds = rows[-1].get("seconds")
    if seconds is None or not np.isfinite(seconds):
        return ""
    minutes, hours = seconds / 60, seconds / 3600
    time = f"{hours:.1f} h" if hours >= 2 else f"{minutes:.1f} min" if minutes >= 2 else f"{seconds:.0f} s"
    return f"  ({time} in all)"


def _number(value: float) -> str:
    return f"{value:.2f}".replace("-", "\N{MINUS SIGN}")
