"""Training: options, the loop, run folders and checkpoints."""

from beliefnet.training._checkpoint import CheckpointError, Checkpoints, Restored, read_record
from beliefnet.training._checks import OptionError, Options
from beliefnet.training._config import TrainConfig
from beliefnet.training._estimator_options import (
    ConcreteOptions,
    HVIOptions,
    NVILOptions,
    REBAROptions,
    RELAXOptions,
    RWSOptions,
    TVOOptions,
    VIMCOOptions,
)
from beliefnet.training._estimator_specs import parse_estimator
from beliefnet.training._estimators import ESTIMATORS, EstimatorOptions
from beliefnet.training._folder import RunFolder, RunFolderError, write_atomically
from beliefnet.training._load import LoadedRun, load_run, net_of_start
from beliefnet.training._loop import Fitted, TrainingDiverged, check_same_run, fit
from beliefnet.training._nets import NETS, NetOptions
from beliefnet.training._optimizers import Learnable, OptimizerOptions, make_optimizer
from beliefnet.training._options import EXTENDABLE, LARGEST_SEED, FitOptions
from beliefnet.training._refiners import REFINERS, parse_refiner, refiner_for
from beliefnet.training._specs import read_spec
from beliefnet.training._state import Learner, TrainState
from beliefnet.training._step import make_run_steps, train_step
from beliefnet.training._streams import Stream, stream
from beliefnet.training._watcher import Silent, Watcher

__all__ = [
    "ESTIMATORS",
    "EXTENDABLE",
    "LARGEST_SEED",
    "NETS",
    "REFINERS",
    "CheckpointError",
    "Checkpoints",
    "ConcreteOptions",
    "EstimatorOptions",
    "FitOptions",
    "Fitted",
    "HVIOptions",
    "Learnable",
    "Learner",
    "LoadedRun",
    "NVILOptions",
    "NetOptions",
    "OptimizerOptions",
    "OptionError",
    "Options",
    "REBAROptions",
    "RELAXOptions",
    "RWSOptions",
    "Restored",
    "RunFolder",
    "RunFolderError",
    "Silent",
    "Stream",
    "TVOOptions",
    "TrainConfig",
    "TrainState",
    "TrainingDiverged",
    "VIMCOOptions",
    "Watcher",
    "check_same_run",
    "fit",
    "load_run",
    "make_optimizer",
    "make_run_steps",
    "net_of_start",
    "parse_estimator",
    "parse_refiner",
    "read_record",
    "read_spec",
    "refiner_for",
    "stream",
    "train_step",
    "write_atomically",
]
