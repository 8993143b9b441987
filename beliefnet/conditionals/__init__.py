"""Conditionals: the distribution of one layer given the one that feeds it, and the networks they are made of."""

from beliefnet.conditionals._autoregressive import Autoregressive
from beliefnet.conditionals._feedforward import Conditional, Feedforward, Prior
from beliefnet.conditionals._networks import MLP, Centred, Dense, Network, Signs
from beliefnet.conditionals._observed import Observed

__all__ = [
    "MLP",
    "Autoregressive",
    "Centred",
    "Conditional",
    "Dense",
    "Feedforward",
    "Network",
    "Observed",
    "Prior",
    "Signs",
]
