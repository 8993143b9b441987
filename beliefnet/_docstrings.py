"""Docstrings in Google style: the first sentence, and what is said of each argument."""

import inspect
import re
from typing import Any

_ENTRY = re.compile(r"\*{0,2}(\w+)(?: \([^)]*\))?: (.*)")


def summary_of(thing: Any) -> str:
    """Return the first line of a docstring, without its full stop.

    Examples:
        >>> summary_of(summary_of)
        'Return the first line of a docstring, without its full stop'
    """
    return (inspect.getdoc(thing) or "").partition("\n")[0].removesuffix(".")


def arguments_of(thing: Any) -> dict[str, str]:
    """Return what the docstring of a function or class says of each argument or attribute, by name.

    A class has what its bases say as well.

    Examples:
        >>> arguments_of(arguments_of)
        {}
    """
    found: dict[str, str] = {}
    for part in reversed(getattr(thing, "__mro__", (thing,))):
        found |= _entries(inspect.cleandoc(part.__doc__ or ""))
    return found


def _entries(doc: str) -> dict[str, str]:
    """Read the indented entries below `Args:` and `Attributes:`."""
    found: dict[str, str] = {}
    section, name = "", None
    for line in doc.splitlines():
        depth = len(line) - len(line.lstrip())
        if line and depth == 0:
            section, name = line, None
        elif section in ("Args:", "Attributes:") and line:
            entry = _ENTRY.fullmatch(line.strip()) if depth == 4 else None
            if entry:
                name = entry[1]
                found[name] = entry[2]
            elif name is not None:
                found[name] += f" {line.strip()}"
    return found
