"""All that has a name, with its options: nets, families, estimators, refiners, proposals; and runs by these names."""

from beliefnet.catalogue._choose import choose_estimator
from beliefnet.catalogue._config import TrainConfig
from beliefnet.catalogue._convert import convert_run
from beliefnet.catalogue._entries import Choice, Entry
from beliefnet.catalogue._families import LATENTS, VISIBLE
from beliefnet.catalogue._flat import Section, all_options, flatten, sections
from beliefnet.catalogue._load import NamedRun, kept_rows, load_named_run, net_of_start
from beliefnet.catalogue._methods import (
    COMPARISONS,
    ESTIMATORS,
    PROPOSALS,
    REFINERS,
    build_estimator,
    estimators_for,
    parse_comparison,
    parse_estimator,
    parse_proposal,
    parse_refiner,
    refiner_for,
)
from beliefnet.catalogue._nets import NETS, DataShape
from beliefnet.catalogue._sizes import available_memory, check_memory, size_of

__all__ = [
    "COMPARISONS",
    "ESTIMATORS",
    "LATENTS",
    "NETS",
    "PROPOSALS",
    "REFINERS",
    "VISIBLE",
    "Choice",
    "DataShape",
    "Entry",
    "NamedRun",
    "Section",
    "TrainConfig",
    "all_options",
    "available_memory",
    "build_estimator",
    "check_memory",
    "choose_estimator",
    "convert_run",
    "estimators_for",
    "flatten",
    "kept_rows",
    "load_named_run",
    "net_of_start",
    "parse_comparison",
    "parse_estimator",
    "parse_proposal",
    "parse_refiner",
    "refiner_for",
    "sections",
    "size_of",
]
