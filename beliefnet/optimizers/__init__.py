"""Optimisers: how parameters move, and how large their steps are over a run."""

from beliefnet.optimizers._optimizer import Learnable, Optimizer, default_learning_rate, make_optimizer
from beliefnet.optimizers._options import OptimizerOptions

__all__ = ["Learnable", "Optimizer", "OptimizerOptions", "default_learning_rate", "make_optimizer"]
