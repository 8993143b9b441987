"""Estimators for scikit-learn: nets as transformers and densities, outliers, missing values."""

from beliefnet.sklearn._imputer import BeliefNetImputer
from beliefnet.sklearn._nets import DeepBeliefNet, DocumentBeliefNet, VariationalAutoencoder
from beliefnet.sklearn._outliers import BeliefNetOutlierDetector

__all__ = [
    "BeliefNetImputer",
    "BeliefNetOutlierDetector",
    "DeepBeliefNet",
    "DocumentBeliefNet",
    "VariationalAutoencoder",
]
