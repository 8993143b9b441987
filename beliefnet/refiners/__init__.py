"""Refiners: iterations that improve the posterior of each datum, in training and at test time."""

from beliefnet.refiners._adaptive_importance import AIR, Shrinkage
from beliefnet.refiners._base import AbstractRefiner, Form, Progress
from beliefnet.refiners._default import default_refiner
from beliefnet.refiners._gradient import (
    GDIR,
    AbstractGradientAscent,
    ConcreteAscent,
    MeanPassingAscent,
    StraightThroughAscent,
)
from beliefnet.refiners._learned import Learned, learned
from beliefnet.refiners._mean_field import MeanField
from beliefnet.refiners._posterior import AbstractPosterior, Averages
from beliefnet.refiners._structured import StructuredPosterior

__all__ = [
    "AIR",
    "GDIR",
    "AbstractGradientAscent",
    "AbstractPosterior",
    "AbstractRefiner",
    "Averages",
    "ConcreteAscent",
    "Form",
    "Learned",
    "MeanField",
    "MeanPassingAscent",
    "Progress",
    "Shrinkage",
    "StraightThroughAscent",
    "StructuredPosterior",
    "default_refiner",
    "learned",
]
