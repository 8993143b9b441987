"""Estimators: stochastic gradients of a training objective."""

from beliefnet.estimators._base import Estimate, Estimator
from beliefnet.estimators._credit import Credit, CreditEstimator, Payment
from beliefnet.estimators._nvil import NVIL, Signal

__all__ = ["NVIL", "Credit", "CreditEstimator", "Estimate", "Estimator", "Payment", "Signal"]
