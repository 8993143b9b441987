"""Proposals: what draws the configurations that are weighed."""

from beliefnet.proposals._base import Particles, Proposal
from beliefnet.proposals._dream import Dream
from beliefnet.proposals._recognition import Recognition

__all__ = ["Dream", "Particles", "Proposal", "Recognition"]
