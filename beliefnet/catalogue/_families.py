"""Families of units by their names, for the options of nets that choose one."""

import inspect
from collections.abc import Mapping
from typing import Any

from beliefnet import distributions
from beliefnet._options import REQUIRED, options_of
from beliefnet.catalogue._entries import Choice, Entry
from beliefnet.distributions import AbstractFamily, AbstractRefinableFamily


def _families() -> dict[str, Entry]:
    """Return the families that can be made from options alone."""
    found = {}
    for family in (getattr(distributions, exported) for exported in distributions.__all__):
        if inspect.isclass(family) and issubclass(family, AbstractFamily) and "name" in vars(family):
            options = options_of(family)
            if all(option.default is not REQUIRED for option in options.values()):
                found[family.name] = Entry(family.name, family, options)
    return dict(sorted(found.items()))


_MADE = _families()
VISIBLE: dict[str, Entry] = {name: entry for name, entry in _MADE.items() if entry.make.values is not None}
"""Families of visible units: they are a model of bits, grey values or counts."""
LATENTS: dict[str, Entry] = {
    name: entry
    for name, entry in _MADE.items()
    if issubclass(entry.make, AbstractRefinableFamily) and (name not in VISIBLE or entry.make.kind.is_finite)
}
"""Families of latent units: any numbers, or finitely many values."""
FAMILIES: dict[str, Entry] = VISIBLE | LATENTS


def family(name: str, known: Mapping[str, Entry], given: Mapping[str, Any]) -> AbstractFamily:
    """Make the family of a name, with those of the given options that are its own.

    Raises:
        OptionError: If it cannot be made with these.
    """
    own = known[name].options
    return Choice(known[name], {option: value for option, value in given.items() if option in own}).make()
