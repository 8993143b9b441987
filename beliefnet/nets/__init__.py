"""Ready-made nets."""

from beliefnet.nets._sigmoid import sigmoid_belief_net

__all__ = ["sigmoid_belief_net"]
