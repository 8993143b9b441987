"""Options that have no effect with the others: which they are, and with what they have one."""

from collections.abc import Iterable, Mapping
from typing import Any

from beliefnet._errors import OptionError, Use, shown
from beliefnet.catalogue._entries import Choice
from beliefnet.catalogue._flat import all_options, key
from beliefnet.catalogue._nets import NETS, idle_options

OF_PLATEAU = frozenset({"plateau_epochs", "plateau_factor"})
"""Options of one schedule of the step size."""
_USED_BY: Mapping[str, tuple[str, Any]] = {
    **dict.fromkeys(OF_PLATEAU, ("schedule", "plateau")),
    "levels": ("visible", "logistic"),
    "smallest_scale": ("visible", "grey-normal"),
    "activation": ("deterministic", 100),
}
"""Options with which others have an effect."""
_LONG = 60


def idle(flat: Mapping[str, Any], choices: Iterable[Choice], net: Choice, others: Iterable[str]) -> tuple[str, ...]:
    """Return the names, as on the command line, of options that nothing uses and that are not what they are anyway.

    Args:
        flat: What was given.
        choices: What was chosen.
        net: Which net.
        others: Names of options of the run that have an effect.
    """
    used = {key(option) for choice in choices for option in choice.entry.options.values()} | set(others)
    known = all_options()
    changed = [name for name in sorted(flat.keys() - used) if known[name].check(flat[name]) != known[name].default]
    return tuple(name.replace("_", "-") for name in [*changed, *idle_options(net)])


def refuse_idle(idle: Iterable[str], flat: Mapping[str, Any], net: str, estimator: str, *, is_auto: bool) -> None:
    """Refuse options that have no effect with the others.

    Args:
        idle: Their names, as on the command line.
        flat: What was given.
        net: Which net.
        estimator: Which estimator.
        is_auto: Whether it is still to be chosen.

    Raises:
        OptionError: If there are any.
    """
    for name in idle:
        flat_name, (group, dot, _) = name.replace("-", "_"), name.partition(".")
        nets = [entry.name for entry in NETS.values() if flat_name in entry.options]
        of_net = ("net", "sbn" if "sbn" in nets else nets[0]) if nets and net not in nets else None
        used_by = ("estimator", group) if dot else _USED_BY.get(flat_name, of_net)
        why = f", of which {group} is no candidate" if is_auto and dot else ""
        value = all_options()[flat_name].values.write(flat[flat_name])
        raise OptionError(
            f"expected options that have an effect with net {net} and estimator {estimator}{why}, got {{option}} "
            f"{value if len(value) < _LONG else shown(value)}",
            "leaving it out",
            *([Use(*used_by)] if used_by else []),
            option=name,
        )
