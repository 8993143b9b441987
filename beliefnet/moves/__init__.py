"""Markov moves of latents that leave a density as it is."""

from beliefnet.moves._leapfrog import Phase, leapfrog
from beliefnet.moves._moves import HMC, GibbsWithGradients, InTurn, LogDensity, Move, moves_for

__all__ = ["HMC", "GibbsWithGradients", "InTurn", "LogDensity", "Move", "Phase", "leapfrog", "moves_for"]
