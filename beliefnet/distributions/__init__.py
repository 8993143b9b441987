"""Distributions of a layer: NumPyro's, and our own where none exists or speed asks for it."""

from beliefnet.distributions._autoregressive import Autoregressive, LinearAutoregressive, NADELayer
from beliefnet.distributions._bag_of_words import BagOfWords
from beliefnet.distributions._bernoulli import Bernoulli
from beliefnet.distributions._discretised_logistic import DiscretisedLogistic
from beliefnet.distributions._expected import expected_log_prob
from beliefnet.distributions._family import Family, RefinableFamily
from beliefnet.distributions._kind import Kind, check_kind, units
from beliefnet.distributions._latent_families import (
    BernoulliFamily,
    CategoricalFamily,
    NormalFamily,
    bernoulli,
    categorical,
    grey_normal,
    normal,
)
from beliefnet.distributions._one_hot import OneHot
from beliefnet.distributions._poisson import Poisson
from beliefnet.distributions._visible_families import (
    BagOfWordsFamily,
    DiscretisedLogisticFamily,
    PoissonFamily,
    bag_of_words,
    discretised_logistic,
    poisson,
)

__all__ = [
    "Autoregressive",
    "BagOfWords",
    "BagOfWordsFamily",
    "Bernoulli",
    "BernoulliFamily",
    "CategoricalFamily",
    "DiscretisedLogistic",
    "DiscretisedLogisticFamily",
    "Family",
    "Kind",
    "LinearAutoregressive",
    "NADELayer",
    "NormalFamily",
    "OneHot",
    "Poisson",
    "PoissonFamily",
    "RefinableFamily",
    "bag_of_words",
    "bernoulli",
    "categorical",
    "check_kind",
    "discretised_logistic",
    "expected_log_prob",
    "grey_normal",
    "normal",
    "poisson",
    "units",
]
