"""What the units of each latent layer do: carry something, decide for certain, or nothing."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from beliefnet._errors import ArgumentError
from beliefnet.evaluation import UnitActivity
from beliefnet.plots._figure import INK, blank_axes, undress

_KINDS = {"active": "#2563eb", "saturated": "#f59e0b", "dead": "#9aa5b1"}


def draw_units(layers: Sequence[UnitActivity], axes: Axes | None = None) -> Axes:
    """Draw a bar for each latent layer, the one next to the data at the bottom: shares of active and other units.

    Args:
        layers: What `unit_activity` found, bottom first.
        axes: Where to draw; by default in a new figure.

    Returns:
        The axes.

    Raises:
        ValueError: If there are no layers.

    Examples:
        >>> import numpy as np
        >>> from beliefnet.evaluation import UnitActivity
        >>> layer = UnitActivity(np.array([0.2, 0.0]), np.array([0.4, 1.0]), np.array([False, False]))
        >>> [text.get_text() for text in draw_units([layer]).get_yticklabels()]
        ['layer 1']
    """
    if not layers:
        raise ArgumentError("expected at least one latent layer, got none", "the result of unit_activity")
    axes = blank_axes(6.4, 1.1 + 0.42 * len(layers)) if axes is None else axes
    places, left = np.arange(len(layers)), np.zeros(len(layers))
    for kind, colour in _KINDS.items():
        counts = np.array([getattr(layer, kind) for layer in layers])
        shares = counts / np.array([len(layer.variance) for layer in layers])
        axes.barh(places, shares, left=left, color=colour, height=0.6, label=kind)
        for place, start, share, count in zip(places, left, shares, counts, strict=True):
            if share > 0.06:
                ink = INK if kind != "active" else "white"
                axes.text(start + share / 2, float(place), str(count), ha="center", va="center", fontsize=9, color=ink)
        left = left + shares
    axes.set_yticks(places, [f"layer {index + 1}" for index in places])
    axes.set_xlim(0, 1)
    axes.set_xticks([])
    undress(axes)
    axes.grid(visible=False)
    axes.spines["bottom"].set_visible(False)
    axes.tick_params(axis="y", labelcolor=INK)
    axes.legend(loc="lower left", bbox_to_anchor=(-0.01, 1), ncols=3, frameon=False, labelcolor=INK, fontsize=9)
    return axes
