"""Deep directed latent-variable models: training, evaluation and use."""

from importlib.metadata import version

from beliefnet._chain import Chain
from beliefnet._net import BeliefNet

__version__ = version("beliefnet")

__all__ = ["BeliefNet", "Chain", "__version__"]
