"""Refiners: iterations that improve a factorial posterior, in training and at test time."""

from beliefnet.refiners._adaptive_importance import AIR
from beliefnet.refiners._base import Progress, Refiner
from beliefnet.refiners._default import default_refiner
from beliefnet.refiners._gradient import GradientAscent, concrete, gdir, mean_passing, straight_through
from beliefnet.refiners._posterior import Posterior

__all__ = [
    "AIR",
    "GradientAscent",
    "Posterior",
    "Progress",
    "Refiner",
    "concrete",
    "default_refiner",
    "gdir",
    "mean_passing",
    "straight_through",
]
