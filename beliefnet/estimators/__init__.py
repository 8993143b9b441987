"""Estimators: stochastic gradients of a training objective."""

from beliefnet.estimators._arm import ARM, DisARM, MultiSampleDisARM
from beliefnet.estimators._arms import ARMS
from beliefnet.estimators._base import AbstractEstimator, Estimate, check_particles
from beliefnet.estimators._bound import Bound
from beliefnet.estimators._combine import Sum
from beliefnet.estimators._double_cv import DoubleCV
from beliefnet.estimators._driver_particles import (
    AbstractCreditEstimator,
    AbstractRecognitionEstimator,
    Chunked,
    CreditEstimator,
)
from beliefnet.estimators._driver_units import AbstractUnitEstimator, Layer, LayerCredit
from beliefnet.estimators._em import SemiAmortised, VariationalEM, semi_amortised, variational_em
from beliefnet.estimators._hvi import HVI, hvi
from beliefnet.estimators._iterative import IterativeAmortised, iterative
from beliefnet.estimators._kl_weight import KLSchedule, kl_divergence, with_kl_weight
from beliefnet.estimators._likelihood import MaximumLikelihood
from beliefnet.estimators._local_expectation import LocalExpectation
from beliefnet.estimators._log_variance import LogVariance, log_variance
from beliefnet.estimators._moved import AbstractMovedEstimator
from beliefnet.estimators._msc import MSC, Chains
from beliefnet.estimators._muprop import MuProp
from beliefnet.estimators._nvil import NVIL, nvil
from beliefnet.estimators._ovis import OVIS, AsymptoticOVIS
from beliefnet.estimators._path import IWAE, SGVB, STL, AbstractPathEstimator, DReG
from beliefnet.estimators._per_layer import PerLayer
from beliefnet.estimators._pieces import WHOLE, Pieces, pieces_for, row_blocks
from beliefnet.estimators._rebar import REBAR, RELAX
from beliefnet.estimators._reinforce import Reinforce, reinforce
from beliefnet.estimators._relaxations import concrete, gumbel_rao, half, reinmax, straight_through
from beliefnet.estimators._rodeo import RODEO
from beliefnet.estimators._tvo import TVO
from beliefnet.estimators._uha import UHA, uha
from beliefnet.estimators._vimco import VIMCO, vimco
from beliefnet.estimators._wake_sleep import (
    ReweightedWake,
    Sleep,
    Wake,
    WeightedWake,
    reweighted_wake_sleep,
    wake_sleep,
)
from beliefnet.estimators.rules import (
    AbstractCreditRule,
    AbstractPureRule,
    Credit,
    Replacement,
    Signal,
    SurrogateTerm,
    surrogate,
)

__all__ = [
    "ARM",
    "ARMS",
    "HVI",
    "IWAE",
    "MSC",
    "NVIL",
    "OVIS",
    "REBAR",
    "RELAX",
    "RODEO",
    "SGVB",
    "STL",
    "TVO",
    "UHA",
    "VIMCO",
    "WHOLE",
    "AbstractCreditEstimator",
    "AbstractCreditRule",
    "AbstractEstimator",
    "AbstractMovedEstimator",
    "AbstractPathEstimator",
    "AbstractPureRule",
    "AbstractRecognitionEstimator",
    "AbstractUnitEstimator",
    "AsymptoticOVIS",
    "Bound",
    "Chains",
    "Chunked",
    "Credit",
    "CreditEstimator",
    "DReG",
    "DisARM",
    "DoubleCV",
    "Estimate",
    "IterativeAmortised",
    "KLSchedule",
    "Layer",
    "LayerCredit",
    "LocalExpectation",
    "LogVariance",
    "MaximumLikelihood",
    "MuProp",
    "MultiSampleDisARM",
    "PerLayer",
    "Pieces",
    "Reinforce",
    "Replacement",
    "ReweightedWake",
    "SemiAmortised",
    "Signal",
    "Sleep",
    "Sum",
    "SurrogateTerm",
    "VariationalEM",
    "Wake",
    "WeightedWake",
    "check_particles",
    "concrete",
    "gumbel_rao",
    "half",
    "hvi",
    "iterative",
    "kl_divergence",
    "log_variance",
    "nvil",
    "pieces_for",
    "reinforce",
    "reinmax",
    "reweighted_wake_sleep",
    "row_blocks",
    "semi_amortised",
    "straight_through",
    "surrogate",
    "uha",
    "variational_em",
    "vimco",
    "wake_sleep",
    "with_kl_weight",
]
