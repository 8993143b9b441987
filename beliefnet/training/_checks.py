"""Checks that every set of options shares."""

import difflib
from collections.abc import Iterable


class OptionError(ValueError):
    """An option has a value that cannot work."""


class Options:
    """A set of options that can be checked by name."""

    def at_least(self, least: float, *names: str) -> None:
        """Check that options (those that are given) are finite and not below a least value.

        Raises:
            OptionError: Naming the first that is not.
        """
        for name in names:
            value = getattr(self, name)
            if value is not None and not least <= value < float("inf"):
                works = getattr(type(self), name)
                hint = "leaving it out" if works is None else works
                raise OptionError(f"expected {name.replace('_', '-')} of at least {least}, got {value}; try {hint}")


def suggestion(given: str, known: Iterable[str]) -> str:
    """Return "; did you mean ...?" where something close is known, else nothing."""
    by_lower = {name.lower(): name for name in known}
    close = difflib.get_close_matches(given.lower(), list(by_lower), n=1)
    return f"; did you mean {by_lower[close[0]]!r}?" if close else ""
