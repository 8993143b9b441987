"""Ready-made nets."""

from beliefnet.nets._darn import darn
from beliefnet.nets._discrete import categorical_belief_net, sigmoid_belief_net
from beliefnet.nets._layered import layered_net
from beliefnet.nets._vae import vae

__all__ = ["categorical_belief_net", "darn", "layered_net", "sigmoid_belief_net", "vae"]
