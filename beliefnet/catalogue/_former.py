"""What options were called in version 0.1.0, whose run folders hold them in `config.toml`."""

from collections.abc import Mapping
from typing import Any

_OPTIONS = {"vimco": {"stand_in": "replacement"}}
_VALUES = {"latents": {"binary": "bernoulli"}, "visible": {"normal": "grey-normal"}}


def renamed(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a `config.toml` under the names that they have now."""
    now = dict(values)
    for group, names in _OPTIONS.items():
        if isinstance(now.get(group), Mapping):
            now[group] = {names.get(name, name): value for name, value in now[group].items()}
    for name, words in _VALUES.items():
        if type(now.get(name)) is str:
            now[name] = words.get(now[name], now[name])
    if "stand_in" in values.get("vimco", {}):
        # The seed of a run was that of the split as well.
        now.setdefault("split_seed", values.get("seed", 0))
    return now
