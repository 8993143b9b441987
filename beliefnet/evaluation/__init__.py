"""Evaluation: bounds, likelihoods and the exact oracle."""

from beliefnet.evaluation._bounds import DatumBounds, particle_bounds
from beliefnet.evaluation._complete import complete
from beliefnet.evaluation._encode import encode
from beliefnet.evaluation._enumerate import Enumeration, enumerate_latents
from beliefnet.evaluation._evaluate import Evaluation, evaluate
from beliefnet.evaluation._exact import (
    exact_bound,
    exact_elbo,
    exact_gradient,
    exact_log_likelihood,
    exact_posterior,
)
from beliefnet.evaluation._gaps import InferenceGaps, inference_gaps
from beliefnet.evaluation._gradient_costs import GradientCost, gradient_costs
from beliefnet.evaluation._gradient_reference import Reference
from beliefnet.evaluation._gradients import (
    Effort,
    EstimatorReport,
    GradientReport,
    PartReport,
    gradient_report,
)
from beliefnet.evaluation._imputation_score import (
    GreyImputationScore,
    ImputationScore,
    grey_imputation_score,
    imputation_score,
)
from beliefnet.evaluation._impute import Imputed, Search, impute, net_observing, one_pass
from beliefnet.evaluation._mean import Mean
from beliefnet.evaluation._observe import DataLike, observe, observe_scored
from beliefnet.evaluation._perplexity import Perplexity, perplexity
from beliefnet.evaluation._refinement_gain import RefinementGain, refinement_gain
from beliefnet.evaluation._row_scores import row_scores
from beliefnet.evaluation._sandwich import Sandwich, sandwich
from beliefnet.evaluation._surprise import surprise
from beliefnet.evaluation._topics import Topic, npmi, topics
from beliefnet.evaluation._two_sided import two_sided
from beliefnet.evaluation._units import UnitActivity, unit_activity

__all__ = [
    "DataLike",
    "DatumBounds",
    "Effort",
    "Enumeration",
    "EstimatorReport",
    "Evaluation",
    "GradientCost",
    "GradientReport",
    "GreyImputationScore",
    "ImputationScore",
    "Imputed",
    "InferenceGaps",
    "Mean",
    "PartReport",
    "Perplexity",
    "Reference",
    "RefinementGain",
    "Sandwich",
    "Search",
    "Topic",
    "UnitActivity",
    "complete",
    "encode",
    "enumerate_latents",
    "evaluate",
    "exact_bound",
    "exact_elbo",
    "exact_gradient",
    "exact_log_likelihood",
    "exact_posterior",
    "gradient_costs",
    "gradient_report",
    "grey_imputation_score",
    "imputation_score",
    "impute",
    "inference_gaps",
    "net_observing",
    "npmi",
    "observe",
    "observe_scored",
    "one_pass",
    "particle_bounds",
    "perplexity",
    "refinement_gain",
    "row_scores",
    "sandwich",
    "surprise",
    "topics",
    "two_sided",
    "unit_activity",
]
