"""Samplers: how a layer is drawn, and the derivative that the draw has."""

from beliefnet.samplers._base import AbstractSampler
from beliefnet.samplers._exact import Plain, Reparameterize
from beliefnet.samplers._gumbel_rao import GumbelRao
from beliefnet.samplers._reinmax import ReinMax
from beliefnet.samplers._relaxed import Concrete, Half, MeanPassing, StraightThrough
from beliefnet.samplers._unit_by_unit import UnitByUnit

__all__ = [
    "AbstractSampler",
    "Concrete",
    "GumbelRao",
    "Half",
    "MeanPassing",
    "Plain",
    "ReinMax",
    "Reparameterize",
    "StraightThrough",
    "UnitByUnit",
]
