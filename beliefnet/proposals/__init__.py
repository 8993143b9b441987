"""Proposals: what draws the configurations that are weighed."""

from beliefnet.proposals._annealed import Annealed, Schedule
from beliefnet.proposals._base import AbstractProposal, Particles
from beliefnet.proposals._buffered import Buffered
from beliefnet.proposals._defensive import Defensive
from beliefnet.proposals._dream import Dream
from beliefnet.proposals._hamiltonian import Hamiltonian
from beliefnet.proposals._recognition import Recognition
from beliefnet.proposals._refined import FixedPosterior, Refined
from beliefnet.proposals._uncorrected import UncorrectedAnnealing

__all__ = [
    "AbstractProposal",
    "Annealed",
    "Buffered",
    "Defensive",
    "Dream",
    "FixedPosterior",
    "Hamiltonian",
    "Particles",
    "Recognition",
    "Refined",
    "Schedule",
    "UncorrectedAnnealing",
]
