"""Families of units by their names, for the options of nets that choose one."""

import inspect
from collections.abc import Mapping
from typing import Any

from beliefnet import distributions
from beliefnet._options import REQUIRED, options_of
from beliefnet.catalogue._entries import Choice, Entry
from beliefnet.distributions import AbstractFamily, AbstractRefinableFamily, MixedFamily


def _families() -> list[type[AbstractFamily]]:
    """Return the families that have a name and can be made from options alone, in the order of their names."""
    held = vars(distributions).values()
    classes = [thing for thing in held if inspect.isclass(thing) and issubclass(thing, AbstractFamily)]
    named = [family for family in classes if "name" in vars(family)]
    free = [f for f in named if all(option.default is not REQUIRED for option in options_of(f).values())]
    return sorted(free, key=lambda family: family.name)


def _entry(family: type[AbstractFamily]) -> Entry:
    return Entry(family.name, family, options_of(family))


VISIBLE: dict[str, Entry] = {family.name: _entry(family) for family in _families() if family.values is not None}
"""Families of visible units: they are a model of bits, grey values or counts."""
LATENTS: dict[str, Entry] = {
    family.name: _entry(family)
    for family in _families()
    if issubclass(family, AbstractRefinableFamily) and (family.values is None or family.kind.is_finite)
}
"""Families of latent units: any numbers, or finitely many values."""
MIXED = MixedFamily.name
VISIBLE[MIXED] = Entry(MIXED, MixedFamily, {})
"""Units of which the data say what they are."""
FAMILIES: dict[str, Entry] = VISIBLE | LATENTS


def family(name: str, known: Mapping[str, Entry], given: Mapping[str, Any]) -> AbstractFamily:
    """Make the family of a name, with those of the given options that are its own.

    Raises:
        OptionError: If it cannot be made with these.
    """
    own = known[name].options
    return Choice(known[name], {option: value for option, value in given.items() if option in own}).make()
