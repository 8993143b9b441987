"""Conditionals: the distribution of one layer given the one that feeds it, and the networks they are made of."""

from beliefnet.conditionals._autoregressive import NADE, Connected, LinearlyConnected
from beliefnet.conditionals._feedforward import Conditional, Feedforward, Prior
from beliefnet.conditionals._networks import MLP, Centred, Dense, LogCounts, Network, Signs, Transformed
from beliefnet.conditionals._observed import Observed

__all__ = [
    "MLP",
    "NADE",
    "Centred",
    "Conditional",
    "Connected",
    "Dense",
    "Feedforward",
    "LinearlyConnected",
    "LogCounts",
    "Network",
    "Observed",
    "Prior",
    "Signs",
    "Transformed",
]
