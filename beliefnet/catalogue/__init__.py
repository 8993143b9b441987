"""All that has a name: nets, estimators, refiners, with their options; and runs described by names."""

from beliefnet.catalogue._config import TrainConfig
from beliefnet.catalogue._convert import convert_run
from beliefnet.catalogue._estimator_options import (
    ConcreteOptions,
    HVIOptions,
    NVILOptions,
    REBAROptions,
    RELAXOptions,
    RWSOptions,
    TVOOptions,
    VIMCOOptions,
)
from beliefnet.catalogue._estimator_specs import parse_estimator
from beliefnet.catalogue._estimators import ESTIMATORS, EstimatorOptions
from beliefnet.catalogue._load import NamedRun, load_named_run, net_of_start
from beliefnet.catalogue._nets import NETS, NetOptions
from beliefnet.catalogue._refiners import REFINERS, parse_refiner, refiner_for
from beliefnet.catalogue._specs import read_spec

__all__ = [
    "ESTIMATORS",
    "NETS",
    "REFINERS",
    "ConcreteOptions",
    "EstimatorOptions",
    "HVIOptions",
    "NVILOptions",
    "NamedRun",
    "NetOptions",
    "REBAROptions",
    "RELAXOptions",
    "RWSOptions",
    "TVOOptions",
    "TrainConfig",
    "VIMCOOptions",
    "convert_run",
    "load_named_run",
    "net_of_start",
    "parse_estimator",
    "parse_refiner",
    "read_spec",
    "refiner_for",
]
