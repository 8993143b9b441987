"""Markov moves of latents that leave a density as it is."""

from beliefnet.moves._base import AbstractMove, InTurn, LogDensity, split_units
from beliefnet.moves._discrete import AbstractDiscreteMove, Place
from beliefnet.moves._gibbs import GibbsWithGradients
from beliefnet.moves._hmc import HMC
from beliefnet.moves._kinds import DiscreteMoves, moves_for
from beliefnet.moves._langevin import DiscreteLangevin
from beliefnet.moves._leapfrog import Phase, leapfrog
from beliefnet.moves._path import Path, PathAuxiliary

__all__ = [
    "HMC",
    "AbstractDiscreteMove",
    "AbstractMove",
    "DiscreteLangevin",
    "DiscreteMoves",
    "GibbsWithGradients",
    "InTurn",
    "LogDensity",
    "Path",
    "PathAuxiliary",
    "Phase",
    "Place",
    "leapfrog",
    "moves_for",
    "split_units",
]
