"""Training: options, the step, the loop, callbacks."""

from beliefnet.training._callback import Callback, NoCallback
from beliefnet.training._loop import Fitted, TrainingDiverged, check_same_run, fit
from beliefnet.training._optimizers import Learnable, OptimizerOptions, make_optimizer
from beliefnet.training._options import EXTENDABLE, LARGEST_SEED, FitOptions
from beliefnet.training._state import Learner, TrainState
from beliefnet.training._step import make_run_steps, train_step
from beliefnet.training._streams import Stream, stream

__all__ = [
    "EXTENDABLE",
    "LARGEST_SEED",
    "Callback",
    "FitOptions",
    "Fitted",
    "Learnable",
    "Learner",
    "NoCallback",
    "OptimizerOptions",
    "Stream",
    "TrainState",
    "TrainingDiverged",
    "check_same_run",
    "fit",
    "make_optimizer",
    "make_run_steps",
    "stream",
    "train_step",
]
