"""Deep directed latent-variable models: training, evaluation and use."""

from importlib import import_module
from importlib.metadata import version
from types import ModuleType

from beliefnet._chain import Chain
from beliefnet._net import BeliefNet
from beliefnet._trace import Trace
from beliefnet._types import Key, Values

__version__ = version("beliefnet")

_FAMILIES = frozenset(
    {"baselines", "catalogue", "comparisons", "conditionals", "data", "distributions", "estimators", "evaluation"}
    | {"moves", "nets", "plots", "proposals", "refiners", "runs", "samplers", "training"}
)

__all__ = ["BeliefNet", "Chain", "Key", "Trace", "Values", "__version__"]


def __getattr__(name: str) -> ModuleType:
    """Import a family when it is first asked for, so that `import beliefnet` stays quick."""
    if name in _FAMILIES:
        return import_module(f"beliefnet.{name}")
    raise AttributeError(f"module 'beliefnet' has no attribute {name!r}")
