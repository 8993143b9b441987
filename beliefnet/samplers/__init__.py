"""Samplers: how a layer is drawn, and the derivative that the draw has."""

from beliefnet.samplers._plain import Plain, Sampler

__all__ = ["Plain", "Sampler"]
