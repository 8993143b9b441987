"""Conditionals: the distribution of one layer given the one that feeds it, and the networks they are made of."""

from beliefnet.conditionals._autoregressive import NADE, Connected, LinearlyConnected
from beliefnet.conditionals._convolutions import Convolutions, TransposedConvolutions
from beliefnet.conditionals._equinox import EquinoxNetwork
from beliefnet.conditionals._feedforward import Conditional, Feedforward, Prior
from beliefnet.conditionals._networks import (
    MLP,
    Biased,
    Centred,
    Composed,
    Dense,
    LogCounts,
    Network,
    Signs,
    Stacked,
    Transformed,
)
from beliefnet.conditionals._observed import Observed

__all__ = [
    "MLP",
    "NADE",
    "Biased",
    "Centred",
    "Composed",
    "Conditional",
    "Connected",
    "Convolutions",
    "Dense",
    "EquinoxNetwork",
    "Feedforward",
    "LinearlyConnected",
    "LogCounts",
    "Network",
    "Observed",
    "Prior",
    "Signs",
    "Stacked",
    "Transformed",
    "TransposedConvolutions",
]
