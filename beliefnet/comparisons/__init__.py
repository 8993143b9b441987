"""Thin models that latent-variable nets are compared with, scored by the same record.

Mixtures of Bernoullis and restricted Boltzmann machines for binary rows, latent Dirichlet allocation for documents.
"""

from beliefnet.comparisons._ais import BoltzmannMachine, LogPartition, log_partition
from beliefnet.comparisons._base import AbstractComparison, Rows
from beliefnet.comparisons._lda import LDA, document_bound
from beliefnet.comparisons._mixture import MixtureOfBernoullis
from beliefnet.comparisons._rbm import RBM
from beliefnet.comparisons._scores import Scores, score

__all__ = [
    "LDA",
    "RBM",
    "AbstractComparison",
    "BoltzmannMachine",
    "LogPartition",
    "MixtureOfBernoullis",
    "Rows",
    "Scores",
    "document_bound",
    "log_partition",
    "score",
]
