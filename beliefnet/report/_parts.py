"""Parts that pages are made of: facts, tables, pictures, charts, notes."""

import base64
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple, TypeAlias

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from beliefnet.plots import as_png
from beliefnet.report._html import Child, Html, data_script, joined, tag

MINUS = "\N{MINUS SIGN}"
NOTHING = "\N{EN DASH}"


class Cell(NamedTuple):
    """A cell of a table that is sorted by something else than its text."""

    text: Child
    value: float | str | None


CellLike: TypeAlias = "Cell | Html | str | None"


@dataclass(frozen=True)
class Series:
    """A line of a chart.

    Attributes:
        name: What the legend calls it.
        x: Where its points are, ascending.
        y: Their values; None and what is not finite is left out.
        error: Standard errors; a band of two is drawn around the line.
        is_faint: Whether it is drawn thin and dashed, such as a training curve beside one of validation.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float | None]
    error: Sequence[float | None] | None = None
    is_faint: bool = False


@dataclass(frozen=True)
class Chart:
    """Lines to zoom into.

    Attributes:
        title: What is drawn.
        x: Name of the horizontal axis.
        y: Name of the vertical axis.
        series: The lines.
        is_cut: Whether the first points may be left out of what is shown at first, as those of a training curve.
        is_log: Whether the horizontal axis is logarithmic.
    """

    title: str
    x: str
    y: str
    series: Sequence[Series]
    is_cut: bool = False
    is_log: bool = False


def chart(given: Chart) -> Html:
    """Return a chart that is drawn by the page's own script."""
    return tag(
        "figure",
        tag("figcaption", given.title),
        data_script(asdict(given)),
        tag("div", class_="legend"),
        tag("div", class_="plot", tabindex=0, role="group", aria_label=label_of(given)),
        tag("output", class_="visually-hidden", aria_live="polite"),
        tag("details", tag("summary", "Values as a table"), class_="values"),
        class_="chart",
    )


def label_of(given: Chart) -> str:
    """Say what a chart shows, and how it is used with the keyboard."""
    names = ", ".join(series.name for series in given.series[:12])
    label = f"{given.title}: {given.y} against {given.x}, of {names or 'nothing yet'}. {_summary(given)}"
    return f"{label} Arrow keys read values, plus and minus zoom, Escape shows all."


def _summary(given: Chart) -> str:
    """Say where each line ends, for those who cannot see it."""
    ends = []
    for series in given.series[:12]:
        known = [y for y in series.y if y is not None and math.isfinite(y)]
        if known:
            ends.append(f"{series.name} from {known[0]:.4g} to {known[-1]:.4g}")
    return "; ".join(ends) + "." if ends else ""


def picture(drawn: Figure | Axes, alt: str, caption: Child = None, *, kind: Literal["lines", "pixels"]) -> Html:
    """Return a picture that was drawn by matplotlib; one of lines turns light on dark pages."""
    return embedded(as_png(drawn), alt, caption, kind=kind)


def embedded(png: bytes, alt: str, caption: Child = None, *, kind: Literal["lines", "pixels"]) -> Html:
    """Return a picture from the bytes of a PNG."""
    source = f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"
    width, height = (int.from_bytes(png[start : start + 4], "big") for start in (16, 20))
    shown = tag("img", src=Html(source), alt=alt, width=width // 2 or 1, height=height // 2 or 1, class_=kind)
    return tag("figure", shown, None if caption is None else tag("figcaption", caption), class_="picture")


def facts(pairs: Mapping[str, Child]) -> Html:
    """Return a list of names and what is known under each; what is empty is left out."""
    return tag(
        "dl",
        *(tag("div", tag("dt", name), tag("dd", value)) for name, value in pairs.items() if value not in (None, "")),
        class_="facts",
    )


def table(
    caption: str, header: Sequence[str], rows: Iterable[Sequence[CellLike]], *, is_sortable: bool = False
) -> Html:
    """Return a table; numbers are cells with a value, and each column of a sortable one has a button."""
    rows = [tuple(row) for row in rows]
    are_numbers = {place for row in rows for place, cell in enumerate(row) if place and _is_number(cell)}
    heads = (
        tag(
            "th",
            tag("button", name, tag("span", aria_hidden="true"), type="button") if is_sortable and name else name,
            scope="col",
            aria_sort="none" if is_sortable and name else None,
            class_="number" if place in are_numbers else None,
        )
        for place, name in enumerate(header)
    )
    body = (
        tag("tr", *(_cell(cell, place, is_number=place in are_numbers) for place, cell in enumerate(row)))
        for row in rows
    )
    whole = tag(
        "table",
        tag("caption", caption),
        tag("thead", tag("tr", *heads)),
        tag("tbody", *body),
        class_="sortable" if is_sortable else None,
    )
    return tag("div", whole, class_="scroll", role="group", tabindex=0, aria_label=caption)


def _is_number(cell: CellLike) -> bool:
    return type(cell) is Cell and type(cell.value) in (int, float)


def _cell(cell: CellLike, place: int, *, is_number: bool) -> Html:
    text, value = cell if type(cell) is Cell else (cell, None)
    kind = {} if value is None else {"data_value": value}
    return tag(
        "th" if place == 0 else "td",
        text or NOTHING,  # pyright: ignore[reportArgumentType]
        **kind,
        class_="number" if is_number else None,
        scope="row" if place == 0 else None,
    )


def note(text: Child, *, is_warning: bool = False) -> Html:
    """Return a remark."""
    return tag("p", text, class_="note warning" if is_warning else "note")


def code(text: str) -> Html:
    """Return a command or a name as code."""
    return tag("code", text)


def section(ident: str, title: str, *content: Child, level: int = 2) -> Html:
    """Return a section under a heading."""
    return tag("section", tag(f"h{level}", title, id=ident), joined(content))


def number(value: Any, digits: int = 2) -> Cell:
    """Return a number as a cell, a dash where there is none."""
    if type(value) not in (int, float) or not math.isfinite(value):
        return Cell(NOTHING, None)
    return Cell(f"{value:.{digits}f}".replace("-", MINUS), value)


def with_error(value: Any, digits: int = 2) -> Cell:
    """Return a mean with its standard error, from `{"mean": ..., "stderr": ...}`."""
    mean = value.get("mean") if type(value) is dict else None
    error = value.get("stderr") if type(value) is dict else None
    shown = number(mean, digits)
    return shown if shown.value is None or error is None else Cell(f"{shown.text} ± {error:.{digits}f}", shown.value)
