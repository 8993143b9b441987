"""What refinement does to a net's bounds, over its steps."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from beliefnet._errors import ArgumentError
from beliefnet.evaluation import Evaluation, InferenceGaps
from beliefnet.plots._figure import INK, blank_axes, save_png, undress
from beliefnet.plots._text import for_legend

_COLOURS = ("#2563eb", "#d9480f", "#0f766e", "#9333ea", "#b45309", "#475569")
Quantity: TypeAlias = Literal["elbo", "nll", "ess"]
_PANELS: dict[Quantity, str] = {
    "elbo": "ELBO, nats",
    "nll": "estimated NLL, nats",
    "ess": "effective sample size, particles",
}
_LEAST_GAP = 0.05
"""Between labels of steps, as a share of the axis."""


def plot_refinement(gaps: Mapping[str, InferenceGaps], path: Path | str) -> Path:
    """Save bound, estimated likelihood and effective sample size over the steps of refinement, a line per net.

    Args:
        gaps: What `inference_gaps` measured, by the name of the net.
        path: PNG file to write.

    Returns:
        The path written.

    Raises:
        ValueError: there are no nets.
    """
    return save_png(refinement_figure(gaps), path)


def refinement_figure(gaps: Mapping[str, InferenceGaps]) -> Figure:
    """Return the figure that `plot_refinement` saves: a panel for each of `"elbo"`, `"nll"` and `"ess"`."""
    if not gaps:
        raise ArgumentError("expected at least one net, got none", "the result of inference_gaps")
    figure = Figure(figsize=(11.5, 3.9), facecolor="white", layout="constrained")
    panels = figure.subplots(1, 3)
    for axes, quantity in zip(panels, _PANELS, strict=True):
        draw_refinement(gaps, quantity, axes)
    lines = panels[0].get_legend_handles_labels()
    figure.legend(*lines, loc="outside upper left", ncols=4, frameon=False, labelcolor=INK)
    return figure


def draw_refinement(gaps: Mapping[str, InferenceGaps], quantity: Quantity, axes: Axes | None = None) -> Axes:
    """Draw one quantity over the steps of refinement, a line per net with a band of two standard errors.

    Args:
        gaps: What `inference_gaps` measured, by the name of the net.
        quantity: `"elbo"`, `"nll"` or `"ess"`.
        axes: Where to draw; by default in a new figure.

    Returns:
        The axes.
    """
    axes = blank_axes(4.6, 3.4) if axes is None else axes
    for index, (name, one) in enumerate(gaps.items()):
        _draw(axes, one.evaluations, quantity, name, _COLOURS[index % len(_COLOURS)])
    axes.set_title(_PANELS[quantity], loc="left", fontsize=11, fontweight="bold", color=INK)
    _dress(axes, sorted({step for one in gaps.values() for step in one.evaluations}))
    return axes


def _draw(axes: Axes, evaluations: Mapping[int, Evaluation], quantity: str, name: str, colour: str) -> None:
    """Draw a line with a band of two standard errors."""
    steps = np.array(list(evaluations))
    values = [getattr(evaluation, quantity) for evaluation in evaluations.values()]
    mean, stderr = np.array([v.mean for v in values]), np.nan_to_num([v.stderr for v in values])
    axes.plot(steps, mean, color=colour, lw=2, marker="o", ms=4, label=for_legend(name))
    axes.fill_between(steps, mean - 2 * stderr, mean + 2 * stderr, color=colour, alpha=0.15, lw=0)


def _dress(axes: Axes, steps: Sequence[int]) -> None:
    """Label the steps that were measured, on an axis where the first ones have room."""
    axes.set_xlabel("steps of refinement", color=INK)
    axes.set_xscale("function", functions=(np.log1p, np.expm1))
    axes.set_xticks(_labelled(steps), minor=False)
    axes.xaxis.set_major_formatter("{x:.0f}")
    axes.xaxis.set_minor_locator(NullLocator())
    undress(axes)


def _labelled(steps: Sequence[int]) -> list[int]:
    """Return the steps whose labels do not meet, the first and the last among them.

    Examples:
        >>> _labelled([0, 1, 2, 5, 10, 20, 50, 60])
        [0, 1, 2, 5, 10, 20, 60]
    """
    first, *between = steps
    kept = [between.pop()] if between else []
    least = _LEAST_GAP * np.log1p(steps[-1])
    for step in reversed(between):
        if min(np.log1p(kept[0]) - np.log1p(step), np.log1p(step) - np.log1p(first)) >= least:
            kept = [step, *kept]
    return [first, *kept]
