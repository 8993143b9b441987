"""Baselines: what is subtracted from a learning signal, and what scales it."""

from beliefnet.baselines._base import AbstractBaseline, NoBaseline
from beliefnet.baselines._moments import Moments, Order, RunningMoments
from beliefnet.baselines._networks import InputBaseline, LayerBaselines

__all__ = ["AbstractBaseline", "InputBaseline", "LayerBaselines", "Moments", "NoBaseline", "Order", "RunningMoments"]
