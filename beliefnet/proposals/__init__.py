"""Proposals: what draws the configurations that are weighed."""

from beliefnet.proposals._base import Particles, Proposal
from beliefnet.proposals._dream import Dream
from beliefnet.proposals._recognition import Recognition
from beliefnet.proposals._refined import Factorial, Refined

__all__ = ["Dream", "Factorial", "Particles", "Proposal", "Recognition", "Refined"]
