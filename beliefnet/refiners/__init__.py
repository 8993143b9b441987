"""Refiners: iterations that improve the posterior of each datum, in training and at test time."""

from beliefnet.refiners._adaptive_importance import AIR, Shrinkage
from beliefnet.refiners._base import Form, Progress, Refiner
from beliefnet.refiners._default import default_refiner
from beliefnet.refiners._gradient import GradientAscent, concrete, gdir, mean_passing, straight_through
from beliefnet.refiners._mean_field import MeanField
from beliefnet.refiners._posterior import Averages, Posterior
from beliefnet.refiners._structured import StructuredPosterior

__all__ = [
    "AIR",
    "Averages",
    "Form",
    "GradientAscent",
    "MeanField",
    "Posterior",
    "Progress",
    "Refiner",
    "Shrinkage",
    "StructuredPosterior",
    "concrete",
    "default_refiner",
    "gdir",
    "mean_passing",
    "straight_through",
]
