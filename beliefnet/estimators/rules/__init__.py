"""Credit rules: from the record of a draw to the weight of each particle's gradients."""

from beliefnet.estimators.rules._base import AbstractCreditRule, AbstractPureRule, Credit, S, SurrogateTerm, surrogate
from beliefnet.estimators.rules._centred import Centred
from beliefnet.estimators.rules._leave_one_out import LeaveOneOut
from beliefnet.estimators.rules._optimal_control import AsymptoticControl, OptimalControl
from beliefnet.estimators.rules._shares import (
    DREG,
    EXCESS,
    IWAE,
    REWEIGHTED_WAKE,
    SGVB,
    SLEEP,
    STL,
    WAKE,
    WEIGHTED_WAKE,
    AbstractShares,
    DreamShares,
    ExcessShares,
    UniformShares,
    WeightedShares,
)
from beliefnet.estimators.rules._signal import Signal
from beliefnet.estimators.rules._thermodynamic import Thermodynamic
from beliefnet.estimators.rules._vimco import LeaveOneOutBound, Replacement

__all__ = [
    "DREG",
    "EXCESS",
    "IWAE",
    "REWEIGHTED_WAKE",
    "SGVB",
    "SLEEP",
    "STL",
    "WAKE",
    "WEIGHTED_WAKE",
    "AbstractCreditRule",
    "AbstractPureRule",
    "AbstractShares",
    "AsymptoticControl",
    "Centred",
    "Credit",
    "DreamShares",
    "ExcessShares",
    "LeaveOneOut",
    "LeaveOneOutBound",
    "OptimalControl",
    "Replacement",
    "S",
    "Signal",
    "SurrogateTerm",
    "Thermodynamic",
    "UniformShares",
    "WeightedShares",
    "surrogate",
]
