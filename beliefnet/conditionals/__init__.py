"""Conditionals: the distribution of one layer given the one that feeds it, and the networks they are made of."""

from beliefnet.conditionals._autoregressive import NADE, AbstractAutoregressiveLayer, LogisticAutoregression
from beliefnet.conditionals._base import AbstractConditional, Offset
from beliefnet.conditionals._convolutions import Convolutions, TransposedConvolutions, has_convolutions
from beliefnet.conditionals._equinox import EquinoxNetwork
from beliefnet.conditionals._feedforward import Feedforward, Prior, Seen
from beliefnet.conditionals._incomplete import Filled, Incomplete
from beliefnet.conditionals._networks import MLP, AbstractNetwork, Dense, Marked, Stacked, in_bfloat16
from beliefnet.conditionals._observed import Observed
from beliefnet.conditionals._views import AbstractView, AsIs, Beside, Centred, LogCounts, Signs
from beliefnet.conditionals._weighted import Weighted

__all__ = [
    "MLP",
    "NADE",
    "AbstractAutoregressiveLayer",
    "AbstractConditional",
    "AbstractNetwork",
    "AbstractView",
    "AsIs",
    "Beside",
    "Centred",
    "Convolutions",
    "Dense",
    "EquinoxNetwork",
    "Feedforward",
    "Filled",
    "Incomplete",
    "LogCounts",
    "LogisticAutoregression",
    "Marked",
    "Observed",
    "Offset",
    "Prior",
    "Seen",
    "Signs",
    "Stacked",
    "TransposedConvolutions",
    "Weighted",
    "has_convolutions",
    "in_bfloat16",
]
