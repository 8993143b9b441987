"""Distributions of a layer: NumPyro's, and our own where none exists or speed asks for it."""

from beliefnet.distributions._bernoulli import Bernoulli, bernoulli

__all__ = ["Bernoulli", "bernoulli"]
