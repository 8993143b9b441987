"""Ready-made nets."""

from beliefnet.nets._bottom import AbstractBottom, Convolution, OwnNetworks
from beliefnet.nets._darn import darn, fdarn
from beliefnet.nets._discrete import categorical_belief_net, sigmoid_belief_net
from beliefnet.nets._document import document_net
from beliefnet.nets._fully_visible import fully_visible_net, nade
from beliefnet.nets._incomplete import completed, incomplete
from beliefnet.nets._layered import layered_net
from beliefnet.nets._layers import Connections, LatentLayer, VisibleLayer
from beliefnet.nets._table import family_of
from beliefnet.nets._vae import vae

__all__ = [
    "AbstractBottom",
    "Connections",
    "Convolution",
    "LatentLayer",
    "OwnNetworks",
    "VisibleLayer",
    "categorical_belief_net",
    "completed",
    "darn",
    "document_net",
    "family_of",
    "fdarn",
    "fully_visible_net",
    "incomplete",
    "layered_net",
    "nade",
    "sigmoid_belief_net",
    "vae",
]
