"""Tables of all that has a name, for the documents: written between two marks, and never by hand."""

import re
from collections.abc import Mapping
from pathlib import Path

from beliefnet._options import REQUIRED, Option
from beliefnet.catalogue._entries import Entry
from beliefnet.catalogue._families import LATENTS, VISIBLE
from beliefnet.catalogue._methods import COMPARISONS, ESTIMATORS, PROPOSALS, REFINERS
from beliefnet.catalogue._nets import NETS
from beliefnet.catalogue._overview import latents_of

TABLES: dict[str, Mapping[str, Entry]] = {
    "estimators": ESTIMATORS,
    "refiners": REFINERS,
    "proposals": PROPOSALS,
    "nets": NETS,
    "visible": VISIBLE,
    "latents": LATENTS,
    "comparisons": COMPARISONS,
}
"""What there is a table of."""
_MARKED = re.compile(r"(<!-- table of (\w+): python -m beliefnet.catalogue docs -->\n)(.*?)(<!-- end -->)", re.DOTALL)


def table(name: str) -> str:
    """Return one of the tables in Markdown.

    Examples:
        >>> print(table("refiners").splitlines()[0])
        | name | what it is | options |
    """
    things = TABLES[name]
    has_kinds = name == "estimators"
    columns = ["name", "what it is", *(["latents"] if has_kinds else []), "options"]
    lines = [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    for entry in things.values():
        kinds = [latents_of(entry)] if has_kinds else []
        own = [option for known, option in entry.options.items() if not (has_kinds and known == "particles")]
        options = ", ".join(map(_described, own))
        lines.append(f"| {' | '.join([f'`{entry.name}`', _what(entry), *kinds, options])} |")
    return "\n".join(line.replace("  ", " ") for line in lines) + "\n"


def with_tables(text: str) -> str:
    """Return a page with its tables as they are now.

    Raises:
        KeyError: If a mark names a table that does not exist.
    """
    return _MARKED.sub(lambda mark: f"{mark[1]}{table(mark[2])}{mark[4]}", text)


def write_tables(folder: Path) -> list[Path]:
    """Bring the tables of all pages in a folder up to date, and return the pages that changed."""
    changed = []
    for page in sorted(folder.glob("*.md")):
        before = page.read_text(encoding="utf-8")
        after = with_tables(before)
        if after != before:
            page.write_text(after, encoding="utf-8")
            changed.append(page)
    return changed


def _what(entry: Entry) -> str:
    text = entry.summary.partition(": ")[0].replace("|", "\\|")
    is_said = entry.title.removeprefix("the ") in text
    return text if is_said else f"{entry.title}: {text}"


def _described(option: Option) -> str:
    name = option.name.replace("_", "-")
    return f"`{name}`" if option.default in (REQUIRED, None) else f"`{name}={option.values.write(option.default)}`"
