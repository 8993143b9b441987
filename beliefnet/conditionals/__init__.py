"""Conditionals: the distribution of one layer given the one that feeds it, and the networks they are made of."""

from beliefnet.conditionals._autoregressive import NADE, AutoregressiveLayer, LogisticAutoregression
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
    "AutoregressiveLayer",
    "Biased",
    "Centred",
    "Composed",
    "Conditional",
    "Convolutions",
    "Dense",
    "EquinoxNetwork",
    "Feedforward",
    "LogCounts",
    "LogisticAutoregression",
    "Network",
    "Observed",
    "Prior",
    "Signs",
    "Stacked",
    "Transformed",
    "TransposedConvolutions",
]
