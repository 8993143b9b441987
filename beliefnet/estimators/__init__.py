"""Estimators: stochastic gradients of a training objective."""

from beliefnet.estimators._arm import ARM, DisARM, MultiSampleDisARM
from beliefnet.estimators._base import Estimate, Estimator
from beliefnet.estimators._combine import Sum
from beliefnet.estimators._credit import (
    Credit,
    CreditEstimator,
    RecognitionCreditEstimator,
    SurrogateTerm,
    check_particles,
)
from beliefnet.estimators._em import SemiAmortised, VariationalEM, semi_amortised, variational_em
from beliefnet.estimators._hvi import HVI, hvi
from beliefnet.estimators._iwae import IWAE, DReG
from beliefnet.estimators._likelihood import MaximumLikelihood
from beliefnet.estimators._local_expectation import LocalExpectation
from beliefnet.estimators._muprop import MuProp
from beliefnet.estimators._nvil import NVIL, nvil
from beliefnet.estimators._path import PathEstimator
from beliefnet.estimators._rebar import REBAR, RELAX
from beliefnet.estimators._reinforce import Reinforce, reinforce
from beliefnet.estimators._relaxations import concrete, half, straight_through
from beliefnet.estimators._sgvb import SGVB, STL
from beliefnet.estimators._signal import Signal
from beliefnet.estimators._tvo import TVO
from beliefnet.estimators._units import Layer, LayerCredit, UnitEstimator, check_units
from beliefnet.estimators._vimco import VIMCO, Replacement, vimco
from beliefnet.estimators._wake_sleep import (
    ReweightedWake,
    Sleep,
    Wake,
    WeightedWake,
    reweighted_wake_sleep,
    wake_sleep,
)

__all__ = [
    "ARM",
    "HVI",
    "IWAE",
    "NVIL",
    "REBAR",
    "RELAX",
    "SGVB",
    "STL",
    "TVO",
    "VIMCO",
    "Credit",
    "CreditEstimator",
    "DReG",
    "DisARM",
    "Estimate",
    "Estimator",
    "Layer",
    "LayerCredit",
    "LocalExpectation",
    "MaximumLikelihood",
    "MuProp",
    "MultiSampleDisARM",
    "PathEstimator",
    "RecognitionCreditEstimator",
    "Reinforce",
    "Replacement",
    "ReweightedWake",
    "SemiAmortised",
    "Signal",
    "Sleep",
    "Sum",
    "SurrogateTerm",
    "UnitEstimator",
    "VariationalEM",
    "Wake",
    "WeightedWake",
    "check_particles",
    "check_units",
    "concrete",
    "half",
    "hvi",
    "nvil",
    "reinforce",
    "reweighted_wake_sleep",
    "semi_amortised",
    "straight_through",
    "variational_em",
    "vimco",
    "wake_sleep",
]
