"""Distributions of a layer: NumPyro's, and our own where none exists or speed asks for it."""

from beliefnet.distributions._autoregressive import Autoregressive, LinearAutoregressive, NADELayer
from beliefnet.distributions._bag_of_words import BagOfWords
from beliefnet.distributions._bernoulli import Bernoulli
from beliefnet.distributions._expected import expected_log_prob
from beliefnet.distributions._family import (
    BagOfWordsFamily,
    BernoulliFamily,
    CategoricalFamily,
    Family,
    NormalFamily,
    bag_of_words,
    bernoulli,
    categorical,
    normal,
)
from beliefnet.distributions._kind import Kind, check_kind, units
from beliefnet.distributions._one_hot import OneHot

__all__ = [
    "Autoregressive",
    "BagOfWords",
    "BagOfWordsFamily",
    "Bernoulli",
    "BernoulliFamily",
    "CategoricalFamily",
    "Family",
    "Kind",
    "LinearAutoregressive",
    "NADELayer",
    "NormalFamily",
    "OneHot",
    "bag_of_words",
    "bernoulli",
    "categorical",
    "check_kind",
    "expected_log_prob",
    "normal",
    "units",
]
