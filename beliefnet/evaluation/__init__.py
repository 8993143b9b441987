"""Evaluation: bounds, likelihoods and the exact oracle."""

from beliefnet.evaluation._bounds import DatumBounds, particle_bounds
from beliefnet.evaluation._evaluate import Evaluation, Mean, evaluate
from beliefnet.evaluation._exact import (
    Enumeration,
    enumerate_latents,
    exact_bound,
    exact_elbo,
    exact_gradient,
    exact_log_likelihood,
    exact_posterior,
)
from beliefnet.evaluation._observations import Prepare, as_floats, binarize, observations

__all__ = [
    "DatumBounds",
    "Enumeration",
    "Evaluation",
    "Mean",
    "Prepare",
    "as_floats",
    "binarize",
    "enumerate_latents",
    "evaluate",
    "exact_bound",
    "exact_elbo",
    "exact_gradient",
    "exact_log_likelihood",
    "exact_posterior",
    "observations",
    "particle_bounds",
]
