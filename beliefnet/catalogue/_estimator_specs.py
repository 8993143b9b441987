"""Estimators written in one word, such as `nvil` or `vimco:particles=5,local-signals=true`."""

from dataclasses import fields, is_dataclass
from typing import get_type_hints

from beliefnet._errors import OptionError
from beliefnet.catalogue._estimators import ESTIMATORS, EstimatorOptions
from beliefnet.catalogue._specs import read_name, read_values


def parse_estimator(spec: str) -> EstimatorOptions:
    """Read `name` or `name:option=value,option=value`.

    The options are those that every estimator has (such as `particles`) and those of the estimator's own group, without
    the name of the group; dashes and underscores are the same. `refine` comes last: all that follows it is the refiner,
    as in `rws:particles=5,refine=air:steps=3,samples=5`.

    Raises:
        OptionError: If there is no such estimator or option, a value cannot be used, or an option has no effect.

    Example:
        >>> parse_estimator("vimco:particles=5").particles
        5
    """
    estimator, rest = read_name(spec, "an estimator", ESTIMATORS)
    group = estimator.replace("-", "_")
    kinds = get_type_hints(EstimatorOptions)
    own = kinds.get(group)
    own_kinds = get_type_hints(own) if is_dataclass(own) else {}
    common = {f.name for f in fields(EstimatorOptions) if not is_dataclass(kinds[f.name])} - {"estimator"}
    before, refine, refiner = rest.partition("refine=")
    values = read_values(before, {name: kinds[name] for name in sorted(common)} | own_kinds, spec)
    if refine:
        values["refine"] = refiner
    chosen = {name: value for name, value in values.items() if name not in own_kinds}
    if is_dataclass(own) and isinstance(own, type):
        chosen[group] = own(**{name: value for name, value in values.items() if name in own_kinds})
    options = EstimatorOptions(estimator=estimator, **chosen)
    options.check_estimator()
    for name in options.unused_by_estimator():
        raise OptionError(f"expected options of {estimator}, got {name} in {spec!r}, which has no effect; leave it out")
    return options
