"""Evaluation: bounds, likelihoods and the exact oracle."""

from beliefnet.evaluation._bounds import DatumBounds, particle_bounds
from beliefnet.evaluation._enumerate import Enumeration, enumerate_latents
from beliefnet.evaluation._evaluate import Evaluation, Mean, evaluate
from beliefnet.evaluation._exact import (
    exact_bound,
    exact_elbo,
    exact_gradient,
    exact_log_likelihood,
    exact_posterior,
)
from beliefnet.evaluation._gradient_reference import Reference
from beliefnet.evaluation._gradients import LEAST_DRAWS, EstimatorReport, GradientReport, PartReport, gradient_report
from beliefnet.evaluation._observations import Prepare, as_floats, binarize, observations

__all__ = [
    "LEAST_DRAWS",
    "DatumBounds",
    "Enumeration",
    "EstimatorReport",
    "Evaluation",
    "GradientReport",
    "Mean",
    "PartReport",
    "Prepare",
    "Reference",
    "as_floats",
    "binarize",
    "enumerate_latents",
    "evaluate",
    "exact_bound",
    "exact_elbo",
    "exact_gradient",
    "exact_log_likelihood",
    "exact_posterior",
    "gradient_report",
    "observations",
    "particle_bounds",
]
