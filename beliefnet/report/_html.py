"""HTML in which all text is escaped: the one place where text becomes part of a page."""

import html
import json
from collections.abc import Iterable
from typing import Any, TypeAlias

from beliefnet._text import printable

_WITHOUT_END = frozenset({"img", "meta", "br", "link"})


class Html(str):
    """Text that is HTML already; all other text is escaped where it enters a page."""


Child: TypeAlias = "Html | str | None"


def tag(name: str, /, *children: Child, **attributes: object) -> Html:
    """Return an element.

    Args:
        name: Its name.
        *children: What is in it: HTML as it is, other text escaped, and without anything that cannot be seen.
        **attributes: Its attributes, by their names with dashes written as underscores; one that is False or None is
            left out, and one that is True has no value.

    Examples:
        >>> print(tag("p", "1 < 2", tag("b", "!"), class_="big", hidden=True))
        <p class="big" hidden>1 &lt; 2<b>!</b></p>
    """
    given = {key.rstrip("_").replace("_", "-"): value for key, value in attributes.items()}
    words = [
        key if value is True else f'{key}="{_escaped(str(value))}"'
        for key, value in given.items()
        if value is not None and value is not False
    ]
    start = f"<{' '.join([name, *words])}>"
    return Html(start if name in _WITHOUT_END else f"{start}{joined(children)}</{name}>")


def joined(parts: Iterable[Child]) -> Html:
    """Return parts beside each other, escaped where they are text."""
    return Html("".join(part if type(part) is Html else _escaped(part) for part in parts if part is not None))


def lines(text: str) -> Html:
    """Return text of several lines, escaped, which stay lines."""
    return Html("\n".join(_escaped(line) for line in text.splitlines()))


def data_script(value: Any) -> Html:
    r"""Return an element with JSON in it, which no text in it can end.

    Examples:
        >>> print(data_script(["</script>"]))
        <script type="application/json">["\u003c/script\u003e"]</script>
    """
    text = as_json(value)
    for char in "<>&":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return Html(f'<script type="application/json">{text}</script>')


def as_json(value: Any) -> str:
    """Return a value as JSON; numbers that are not finite become null."""
    return json.dumps(json.loads(json.dumps(value), parse_constant=lambda _: None), allow_nan=False)


def _escaped(text: str) -> str:
    return html.escape(printable(text))
