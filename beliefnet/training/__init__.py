"""Training: options, the step, the loop, callbacks."""

from beliefnet._streams import Stream, stream
from beliefnet.training._callback import Callback, Callbacks, Epoch, NoCallback
from beliefnet.training._feed import stay_on_host
from beliefnet.training._loop import fit, fit_side_by_side
from beliefnet.training._monitor import Monitor
from beliefnet.training._options import EXTENDABLE, LARGEST_SEED, FitOptions, default_batch_size
from beliefnet.training._plan import Plan
from beliefnet.training._run import Fitted, Start, TrainingDiverged
from beliefnet.training._state import Learner, TrainState
from beliefnet.training._step import run_steps, train_step
from beliefnet.training._writer import RunWriter, fixed_settings, settings

__all__ = [
    "EXTENDABLE",
    "LARGEST_SEED",
    "Callback",
    "Callbacks",
    "Epoch",
    "FitOptions",
    "Fitted",
    "Learner",
    "Monitor",
    "NoCallback",
    "Plan",
    "RunWriter",
    "Start",
    "Stream",
    "TrainState",
    "TrainingDiverged",
    "default_batch_size",
    "fit",
    "fit_side_by_side",
    "fixed_settings",
    "run_steps",
    "settings",
    "stay_on_host",
    "stream",
    "train_step",
]
