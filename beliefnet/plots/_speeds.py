"""Speeds of several programs at the same work, side by side."""

from collections.abc import Mapping
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from beliefnet.plots._figure import GRID, INK, blank_axes, save_png, undress
from beliefnet.plots._text import for_picture

_BAR = 0.26
_COLOURS = ("#2563eb", "#d9480f", "#0f766e", "#9333ea", "#a16207", "#be185d", "#9aa5b1", "#cbd2d9")


def plot_speeds(speeds: Mapping[str, Mapping[str, float]], path: Path | str) -> Path:
    """Save the speeds of programs at several workloads as bars.

    Args:
        speeds: For each workload, the speed of each program, as a share of the speed of one of them.
        path: PNG file to write.

    Returns:
        The path written.
    """
    return save_png(speeds_figure(speeds), path)


def speeds_figure(speeds: Mapping[str, Mapping[str, float]]) -> Figure:
    """Return the figure that `plot_speeds` saves."""
    axes = draw_speeds(speeds)
    figure = axes.get_figure(root=True)
    assert figure is not None
    return figure


def draw_speeds(speeds: Mapping[str, Mapping[str, float]], axes: Axes | None = None) -> Axes:
    """Draw a bar for each program, in groups of workloads, the first one on top.

    Args:
        speeds: For each workload, the speed of each program, as a share of the speed of one of them.
        axes: Where to draw; by default in a new figure.

    Returns:
        The axes.

    Examples:
        >>> from beliefnet.plots import draw_speeds
        >>> draw_speeds({"nvil": {"beliefnet": 1.0, "PyTorch": 0.5}}).get_xlabel()
        'speed, beliefnet = 1'
    """
    names = list(dict.fromkeys(name for own in speeds.values() for name in own))
    if axes is None:
        axes = blank_axes(8.4, 1.2 + _BAR * (sum(map(len, speeds.values())) + len(speeds)))
    place, ticks = 0.0, []
    for own in speeds.values():
        start = place
        for name, speed in own.items():
            colour = _COLOURS[names.index(name) % len(_COLOURS)]
            axes.barh(place, speed, color=colour, label=for_picture(name))
            axes.annotate(f"{speed:.2f}", (speed, place), (4, 0), textcoords="offset points", va="center", fontsize=8)
            place -= 1
        ticks.append((start + place + 1) / 2)
        place -= 1
    axes.set_yticks(ticks, [for_picture(name) for name in speeds])
    undress(axes)
    axes.grid(False, axis="y")
    axes.grid(axis="x", color=GRID, lw=1)
    axes.tick_params(axis="y", labelcolor=INK)
    axes.axvline(1, color=INK, lw=1)
    axes.set_xlabel("speed, beliefnet = 1")
    axes.margins(x=0.08)
    handles, labels = axes.get_legend_handles_labels()
    found = dict(zip(labels, handles, strict=True))
    look = {"frameon": False, "fontsize": 8, "labelcolor": INK, "ncols": 4}
    axes.legend(found.values(), found.keys(), loc="lower center", bbox_to_anchor=(0.4, 1.0), **look)
    return axes
