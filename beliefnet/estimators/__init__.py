"""Estimators: stochastic gradients of a training objective."""

from beliefnet.estimators._base import Estimate, Estimator
from beliefnet.estimators._combine import Sum
from beliefnet.estimators._credit import Credit, CreditEstimator, Payment, RecognitionCreditEstimator
from beliefnet.estimators._nvil import NVIL
from beliefnet.estimators._reinforce import Reinforce
from beliefnet.estimators._signal import Signal
from beliefnet.estimators._vimco import VIMCO, StandIn
from beliefnet.estimators._wake_sleep import (
    ReweightedWake,
    Sleep,
    Wake,
    WeightedWake,
    reweighted_wake_sleep,
    wake_sleep,
)

__all__ = [
    "NVIL",
    "VIMCO",
    "Credit",
    "CreditEstimator",
    "Estimate",
    "Estimator",
    "Payment",
    "RecognitionCreditEstimator",
    "Reinforce",
    "ReweightedWake",
    "Signal",
    "Sleep",
    "StandIn",
    "Sum",
    "Wake",
    "WeightedWake",
    "reweighted_wake_sleep",
    "wake_sleep",
]
