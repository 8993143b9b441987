"""Checks that every set of options shares."""

from beliefnet._errors import OptionError


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
                raise OptionError(f"expected {name.replace('_', '-')} of at least {least}, got {value}", f"{hint}")
