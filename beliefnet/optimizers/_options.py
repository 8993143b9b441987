"""How parameters move, as options."""

from dataclasses import dataclass
from typing import Literal

from beliefnet._checks import Options
from beliefnet._errors import OptionError
from beliefnet._options import check_fields


@dataclass(frozen=True, kw_only=True)
class OptimizerOptions(Options):
    """How parameters move.

    Attributes:
        optimizer: Update rule: adam, rmsprop (with momentum) or sgd (with momentum).
        learning_rate: Step size of the generative net, at the start of the schedule; by default 0.003, and 0.01 in runs
            of fewer than 20,000 steps of nets without normal latents; 0.001 with convolutions.
        recognition_learning_rate: Step size of the recognition net; that of the generative net when not given.
        estimator_learning_rate: Step size of the estimator's baselines; that of the generative net when not given.
        schedule: How the step sizes change over the run: cosine (down to zero), linear (down to zero), constant, or
            plateau (down by a factor whenever what is monitored stays where it is).
        learning_rate_warm_up: Epochs over which the step sizes rise from zero, before the schedule has its way.
        plateau_epochs: Epochs without a better value of what is monitored after which the plateau schedule takes
            smaller steps.
        plateau_factor: What it multiplies the step sizes by, in (0, 1).
        momentum: Momentum of rmsprop and sgd, and the first-moment decay of adam, in [0, 1).
        clip: Longest allowed gradient (norm over all of net and baselines); 0 does not clip.
        weight_decay: Pull of weights (not biases) towards zero, times the step size.

    Raises:
        OptionError: If a value is out of range, or a name is not known.
    """

    optimizer: Literal["adam", "rmsprop", "sgd"] = "adam"
    learning_rate: float | None = None
    recognition_learning_rate: float | None = None
    estimator_learning_rate: float | None = None
    schedule: Literal["cosine", "linear", "constant", "plateau"] = "cosine"
    learning_rate_warm_up: int = 0
    plateau_epochs: int = 10
    plateau_factor: float = 0.3
    momentum: float = 0.9
    clip: float = 0.0
    weight_decay: float = 3e-3

    def __post_init__(self):
        check_fields(self)
        self.at_least(0, "learning_rate", "recognition_learning_rate", "estimator_learning_rate")
        self.at_least(0, "clip", "weight_decay", "learning_rate_warm_up")
        self.at_least(1, "plateau_epochs")
        if not 0 <= self.momentum < 1:
            raise OptionError(f"expected momentum in [0, 1), got {self.momentum}", "0.9")
        if not 0 < self.plateau_factor < 1:
            raise OptionError(f"expected plateau-factor in (0, 1), got {self.plateau_factor}", "0.3")
