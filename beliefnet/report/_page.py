"""The page around the parts: one file, that needs nothing else, and runs no script but its own."""

import base64
import hashlib
from importlib.resources import files

from beliefnet import report
from beliefnet.report._html import Html, joined, tag

_ICON = "data:,"


def page(title: str, contents: Html, body: Html, *, is_live: bool = False) -> str:
    """Return a whole page.

    Args:
        title: What it is about.
        contents: Links to its sections.
        body: Its sections.
        is_live: Whether it asks where it came from for what is new, which no other page may.
    """
    style, script = _resource("page.css"), _resource("page.js")
    asked = "'none'"
    if is_live:
        script, asked = script + _resource("live.js"), "'self'"
    allowed = [
        "default-src 'none'",
        "img-src data:",
        f"style-src {_hash(style)}",
        f"script-src {_hash(script)}",
        f"connect-src {asked}",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=Html("; ".join(allowed))),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", title),
        tag("link", rel="icon", href=_ICON),
        tag("style", Html(style)),
    )
    top = tag(
        "header",
        tag("h1", title),
        tag("button", "Dark", type="button", id="theme", aria_pressed="false"),
    )
    whole = tag(
        "body",
        tag("a", "To the contents", href="#contents", class_="skip"),
        top,
        tag("nav", contents, aria_label="Sections", id="contents", tabindex=-1),
        tag("main", body),
        tag("script", Html(script)),
    )
    return "<!DOCTYPE html>\n" + tag("html", joined([head, whole]), lang="en") + "\n"


def _resource(name: str) -> str:
    return files(report).joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
