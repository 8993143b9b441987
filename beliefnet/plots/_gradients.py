"""Gradient estimators side by side: signal-to-noise ratio, and variance times cost."""

import textwrap
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FormatStrFormatter, LogLocator, NullFormatter, NullLocator

from beliefnet.evaluation import GradientReport
from beliefnet.plots._figure import FAINT, GRID, INK, blank_axes, save_png, undress
from beliefnet.plots._text import for_picture

_UNBIASED = "#2563eb"
_BIASED = "#d9480f"
_PANELS = (
    ("snr", "signal-to-noise ratio", "higher is better"),
    ("variance_cost", "variance \N{MULTIPLICATION SIGN} milliseconds", "lower is better"),
)
_NETS = (("theta", "model, \N{GREEK SMALL LETTER THETA}"), ("phi", "recognition net, \N{GREEK SMALL LETTER PHI}"))
_NAME_WIDTH = 26


def plot_gradient_report(report: GradientReport, path: Path | str) -> Path:
    """Save signal-to-noise ratio and variance times cost of each estimator, for theta and for phi.

    Estimators whose mean is elsewhere than the gradient of their bound are drawn hollow: their variance is that of
    another direction.

    Args:
        report: What `gradient_report` measured.
        path: PNG file to write.

    Returns:
        The path written.
    """
    return save_png(gradient_figure(report), path)


def gradient_figure(report: GradientReport) -> Figure:
    """Return the figure that `plot_gradient_report` saves, a panel for each quantity of each net."""
    count = len(report.estimators)
    figure = Figure(figsize=(9.2, 2.2 + 2 * max(0.42 * count, 0.9)), facecolor="white", layout="constrained")
    grid = figure.subplots(2, 2, sharey=True, sharex="col", squeeze=False)
    for row, (part, label) in enumerate(_NETS):
        for column, (quantity, title, better) in enumerate(_PANELS):
            axes: Axes = grid[row, column]
            draw_gradients(report, part, quantity, axes)
            if column == 0:
                axes.set_ylabel(label, color=INK, fontweight="bold")
            if row == 1:
                axes.set_xlabel(f"{title}  ({better})", color=INK)
    heading = f"Gradient estimators, {report.batch_size} examples, {report.num_draws} draws each"
    figure.suptitle(heading, x=0.01, ha="left", fontsize=12, fontweight="bold", color=INK)
    marks = [
        Line2D([], [], ls="", marker="o", ms=8, mfc=_UNBIASED, mec=_UNBIASED, label="no bias found"),
        Line2D([], [], ls="", marker="o", ms=8, mfc="white", mec=_BIASED, mew=2, label="biased for its bound"),
    ]
    figure.legend(handles=marks, loc="outside upper right", ncols=2, frameon=False, labelcolor=INK, fontsize=9)
    return figure


def draw_gradients(report: GradientReport, part: str, quantity: str, axes: Axes | None = None) -> Axes:
    """Draw one dot per estimator, the first one on top, with its value beside it.

    Args:
        report: What `gradient_report` measured.
        part: A part of the net, such as `"theta"` or `"phi"`.
        quantity: What is drawn, such as `"snr"` or `"variance_cost"`: an attribute of `PartReport`.
        axes: Where to draw; by default in a new figure.

    Returns:
        The axes.
    """
    axes = blank_axes(5.2, 1 + 0.42 * len(report.estimators)) if axes is None else axes
    places = np.arange(len(report.estimators))[::-1]
    axes.set_xscale("log")
    for place, estimator in zip(places, report.estimators.values(), strict=True):
        values = estimator.parts[part]
        value = getattr(values, quantity)
        if not (np.isfinite(value) and value > 0):
            note = "no noise" if values.variance == 0 else "not finite"
            axes.text(0.01, place, note, transform=axes.get_yaxis_transform(), va="center", fontsize=8, color=FAINT)
            continue
        colour = _BIASED if values.is_biased else _UNBIASED
        axes.plot(value, place, "o", ms=8, mfc="white" if values.is_biased else colour, mec=colour, mew=2, zorder=3)
        style = {"textcoords": "offset points", "va": "center", "fontsize": 8, "color": INK, "zorder": 2}
        backing = {"facecolor": "white", "edgecolor": "none", "pad": 1}
        axes.annotate(_number(value), (value, place), (9, 0), bbox=backing, **style)
    axes.set_yticks(places, [_wrap(name) for name in report.estimators])
    axes.set_ylim(-0.6, len(places) - 0.4)
    axes.margins(x=0.2)
    _dress(axes)
    return axes


def _dress(axes: Axes) -> None:
    undress(axes)
    axes.grid(axis="x", color=GRID, lw=1)
    axes.tick_params(axis="y", labelcolor=INK)
    low, high = axes.get_xlim()
    if high / low < 300:
        # The powers of ten alone would leave so short an axis almost bare.
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high / low < 30 else (1, 3)))
        axes.xaxis.set_major_formatter(FormatStrFormatter("%g"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.tick_params(axis="x", which="both", labelsize=8)


def _wrap(name: str) -> str:
    """Break a long name after a colon or comma, as in `vimco:particles=5,local-signals=true`."""
    spaced = name.replace(":", ": ").replace(",", ", ")
    lines = textwrap.wrap(spaced, _NAME_WIDTH, break_on_hyphens=False)
    return "\n".join(for_picture(line.replace(": ", ":").replace(", ", ",")) for line in lines)


def _number(value: float) -> str:
    return f"{value:.0f}" if 100 <= value < 1e5 else f"{value:.2g}" if value < 1e-3 else f"{value:#.2g}".rstrip(".")
