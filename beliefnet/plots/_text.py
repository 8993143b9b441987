"""The one way into a picture: names and words that users bring are no formulas, and have a bounded length."""

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from beliefnet._text import printable

MOST = 80
_MISSING = re.compile(r"Glyph (\d+) .*missing from")


def for_picture(text: object, most: int = MOST) -> str:
    r"""Return text as matplotlib shows it: a dollar sign begins no formula.

    Examples:
        >>> for_picture("$x_{$")
        '\\$x_{\\$'
    """
    # Without a dollar sign, matplotlib shows text as it is.
    return printable(text, most).replace("$", r"\$")


def for_legend(text: object) -> str:
    """Return text as the label of a line; matplotlib leaves labels out that begin with an underscore."""
    shown = for_picture(text, 40)
    return f" {shown}" if shown.startswith("_") else shown


@contextmanager
def missing_glyphs() -> Iterator[None]:
    """Say once, at the end, which characters the font lacks; they are drawn as boxes."""
    missing: set[str] = set()
    with warnings.catch_warnings():
        show, warnings.showwarning = warnings.showwarning, lambda *_, **__: None
        warnings.simplefilter("always")

        def keep(message: Warning | str, *rest, **named) -> None:
            found = _MISSING.match(str(message))
            if found is None:
                show(message, *rest, **named)  # pyright: ignore[reportArgumentType]
            else:
                missing.add(chr(int(found[1])))

        warnings.showwarning = keep
        yield
    if missing:
        some = " ".join(sorted(missing)[:10])
        warnings.warn(f"the font of the pictures lacks {len(missing)} characters, drawn as boxes: {some}", stacklevel=4)
