"""What every picture shares: colours, and saving without ever leaving half a file."""

import io
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from beliefnet._errors import ArgumentError
from beliefnet.plots._text import missing_glyphs
from beliefnet.runs import whole_file

DPI = 144
INK = "#1f2933"
FAINT = "#7b8794"
GRID = "#e4e7eb"


def blank_axes(width: float, height: float) -> Axes:
    """Return the axes of a new figure of so many inches."""
    return Figure(figsize=(width, height), facecolor="white", layout="constrained").add_subplot()


def as_png(drawn: Figure | Axes) -> bytes:
    """Return a figure, or the figure that axes are in, as the bytes of a PNG with a transparent ground.

    Examples:
        >>> from beliefnet.plots import as_png, draw_images
        >>> as_png(draw_images([[0.0, 1.0]], (1, 2)))[1:4]
        b'PNG'
    """
    buffer = io.BytesIO()
    with missing_glyphs():
        figure = drawn.get_figure(root=True)
        assert figure is not None
        figure.savefig(buffer, format="png", dpi=DPI, transparent=True, metadata={"Software": None})
    return buffer.getvalue()


def undress(axes: Axes) -> None:
    """Leave of the frame of a plot what helps to read it: the lower edge, and lines across."""
    axes.grid(axis="y", color=GRID, lw=1)
    axes.set_axisbelow(True)
    axes.tick_params(which="both", colors=FAINT, length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(FAINT)


def save_png(figure: Figure, path: Path | str) -> Path:
    """Save `figure` as a PNG at `path`, making the parent folders; a reader never sees a partial file.

    Args:
        figure: what to draw.
        path: the file to write or replace.

    Returns:
        The path written.

    Raises:
        ValueError: the path has another suffix than `.png`.
        OSError: the file cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() != ".png":
        raise ArgumentError(f"expected the path of a .png, got {path}", f"{path.with_suffix('.png')}")
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as file, missing_glyphs():
        figure.savefig(file, format="png", dpi=DPI, metadata={"Software": None})
    return path
