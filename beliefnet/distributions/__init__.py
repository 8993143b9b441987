"""Distributions of a layer, NumPyro's or our own, and their families, which know all there is to their units."""

from beliefnet.distributions._autoregressive import Autoregressive, LinearAutoregressive, NADELayer
from beliefnet.distributions._bag_of_words import BagOfWords, BagOfWordsFamily, WeightedWordsFamily, bag_of_words
from beliefnet.distributions._bernoulli import Bernoulli, BernoulliFamily, bernoulli
from beliefnet.distributions._categorical import CategoricalFamily, OneHot, categorical
from beliefnet.distributions._check import Range, Support
from beliefnet.distributions._discretised_logistic import (
    DiscretisedLogistic,
    DiscretisedLogisticFamily,
    discretised_logistic,
)
from beliefnet.distributions._each import Units, each_unit
from beliefnet.distributions._family import AbstractFamily, AbstractRefinableFamily, ReportUnit
from beliefnet.distributions._kind import UnitKind, check_kind, units
from beliefnet.distributions._mixed import Mixed, MixedFamily
from beliefnet.distributions._normal import GreyNormalFamily, NormalFamily, grey_normal, normal
from beliefnet.distributions._poisson import Poisson, PoissonFamily, poisson

__all__ = [
    "AbstractFamily",
    "AbstractRefinableFamily",
    "Autoregressive",
    "BagOfWords",
    "BagOfWordsFamily",
    "Bernoulli",
    "BernoulliFamily",
    "CategoricalFamily",
    "DiscretisedLogistic",
    "DiscretisedLogisticFamily",
    "GreyNormalFamily",
    "LinearAutoregressive",
    "Mixed",
    "MixedFamily",
    "NADELayer",
    "NormalFamily",
    "OneHot",
    "Poisson",
    "PoissonFamily",
    "Range",
    "ReportUnit",
    "Support",
    "UnitKind",
    "Units",
    "WeightedWordsFamily",
    "bag_of_words",
    "bernoulli",
    "categorical",
    "check_kind",
    "discretised_logistic",
    "each_unit",
    "grey_normal",
    "normal",
    "poisson",
    "units",
]
